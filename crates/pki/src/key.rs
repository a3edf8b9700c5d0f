//! Private keys: generate, read, write, sign. All cryptography is AWS-LC's.

mod encoding;
mod error;
mod passphrase;
mod public;
mod signer;

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
    RsaKeyPair,
};
use zeroize::Zeroizing;

pub use error::KeyError;
pub use passphrase::Passphrase;
pub use public::{PublicKey, PublicKeyError};
pub(crate) use signer::Signature;

/// The kinds of key this crate generates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256, signing with SHA-256.
    EcdsaP256,
    /// ECDSA on P-384, signing with SHA-384.
    EcdsaP384,
    /// RSA of 2048 bits, signing with PKCS#1 v1.5 and SHA-256.
    Rsa2048,
    /// RSA of 3072 bits, signing with PKCS#1 v1.5 and SHA-256.
    Rsa3072,
}

/// A private key that signs certificates and revocation lists.
pub struct SigningKey {
    pair: Pair,
    public_key: PublicKey,
}

enum Pair {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl SigningKey {
    /// A new random key. RSA takes up to a few seconds.
    ///
    /// # Errors
    /// [`KeyError::Internal`] when AWS-LC fails, which means no entropy or no memory.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let pair = match algorithm {
            Algorithm::EcdsaP256 => {
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map(Pair::P256)
            }
            Algorithm::EcdsaP384 => {
                EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).map(Pair::P384)
            }
            Algorithm::Rsa2048 => RsaKeyPair::generate(KeySize::Rsa2048).map(Pair::Rsa),
            Algorithm::Rsa3072 => RsaKeyPair::generate(KeySize::Rsa3072).map(Pair::Rsa),
        };
        Self::from_pair(pair.map_err(|_| KeyError::Internal)?)
    }

    /// Reads a private key from the first private-key section of PEM text: PKCS#8 (`PRIVATE KEY`),
    /// encrypted PKCS#8 (`ENCRYPTED PRIVATE KEY`, RFC 8018 PBES2 with PBKDF2 or scrypt), SEC 1
    /// (`EC PRIVATE KEY`) or PKCS#1 (`RSA PRIVATE KEY`).
    ///
    /// The key is ECDSA on P-256 or P-384, or RSA of 2048 to 8192 bits. A passphrase given for a
    /// key that is not encrypted is not used.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_pem(pem: &[u8], passphrase: Option<&Passphrase>) -> Result<Self, KeyError> {
        encoding::read(pem, passphrase).and_then(Self::from_pair)
    }

    /// The key as PKCS#8 PEM text; with a passphrase, encrypted by PBES2 with AES-256-CBC and
    /// PBKDF2-HMAC-SHA-256 of 600,000 iterations (RFC 8018), which `openssl pkey` reads.
    ///
    /// # Errors
    /// [`KeyError::Internal`] when AWS-LC or the encoder fails.
    pub fn to_pem(&self, passphrase: Option<&Passphrase>) -> Result<Zeroizing<String>, KeyError> {
        encoding::write(&self.to_pkcs8_der()?, passphrase)
    }

    /// The key as unencrypted PKCS#8 DER.
    ///
    /// # Errors
    /// [`KeyError::Internal`] when AWS-LC fails.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let der = match &self.pair {
            Pair::P256(pair) | Pair::P384(pair) => {
                pair.to_pkcs8v1().map(|der| Zeroizing::new(der.as_ref().to_vec()))
            }
            Pair::Rsa(pair) => {
                let der: Result<Pkcs8V1Der<'static>, _> = pair.as_der();
                der.map(|der| Zeroizing::new(der.as_ref().to_vec()))
            }
        };
        der.map_err(|_| KeyError::Internal)
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn from_pair(pair: Pair) -> Result<Self, KeyError> {
        let spki: Result<PublicKeyX509Der<'static>, _> = match &pair {
            Pair::P256(pair) | Pair::P384(pair) => pair.public_key().as_der(),
            Pair::Rsa(pair) => pair.public_key().as_der(),
        };
        let spki = spki.map_err(|_| KeyError::Internal)?;
        let public_key = PublicKey::from_der(spki.as_ref()).map_err(|_| KeyError::Internal)?;
        Ok(Self { pair, public_key })
    }
}

/// Unencrypted PKCS#8 DER of the private key in PEM text, for a TLS library: what
/// [`SigningKey::from_pem`] reads, in one form.
///
/// # Errors
/// See [`KeyError`].
pub fn pkcs8_der(
    pem: &[u8],
    passphrase: Option<&Passphrase>,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    SigningKey::from_pem(pem, passphrase)?.to_pkcs8_der()
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.pair {
            Pair::P256(_) => "ECDSA P-256",
            Pair::P384(_) => "ECDSA P-384",
            Pair::Rsa(_) => "RSA",
        };
        write!(f, "SigningKey({kind}, redacted)")
    }
}
