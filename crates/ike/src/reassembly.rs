//! Putting a fragmented message together again (RFC 7383 §2.6).
//!
//! What a peer can make this keep is bounded: one set of fragments for each message that is
//! awaited, of at most [`MAX_FRAGMENTS`] fragments and [`MAX_PLAINTEXT`] octets, and only
//! fragments that were opened with the keys of the SA.

#[cfg(test)]
mod tests;

use std::fmt;

use crate::protection::{MAX_FRAGMENTS, MAX_PLAINTEXT};

/// An authentic fragment: its fields (RFC 7383 §2.5) and its opened content.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    /// Fragment Number, from one.
    pub number: u16,
    /// Total Fragments.
    pub total: u16,
    /// Next Payload, which counts in the first fragment only.
    pub next_payload: u8,
    /// The plaintext that [`Opener::open`](crate::protection::Opener::open) returned.
    pub plaintext: &'a [u8],
}

/// A message whose fragments are all there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complete {
    /// The type of the first payload in the plaintext.
    pub first_inner: u8,
    /// The payloads.
    pub plaintext: Vec<u8>,
}

/// The fragments of one message: of one message id, and of a request or a response.
#[derive(Debug, Default)]
pub struct Reassembly {
    /// One place for each fragment of the set; none before the first fragment.
    parts: Vec<Option<Vec<u8>>>,
    missing: usize,
    octets: usize,
    first_inner: u8,
}

impl Reassembly {
    /// Nothing received yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an authentic fragment; gives the message when it was the last that was missing, and
    /// is then as new.
    ///
    /// A peer that found its datagrams too large sends the message again in more fragments:
    /// those replace a set of fewer (RFC 7383 §2.5.2, §2.6).
    ///
    /// # Errors
    /// [`FragmentRefusal`]: the fragment is not kept.
    pub fn insert(&mut self, fragment: &Fragment<'_>) -> Result<Option<Complete>, FragmentRefusal> {
        let Fragment { number, total, next_payload, plaintext } = *fragment;
        if total > MAX_FRAGMENTS {
            return Err(FragmentRefusal::TooMany { total });
        }
        if number == 0 || number > total {
            return Err(FragmentRefusal::Numbering { number, total });
        }
        let total = usize::from(total);
        if total < self.parts.len() {
            return Err(FragmentRefusal::OutdatedSet);
        }
        if total > self.parts.len() {
            *self = Self { parts: vec![None; total], missing: total, ..Self::default() };
        }
        self.keep(usize::from(number) - 1, plaintext)?;
        if number == 1 {
            self.first_inner = next_payload;
        }
        Ok((self.missing == 0).then(|| std::mem::take(self).complete()))
    }

    fn keep(&mut self, index: usize, plaintext: &[u8]) -> Result<(), FragmentRefusal> {
        let octets = self.octets + plaintext.len();
        match self.parts.get_mut(index) {
            Some(part) if part.is_none() => {
                if octets > MAX_PLAINTEXT {
                    return Err(FragmentRefusal::TooLarge { octets });
                }
                *part = Some(plaintext.to_vec());
                self.missing -= 1;
                self.octets = octets;
                Ok(())
            }
            _ => Err(FragmentRefusal::Duplicate),
        }
    }

    fn complete(self) -> Complete {
        let parts: Vec<_> = self.parts.into_iter().flatten().collect();
        Complete { first_inner: self.first_inner, plaintext: parts.concat() }
    }
}

/// Why a fragment is not kept. All of these are the peer's or the network's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FragmentRefusal {
    /// Network: the fragment is there already.
    Duplicate,
    /// Network: it belongs to a set that the peer has replaced by one of more fragments.
    OutdatedSet,
    /// Peer: no message has such a fragment.
    Numbering {
        /// The Fragment Number.
        number: u16,
        /// The Total Fragments.
        total: u16,
    },
    /// Peer: more fragments than [`MAX_FRAGMENTS`].
    TooMany {
        /// The Total Fragments.
        total: u16,
    },
    /// Peer: more octets than [`MAX_PLAINTEXT`].
    TooLarge {
        /// Octets of plaintext with this fragment.
        octets: usize,
    },
}

impl fmt::Display for FragmentRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate => f.write_str("the fragment was received before"),
            Self::OutdatedSet => {
                f.write_str("the fragment is of a set that one of more fragments has replaced")
            }
            Self::Numbering { number, total } => {
                write!(f, "there is no fragment {number} of {total}")
            }
            Self::TooMany { total } => {
                write!(f, "{total} fragments are more than the {MAX_FRAGMENTS} accepted")
            }
            Self::TooLarge { octets } => {
                write!(f, "{octets} octets of fragments are more than the {MAX_PLAINTEXT} accepted")
            }
        }
    }
}

impl std::error::Error for FragmentRefusal {}
