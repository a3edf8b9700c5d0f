//! Certificates that have been verified: the signatures of a chain and its CRLs are most of
//! a handshake's cost, and hold for every handshake until something in them ends.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use policy::UnixSeconds;

/// Certificates remembered, about 4 MiB. Only verified ones are: nobody without a
/// certificate of a trusted CA can fill it.
const REMEMBERED: usize = 65_536;

/// By SHA-256 of the certificate, from when to when, both included, it need not be verified.
#[derive(Debug, Default)]
pub(crate) struct Verified(Mutex<HashMap<[u8; 32], (UnixSeconds, UnixSeconds)>>);

impl Verified {
    /// Whether the certificate was verified and nothing has ended since. A clock that was
    /// set back proves nothing.
    pub(crate) fn holds(&self, fingerprint: &[u8; 32], now: UnixSeconds) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(fingerprint).is_some_and(|&(since, ends)| (since..=ends).contains(&now))
    }

    /// Remembers a certificate that was verified at `now`.
    pub(crate) fn note(&self, fingerprint: [u8; 32], now: UnixSeconds, ends: UnixSeconds) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            // Rare, and cheaper to begin anew than to keep an order.
            known.clear();
        }
        known.insert(fingerprint, (now, ends));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_or_was_not_yet_verified_does_not_hold() {
        let verified = Verified::default();
        verified.note([1; 32], 100, 200);
        let holds = |now| verified.holds(&[1; 32], now);
        assert_eq!([99, 100, 200, 201].map(holds), [false, true, true, false]);
        assert!(!verified.holds(&[2; 32], 150));
    }
}
