//! A certification authority and what it issues.

mod error;

use std::net::IpAddr;

use der::asn1::OctetString;
use der::referenced::OwnedToRef as _;
use der::{Decode as _, Encode as _};
use x509_cert::Certificate;
use x509_cert::builder::{Builder as _, CertificateBuilder};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, SubjectKeyIdentifier};
use x509_cert::name::Name;

use crate::identity::Identity;
use crate::key::{PublicKey, Signature, SigningKey};
use crate::name::Subject;
use crate::profile::{Profile, Role};
use crate::strength::PublicKeyKind;
use crate::{Serial, Validity, time};

pub use error::{AuthorityError, IssueError};

/// One issuing authority stands between the root and what it certifies.
const ROOT_PATH_LENGTH: u8 = 1;

/// RFC 1035 §2.3.4.
const MAX_DNS_NAME: usize = 253;
const MAX_DNS_LABEL: usize = 63;

/// A certification authority: its certificate and the key it signs with.
#[derive(Debug)]
pub struct Authority {
    certificate: Vec<u8>,
    subject: Name,
    not_after: i64,
    path_length: Option<u8>,
    key: SigningKey,
    key_identifier: OctetString,
}

/// A TLS server to be certified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its distinguished name; the common name must not be an IP address.
    pub subject: Subject,
    /// Its host names: lower-case, without wildcards.
    pub dns_names: Vec<String>,
    /// Its addresses. They appear as `iPAddress` and nowhere else.
    pub ip_addresses: Vec<IpAddr>,
}

/// A terminal to be certified. Its common name is the terminal's id in its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// O: the institution's name, in any script.
    pub organization: String,
    /// OU: a department or site.
    pub unit: Option<String>,
    /// What the gateway knows the terminal by.
    pub identity: Identity,
}

impl Authority {
    /// A self-signed root, which certifies issuing authorities.
    ///
    /// # Errors
    /// When the subject is not fit for a certificate, or signing fails.
    pub fn root(
        key: SigningKey,
        subject: &Subject,
        validity: Validity,
        serial: &Serial,
    ) -> Result<Self, IssueError> {
        let subject = subject.to_x509()?;
        let profile = Profile {
            role: Role::Authority { path_length: ROOT_PATH_LENGTH },
            subject: subject.clone(),
            issuer: subject,
            issuer_key: None,
        };
        let certificate = certify(&key, profile, key.public_key(), validity, serial)?;
        Ok(Self::from_der(&certificate, key)?)
    }

    /// An issuing authority below this one, which certifies servers and terminals only.
    ///
    /// # Errors
    /// When this authority may not certify others, the subject is not fit for a certificate or is
    /// this authority's own, the certificate would outlive this authority's, or signing fails.
    pub fn issuing(
        &self,
        key: SigningKey,
        subject: &Subject,
        validity: Validity,
        serial: &Serial,
    ) -> Result<Self, IssueError> {
        if self.path_length == Some(0) {
            return Err(IssueError::PathLength);
        }
        let subject = subject.to_x509()?;
        if subject == self.subject {
            return Err(IssueError::SameName);
        }
        let role = Role::Authority { path_length: 0 };
        let certificate = self.issue(role, subject, key.public_key(), validity, serial)?;
        Ok(Self::from_der(&certificate, key)?)
    }

    /// An authority from its DER certificate and its key.
    ///
    /// # Errors
    /// When the two do not belong together or the certificate is not an authority's.
    pub fn from_der(certificate: &[u8], key: SigningKey) -> Result<Self, AuthorityError> {
        let parsed = Certificate::from_der(certificate).map_err(AuthorityError::Malformed)?;
        let tbs = parsed.tbs_certificate();
        let public_key = tbs.subject_public_key_info();
        if public_key.to_der().map_err(AuthorityError::Malformed)? != key.public_key().as_der() {
            return Err(AuthorityError::KeyMismatch);
        }

        let constraints =
            tbs.get_extension::<BasicConstraints>().map_err(AuthorityError::Malformed)?;
        let usage = tbs.get_extension::<KeyUsage>().map_err(AuthorityError::Malformed)?;
        let path_length = match (constraints, usage) {
            (Some((_, constraints)), Some((_, usage)))
                if constraints.ca && usage.key_cert_sign() && usage.crl_sign() =>
            {
                constraints.path_len_constraint
            }
            _ => return Err(AuthorityError::NotAnAuthority),
        };

        let key_identifier =
            match tbs.get_extension::<SubjectKeyIdentifier>().map_err(AuthorityError::Malformed)? {
                Some((_, identifier)) => identifier,
                None => SubjectKeyIdentifier::try_from(public_key.owned_to_ref())
                    .map_err(AuthorityError::Malformed)?,
            };
        Ok(Self {
            certificate: certificate.to_vec(),
            subject: tbs.subject().clone(),
            not_after: time::from_x509(tbs.validity().not_after),
            path_length,
            key,
            key_identifier: key_identifier.0,
        })
    }

    /// The DER certificate of a server.
    ///
    /// # Errors
    /// When the server's names are not fit for a certificate, its key is weak, the certificate
    /// would outlive this authority's, or signing fails.
    pub fn issue_server(
        &self,
        server: &Server,
        public_key: &PublicKey,
        validity: Validity,
        serial: &Serial,
    ) -> Result<Vec<u8>, IssueError> {
        server.check()?;
        let subject = server.subject.to_x509()?;
        self.issue(Role::Server(server), subject, public_key, validity, serial)
    }

    /// The DER certificate of a terminal.
    ///
    /// # Errors
    /// When the names are not fit for a certificate, the key is weak, the certificate would
    /// outlive this authority's, or signing fails.
    pub fn issue_terminal(
        &self,
        terminal: &Terminal,
        public_key: &PublicKey,
        validity: Validity,
        serial: &Serial,
    ) -> Result<Vec<u8>, IssueError> {
        let subject = Subject {
            organization: terminal.organization.clone(),
            unit: terminal.unit.clone(),
            common_name: terminal.identity.terminal().to_owned(),
        };
        let role = Role::Terminal(&terminal.identity);
        self.issue(role, subject.to_x509()?, public_key, validity, serial)
    }

    /// The authority's own certificate, DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// The key this authority signs with.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    pub(crate) fn subject(&self) -> &Name {
        &self.subject
    }

    pub(crate) fn key_identifier(&self) -> &OctetString {
        &self.key_identifier
    }

    fn issue(
        &self,
        role: Role<'_>,
        subject: Name,
        public_key: &PublicKey,
        validity: Validity,
        serial: &Serial,
    ) -> Result<Vec<u8>, IssueError> {
        // Not asked for by RFC 5280, but the certificate would fail before its own date.
        if validity.not_after() > self.not_after {
            return Err(IssueError::OutlivesIssuer { issuer_not_after: self.not_after });
        }
        let profile = Profile {
            role,
            subject,
            issuer: self.subject.clone(),
            issuer_key: Some(self.key_identifier.clone()),
        };
        certify(&self.key, profile, public_key, validity, serial)
    }
}

fn certify(
    signer: &SigningKey,
    profile: Profile<'_>,
    public_key: &PublicKey,
    validity: Validity,
    serial: &Serial,
) -> Result<Vec<u8>, IssueError> {
    let public_key = public_key.to_x509()?;
    PublicKeyKind::of(&public_key)?.check().map_err(IssueError::Weak)?;
    let builder =
        CertificateBuilder::new(profile, serial.to_x509()?, validity.to_x509()?, public_key)?;
    Ok(builder.build::<_, Signature>(signer)?.to_der()?)
}

impl Server {
    fn check(&self) -> Result<(), IssueError> {
        if self.dns_names.is_empty() && self.ip_addresses.is_empty() {
            return Err(IssueError::NoServerName);
        }
        if self.subject.common_name.parse::<IpAddr>().is_ok() {
            return Err(IssueError::AddressAsName { name: self.subject.common_name.clone() });
        }
        for name in &self.dns_names {
            if name.parse::<IpAddr>().is_ok() {
                return Err(IssueError::AddressAsName { name: name.clone() });
            }
            if !is_host_name(name) {
                return Err(IssueError::HostName { name: name.clone() });
            }
        }
        Ok(())
    }
}

/// Letters, digits and hyphens (RFC 1123 §2.1), lower-case.
fn is_host_name(name: &str) -> bool {
    name.len() <= MAX_DNS_NAME
        && name.split('.').all(|label| {
            (1..=MAX_DNS_LABEL).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        })
}
