//! A body of any length whose bytes are known beforehand and held once.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

/// Prime, so that no power-of-two buffer on the way lines up with the repetition.
const BLOCK_LEN: usize = 1_048_573;
/// Any odd number will do; the sequence, once chosen, stays.
const SEED: u64 = 0x5e61_5e61_5e61_5e61;

/// `BLOCK_LEN` pseudo-random bytes, shared by every body.
static BLOCK: LazyLock<Bytes> = LazyLock::new(|| {
    let mut state = SEED;
    (0..BLOCK_LEN).map(|_| next_byte(&mut state)).collect()
});

/// The shared block, over and over, until the promised count has been sent.
pub(crate) struct Pattern {
    remaining: u64,
}

impl Pattern {
    pub(crate) fn new(len: u64) -> Self {
        Self { remaining: len }
    }

    fn next_chunk(&mut self) -> Option<Bytes> {
        let len = usize::try_from(self.remaining).map_or(BLOCK_LEN, |len| len.min(BLOCK_LEN));
        self.remaining -= len as u64;
        (len > 0).then(|| BLOCK.slice(..len))
    }
}

impl Body for Pattern {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next_chunk().map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

/// xorshift64* (Marsaglia 2003; Vigna 2016), its best byte.
fn next_byte(state: &mut u64) -> u8 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    let [best, ..] = state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes();
    best
}
