//! What the store has taken in.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// How many instances are remembered.
const REMEMBERED: usize = 16;

/// Totals since the start, and the latest instances.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Instances stored.
    pub instances: u64,
    /// Bytes of their data sets, as encoded on the wire.
    pub bytes: u64,
    /// The latest, oldest first; at most sixteen.
    pub latest: VecDeque<Instance>,
}

/// One stored instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Affected SOP Class UID of the request.
    pub sop_class: String,
    /// Affected SOP Instance UID of the request.
    pub sop_instance: String,
    /// UID of the transfer syntax it came in.
    pub transfer_syntax: String,
    /// Length of the data set, as encoded on the wire.
    pub bytes: u64,
    /// SHA-256 of those bytes, in lower-case hexadecimal.
    pub sha256: String,
}

/// Where every association puts what it stores.
#[derive(Debug, Default)]
pub(crate) struct Inbox(Mutex<Received>);

impl Inbox {
    pub(crate) fn put(&self, instance: Instance) {
        let mut received = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        received.instances += 1;
        received.bytes = received.bytes.saturating_add(instance.bytes);
        if received.latest.len() == REMEMBERED {
            received.latest.pop_front();
        }
        received.latest.push_back(instance);
    }

    pub(crate) fn snapshot(&self) -> Received {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
