//! How often what was dropped.

use policy::Denial;
use reason::{Counters, Reason};

use crate::{Discard, Dropped};

/// Counters that all workers share.
#[derive(Debug, Default)]
pub struct Tally {
    /// Of packets that were not as they must be.
    pub dropped: Counters<Dropped>,
    /// Of packets that the policy refused.
    pub denied: Counters<Denial>,
}

impl Tally {
    /// Counts one packet.
    pub fn count(&self, discard: Discard) {
        match discard {
            Discard::Dropped(dropped) => self.dropped.count(dropped),
            Discard::Denied(denial) => self.denied.count(denial),
        }
    }

    /// Every reason with its count so far, by code.
    #[must_use]
    pub fn all(&self) -> Vec<(&'static str, u64)> {
        let dropped = self.dropped.iter().map(|(reason, count)| (reason.code(), count));
        let denied = self.denied.iter().map(|(reason, count)| (reason.code(), count));
        dropped.chain(denied).collect()
    }
}
