//! Why something was not issued.

use std::fmt;

use x509_cert::builder;
use x509_cert::spki;

use crate::{SubjectError, TimeError, Weakness};

/// Why a certificate and a key do not make an authority: the fault of whoever gave them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorityError {
    /// Not a DER certificate.
    Malformed(der::Error),
    /// The certificate is for another key.
    KeyMismatch,
    /// The certificate may not sign certificates and revocation lists (RFC 5280 §4.2.1.3, §4.2.1.9).
    NotAnAuthority,
}

impl fmt::Display for AuthorityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => {
                write!(f, "the authority's certificate is malformed ({error}); restore it")
            }
            Self::KeyMismatch => f.write_str(
                "the authority's key is not the one its certificate is for; give the matching pair",
            ),
            Self::NotAnAuthority => f.write_str(
                "the certificate is not one of an authority (CA, keyCertSign, cRLSign); \
                 give the authority's certificate",
            ),
        }
    }
}

impl std::error::Error for AuthorityError {}

/// Why a certificate or a revocation list was not issued. All but [`IssueError::Internal`] are
/// faults of the request.
#[derive(Debug)]
pub enum IssueError {
    /// The subject is not fit for a certificate.
    Subject(SubjectError),
    /// The validity is not fit for a certificate.
    Time(TimeError),
    /// The certificate would be valid longer than its issuer's.
    OutlivesIssuer {
        /// The issuer's last valid second, Unix time.
        issuer_not_after: i64,
    },
    /// This authority may not certify another authority.
    PathLength,
    /// The new authority would have the name of its issuer.
    SameName,
    /// A server without any name or address.
    NoServerName,
    /// An IP address stands where a name belongs.
    AddressAsName {
        /// The address.
        name: String,
    },
    /// Not a host name.
    HostName {
        /// The name.
        name: String,
    },
    /// The key to be certified is too weak.
    Weak(Weakness),
    /// The certificate just made is not usable as an authority's.
    Authority(AuthorityError),
    /// Encoding or signing failed.
    Internal(builder::Error),
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject(error) => error.fmt(f),
            Self::Time(error) => error.fmt(f),
            Self::OutlivesIssuer { issuer_not_after } => write!(
                f,
                "the authority's own certificate ends at Unix time {issuer_not_after}; \
                 choose an earlier end or renew the authority"
            ),
            Self::PathLength => {
                f.write_str("this authority may not certify another; use the root authority")
            }
            Self::SameName => {
                f.write_str("the new authority must have another name than its issuer")
            }
            Self::NoServerName => f.write_str("give the server at least one host name or address"),
            Self::AddressAsName { name } => {
                write!(f, "{name:?} is an address, not a name; give it as an address")
            }
            Self::HostName { name } => write!(
                f,
                "{name:?} is not a host name; use lower-case letters, digits, hyphens and dots"
            ),
            Self::Weak(weakness) => weakness.fmt(f),
            Self::Authority(error) => error.fmt(f),
            Self::Internal(error) => write!(f, "encoding or signing failed: {error}"),
        }
    }
}

impl std::error::Error for IssueError {}

impl From<SubjectError> for IssueError {
    fn from(error: SubjectError) -> Self {
        Self::Subject(error)
    }
}

impl From<TimeError> for IssueError {
    fn from(error: TimeError) -> Self {
        Self::Time(error)
    }
}

impl From<AuthorityError> for IssueError {
    fn from(error: AuthorityError) -> Self {
        Self::Authority(error)
    }
}

impl From<builder::Error> for IssueError {
    fn from(error: builder::Error) -> Self {
        Self::Internal(error)
    }
}

impl From<der::Error> for IssueError {
    fn from(error: der::Error) -> Self {
        Self::Internal(error.into())
    }
}

impl From<spki::Error> for IssueError {
    fn from(error: spki::Error) -> Self {
        Self::Internal(error.into())
    }
}

impl From<signature::Error> for IssueError {
    fn from(error: signature::Error) -> Self {
        Self::Internal(error.into())
    }
}
