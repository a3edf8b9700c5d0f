//! How often what happened, beside what the endpoint counts itself.

use connlog::Dismissed;
use ike::Refusal;
use logstore::LogReason;
use pki::PathError;
use policy::Denial;
use reason::{Counters, Reason};

use crate::cause::Cause;
use crate::{Discarded, Withdrawal};

/// Counters that all threads share.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    discarded: Counters<Discarded>,
    denied: Counters<Denial>,
    untrusted: Counters<PathError>,
    unwritable: Counters<LogReason>,
    withdrawn: Counters<Withdrawal>,
    dismissed: Counters<Dismissed>,
    /// Of the endpoint's reasons, those that the shell found.
    refused: Counters<Refusal>,
}

impl Tally {
    pub(crate) fn discarded(&self, why: Discarded) {
        self.discarded.count(why);
    }

    /// Counts a refusal or an end that is the shell's.
    pub(crate) fn count(&self, cause: Cause) {
        match cause {
            Cause::Ended(_) => {}
            Cause::Refused(refusal) => self.refused.count(refusal),
            Cause::Policy(denial) => self.denied.count(denial),
            Cause::Certificate(error) => self.untrusted.count(error),
            Cause::Log(reason) => self.unwritable.count(reason),
            Cause::Own(withdrawal) => self.withdrawn.count(withdrawal),
            Cause::Dismissed(dismissed) => self.dismissed.count(dismissed),
        }
    }

    /// Every reason with its count, and those of the endpoint's `counters`.
    pub(crate) fn all(&self, counters: &ike::Counters) -> Vec<(&'static str, u64)> {
        counts(&self.discarded)
            .chain(counts(&self.denied))
            .chain(counts(&self.untrusted))
            .chain(counts(&self.unwritable))
            .chain(counts(&self.withdrawn))
            .chain(counts(&self.dismissed))
            .chain(counts(&self.refused))
            .chain(counts(&counters.dropped))
            .chain(counts(&counters.malformed))
            .chain(counts(&counters.refused))
            .chain(counts(&counters.ended))
            .collect()
    }
}

fn counts<R: Reason>(counters: &Counters<R>) -> impl Iterator<Item = (&'static str, u64)> + '_ {
    counters.iter().map(|(reason, count)| (reason.code(), count))
}
