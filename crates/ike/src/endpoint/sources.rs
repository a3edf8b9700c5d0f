//! How many half-open sessions each source has.

use std::collections::HashMap;
use std::net::IpAddr;

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
