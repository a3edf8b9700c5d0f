//! Public keys as certificates carry them.

use std::fmt;

use der::{Decode as _, Encode as _};
use x509_cert::spki::{
    self, Document, EncodePublicKey, SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef,
};

/// A public key: the DER of a `SubjectPublicKeyInfo` (RFC 5280 §4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    spki: Vec<u8>,
}

impl PublicKey {
    /// Takes a DER `SubjectPublicKeyInfo`. Whether the key is strong enough to be certified is
    /// decided when it is.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn from_der(spki: &[u8]) -> Result<Self, PublicKeyError> {
        SubjectPublicKeyInfoRef::from_der(spki)
            .map(|_| Self { spki: spki.to_vec() })
            .map_err(PublicKeyError)
    }

    /// The DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        &self.spki
    }

    pub(crate) fn from_x509(spki: &SubjectPublicKeyInfoOwned) -> Result<Self, der::Error> {
        Ok(Self { spki: spki.to_der()? })
    }

    pub(crate) fn to_x509(&self) -> Result<SubjectPublicKeyInfoOwned, der::Error> {
        SubjectPublicKeyInfoOwned::from_der(&self.spki)
    }
}

impl EncodePublicKey for PublicKey {
    fn to_public_key_der(&self) -> spki::Result<Document> {
        Ok(Document::try_from(self.spki.as_slice())?)
    }
}

/// The bytes given are not a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKeyError(der::Error);

impl fmt::Display for PublicKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a public key ({}); write one with 'openssl pkey -pubout'", self.0)
    }
}

impl std::error::Error for PublicKeyError {}
