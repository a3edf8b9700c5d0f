//! What the peer sends.

use crate::lifetime::Lifetime;
use crate::protection::{HighHalf, Protection};
use crate::replay::ReplayWindow;
use crate::trailer;
use crate::{Error, Limits, Parameters, Usage};

/// The usual size of the replay window, in packets: what a path with several queues reorders.
pub const DEFAULT_WINDOW: u32 = 8192;
const WINDOWS: std::ops::RangeInclusive<u32> = 64..=65_536;

/// An SA that receives.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Inbound {
    window: ReplayWindow,
    protection: Protection,
    esn: bool,
    /// Octets of the shortest packet.
    min_len: u16,
    spi: u32,
    lifetime: Lifetime,
}

const _: () = assert!(size_of::<Inbound>() <= 128, "two cache lines");

/// What was in a packet.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened<'p> {
    /// What precedes the padding. It may be longer than the IP packet with which it begins: the
    /// rest hides its length (RFC 4303 §2.7).
    pub inner: &'p mut [u8],
    /// What it is: 4 for IPv4, 41 for IPv6.
    pub next_header: u8,
    /// Whether no later packet of this SA has come yet.
    pub newest: bool,
}

/// Why a packet is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rejected {
    /// Shorter than any packet of this SA.
    Truncated,
    /// Sequence number 0, which no sender uses (RFC 4303 §3.3.3).
    SequenceZero,
    /// The sequence number has been seen.
    Replayed,
    /// The sequence number is left of the replay window: whether it was seen is not known.
    TooOld,
    /// The integrity check failed: altered, damaged, or of another key (RFC 4303 §3.4.4).
    NotAuthentic,
    /// Authentic, but the padding is not 1, 2, 3, … or is longer than the text
    /// (RFC 4303 §2.4).
    Padding,
    /// Authentic, and a dummy that is to be dropped (RFC 4303 §2.6).
    Dummy,
    /// The SA has reached a hard limit (RFC 4301 §4.4.2.1).
    Expired,
}

impl Inbound {
    /// Makes an SA ready. `window` is the size of its replay window in packets, a power of two
    /// from 64 to 65536.
    ///
    /// # Errors
    /// [`Error`] when the keys do not fit the suite, or the window has another size.
    pub fn new(parameters: &Parameters<'_>, window: u32, limits: Limits) -> Result<Self, Error> {
        if !window.is_power_of_two() || !WINDOWS.contains(&window) {
            return Err(Error::Window(window));
        }
        let Parameters { spi, suite, esn, .. } = *parameters;
        Ok(Self {
            window: ReplayWindow::new(window),
            protection: Protection::new(parameters)?,
            esn,
            min_len: u16::try_from(suite.sealed_len(0)).unwrap_or(u16::MAX),
            spi,
            lifetime: Lifetime::new(limits, last_sequence(esn)),
        })
    }

    /// Opens, in place, a packet from SPI to ICV. That it has this SA's SPI is known.
    ///
    /// # Errors
    /// Why it is dropped. Unless it was authentic, the SA is as it was before; what `packet`
    /// holds is then without meaning.
    pub fn open<'p>(&mut self, packet: &'p mut [u8]) -> Result<Opened<'p>, Rejected> {
        if packet.len() < usize::from(self.min_len) {
            return Err(Rejected::Truncated);
        }
        if self.lifetime.is_over() {
            return Err(Rejected::Expired);
        }
        let sequence = self.sequence(packet)?;
        self.window.check(sequence)?;
        let text = self.protection.open(packet, high_half(sequence, self.esn))?;
        let newest = self.window.accept(sequence);
        self.lifetime.count(text.len());
        let (inner, next_header) = trailer::strip(text)?;
        if next_header == trailer::NO_NEXT_HEADER {
            return Err(Rejected::Dummy);
        }
        Ok(Opened { inner, next_header, newest })
    }

    /// Its SPI, which we chose.
    #[must_use]
    pub const fn spi(&self) -> u32 {
        self.spi
    }

    /// What it has received.
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

    /// The sequence number of a packet, all of it.
    fn sequence(&self, packet: &[u8]) -> Result<u64, Rejected> {
        let (_spi, rest) = packet.split_first_chunk::<4>().ok_or(Rejected::Truncated)?;
        let low = u32::from_be_bytes(*rest.first_chunk().ok_or(Rejected::Truncated)?);
        if self.esn { self.window.extend(low).ok_or(Rejected::TooOld) } else { Ok(low.into()) }
    }
}

/// The highest sequence number there is (RFC 4303 §2.2, §2.2.1).
pub(crate) const fn last_sequence(esn: bool) -> u64 {
    if esn { u64::MAX } else { u32::MAX as u64 }
}

pub(crate) fn high_half(sequence: u64, esn: bool) -> HighHalf {
    esn.then(|| ((sequence >> 32) as u32).to_be_bytes())
}

#[cfg(test)]
impl Inbound {
    /// As if `sequence` were the last that came.
    pub(crate) fn skip_to(&mut self, sequence: u64) {
        self.window.skip_to(sequence);
    }
}
