//! What an operator configured wrongly.

use std::fmt;

use crate::{CrlError, LeafError, Weakness};

/// Why trust cannot be built from what was configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustError {
    /// No trust anchor: nobody could be let in.
    NoAnchor,
    /// No revocation list: revocation could not be checked.
    NoList,
    /// An anchor cannot be one.
    Anchor {
        /// Position in the anchors given.
        index: usize,
        /// Why.
        fault: AuthorityFault,
    },
    /// An authority below the anchors cannot be one.
    Intermediate {
        /// Position in the intermediates given.
        index: usize,
        /// Why.
        fault: AuthorityFault,
    },
    /// A revocation list cannot be used.
    List {
        /// Position in the lists given.
        index: usize,
        /// Why.
        fault: ListFault,
    },
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnchor => {
                f.write_str("no root CA is given: add the one peers are issued under")
            }
            Self::NoList => {
                f.write_str("no CRL is given, so that revocation could not be checked: add them")
            }
            Self::Anchor { index, fault } => write!(f, "root CA number {}: {fault}", index + 1),
            Self::Intermediate { index, fault } => write!(f, "CA number {}: {fault}", index + 1),
            Self::List { index, fault } => write!(f, "CRL number {}: {fault}", index + 1),
        }
    }
}

impl std::error::Error for TrustError {}

/// Why a certificate is not an authority's to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorityFault {
    /// It cannot be read.
    Malformed(LeafError),
    /// It may not sign certificates (RFC 5280 §4.2.1.9).
    NotAnAuthority,
    /// Its key or its signature is too weak.
    Weak(Weakness),
    /// Paths cannot be built on it.
    Unusable(webpki::Error),
}

impl fmt::Display for AuthorityFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => error.fmt(f),
            Self::NotAnAuthority => {
                f.write_str("it is no CA certificate (RFC 5280 §4.2.1.9); give its issuer's")
            }
            Self::Weak(weakness) => weakness.fmt(f),
            Self::Unusable(error) => {
                write!(f, "it cannot be used ({error}); have the certificate reissued")
            }
        }
    }
}

/// Why a revocation list is not one to rely on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListFault {
    /// It cannot be read, or could be replaced by an old one.
    Malformed(CrlError),
    /// It is of a kind that is not supported, such as a delta list.
    Unusable(webpki::Error),
    /// There is another list of the same issuer.
    SecondOfIssuer {
        /// Issuer as RFC 4514 text.
        issuer: String,
    },
}

impl fmt::Display for ListFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => error.fmt(f),
            Self::Unusable(error) => {
                write!(f, "it cannot be used ({error}); its authority must issue a complete list")
            }
            Self::SecondOfIssuer { issuer } => {
                write!(f, "it is a second list of {issuer}; keep the newer one only")
            }
        }
    }
}
