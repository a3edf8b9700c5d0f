//! Keeps a flood of refusals from flooding the log.
//!
//! Each source has its refusals recorded one by one up to a burst; beyond it they are
//! only counted, and one record a window stands for them all. Memory is bounded: when
//! too many sources are refused at once, the rest share one place.

use std::collections::HashMap;
use std::hash::Hash;

/// Length of a window, in microseconds.
const WINDOW: i64 = 10_000_000;
/// Refusals a source has recorded one by one in a window.
const BURST: u32 = 50;
/// Sources told apart.
const SOURCES: usize = 65_536;

/// What to do with one refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Write a record of its own.
    Record,
    /// It has been counted; a later record will stand for it.
    Folded,
}

#[derive(Debug)]
struct Source<R> {
    window_ends: i64,
    recorded: u32,
    folded: HashMap<R, u64>,
}

/// Refusals by source `S` (`None` for the shared place) and reason `R`.
#[derive(Debug)]
pub struct Refusals<S, R> {
    sources: HashMap<Option<S>, Source<R>>,
}

impl<S, R> Default for Refusals<S, R> {
    fn default() -> Self {
        Self { sources: HashMap::new() }
    }
}

impl<S: Eq + Hash + Copy, R: Eq + Hash + Copy> Refusals<S, R> {
    /// Notes one refusal at `now` (microseconds).
    pub fn note(&mut self, source: S, reason: R, now: i64) -> Verdict {
        let known = self.sources.contains_key(&Some(source)) || self.sources.len() < SOURCES;
        let place = self.sources.entry(known.then_some(source)).or_insert_with(|| Source {
            window_ends: now.saturating_add(WINDOW),
            recorded: 0,
            folded: HashMap::new(),
        });
        if place.recorded < BURST && known {
            place.recorded += 1;
            return Verdict::Record;
        }
        *place.folded.entry(reason).or_insert(0) += 1;
        Verdict::Folded
    }

    /// Takes what was folded in the windows that have ended by `now`, as source
    /// (`None`: several), reason and count. Call it about once a second, and with
    /// `i64::MAX` before stopping.
    pub fn drain(&mut self, now: i64) -> Vec<(Option<S>, R, u64)> {
        let mut drained = Vec::new();
        self.sources.retain(|&source, place| {
            if place.window_ends > now {
                return true;
            }
            drained.extend(place.folded.drain().map(|(reason, count)| (source, reason, count)));
            false
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
        assert_eq!(recorded, BURST as usize);
        assert_eq!(refusals.note(2, 'a', 0), Verdict::Record, "another source is not affected");
        assert!(refusals.drain(WINDOW - 1).is_empty());
        assert_eq!(refusals.drain(WINDOW), [(Some(1), 'a', 1000 - u64::from(BURST))]);
        assert_eq!(refusals.note(1, 'a', WINDOW), Verdict::Record, "a new window");
    }

    #[test]
    fn memory_stays_bounded_and_nothing_goes_uncounted() {
        let mut refusals = Refusals::default();
        let total = SOURCES as u64 + 1000;
        let recorded =
            (0..total).filter(|&source| refusals.note(source, 'a', 0) == Verdict::Record).count();
        let folded: u64 = refusals.drain(i64::MAX).iter().map(|&(_, _, count)| count).sum();
        assert_eq!(recorded as u64 + folded, total);
        assert_eq!(recorded, SOURCES);
    }
}
