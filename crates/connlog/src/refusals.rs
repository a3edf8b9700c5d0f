//! Keeps a flood of refusals from flooding the log.
//!
//! What one source is refused for one reason is recorded one by one up to a burst; beyond
//! it refusals are only counted, and one record a window stands for them all. So a flood
//! of one kind hides no other kind. Memory is bounded: when there are too many sources,
//! the rest are counted by reason alone.

use std::collections::HashMap;
use std::hash::Hash;

/// Length of a window, in microseconds.
const WINDOW: u64 = 10_000_000;
/// Refusals of a source, for one reason, that a window has recorded one by one.
const BURST: u64 = 50;
/// Sources and reasons told apart.
const PLACES: usize = 65_536;

/// What to do with one refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Write a record of its own.
    Record,
    /// It has been counted; a later record will stand for it.
    Folded,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    window_ends: u64,
    count: u64,
}

/// Refusals by source `S` and reason `R`. Times are microseconds of a clock that is never
/// set back.
#[derive(Debug)]
pub struct Refusals<S, R> {
    /// `None` is all sources for which there was no place.
    places: HashMap<(Option<S>, R), Place>,
}

impl<S, R> Default for Refusals<S, R> {
    fn default() -> Self {
        Self { places: HashMap::new() }
    }
}

impl<S: Eq + Hash + Copy, R: Eq + Hash + Copy> Refusals<S, R> {
    /// Notes one refusal at `now`.
    pub fn note(&mut self, source: S, reason: R, now: u64) -> Verdict {
        let own = (Some(source), reason);
        let known = self.places.len() < PLACES || self.places.contains_key(&own);
        let key = if known { own } else { (None, reason) };
        let place = self
            .places
            .entry(key)
            .or_insert(Place { window_ends: now.saturating_add(WINDOW), count: 0 });
        place.count += 1;
        if known && place.count <= BURST { Verdict::Record } else { Verdict::Folded }
    }

    /// Takes what was folded in the windows that have ended by `now`, as source
    /// (`None`: several), reason and count. Call it about once a second, and with
    /// `u64::MAX` before stopping.
    pub fn drain(&mut self, now: u64) -> Vec<(Option<S>, R, u64)> {
        let mut drained = Vec::new();
        self.places.retain(|&(source, reason), place| {
            let recorded = if source.is_some() { BURST } else { 0 };
            let ended = place.window_ends <= now;
            if ended && place.count > recorded {
                drained.push((source, reason, place.count - recorded));
            }
            !ended
        });
        drained
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_whole_and_recorded_in_part() {
        let mut refusals = Refusals::default();
        let recorded = (0..1000).filter(|_| refusals.note(1, 'a', 0) == Verdict::Record).count();
        assert_eq!(recorded as u64, BURST);
        assert_eq!(refusals.note(2, 'a', 0), Verdict::Record, "another source is not affected");
        assert_eq!(refusals.note(1, 'b', 0), Verdict::Record, "nor is another reason hidden");
        assert!(refusals.drain(WINDOW - 1).is_empty());
        assert_eq!(refusals.drain(WINDOW), [(Some(1), 'a', 1000 - BURST)]);
        assert_eq!(refusals.note(1, 'a', WINDOW), Verdict::Record, "a new window");
    }

    #[test]
    fn memory_stays_bounded_and_nothing_goes_uncounted() {
        let mut refusals = Refusals::default();
        let total = PLACES as u64 + 1000;
        let recorded =
            (0..total).filter(|&source| refusals.note(source, 'a', 0) == Verdict::Record).count();
        let folded: u64 = refusals.drain(u64::MAX).iter().map(|&(_, _, count)| count).sum();
        assert_eq!(recorded as u64 + folded, total);
        assert_eq!(recorded, PLACES);
    }
}
