//! A fuzzer's input, read as a list of choices.

/// What is left of the input. Where it has run out, every choice is the first one.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// Reads `octets` from the front.
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// Nothing is left to choose by.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One octet.
    pub fn octet(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    /// Two octets, the high one first.
    pub fn short(&mut self) -> u16 {
        u16::from_be_bytes([self.octet(), self.octet()])
    }

    /// A number below `count`, by one octet.
    pub fn below(&mut self, count: usize) -> usize {
        usize::from(self.octet()) % count.max(1)
    }

    /// One of `all`, by one octet.
    pub fn pick<'b, T>(&mut self, all: &'b [T]) -> Option<&'b T> {
        let index = self.below(all.len());
        all.get(index)
    }

    /// The next `count` octets, or what is left.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        head
    }

    /// So many octets as one octet says.
    pub fn piece(&mut self) -> &'a [u8] {
        let count = self.octet();
        self.take(count.into())
    }

    /// All that is left.
    #[must_use]
    pub const fn rest(self) -> &'a [u8] {
        self.0
    }
}
