//! Keeps a scan from flooding the log.
//!
//! A refused attempt at a target is recorded once in a window, and then counted; one record tells
//! the number when the window ends. Beyond so many targets of one source for one reason, the rest
//! are counted together. A reason has so many records in a window, from however many sources, who
//! may be invented; the rest are counted by reason alone. So memory and log are bounded, and a flood
//! of one kind hides no other kind.

use std::collections::HashMap;
use std::hash::Hash;

use crate::Verdict;

/// Length of a window, in microseconds.
const WINDOW: u64 = 10_000_000;
/// Targets of a source, refused for one reason, that a window tells apart.
const TARGETS: usize = 50;
/// Attempts that a window has recorded one by one for one reason.
const RECORDS: u32 = 1000;

/// Refusals by source `S`, reason `R` and target `T`. `A` is what is kept of a source's first
/// attempt, for the records of the rest. Times are microseconds of a clock that is never set back.
#[derive(Debug)]
pub struct Denials<S, R, T, A> {
    places: HashMap<(S, R), Place<T, A>>,
    kinds: HashMap<R, Kind>,
}

/// What is known of one reason.
#[derive(Clone, Copy, Debug)]
struct Kind {
    window_ends: u64,
    recorded: u32,
    /// Attempts of sources that have no place.
    crowd: u64,
}

#[derive(Debug)]
struct Place<T, A> {
    window_ends: u64,
    about: A,
    /// With the number of attempts that no record tells of yet.
    targets: Vec<(T, u64)>,
    others: u64,
}

/// Attempts that one record stands for.
#[derive(Debug, PartialEq, Eq)]
pub struct Folded<R, T, A> {
    /// Why they were refused.
    pub reason: R,
    /// What is known of the source; `None`: several.
    pub about: Option<A>,
    /// What they were for; `None`: several.
    pub target: Option<T>,
    /// How many.
    pub attempts: u64,
}

impl<S, R, T, A> Default for Denials<S, R, T, A> {
    fn default() -> Self {
        Self { places: HashMap::new(), kinds: HashMap::new() }
    }
}

impl<S, R, T, A> Denials<S, R, T, A>
where
    S: Eq + Hash + Copy,
    R: Eq + Hash + Copy,
    T: Eq + Copy,
    A: Clone,
{
    /// Notes one attempt at `now`. What it is `about` is asked for a new source only.
    pub fn note(
        &mut self,
        (source, reason, target): (S, R, T),
        now: u64,
        about: impl FnOnce() -> A,
    ) -> Verdict {
        let window_ends = now.saturating_add(WINDOW);
        let kind = self.kinds.entry(reason);
        let kind = kind.or_insert(Kind { window_ends, recorded: 0, crowd: 0 });
        let full = kind.recorded >= RECORDS;
        let place = match self.places.get_mut(&(source, reason)) {
            Some(place) => place,
            None if full => {
                kind.crowd += 1;
                return Verdict::Folded;
            }
            None => self.places.entry((source, reason)).or_insert_with(|| Place {
                window_ends,
                about: about(),
                targets: Vec::new(),
                others: 0,
            }),
        };
        let verdict = place.note(target, full);
        kind.recorded += u32::from(verdict == Verdict::Record);
        verdict
    }

    /// Takes what was folded in the windows that have ended by `now`. Call it about once a second,
    /// and with `u64::MAX` before stopping.
    pub fn drain(&mut self, now: u64) -> Vec<Folded<R, T, A>> {
        let mut drained = Vec::new();
        self.places.retain(|&(_, reason), place| {
            let ended = place.window_ends <= now;
            if ended {
                place.drain(reason, &mut drained);
            }
            !ended
        });
        self.kinds.retain(|&reason, &mut Kind { window_ends, crowd, .. }| {
            let ended = window_ends <= now;
            if ended && crowd > 0 {
                drained.push(Folded { reason, about: None, target: None, attempts: crowd });
            }
            !ended
        });
        drained
    }
}

impl<T: Eq + Copy, A: Clone> Place<T, A> {
    /// When the log is `full`, no further target is told apart.
    fn note(&mut self, target: T, full: bool) -> Verdict {
        if let Some((_, attempts)) = self.targets.iter_mut().find(|(known, _)| *known == target) {
            *attempts += 1;
        } else if self.targets.len() < TARGETS && !full {
            self.targets.push((target, 0));
            return Verdict::Record;
        } else {
            self.others += 1;
        }
        Verdict::Folded
    }

    fn drain<R: Copy>(&mut self, reason: R, into: &mut Vec<Folded<R, T, A>>) {
        let targets = self.targets.drain(..).map(|(target, attempts)| (Some(target), attempts));
        let rest = std::iter::once((None, self.others));
        for (target, attempts) in targets.chain(rest).filter(|&(_, attempts)| attempts > 0) {
            into.push(Folded { reason, about: Some(self.about.clone()), target, attempts });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_is_counted_whole_and_recorded_in_part() {
        let mut denials = Denials::default();
        let mut note = |target| denials.note((1, 'a', target), 0, || "first");
        let recorded = (0..1000).filter(|&target| note(target) == Verdict::Record).count();
        assert_eq!(recorded, TARGETS);
        assert_eq!((note(7), note(7)), (Verdict::Folded, Verdict::Folded));
        assert_eq!(denials.note((2, 'a', 7), 0, || "second"), Verdict::Record);
        assert!(denials.drain(WINDOW - 1).is_empty());
        let mut drained = denials.drain(WINDOW);
        drained.sort_by_key(|folded| folded.attempts);
        let told: Vec<_> = drained.iter().map(|f| (f.about, f.target, f.attempts)).collect();
        let rest = 1000 - TARGETS as u64;
        assert_eq!(told, [(Some("first"), Some(7), 2), (Some("first"), None, rest)]);
        assert_eq!(denials.note((1, 'a', 7), WINDOW, || "again"), Verdict::Record);
    }

    #[test]
    fn sources_without_number_are_few_records_and_counted_whole() {
        let mut denials = Denials::default();
        let total = 100_000;
        let mut note = |source| denials.note((source, 'a', source), 0, || ()) == Verdict::Record;
        let recorded = (0..total).filter(|&source| note(source)).count();
        assert_eq!(recorded, RECORDS as usize);
        assert_eq!(denials.note((7, 'b', 7), 0, || ()), Verdict::Record, "nothing else is hidden");
        assert!(denials.places.len() <= RECORDS as usize + 1);
        let drained = denials.drain(u64::MAX);
        let folded: u64 = drained.iter().map(|folded| folded.attempts).sum();
        assert_eq!((recorded as u64 + folded, drained.len()), (total, 1));
        assert!(denials.places.is_empty() && denials.kinds.is_empty());
    }
}
