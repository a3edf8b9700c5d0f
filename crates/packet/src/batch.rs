//! The buffer that many datagrams leave in with one system call.

use std::{fmt, mem};

/// Datagrams of one length laid one after the other, as UDP segmentation offload (`UDP_SEGMENT`,
/// udp(7)) takes them: only the last may be shorter.
///
/// A datagram is written into space that [`reserve`](Self::reserve) gives, and counts once
/// [`commit`](Self::commit) has been called; what is not committed is given anew.
pub struct Batch {
    buffer: Box<[u8]>,
    len: usize,
    stride: usize,
    segments: usize,
    reserved: usize,
}

impl Batch {
    /// Most datagrams in a batch: `UDP_MAX_SEGMENTS` of Linux before 6.9.
    pub const MAX_SEGMENTS: usize = 64;
    /// Most octets over IPv4: what one UDP datagram may carry.
    pub const LIMIT_IPV4: usize = 65_507;
    /// Most octets over IPv6.
    pub const LIMIT_IPV6: usize = 65_487;

    /// An empty batch of at most `limit` octets.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let buffer = vec![0; limit].into_boxed_slice();
        Self { buffer, len: 0, stride: 0, segments: 0, reserved: 0 }
    }

    /// Space for a datagram of at most `len` octets, with what an earlier one left in it; none
    /// when it does not go with those that are here.
    pub fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        self.reserved = 0;
        if len == 0 || self.is_closed() || (!self.is_empty() && len > self.stride) {
            return None;
        }
        let space = self.buffer.get_mut(self.len..)?.get_mut(..len)?;
        self.reserved = len;
        Some(space)
    }

    /// Keeps the first `len` octets of the space last reserved as the next datagram. None are
    /// kept beyond that space, and nothing when none was reserved.
    pub fn commit(&mut self, len: usize) {
        let len = len.min(mem::take(&mut self.reserved));
        if len == 0 {
            return;
        }
        if self.is_empty() {
            self.stride = len;
        }
        self.len += len;
        self.segments += 1;
    }

    /// Whether no datagram can follow: there are as many as may be, or the last was shorter.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.segments == Self::MAX_SEGMENTS || self.len < self.segments * self.stride
    }

    /// How many datagrams there are.
    #[must_use]
    pub const fn segments(&self) -> usize {
        self.segments
    }

    /// Length of each datagram but the last, in octets; 0 when there is none.
    #[must_use]
    pub const fn stride(&self) -> usize {
        self.stride
    }

    /// The datagrams.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }

    /// Whether there is no datagram.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.segments == 0
    }

    /// Forgets the datagrams.
    pub fn clear(&mut self) {
        self.len = 0;
        self.stride = 0;
        self.segments = 0;
        self.reserved = 0;
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("limit", &self.buffer.len())
            .field("len", &self.len)
            .field("stride", &self.stride)
            .field("segments", &self.segments)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Batch;

    #[test]
    fn gives_space_again_that_was_not_committed() {
        let mut batch = Batch::new(100);
        batch.reserve(40).unwrap().fill(1);
        batch.commit(40);
        batch.reserve(40).unwrap().fill(2);
        batch.reserve(40).unwrap().fill(3);
        batch.commit(40);
        // Nothing is reserved any more.
        batch.commit(40);
        assert_eq!((batch.segments(), batch.stride()), (2, 40));
        assert_eq!(batch.octets(), [[1; 40], [3; 40]].as_flattened());
        assert!(batch.reserve(20).is_some());
        assert!(batch.reserve(21).is_none(), "beyond the limit");
        batch.commit(20);
        assert_eq!(batch.segments(), 2, "the last reservation failed");
        assert!(batch.reserve(20).is_some());
    }

    #[test]
    fn ends_at_64_segments() {
        let mut batch = Batch::new(Batch::LIMIT_IPV4);
        for _ in 0..Batch::MAX_SEGMENTS {
            assert!(batch.reserve(60).is_some());
            batch.commit(60);
        }
        assert!(batch.reserve(1).is_none());
        batch.clear();
        assert!(batch.is_empty() && batch.reserve(61).is_some());
    }

    proptest! {
        /// Cut at its stride, a batch is the datagrams that were committed, in order.
        #[test]
        fn cuts_into_what_was_committed(
            lengths in prop::collection::vec((1..200usize, 0..220usize), 1..100),
            limit in 200..4000usize,
        ) {
            let mut batch = Batch::new(limit);
            let mut committed = Vec::new();
            for (number, (reserve, commit)) in lengths.into_iter().enumerate() {
                let Some(space) = batch.reserve(reserve) else { continue };
                prop_assert_eq!(space.len(), reserve);
                space.fill(number as u8);
                batch.commit(commit);
                let kept = commit.min(reserve);
                if kept > 0 {
                    committed.push(vec![number as u8; kept]);
                }
            }
            prop_assert!(batch.octets().len() <= limit);
            prop_assert!(batch.segments() <= Batch::MAX_SEGMENTS);
            let cut: Vec<_> = batch.octets().chunks(batch.stride().max(1)).map(<[u8]>::to_vec).collect();
            prop_assert_eq!(cut, committed);
        }
    }
}
