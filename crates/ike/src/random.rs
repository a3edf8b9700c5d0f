//! Randomness as an argument.

use std::time::Duration;

/// Where nonces, SPIs and jitter come from: the operating system's generator in the
/// gateway, a seeded one in simulations. (Keys are generated inside `crypto`.)
pub trait Random {
    /// Fills `octets` with unpredictable values.
    fn fill(&mut self, octets: &mut [u8]);
}

/// Length of our nonces: at least half the key of the strongest prf (RFC 7296 §2.10).
const NONCE_LEN: usize = 32;

impl dyn Random + Send + '_ {
    pub(crate) fn nonce(&mut self) -> Vec<u8> {
        let mut nonce = vec![0; NONCE_LEN];
        self.fill(&mut nonce);
        nonce
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut octets = [0; N];
        self.fill(&mut octets);
        octets
    }

    /// Half of `duration` to three halves, so that two who got in each other's way do not do
    /// so again.
    pub(crate) fn spread(&mut self, duration: Duration) -> Duration {
        let part = u32::from(u16::from_be_bytes(self.array()));
        duration / 2 + duration * part / u32::from(u16::MAX)
    }

    /// `duration` less up to a tenth, so that what began together does not end together.
    pub(crate) fn jitter(&mut self, duration: Duration) -> Duration {
        let part = u32::from(u16::from_be_bytes(self.array()));
        duration.saturating_sub(duration / 10 * part / u32::from(u16::MAX))
    }
}
