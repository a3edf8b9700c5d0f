//! Private keys: read and sign.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self as backend, EcdsaKeyPair, Ed25519KeyPair, RsaEncoding, RsaKeyPair,
};

use super::{Algorithm, Hash, KeyKind};
use crate::Error;

/// What AWS-LC says of an RSA key outside 2048 to 8192 bits.
const SIZE_REJECTIONS: [&str; 2] = ["TooSmall", "TooLarge"];

/// A private key that signs. AWS-LC clears it when it is dropped.
pub struct PrivateKey(Pair);

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    P521(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl PrivateKey {
    /// Reads unencrypted PKCS#8 DER (RFC 5958).
    ///
    /// # Errors
    /// [`Error::KeyEncoding`] and [`Error::KeySize`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, Error> {
        if !is_one_sequence(der) {
            return Err(Error::KeyEncoding);
        }
        match RsaKeyPair::from_pkcs8(der) {
            Ok(pair) => return Ok(Self(Pair::Rsa(pair))),
            Err(reason) if SIZE_REJECTIONS.contains(&reason.description_()) => {
                return Err(Error::KeySize);
            }
            Err(_) => {}
        }
        let ecdsa = |algorithm| EcdsaKeyPair::from_pkcs8(algorithm, der);
        ecdsa(&backend::ECDSA_P256_SHA256_ASN1_SIGNING)
            .map(Pair::P256)
            .or_else(|_| ecdsa(&backend::ECDSA_P384_SHA384_ASN1_SIGNING).map(Pair::P384))
            .or_else(|_| ecdsa(&backend::ECDSA_P521_SHA512_ASN1_SIGNING).map(Pair::P521))
            .or_else(|_| Ed25519KeyPair::from_pkcs8(der).map(Pair::Ed25519))
            .map(Self)
            .map_err(|_| Error::KeyEncoding)
    }

    /// What kind of key it is.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        match &self.0 {
            Pair::Rsa(_) => KeyKind::Rsa,
            Pair::P256(_) => KeyKind::P256,
            Pair::P384(_) => KeyKind::P384,
            Pair::P521(_) => KeyKind::P521,
            Pair::Ed25519(_) => KeyKind::Ed25519,
        }
    }

    /// Signs. A curve signs with the hash of its own size only (RFC 4754 §4): P-256 with SHA-256,
    /// P-384 with SHA-384, P-521 with SHA-512.
    ///
    /// # Errors
    /// [`Error::KeyMismatch`] when the algorithm does not go with this key; [`Error::Internal`]
    /// when AWS-LC fails.
    pub fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, Error> {
        match (&self.0, algorithm) {
            (Pair::Rsa(pair), Algorithm::RsaPkcs1(hash)) => sign_rsa(pair, pkcs1(hash), message),
            (Pair::Rsa(pair), Algorithm::RsaPss(hash)) => sign_rsa(pair, pss(hash), message),
            (Pair::P256(pair), Algorithm::Ecdsa(Hash::Sha256))
            | (Pair::P384(pair), Algorithm::Ecdsa(Hash::Sha384))
            | (Pair::P521(pair), Algorithm::Ecdsa(Hash::Sha512)) => pair
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| Error::Internal),
            (Pair::Ed25519(pair), Algorithm::Ed25519) => Ok(pair.sign(message).as_ref().to_vec()),
            _ => Err(Error::KeyMismatch),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({:?}, redacted)", self.kind())
    }
}

fn sign_rsa(
    pair: &RsaKeyPair,
    encoding: &'static dyn RsaEncoding,
    message: &[u8],
) -> Result<Vec<u8>, Error> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut signature)
        .map_err(|_| Error::Internal)?;
    Ok(signature)
}

fn pkcs1(hash: Hash) -> &'static dyn RsaEncoding {
    match hash {
        Hash::Sha256 => &backend::RSA_PKCS1_SHA256,
        Hash::Sha384 => &backend::RSA_PKCS1_SHA384,
        Hash::Sha512 => &backend::RSA_PKCS1_SHA512,
    }
}

fn pss(hash: Hash) -> &'static dyn RsaEncoding {
    match hash {
        Hash::Sha256 => &backend::RSA_PSS_SHA256,
        Hash::Sha384 => &backend::RSA_PSS_SHA384,
        Hash::Sha512 => &backend::RSA_PSS_SHA512,
    }
}

/// One DER SEQUENCE and nothing after it, which AWS-LC does not look at.
fn is_one_sequence(der: &[u8]) -> bool {
    let (length, content) = match der {
        [0x30, length @ ..=0x7f, content @ ..] => (usize::from(*length), content),
        [0x30, 0x81, length, content @ ..] => (usize::from(*length), content),
        [0x30, 0x82, high, low, content @ ..] => {
            (usize::from(u16::from_be_bytes([*high, *low])), content)
        }
        _ => return false,
    };
    content.len() == length
}
