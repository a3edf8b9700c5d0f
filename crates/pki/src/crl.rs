//! Certificate revocation lists (RFC 5280 §5): sign and read.

use std::fmt;

use der::{Decode as _, Encode as _};
use signature::Signer as _;
use x509_cert::Version;
use x509_cert::crl::{CertificateList, RevokedCert, TbsCertList};
use x509_cert::ext::pkix::{CrlNumber, CrlReason};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::spki::{DynSignatureAlgorithmIdentifier as _, SignatureBitStringEncoding as _};

use crate::key::Signature;
use crate::profile::authority_key_identifier;
use crate::{Authority, IssueError, Serial, Validity, name, time};

/// One revoked certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Its serial number.
    pub serial: Serial,
    /// When it was revoked, Unix seconds.
    pub at: i64,
    /// Why.
    pub reason: Reason,
}

/// Why a certificate was revoked (RFC 5280 §5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Not stated.
    Unspecified,
    /// The private key is, or may be, in other hands: a terminal lost or stolen.
    KeyCompromise,
    /// An authority's private key is, or may be, in other hands.
    CaCompromise,
    /// The institution or another fact in the certificate changed.
    AffiliationChanged,
    /// A newer certificate took its place.
    Superseded,
    /// The terminal is no longer in use.
    CessationOfOperation,
    /// Suspended; the certificate may be left out of a later list.
    CertificateHold,
    /// The permission was withdrawn.
    PrivilegeWithdrawn,
}

/// The dates and the number of a list to be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlUpdate {
    /// Higher than in every earlier list of the same authority (RFC 5280 §5.2.3).
    pub number: u64,
    /// When the list is made, Unix seconds.
    pub this_update: i64,
    /// When the next one will have been made, Unix seconds: the list is stale from then on.
    pub next_update: i64,
}

impl Authority {
    /// A signed version 2 list of what this authority has revoked, DER.
    ///
    /// # Errors
    /// When a date is impossible, or signing fails.
    pub fn sign_crl(
        &self,
        update: CrlUpdate,
        revoked: impl IntoIterator<Item = Revoked>,
    ) -> Result<Vec<u8>, IssueError> {
        let CrlUpdate { number, this_update, next_update } = update;
        Validity::new(this_update, next_update)?;
        let entries =
            revoked.into_iter().map(|entry| entry.to_x509()).collect::<Result<Vec<_>, _>>()?;
        let algorithm = self.key().signature_algorithm_identifier()?;
        let list = TbsCertList {
            version: Version::V2,
            signature: algorithm.clone(),
            issuer: self.subject().clone(),
            this_update: time::to_x509(this_update)?,
            next_update: Some(time::to_x509(next_update)?),
            // RFC 5280 §5.1.2.6: absent when nothing is revoked.
            revoked_certificates: (!entries.is_empty()).then_some(entries),
            crl_extensions: Some(self.crl_extensions(number)?),
        };
        let signature: Signature = self.key().try_sign(&list.to_der()?)?;
        let signature = signature.to_bitstring()?;
        let list =
            CertificateList { tbs_cert_list: list, signature_algorithm: algorithm, signature };
        Ok(list.to_der()?)
    }

    /// RFC 5280 §5.2.1 and §5.2.3. The key identifier is that of the key which signs the list, not
    /// the one in this authority's own authority key identifier.
    fn crl_extensions(&self, number: u64) -> Result<Vec<Extension>, der::Error> {
        let authority_key = authority_key_identifier(self.key_identifier().clone());
        let number = CrlNumber::try_from(number)?;
        Ok(vec![
            (&authority_key).to_extension(self.subject(), &[])?,
            (&number).to_extension(self.subject(), &[])?,
        ])
    }
}

impl Revoked {
    fn to_x509(&self) -> Result<RevokedCert, IssueError> {
        let reason = self.reason.to_x509().map(|reason| reason_extension(&reason)).transpose()?;
        Ok(RevokedCert {
            serial_number: self.serial.to_x509()?,
            revocation_date: time::to_x509(self.at)?,
            crl_entry_extensions: reason.map(|extension| vec![extension]),
        })
    }
}

fn reason_extension(reason: &CrlReason) -> Result<Extension, der::Error> {
    reason.to_extension(&Name::default(), &[])
}

impl Reason {
    /// RFC 5280 §5.3.1: the extension is left out rather than saying "unspecified".
    fn to_x509(self) -> Option<CrlReason> {
        match self {
            Self::Unspecified => None,
            Self::KeyCompromise => Some(CrlReason::KeyCompromise),
            Self::CaCompromise => Some(CrlReason::CaCompromise),
            Self::AffiliationChanged => Some(CrlReason::AffiliationChanged),
            Self::Superseded => Some(CrlReason::Superseded),
            Self::CessationOfOperation => Some(CrlReason::CessationOfOperation),
            Self::CertificateHold => Some(CrlReason::CertificateHold),
            Self::PrivilegeWithdrawn => Some(CrlReason::PrivilegeWithdrawn),
        }
    }
}

/// What a list says about itself. Its signature is for the TLS library to verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    /// Issuer as RFC 4514 text, control and text-direction characters escaped.
    pub issuer: String,
    /// Rises with every list of the issuer; a lower one than before is a replay.
    pub number: u128,
    /// When the list was made, Unix seconds.
    pub this_update: i64,
    /// When the next one will have been made, Unix seconds: the list is stale from then on.
    pub next_update: i64,
    /// How many certificates are revoked.
    pub entries: usize,
}

impl RevocationList {
    /// Reads a DER list.
    ///
    /// # Errors
    /// When the bytes are not a list of RFC 5280 §5.1, or it lacks what keeps old lists from being
    /// used in its place: a number and the date of the next update.
    pub fn from_der(der: &[u8]) -> Result<Self, CrlError> {
        let list = CertificateList::<x509_cert::certificate::Rfc5280>::from_der(der)?.tbs_cert_list;
        let next_update = list.next_update.ok_or(CrlError::NoNextUpdate)?;
        Ok(Self {
            issuer: name::to_text(&list.issuer).map_err(|_| CrlError::Issuer)?,
            number: number(list.crl_extensions.as_deref().unwrap_or_default())?,
            this_update: time::from_x509(list.this_update),
            next_update: time::from_x509(next_update),
            entries: list.revoked_certificates.map_or(0, |entries| entries.len()),
        })
    }
}

fn number(extensions: &[Extension]) -> Result<u128, CrlError> {
    let mut numbers = extensions
        .iter()
        .filter(|extension| extension.extn_id == <CrlNumber as der::oid::AssociatedOid>::OID);
    let (Some(extension), None) = (numbers.next(), numbers.next()) else {
        return Err(CrlError::NoNumber);
    };
    let number = CrlNumber::from_der(extension.extn_value.as_bytes())?;
    let octets = number.0.as_bytes();
    if octets.len() > size_of::<u128>() {
        return Err(CrlError::NumberTooLarge);
    }
    Ok(octets.iter().fold(0, |number, octet| number << 8 | u128::from(*octet)))
}

/// Why a list is not one to rely on: its issuer's fault, or that of its transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrlError {
    /// Not the DER of a revocation list.
    Malformed(der::Error),
    /// The issuer's name has no text form.
    Issuer,
    /// The list has no date for its next update, so that it would never be stale.
    NoNextUpdate,
    /// The list has no number, or two, so that an old one could take its place.
    NoNumber,
    /// The list's number has more than 128 bits.
    NumberTooLarge,
}

impl fmt::Display for CrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => {
                write!(f, "the revocation list is malformed ({error}); fetch it again")
            }
            Self::Issuer => f.write_str("the revocation list's issuer has no text form"),
            Self::NoNextUpdate => f.write_str(
                "the revocation list has no nextUpdate; its authority must issue one that has",
            ),
            Self::NoNumber => f.write_str(
                "the revocation list has no single CRL number; its authority must issue one that has",
            ),
            Self::NumberTooLarge => f.write_str("the revocation list's number exceeds 128 bits"),
        }
    }
}

impl std::error::Error for CrlError {}

impl From<der::Error> for CrlError {
    fn from(error: der::Error) -> Self {
        Self::Malformed(error)
    }
}
