//! How many half-open sessions each source has, and how fast they come.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::path::source_of;

#[derive(Debug, Default)]
pub(super) struct Sources {
    total: usize,
    by_source: HashMap<IpAddr, usize>,
}

impl Sources {
    pub(super) fn total(&self) -> usize {
        self.total
    }

    pub(super) fn of(&self, address: IpAddr) -> usize {
        self.by_source.get(&source_of(address)).copied().unwrap_or(0)
    }

    pub(super) fn enter(&mut self, address: IpAddr) {
        self.total += 1;
        *self.by_source.entry(source_of(address)).or_default() += 1;
    }

    pub(super) fn leave(&mut self, address: IpAddr) {
        let source = source_of(address);
        self.total = self.total.saturating_sub(1);
        if let Some(count) = self.by_source.get_mut(&source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_source.remove(&source);
            }
        }
    }
}

/// How many sessions strangers began in the present second.
#[derive(Debug)]
pub(super) struct Beginnings {
    until: Instant,
    count: usize,
}

impl Beginnings {
    pub(super) fn new(now: Instant) -> Self {
        Self { until: now, count: 0 }
    }

    pub(super) fn in_this_second(&self, now: Instant) -> usize {
        if now < self.until { self.count } else { 0 }
    }

    pub(super) fn count(&mut self, now: Instant) {
        if now >= self.until {
            (self.until, self.count) = (now + Duration::from_secs(1), 0);
        }
        self.count += 1;
    }
}
