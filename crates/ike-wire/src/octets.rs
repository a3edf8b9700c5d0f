//! Reading with bounds and writing with lengths.

use crate::{Malformed, MalformedReason};

/// What is left to read, and where that stands in what was parsed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads all of `octets`.
    pub(crate) const fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets, at: 0 }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// `reason`, at this place.
    pub(crate) const fn malformed(&self, reason: MalformedReason) -> Malformed {
        Malformed::Octets { reason, at: self.at }
    }

    /// The next `count` octets.
    pub(crate) fn octets(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or_else(|| self.malformed(MalformedReason::Truncated))?;
        *self = Self { rest, at: self.at.saturating_add(count) };
        Ok(head)
    }

    /// The next `N` octets.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self
            .rest
            .split_first_chunk()
            .ok_or_else(|| self.malformed(MalformedReason::Truncated))?;
        *self = Self { rest, at: self.at.saturating_add(N) };
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// All that is left.
    pub(crate) fn remainder(self) -> &'a [u8] {
        self.rest
    }

    /// All that is left, which must be something.
    pub(crate) fn nonempty_remainder(self) -> Result<&'a [u8], Malformed> {
        if self.rest.is_empty() {
            Err(self.malformed(MalformedReason::Empty))
        } else {
            Ok(self.rest)
        }
    }

    /// One unit of the shape that IKE repeats at every level: two octets, the length of the
    /// whole unit, and its body.
    pub(crate) fn unit(&mut self) -> Result<([u8; 2], Reader<'a>), Malformed> {
        let head = self.array()?;
        let truncated = self.malformed(MalformedReason::Truncated);
        let length = usize::from(self.u16()?).checked_sub(UNIT_HEADER_LEN).ok_or(truncated)?;
        let at = self.at;
        Ok((head, Reader { rest: self.octets(length)?, at }))
    }

    /// Nothing may be left.
    pub(crate) const fn finish(&self) -> Result<(), Malformed> {
        if self.is_empty() { Ok(()) } else { Err(self.malformed(MalformedReason::TrailingOctets)) }
    }
}

/// Two octets and the length.
pub(crate) const UNIT_HEADER_LEN: usize = 4;

/// Writes what [`Reader::unit`] reads; `None` when the length field cannot hold it.
pub(crate) fn put_unit(out: &mut Vec<u8>, head: [u8; 2], body: &[u8]) -> Option<()> {
    let length = u16::try_from(body.len().checked_add(UNIT_HEADER_LEN)?).ok()?;
    out.extend(head);
    out.extend(length.to_be_bytes());
    out.extend(body);
    Some(())
}
