use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// RFC 4303 §3.4.3 in the plainest words.
#[derive(Clone, Default)]
struct Model {
    seen: BTreeSet<u64>,
}

impl Model {
    fn top(&self) -> u64 {
        self.seen.last().copied().unwrap_or(0)
    }

    fn check(&self, size: u32, sequence: u64) -> Result<(), Rejected> {
        match sequence {
            0 => Err(Rejected::SequenceZero),
            _ if sequence + u64::from(size) <= self.top() => Err(Rejected::TooOld),
            _ if self.seen.contains(&sequence) => Err(Rejected::Replayed),
            _ => Ok(()),
        }
    }
}

/// Both say the same of `sequence`, and take it if it is new.
fn step(window: &mut ReplayWindow, model: &mut Model, size: u32, sequence: u64) {
    let verdict = model.check(size, sequence);
    assert_eq!(window.check(sequence), verdict, "{sequence} of {size} after {:?}", model.seen);
    if verdict.is_ok() {
        assert_eq!(window.accept(sequence), sequence > model.top(), "newest");
        model.seen.insert(sequence);
    }
}

/// Every sequence of `depth` numbers out of `alphabet`.
fn exhaust(window: &ReplayWindow, model: &Model, size: u32, alphabet: &[u64], depth: u32) {
    if depth == 0 {
        return;
    }
    for &sequence in alphabet {
        let ReplayWindow { top, size: bits, ref words } = *window;
        let mut window = ReplayWindow { top, size: bits, words: words.clone() };
        let mut model = model.clone();
        step(&mut window, &mut model, size, sequence);
        exhaust(&window, &model, size, alphabet, depth - 1);
    }
}

#[test]
fn small_windows_agree_with_the_model_on_every_sequence() {
    for (size, alphabet, depth) in [
        (1, (0..=5).collect::<Vec<_>>(), 5),
        (2, (0..=8).collect(), 5),
        (4, (0..=10).collect(), 5),
        (8, vec![0, 1, 2, 7, 8, 9, 10, 15, 16, 17, 18], 5),
        (64, vec![1, 2, 63, 64, 65, 66, 127, 128, 129, 192, 193], 5),
        (128, vec![1, 2, 64, 65, 127, 128, 129, 130, 191, 192, 256, 257], 4),
    ] {
        exhaust(&ReplayWindow::new(size), &Model::default(), size, &alphabet, depth);
    }
}

/// RFC 4303 appendix A2.2, as written there.
fn high_half_by_the_rfc(top: u64, size: u64, low: u64) -> i64 {
    let (th, tl) = (i64::try_from(top >> 32).unwrap(), top & 0xffff_ffff);
    let bottom = tl.wrapping_sub(size - 1) & 0xffff_ffff;
    match (tl >= size - 1, low >= bottom) {
        (true, true) | (false, false) => th,
        (true, false) => th + 1,
        (false, true) => th - 1,
    }
}

#[test]
fn extended_numbers_are_those_of_the_rfc() {
    let near_wrap = |n: u64| (0..=12).map(move |d| (n + d).wrapping_sub(6));
    for size in [1_u32, 2, 4, 64] {
        let tops: Vec<u64> = [0, 1 << 32, 5 << 32]
            .iter()
            .flat_map(|base| [0, 1 << 31, u64::from(size)].map(|at| base + at))
            .flat_map(near_wrap)
            .filter(|&top| top < 1 << 40)
            .collect();
        for top in tops {
            for low in [0, 1 << 31, 1 << 32, u64::from(size)].into_iter().flat_map(near_wrap) {
                let low = low & 0xffff_ffff;
                let mut window = ReplayWindow::new(size);
                window.top = top;
                let high = high_half_by_the_rfc(top, size.into(), low);
                let expected = u64::try_from(high).ok().map(|high| high << 32 | low);
                let extended = window.extend(u32::try_from(low).unwrap());
                assert_eq!(extended, expected, "{top:#x} {size} {low:#x}");
            }
        }
    }
}

/// The last numbers of all, which only a sender of 2^64 packets reaches.
#[test]
fn extended_numbers_end() {
    let mut window = ReplayWindow::new(64);
    window.skip_to(u64::MAX - 1);
    assert_eq!(window.extend(u32::MAX), Some(u64::MAX));
    assert_eq!(window.extend(0), None);
}

/// Steps of a sender's number, as an unruly path brings them: back, again, ahead, far ahead.
fn steps(size: u32) -> impl Strategy<Value = Vec<i64>> {
    let size = i64::from(size);
    let step = prop_oneof![
        6 => 1..=3_i64,
        3 => -size - 2..=0,
        1 => 1..=2 * size,
        1 => size - 66..=size + 66,
    ];
    vec(step, 1..300)
}

proptest! {
    /// Also across the end of 32 bits, where only the low half is known.
    #[test]
    fn large_windows_agree_with_the_model(
        (size, steps) in prop_oneof![Just(64_u32), Just(256), Just(8192), Just(65_536)]
            .prop_flat_map(|size| (Just(size), steps(size))),
        start in prop_oneof![Just(0_u64), (1_u64 << 32) - 200_000..(1 << 32) + 100],
    ) {
        let (mut window, mut model) = (ReplayWindow::new(size), Model::default());
        if start > 0 {
            step(&mut window, &mut model, size, start);
        }
        for by in steps {
            let sequence = model.top().saturating_add_signed(by);
            let low = u32::try_from(sequence & 0xffff_ffff).unwrap();
            if sequence + u64::from(size) > model.top() {
                prop_assert_eq!(window.extend(low), Some(sequence));
            }
            step(&mut window, &mut model, size, sequence);
        }
    }
}
