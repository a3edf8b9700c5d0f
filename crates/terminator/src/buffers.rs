//! Relay buffers that exist only while data flows.
//!
//! A thread keeps a few for the next burst; an idle connection holds none.

use std::cell::RefCell;

/// Four full TLS records: large enough that system calls do not dominate.
const SIZE: usize = 64 * 1024;
/// Buffers a thread keeps: 4 MiB.
const KEPT: usize = 64;

thread_local! {
    static SPARE: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer with bytes on their way.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Buffer {
    pub(crate) fn take() -> Self {
        let spare = SPARE.with_borrow_mut(Vec::pop);
        let bytes = spare.unwrap_or_else(|| vec![0; SIZE].into_boxed_slice());
        Self { bytes, start: 0, end: 0 }
    }

    /// All of the space; [`Buffer::filled`] says how much was used.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    pub(crate) fn filled(&mut self, count: usize) {
        (self.start, self.end) = (0, count.min(self.bytes.len()));
    }

    /// What has not been passed on yet.
    pub(crate) fn rest(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) fn passed_on(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// Whether the last read used the whole space: more is probably waiting.
    pub(crate) fn was_full(&self) -> bool {
        self.end == self.bytes.len()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        // At thread exit the store may be gone already; then the buffer just goes too.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < KEPT && !bytes.is_empty() {
                spare.push(bytes);
            }
        });
    }
}
