//! Everything the gateway asks of a presented certificate, in one parse.

use std::fmt;
use std::net::IpAddr;

use aws_lc_rs::digest;
use der::asn1::Ia5String;
use der::oid::db::rfc5280::{ANY_EXTENDED_KEY_USAGE, ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{self, SubjectAltName};
use x509_cert::{Certificate, TbsCertificate};

use crate::identity::{Identity, IdentityError};
use crate::strength::{PublicKeyKind, SignatureDigest};
use crate::{ObjectIdentifier, PublicKey, Serial, SerialError, name, time};

/// An end-entity certificate, read but not judged: trust, dates and revocation are for the TLS
/// library or [`crate::path`], permission is for the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// SHA-256 of the DER certificate.
    pub fingerprint: [u8; 32],
    /// Serial number; its text is lower-case hexadecimal.
    pub serial: Serial,
    /// Issuer as RFC 4514 text, control and text-direction characters escaped.
    pub issuer: String,
    /// Subject, likewise.
    pub subject: String,
    /// Subject as DER, for comparison.
    pub subject_der: Vec<u8>,
    /// The subject's first common name, escaped likewise.
    pub common_name: Option<String>,
    /// First valid second, Unix time.
    pub not_before: i64,
    /// Last valid second, Unix time.
    pub not_after: i64,
    /// The public key.
    pub public_key: PublicKey,
    /// Its kind and size.
    pub key: PublicKeyKind,
    /// The hash function under the issuer's signature.
    pub signature_digest: SignatureDigest,
    /// Whether it may sign other certificates (RFC 5280 §4.2.1.9).
    pub authority: bool,
    /// Whether the key may verify signatures other than those on certificates and lists: its usage
    /// is not restricted, or has `digitalSignature` or `nonRepudiation` (RFC 5280 §4.2.1.3, RFC
    /// 4945 §5.1.3.2).
    pub may_sign: bool,
    /// What the key may be used for; empty when the certificate does not restrict it.
    pub extended_key_usages: Vec<ExtendedKeyUsage>,
    /// The terminal the certificate names, or why it names none.
    pub identity: Result<Identity, IdentityError>,
    /// The host names, as written: letters, digits, `.`, `-`, `_` and `*` only.
    pub dns_names: Vec<String>,
    /// The IP addresses.
    pub ip_addresses: Vec<IpAddr>,
    /// The mail addresses, as written: visible ASCII only.
    pub email_addresses: Vec<String>,
}

impl Leaf {
    /// Reads a DER certificate.
    ///
    /// # Errors
    /// When the bytes are not one certificate of RFC 5280 §4.1, or two readers could understand it
    /// differently. Bytes from the network are expected: nothing panics, and no error quotes them.
    pub fn from_der(der: &[u8]) -> Result<Self, LeafError> {
        let certificate = Certificate::from_der(der)?;
        let tbs = certificate.tbs_certificate();
        if tbs.signature() != certificate.signature_algorithm() {
            return Err(LeafError::SignatureAlgorithmMismatch);
        }
        let names = AlternativeNames::of(tbs)?;
        let common_name = tbs.subject().common_name()?;

        Ok(Self {
            fingerprint: fingerprint(der),
            serial: Serial::from_x509(tbs.serial_number()).map_err(LeafError::Serial)?,
            issuer: name::to_text(tbs.issuer()).map_err(|_| LeafError::Name)?,
            subject: name::to_text(tbs.subject()).map_err(|_| LeafError::Name)?,
            subject_der: tbs.subject().to_der()?,
            common_name: common_name.map(|text| name::escape(&text.value())),
            not_before: time::from_x509(tbs.validity().not_before),
            not_after: time::from_x509(tbs.validity().not_after),
            public_key: PublicKey::from_x509(tbs.subject_public_key_info())?,
            key: PublicKeyKind::of(tbs.subject_public_key_info())?,
            signature_digest: SignatureDigest::of(tbs.signature())?,
            authority: authority(tbs)?,
            may_sign: may_sign(tbs)?,
            extended_key_usages: extended_key_usages(tbs)?,
            identity: names.identity,
            dns_names: names.dns,
            ip_addresses: names.ip,
            email_addresses: names.email,
        })
    }

    /// Whether the key may be used for `purpose` (RFC 5280 §4.2.1.12).
    #[must_use]
    pub fn permits(&self, purpose: ExtendedKeyUsage) -> bool {
        let usages = &self.extended_key_usages;
        usages.is_empty() || usages.contains(&purpose) || usages.contains(&ExtendedKeyUsage::Any)
    }
}

/// SHA-256 of a DER certificate, as `openssl x509 -fingerprint -sha256` shows it.
#[must_use]
pub fn fingerprint(der: &[u8]) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, der);
    let mut fingerprint = [0; 32];
    for (to, from) in fingerprint.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    fingerprint
}

/// What a key may be used for (RFC 5280 §4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtendedKeyUsage {
    /// `id-kp-serverAuth`
    ServerAuth,
    /// `id-kp-clientAuth`
    ClientAuth,
    /// `anyExtendedKeyUsage`
    Any,
    /// Another purpose.
    Other(ObjectIdentifier),
}

fn authority(tbs: &TbsCertificate) -> Result<bool, LeafError> {
    let constraints = tbs.get_extension::<pkix::BasicConstraints>()?;
    Ok(constraints.is_some_and(|(_, constraints)| constraints.ca))
}

fn may_sign(tbs: &TbsCertificate) -> Result<bool, LeafError> {
    let usage = tbs.get_extension::<pkix::KeyUsage>()?;
    Ok(usage.is_none_or(|(_, usage)| usage.digital_signature() || usage.non_repudiation()))
}

fn extended_key_usages(tbs: &TbsCertificate) -> Result<Vec<ExtendedKeyUsage>, LeafError> {
    let Some((_, usages)) = tbs.get_extension::<pkix::ExtendedKeyUsage>()? else {
        return Ok(Vec::new());
    };
    if usages.0.is_empty() {
        return Err(LeafError::EmptyExtendedKeyUsage);
    }
    let known = |purpose| match purpose {
        ID_KP_SERVER_AUTH => ExtendedKeyUsage::ServerAuth,
        ID_KP_CLIENT_AUTH => ExtendedKeyUsage::ClientAuth,
        ANY_EXTENDED_KEY_USAGE => ExtendedKeyUsage::Any,
        other => ExtendedKeyUsage::Other(other),
    };
    Ok(usages.0.into_iter().map(known).collect())
}

struct AlternativeNames {
    identity: Result<Identity, IdentityError>,
    dns: Vec<String>,
    ip: Vec<IpAddr>,
    email: Vec<String>,
}

impl AlternativeNames {
    fn of(tbs: &TbsCertificate) -> Result<Self, LeafError> {
        let names = tbs.get_extension::<SubjectAltName>()?.unwrap_or_default().1.0;
        let (mut uris, mut dns, mut ip, mut email) = (vec![], vec![], vec![], vec![]);
        for name in &names {
            match name {
                GeneralName::UniformResourceIdentifier(uri) => uris.push(uri.as_str()),
                GeneralName::DnsName(host) => {
                    dns.push(checked(host, is_dns_octet, LeafError::DnsName)?);
                }
                GeneralName::IpAddress(octets) => ip.push(ip_address(octets.as_bytes())?),
                GeneralName::Rfc822Name(address) => {
                    email.push(checked(address, is_mail_octet, LeafError::EmailAddress)?);
                }
                GeneralName::OtherName(_)
                | GeneralName::DirectoryName(_)
                | GeneralName::EdiPartyName(_)
                | GeneralName::RegisteredId(_) => {}
            }
        }
        Ok(Self { identity: Identity::from_uris(&uris), dns, ip, email })
    }
}

fn checked(name: &Ia5String, good: fn(u8) -> bool, error: LeafError) -> Result<String, LeafError> {
    if name.as_str().bytes().all(good) { Ok(name.to_string()) } else { Err(error) }
}

fn ip_address(octets: &[u8]) -> Result<IpAddr, LeafError> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).map_err(|_| LeafError::IpAddress)
}

fn is_dns_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_' | b'*')
}

fn is_mail_octet(octet: u8) -> bool {
    octet.is_ascii_graphic()
}

/// Why bytes are not a certificate this gateway reads: the fault of whoever presents or made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafError {
    /// Not the DER of a certificate, or of an extension in it.
    Malformed(der::Error),
    /// The signature names one algorithm inside and another outside (RFC 5280 §4.1.1.2).
    SignatureAlgorithmMismatch,
    /// Not a serial number.
    Serial(SerialError),
    /// A name that has no text form.
    Name,
    /// A host name with characters that host names do not have, such as NUL.
    DnsName,
    /// A mail address with characters that mail addresses do not have, such as NUL.
    EmailAddress,
    /// An IP address that is neither of 4 nor of 16 octets (RFC 5280 §4.2.1.6).
    IpAddress,
    /// An extended key usage that permits nothing (RFC 5280 §4.2.1.12).
    EmptyExtendedKeyUsage,
}

impl fmt::Display for LeafError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "not a certificate ({error})"),
            Self::SignatureAlgorithmMismatch => {
                f.write_str("the certificate names two different signature algorithms")
            }
            Self::Serial(error) => error.fmt(f),
            Self::Name => f.write_str("a name in the certificate has no text form"),
            Self::DnsName => f.write_str("a host name in the certificate is not a host name"),
            Self::EmailAddress => f.write_str("a mail address in the certificate is not one"),
            Self::IpAddress => f.write_str("an IP address in the certificate is not one"),
            Self::EmptyExtendedKeyUsage => {
                f.write_str("the certificate's extended key usage is empty")
            }
        }?;
        f.write_str("; have the certificate reissued")
    }
}

impl std::error::Error for LeafError {}

impl From<der::Error> for LeafError {
    fn from(error: der::Error) -> Self {
        Self::Malformed(error)
    }
}
