//! Why a message was not sealed or not opened.

use std::fmt;

/// Why a message cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError {
    /// API misuse: the message is longer than its length fields can say.
    TooLong {
        /// Octets of plaintext.
        plaintext: usize,
    },
    /// Configuration: datagrams of this size have no room for a fragment.
    DatagramTooSmall {
        /// The largest datagram allowed, in octets.
        max: usize,
    },
    /// Configuration: with datagrams of this size the message has too many fragments.
    TooManyFragments {
        /// The fragments it would take.
        needed: usize,
        /// The largest datagram allowed, in octets.
        max: usize,
    },
    /// Internal: the key has sealed as many messages as there are initialization vectors.
    IvExhausted,
    /// Internal: the cryptographic library failed, or was given keys of another cipher.
    Crypto(crypto::Error),
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { plaintext } => {
                write!(f, "{plaintext} octets of payloads are too many for one IKE message")
            }
            Self::DatagramTooSmall { max } => write!(
                f,
                "a datagram of {max} octets has no room for an IKE fragment; allow larger ones"
            ),
            Self::TooManyFragments { needed, max } => write!(
                f,
                "the IKE message takes {needed} fragments of {max} octets, more than peers \
                 accept; allow larger datagrams"
            ),
            Self::IvExhausted => {
                f.write_str("the key has no initialization vector left; rekey the IKE SA")
            }
            Self::Crypto(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SealError {}

/// Why an encrypted payload is refused. Nothing of it may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// Peer or network: shorter than the shortest payload that the cipher makes.
    TooShort {
        /// Octets of the payload after its header.
        octets: usize,
    },
    /// Peer or network: not sealed with the keys of this SA, or changed on its way.
    NotAuthentic,
    /// Peer: authentic, but it claims more padding than there is text.
    Padding,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { octets } => {
                write!(f, "an encrypted payload of {octets} octets is too short for its cipher")
            }
            Self::NotAuthentic => f.write_str(
                "the encrypted payload is not authentic: other keys, or changed on its way",
            ),
            Self::Padding => f.write_str("the encrypted payload has more padding than text"),
        }
    }
}

impl std::error::Error for OpenError {}
