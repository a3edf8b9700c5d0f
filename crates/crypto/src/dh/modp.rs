//! Finite-field Diffie-Hellman in the groups of RFC 3526, generator 2.

mod power;
#[cfg(test)]
mod tests;

use boring::bn::{BigNum, BigNumRef};
use boring::rand::rand_bytes;
use zeroize::Zeroizing;

use crate::{Error, Secret};
pub(super) use power::Prime;
use power::power;

/// A private exponent and its group's prime. BoringSSL clears numbers when it frees them.
pub(super) struct ModpKey {
    prime: BigNum,
    exponent: BigNum,
}

impl ModpKey {
    pub(super) fn generate(prime: Prime) -> Result<Self, Error> {
        let mut exponent = Zeroizing::new(vec![0; exponent_len(prime)]);
        rand_bytes(&mut exponent).map_err(|_| Error::Internal)?;
        let exponent = BigNum::from_slice(&exponent).map_err(|_| Error::Internal)?;
        Ok(Self { prime: prime.number()?, exponent })
    }

    /// `2 ^ exponent mod p`, as long as the prime (RFC 7296 §3.4).
    pub(super) fn public_value(&self) -> Result<Vec<u8>, Error> {
        let generator = BigNum::from_u32(2).map_err(|_| Error::Internal)?;
        self.raise(&generator)
    }

    /// `peer ^ exponent mod p`, as long as the prime (RFC 7296 §2.14).
    ///
    /// The peer's value must be in 2 ..= p-2. In these groups, whose primes are safe, that is the
    /// whole check (RFC 6989 §2.1).
    pub(super) fn agree(&self, peer: &[u8]) -> Result<Secret, Error> {
        let peer = BigNum::from_slice(peer).map_err(|_| Error::Internal)?;
        let mut last = self.prime.to_owned().map_err(|_| Error::Internal)?;
        last.sub_word(1).map_err(|_| Error::Internal)?;
        if peer.num_bits() < 2 || peer.ucmp(&last).is_ge() {
            return Err(Error::PublicValue);
        }
        self.raise(&peer).map(Secret::new)
    }

    fn raise(&self, base: &BigNumRef) -> Result<Vec<u8>, Error> {
        let octets = usize::try_from(self.prime.num_bytes()).map_err(|_| Error::Internal)?;
        let result = power(base, &self.exponent, &self.prime)?;
        result.to_vec_padded(octets).map_err(|_| Error::Internal)
    }
}

/// Length of private exponents in octets: the larger estimate of RFC 3526 §8 (320, 420 and 480
/// bits), rounded up to whole 64-bit words.
fn exponent_len(prime: Prime) -> usize {
    match prime {
        Prime::Modp2048 => 40,
        Prime::Modp3072 => 56,
        Prime::Modp4096 => 64,
    }
}
