//! Certificates that have been verified: the signatures of a path and its lists are most of what
//! an authentication costs, and hold until something in them ends.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

use super::PeerUsage;

/// Certificates remembered, about 5 MiB. Only verified ones are: nobody without a certificate of
/// a trusted authority can fill it.
const REMEMBERED: usize = 65_536;

/// What was verified: the certificate, by its SHA-256, for a usage.
type Subject = (PeerUsage, [u8; 32]);

/// Verified certificates, and from when to when they need not be verified again, Unix seconds.
#[derive(Default)]
pub(super) struct Verified(Mutex<HashMap<Subject, RangeInclusive<i64>>>);

impl Verified {
    /// Until when the certificate need not be verified, if it need not be now. A clock that was
    /// set back proves nothing.
    pub(super) fn holds(&self, usage: PeerUsage, fingerprint: &[u8; 32], now: i64) -> Option<i64> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let period = known.get(&(usage, *fingerprint))?;
        period.contains(&now).then_some(*period.end())
    }

    /// Remembers a certificate that was verified at `now`.
    pub(super) fn note(&self, usage: PeerUsage, fingerprint: [u8; 32], now: i64, ends: i64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            // Rare, and cheaper to begin anew than to keep an order.
            known.clear();
        }
        known.insert((usage, fingerprint), now..=ends);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_or_was_not_yet_verified_does_not_hold() {
        let verified = Verified::default();
        verified.note(PeerUsage::Client, [1; 32], 100, 200);
        let holds = |now| verified.holds(PeerUsage::Client, &[1; 32], now);
        assert_eq!([99, 100, 200, 201].map(holds), [None, Some(200), Some(200), None]);
        assert_eq!(verified.holds(PeerUsage::Server, &[1; 32], 150), None);
        assert_eq!(verified.holds(PeerUsage::Client, &[2; 32], 150), None);
    }

    /// strongSwan CVE-2021-41991: a full certificate cache.
    #[test]
    fn a_full_memory_begins_anew() {
        let verified = Verified::default();
        for number in 0..=REMEMBERED {
            let mut fingerprint = [0; 32];
            fingerprint[..8].copy_from_slice(&number.to_be_bytes());
            verified.note(PeerUsage::Client, fingerprint, 100, 200);
        }
        assert_eq!(verified.0.lock().unwrap().len(), 1);
    }
}
