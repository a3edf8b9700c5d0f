//! Public keys: read and verify.

use aws_lc_rs::signature::{self as backend, UnparsedPublicKey, VerificationAlgorithm};
use boring::nid::Nid;
use boring::pkey::{Id, PKey, Public};

use super::{Algorithm, Hash, KeyKind};
use crate::Error;

const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=8192;

/// A public key that verifies signatures.
#[derive(Clone, Debug)]
pub struct PublicKey {
    kind: KeyKind,
    spki: Vec<u8>,
}

impl PublicKey {
    /// Reads a DER `SubjectPublicKeyInfo` (RFC 5280 §4.1); points are uncompressed.
    ///
    /// # Errors
    /// [`Error::KeyEncoding`] and [`Error::KeySize`].
    pub fn from_spki(der: &[u8]) -> Result<Self, Error> {
        let key = PKey::public_key_from_der(der).map_err(|_| Error::KeyEncoding)?;
        // The parser takes more than DER, and octets after it.
        if key.public_key_to_der().ok().as_deref() != Some(der) {
            return Err(Error::KeyEncoding);
        }
        Ok(Self { kind: kind_of(&key)?, spki: der.to_vec() })
    }

    /// What kind of key it is.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Verifies a signature: of RSA as long as the modulus, of ECDSA in DER.
    ///
    /// # Errors
    /// [`Error::Authentication`] when it is not this key's signature over `message`;
    /// [`Error::KeyMismatch`] when the algorithm does not go with this kind of key.
    pub fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Error> {
        let verifier = verifier(self.kind, algorithm).ok_or(Error::KeyMismatch)?;
        UnparsedPublicKey::new(verifier, &self.spki)
            .verify(message, signature)
            .map_err(|_| Error::Authentication)
    }
}

fn kind_of(key: &PKey<Public>) -> Result<KeyKind, Error> {
    match key.id() {
        Id::RSA if RSA_BITS.contains(&key.bits()) => Ok(KeyKind::Rsa),
        Id::RSA => Err(Error::KeySize),
        Id::ED25519 => Ok(KeyKind::Ed25519),
        Id::EC => {
            let key = key.ec_key().map_err(|_| Error::KeyEncoding)?;
            match key.group().curve_name() {
                Some(Nid::X9_62_PRIME256V1) => Ok(KeyKind::P256),
                Some(Nid::SECP384R1) => Ok(KeyKind::P384),
                Some(Nid::SECP521R1) => Ok(KeyKind::P521),
                _ => Err(Error::KeyEncoding),
            }
        }
        _ => Err(Error::KeyEncoding),
    }
}

fn verifier(kind: KeyKind, algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    match (kind, algorithm) {
        (KeyKind::Rsa, Algorithm::RsaPkcs1(hash)) => Some(match hash {
            Hash::Sha256 => &backend::RSA_PKCS1_2048_8192_SHA256,
            Hash::Sha384 => &backend::RSA_PKCS1_2048_8192_SHA384,
            Hash::Sha512 => &backend::RSA_PKCS1_2048_8192_SHA512,
        }),
        (KeyKind::Rsa, Algorithm::RsaPss(hash)) => Some(match hash {
            Hash::Sha256 => &backend::RSA_PSS_2048_8192_SHA256,
            Hash::Sha384 => &backend::RSA_PSS_2048_8192_SHA384,
            Hash::Sha512 => &backend::RSA_PSS_2048_8192_SHA512,
        }),
        (KeyKind::P256, Algorithm::Ecdsa(hash)) => Some(match hash {
            Hash::Sha256 => &backend::ECDSA_P256_SHA256_ASN1,
            Hash::Sha384 => &backend::ECDSA_P256_SHA384_ASN1,
            Hash::Sha512 => &backend::ECDSA_P256_SHA512_ASN1,
        }),
        (KeyKind::P384, Algorithm::Ecdsa(hash)) => Some(match hash {
            Hash::Sha256 => &backend::ECDSA_P384_SHA256_ASN1,
            Hash::Sha384 => &backend::ECDSA_P384_SHA384_ASN1,
            Hash::Sha512 => &backend::ECDSA_P384_SHA512_ASN1,
        }),
        (KeyKind::P521, Algorithm::Ecdsa(hash)) => Some(match hash {
            Hash::Sha256 => &backend::ECDSA_P521_SHA256_ASN1,
            Hash::Sha384 => &backend::ECDSA_P521_SHA384_ASN1,
            Hash::Sha512 => &backend::ECDSA_P521_SHA512_ASN1,
        }),
        (KeyKind::Ed25519, Algorithm::Ed25519) => Some(&backend::ED25519),
        _ => None,
    }
}
