//! Ciphers with their keys.

use crypto::aead::{Aead, Salt};
use crypto::cbc_hmac::CbcHmac;

use super::{Cipher, DirectionKeys};

/// A cipher, made ready with the keys of one direction.
#[derive(Debug)]
pub(super) enum Unit {
    Aead(Aead, Salt),
    CbcHmac(CbcHmac),
}

impl Unit {
    pub(super) fn new(cipher: Cipher, keys: &DirectionKeys) -> Result<Self, crypto::Error> {
        let encryption = keys.encryption.as_bytes();
        match cipher {
            Cipher::Aead(algorithm) => {
                let (aead, salt) = Aead::from_keymat(algorithm, encryption)?;
                Ok(Self::Aead(aead, salt))
            }
            Cipher::CbcHmac { integrity, .. } => {
                CbcHmac::new(encryption, integrity, keys.integrity.as_bytes()).map(Self::CbcHmac)
            }
        }
    }
}
