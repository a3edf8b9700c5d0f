//! What sender and receiver know of each other.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Only the receiver counts; only the sender says when it wants to be woken.
#[derive(Default)]
pub(super) struct Progress {
    next: AtomicU64,
    received: AtomicU64,
    late: AtomicU64,
    /// The sender sleeps until `next` is here.
    awaited: AtomicU64,
    over: AtomicBool,
}

/// What has arrived so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    /// One more than the highest number.
    pub(super) next: u64,
    /// How many.
    pub(super) received: u64,
    /// How many of them after a later one.
    pub(super) late: u64,
}

impl Progress {
    pub(super) fn counted(&self, counts: Counts) {
        self.received.store(counts.received, Ordering::Relaxed);
        self.late.store(counts.late, Ordering::Relaxed);
        self.next.store(counts.next, Ordering::SeqCst);
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            next: self.next(),
            received: self.received.load(Ordering::Relaxed),
            late: self.late.load(Ordering::Relaxed),
        }
    }

    pub(super) fn next(&self) -> u64 {
        self.next.load(Ordering::SeqCst)
    }

    /// The sender sleeps until this number is next.
    pub(super) fn await_next(&self, number: u64) {
        self.awaited.store(number, Ordering::SeqCst);
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.next() >= self.awaited.load(Ordering::SeqCst)
    }

    pub(super) fn stop(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    pub(super) fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }
}
