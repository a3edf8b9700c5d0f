//! Pseudorandom functions of IKEv2: PRF_HMAC_SHA2_256, _384 and _512 (RFC 4868 §2.1.2) and prf+
//! (RFC 7296 §2.13).

#[cfg(test)]
mod tests;

use std::fmt;

use boring::hash::MessageDigest;
use boring::hmac::Hmac;
use zeroize::Zeroizing;

use crate::{Error, Secret};

/// prf+ counts its blocks in one octet.
const MAX_BLOCKS: usize = 255;

/// A pseudorandom function, with its IKE transform id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Prf {
    /// PRF_HMAC_SHA2_256 (5).
    HmacSha256,
    /// PRF_HMAC_SHA2_384 (6).
    HmacSha384,
    /// PRF_HMAC_SHA2_512 (7).
    HmacSha512,
}

impl Prf {
    /// Length of the output, which is also the preferred length of keys, in octets.
    #[must_use]
    pub const fn output_len(self) -> usize {
        match self {
            Self::HmacSha256 => 32,
            Self::HmacSha384 => 48,
            Self::HmacSha512 => 64,
        }
    }

    /// `prf(key, data)`, where `data` is the slices one after another.
    ///
    /// # Errors
    /// [`Error::Internal`] when BoringSSL fails.
    pub fn compute(self, key: &[u8], data: &[&[u8]]) -> Result<Secret, Error> {
        let mut state = self.start(key)?;
        data.iter().try_for_each(|part| state.update(part))?;
        state.finish()
    }

    /// Begins `prf(key, …)` over data that comes in parts.
    ///
    /// # Errors
    /// [`Error::Internal`] when BoringSSL fails.
    pub fn start(self, key: &[u8]) -> Result<PrfState, Error> {
        let digest = match self {
            Self::HmacSha256 => MessageDigest::sha256(),
            Self::HmacSha384 => MessageDigest::sha384(),
            Self::HmacSha512 => MessageDigest::sha512(),
        };
        Hmac::init(key, &digest).map(PrfState).map_err(|_| Error::Internal)
    }

    /// The first `len` octets of `prf+(key, seed)` (RFC 7296 §2.13), where the seed is the slices
    /// one after another.
    ///
    /// # Errors
    /// [`Error::Length`] when `len` is more than 255 outputs of the function.
    pub fn expand(self, key: &[u8], seed: &[&[u8]], len: usize) -> Result<Secret, Error> {
        if len > MAX_BLOCKS * self.output_len() {
            return Err(Error::Length { what: "output of prf+", actual: len });
        }
        let mut output = Zeroizing::new(vec![0; len]);
        let mut previous: Option<Secret> = None;
        for (count, block) in (1..=u8::MAX).zip(output.chunks_mut(self.output_len())) {
            let mut state = self.start(key)?;
            if let Some(previous) = &previous {
                state.update(previous.as_bytes())?;
            }
            seed.iter().try_for_each(|part| state.update(part))?;
            state.update(&[count])?;
            let next = state.finish()?;
            block.iter_mut().zip(next.as_bytes()).for_each(|(to, from)| *to = *from);
            previous = Some(next);
        }
        Ok(Secret::new(std::mem::take(&mut *output)))
    }
}

/// A pseudorandom function under way.
pub struct PrfState(Hmac);

impl PrfState {
    /// Takes the next octets of the data.
    ///
    /// # Errors
    /// [`Error::Internal`] when BoringSSL fails.
    pub fn update(&mut self, data: &[u8]) -> Result<(), Error> {
        self.0.update(data).map_err(|_| Error::Internal)
    }

    /// The output over everything taken.
    ///
    /// # Errors
    /// [`Error::Internal`] when BoringSSL fails.
    pub fn finish(self) -> Result<Secret, Error> {
        self.0.finalize().map(Secret::new).map_err(|_| Error::Internal)
    }
}

impl fmt::Debug for PrfState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrfState(redacted)")
    }
}
