//! The path between peer and gateway.

use std::collections::BTreeMap;

use super::Random;
use crate::Path;

/// What a path does, in times of a thousand packets, and milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    pub(super) loss: u64,
    pub(super) copies: u64,
    pub(super) damage: u64,
    /// Each packet takes its own time, so that they come in another order.
    pub(super) most_delay: u64,
}

impl Weather {
    pub(super) const CALM: Self = Self { loss: 0, copies: 0, damage: 0, most_delay: 1 };
}

/// One direction.
pub(super) struct Link {
    weather: Weather,
    random: Random,
    serial: u64,
    /// By the millisecond in which it arrives, and the order in which it was sent.
    on_its_way: BTreeMap<(u64, u64), (Path, Vec<u8>)>,
}

impl Link {
    pub(super) fn new(weather: Weather, seed: u64) -> Self {
        Self { weather, random: Random::new(seed), serial: 0, on_its_way: BTreeMap::new() }
    }

    pub(super) fn send(&mut self, now: u64, path: Path, packet: &[u8]) {
        let Weather { loss, copies, damage, most_delay } = self.weather;
        if self.random.chance(loss) {
            return;
        }
        let count = if self.random.chance(copies) { 2 } else { 1 };
        for _ in 0..count {
            let mut packet = packet.to_vec();
            if self.random.chance(damage) {
                let at = self.random.below(packet.len() as u64) as usize;
                packet[at] ^= 1 << self.random.below(8);
            }
            self.serial += 1;
            let arrival = now + 1 + self.random.below(most_delay);
            self.on_its_way.insert((arrival, self.serial), (path, packet));
        }
    }

    /// What has arrived by now.
    pub(super) fn receive(&mut self, now: u64) -> Option<(Path, Vec<u8>)> {
        let first = self.on_its_way.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    pub(super) fn next_arrival(&self) -> Option<u64> {
        self.on_its_way.first_key_value().map(|((arrival, _), _)| *arrival)
    }
}
