//! What an SA is made of: algorithms, keys, and the lengths that follow from them.

use std::fmt;

use crypto::aead;
use crypto::cbc_hmac::{BLOCK_LEN, Integrity};

use crate::trailer;

/// Octets before the IV: SPI and sequence number (RFC 4303 §2).
pub(crate) const HEADER_LEN: usize = 8;
/// What the ciphertext of every algorithm must be a multiple of, in octets (RFC 4303 §2.4).
const ALIGNMENT: usize = 4;

/// The algorithms of an SA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suite {
    /// One that hides and authenticates (RFC 4106, RFC 7634).
    Aead(aead::Algorithm),
    /// AES-CBC (RFC 3602), then HMAC over the ciphertext (RFC 4868).
    CbcHmac {
        /// Length of the AES key, in octets: 16 or 32.
        key_len: usize,
        /// Of the ciphertext.
        integrity: Integrity,
    },
}

impl Suite {
    /// Length of the ESP packet that `inner_len` octets become, from SPI to ICV, in octets.
    #[must_use]
    pub const fn sealed_len(self, inner_len: usize) -> usize {
        let text = inner_len.saturating_add(trailer::MIN_LEN);
        let padded = match text.checked_next_multiple_of(self.alignment()) {
            Some(padded) => padded,
            None => usize::MAX,
        };
        padded.saturating_add(self.frame_len())
    }

    /// The longest inner packet whose ESP packet fits into `room` octets; 0 when none does.
    /// What [`sealed_len`](Self::sealed_len) undoes.
    #[must_use]
    pub const fn max_inner_len(self, room: usize) -> usize {
        let text = room.saturating_sub(self.frame_len());
        (text - text % self.alignment()).saturating_sub(trailer::MIN_LEN)
    }

    pub(crate) const fn alignment(self) -> usize {
        match self {
            Self::Aead(_) => ALIGNMENT,
            Self::CbcHmac { .. } => BLOCK_LEN,
        }
    }

    /// Octets around the ciphertext.
    const fn frame_len(self) -> usize {
        HEADER_LEN
            + match self {
                Self::Aead(_) => aead::IV_LEN + aead::TAG_LEN,
                Self::CbcHmac { integrity, .. } => BLOCK_LEN + integrity.icv_len(),
            }
    }
}

/// One direction of a CHILD_SA, as IKE agreed on it.
#[derive(Clone, Copy)]
pub struct Parameters<'a> {
    /// Which SA of the receiver it is.
    pub spi: u32,
    /// Its algorithms.
    pub suite: Suite,
    /// Key of the cipher, as IKE draws it: for an AEAD with its salt after it (RFC 4106 §8.1,
    /// RFC 7634 §2).
    pub encryption: &'a [u8],
    /// Key of the HMAC; empty for an AEAD.
    pub integrity: &'a [u8],
    /// Sequence numbers of 64 bits, not 32 (RFC 4303 §2.2.1).
    pub esn: bool,
}

impl fmt::Debug for Parameters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { spi, suite, esn, .. } = self;
        write!(f, "Parameters({spi:#010x}, {suite:?}, esn {esn}, keys redacted)")
    }
}

/// Why no SA can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// API misuse: a key has not the length that its algorithm takes. Internal: the
    /// cryptographic library failed.
    Crypto(crypto::Error),
    /// Configuration: a replay window of so many packets is none of 64, 128, … 65536.
    Window(u32),
}

impl From<crypto::Error> for Error {
    fn from(error: crypto::Error) -> Self {
        Self::Crypto(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crypto(error) => error.fmt(f),
            Self::Window(size) => {
                write!(f, "a replay window of {size} packets; use a power of two, 64 to 65536")
            }
        }
    }
}

impl std::error::Error for Error {}
