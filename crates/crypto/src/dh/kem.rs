//! ML-KEM-768 (FIPS 203): the initiator sends the encapsulation key, the responder the ciphertext.

use boring::mlkem::{Algorithm, MlKemPrivateKey, MlKemPublicKey};
use zeroize::Zeroize as _;

use crate::{Error, Secret};

pub(super) const ENCAPSULATION_KEY_LEN: usize = 1184;
pub(super) const CIPHERTEXT_LEN: usize = 1088;

/// A decapsulation key; `boring` clears it when it is dropped.
pub(super) struct KemKey(MlKemPrivateKey);

impl KemKey {
    /// A key, and the encapsulation key to send.
    pub(super) fn generate() -> Result<(Self, Vec<u8>), Error> {
        let (public, private) =
            MlKemPrivateKey::generate(Algorithm::MlKem768).map_err(|_| Error::Internal)?;
        Ok((Self(private), public.as_bytes().to_vec()))
    }

    pub(super) fn decapsulate(&self, ciphertext: &[u8]) -> Result<Secret, Error> {
        let mut shared = self.0.decapsulate(ciphertext).map_err(|_| Error::PublicValue)?;
        Ok(take(&mut shared))
    }

    #[cfg(test)]
    pub(super) fn from_seed(seed: &[u8; 64]) -> Self {
        Self(MlKemPrivateKey::from_seed(Algorithm::MlKem768, seed).unwrap())
    }
}

/// The ciphertext to send, and the shared secret. Parsing the key is the modulus check of
/// FIPS 203 §7.2.
pub(super) fn encapsulate(peer: &[u8]) -> Result<(Vec<u8>, Secret), Error> {
    let key =
        MlKemPublicKey::from_slice(Algorithm::MlKem768, peer).map_err(|_| Error::PublicValue)?;
    let (ciphertext, mut shared) = key.encapsulate().map_err(|_| Error::Internal)?;
    Ok((ciphertext, take(&mut shared)))
}

fn take(shared: &mut [u8; 32]) -> Secret {
    let secret = Secret::new(shared.to_vec());
    shared.zeroize();
    secret
}
