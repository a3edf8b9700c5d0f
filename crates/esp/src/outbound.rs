//! What we send.

use crate::inbound::{high_half, last_sequence};
use crate::lifetime::Lifetime;
use crate::protection::Protection;
use crate::trailer::Trailer;
use crate::{Error, Limits, Parameters, Suite, Usage};

/// An SA that sends.
///
/// Its sequence numbers only grow, are never handed out or taken back, and end before they
/// wrap: so no AEAD nonce is used twice with its key (RFC 4106 §3.1, RFC 7634 §2).
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Outbound {
    /// The last one used.
    sequence: u64,
    protection: Protection,
    suite: Suite,
    spi: u32,
    esn: bool,
    lifetime: Lifetime,
}

const _: () = assert!(size_of::<Outbound>() <= 128, "two cache lines");

/// Why a packet cannot be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exhausted {
    /// The SA has used all its sequence numbers (RFC 4303 §3.3.3). It seals nothing more.
    Sequence,
    /// The SA has reached a hard limit (RFC 4301 §4.4.2.1). It seals nothing more.
    Lifetime,
    /// API misuse: less room than [`Outbound::sealed_len`].
    Room,
    /// Internal: the cryptographic library failed, as without entropy for a CBC IV.
    Cipher,
}

impl Outbound {
    /// Makes an SA ready. The first packet has sequence number 1.
    ///
    /// # Errors
    /// [`Error`] when the keys do not fit the suite.
    pub fn new(parameters: &Parameters<'_>, limits: Limits) -> Result<Self, Error> {
        let Parameters { spi, suite, esn, .. } = *parameters;
        Ok(Self {
            sequence: 0,
            protection: Protection::new(parameters)?,
            suite,
            spi,
            esn,
            lifetime: Lifetime::new(limits, last_sequence(esn)),
        })
    }

    /// [`Suite::sealed_len`] of its suite.
    #[must_use]
    pub const fn sealed_len(&self, inner_len: usize) -> usize {
        self.suite.sealed_len(inner_len)
    }

    /// [`Suite::max_inner_len`] of its suite.
    #[must_use]
    pub const fn max_inner_len(&self, room: usize) -> usize {
        self.suite.max_inner_len(room)
    }

    /// Writes the ESP packet of `inner`, from SPI to ICV, to the front of `out`; returns its
    /// length in octets. `next_header` says what `inner` is: 4 for IPv4, 41 for IPv6.
    ///
    /// # Errors
    /// Why there is none; what `out` holds is then without meaning.
    pub fn seal_into(
        &mut self,
        inner: &[u8],
        next_header: u8,
        out: &mut [u8],
    ) -> Result<usize, Exhausted> {
        let len = self.sealed_len(inner.len());
        let packet = out.get_mut(..len).ok_or(Exhausted::Room)?;
        if self.sequence >= last_sequence(self.esn) {
            return Err(Exhausted::Sequence);
        }
        if self.lifetime.is_over() {
            return Err(Exhausted::Lifetime);
        }
        self.sequence += 1;
        let sequence = (self.sequence, high_half(self.sequence, self.esn));
        let trailer = Trailer::new(inner.len(), self.suite.alignment(), next_header);
        self.protection.seal(self.spi, sequence, inner, &trailer, packet)?;
        self.lifetime.count(inner.len() + trailer.as_bytes().len());
        Ok(len)
    }

    /// Whether a packet whose sequence number has these low 32 bits was among the last 65,536
    /// sent.
    #[must_use]
    pub const fn sent_lately(&self, sequence: u32) -> bool {
        let age = (self.sequence as u32).wrapping_sub(sequence) as u64;
        age < 1 << 16 && age < self.sequence
    }

    /// Its SPI, which the peer chose.
    #[must_use]
    pub const fn spi(&self) -> u32 {
        self.spi
    }

    /// What it has sent.
    #[must_use]
    pub const fn usage(&self) -> Usage {
        self.lifetime.usage()
    }

    /// Whether it has come to a soft limit and needs a successor. Told once; ask after a packet
    /// or after a batch of them.
    #[must_use]
    pub const fn take_due(&mut self) -> bool {
        self.lifetime.take_due()
    }
}

#[cfg(test)]
impl Outbound {
    /// As if `sequence` were the last that was used.
    pub(crate) fn skip_to(&mut self, sequence: u64) {
        self.sequence = sequence;
    }
}
