//! Which sequence numbers have come: the anti-replay window (RFC 4303 §3.4.3, appendix A).

#[cfg(test)]
mod tests;

use std::fmt;

use crate::Rejected;

/// A ring of one bit per sequence number, from the highest seen down (RFC 6479 without its spare
/// block: what is skipped is cleared to the bit).
pub(crate) struct ReplayWindow {
    /// The highest number seen; 0 before the first.
    top: u64,
    size: u64,
    words: Box<[u64]>,
}

impl ReplayWindow {
    /// An empty window. `size` is a power of two.
    pub(crate) fn new(size: u32) -> Self {
        let words = vec![0; size.div_ceil(u64::BITS) as usize].into_boxed_slice();
        Self { top: 0, size: size.into(), words }
    }

    /// The number of 64 bits whose low half a packet carries: of all with this half, the one
    /// from the left edge of the window on (RFC 4303 appendix A2.2). None when that is no number
    /// of 64 bits.
    pub(crate) fn extend(&self, low: u32) -> Option<u64> {
        let behind = self.size - 1;
        let low_edge = self.top.wrapping_sub(behind) as u32;
        let from_edge = u64::from(low.wrapping_sub(low_edge));
        match self.top.checked_sub(behind) {
            Some(edge) => edge.checked_add(from_edge),
            None => from_edge.checked_sub(behind - self.top),
        }
    }

    /// Whether `sequence` is new. Nothing is changed: the packet is not authentic yet.
    ///
    /// # Errors
    /// [`Rejected::SequenceZero`], [`Rejected::TooOld`] or [`Rejected::Replayed`].
    pub(crate) fn check(&self, sequence: u64) -> Result<(), Rejected> {
        if sequence > self.top {
            return Ok(());
        }
        if sequence == 0 {
            return Err(Rejected::SequenceZero);
        }
        if self.top - sequence >= self.size {
            return Err(Rejected::TooOld);
        }
        let (word, bit) = self.place(sequence);
        match self.words.get(word) {
            Some(seen) if seen >> bit & 1 == 0 => Ok(()),
            _ => Err(Rejected::Replayed),
        }
    }

    /// Marks `sequence`, which [`check`](Self::check) found new and whose packet is authentic,
    /// as seen. Returns whether it is the highest.
    pub(crate) fn accept(&mut self, sequence: u64) -> bool {
        let highest = sequence > self.top;
        if highest {
            self.clear(self.top + 1, sequence);
            self.top = sequence;
        }
        let (word, bit) = self.place(sequence);
        if let Some(word) = self.words.get_mut(word) {
            *word |= 1 << bit;
        }
        highest
    }

    /// Forgets what the places of `from` to before `to` stood for.
    fn clear(&mut self, mut from: u64, to: u64) {
        if to - from >= self.size {
            self.words.fill(0);
            return;
        }
        while from < to {
            let (word, bit) = self.place(from);
            let in_word = self.size.min(64) - u64::from(bit);
            let count = in_word.min(to - from);
            if let Some(word) = self.words.get_mut(word) {
                *word &= !((u64::MAX >> (64 - count)) << bit);
            }
            from += count;
        }
    }

    /// Word and bit of a number.
    const fn place(&self, sequence: u64) -> (usize, u32) {
        let place = sequence & (self.size - 1);
        ((place / 64) as usize, (place % 64) as u32)
    }
}

impl fmt::Debug for ReplayWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplayWindow({} back from {})", self.size, self.top)
    }
}

#[cfg(test)]
impl ReplayWindow {
    /// As if every number to `top` had been left behind and `top` seen.
    pub(crate) fn skip_to(&mut self, top: u64) {
        self.words.fill(0);
        self.top = top;
        self.accept(top);
    }
}
