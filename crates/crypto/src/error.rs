//! What can go wrong, and whose fault it is.

use std::fmt;

/// A primitive refused or failed. Nothing here holds or describes secret bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// API misuse: a key or buffer given by the caller has a length the algorithm does not take.
    Length {
        /// What has the wrong length.
        what: &'static str,
        /// The length given, in octets.
        actual: usize,
    },
    /// Peer: the data, the tag or the signature is not authentic.
    Authentication,
    /// Peer: the key-exchange value has not the length of its group's values.
    PublicValueLength {
        /// The length that the group prescribes, in octets.
        expected: usize,
        /// The length received, in octets.
        actual: usize,
    },
    /// Peer: the key-exchange value is out of range, not on the curve, or of small order.
    PublicValue,
    /// Configuration or peer: the bytes are not a key of a kind known here.
    KeyEncoding,
    /// Configuration or peer: RSA keys must have 2048 to 8192 bits. (One of more than 16384 bits
    /// is not read at all: [`Error::KeyEncoding`].)
    KeySize,
    /// API misuse or peer: the key is not of the kind that the signature algorithm needs, or this
    /// kind of key does not sign with that hash.
    KeyMismatch,
    /// Internal: the library failed: no entropy, no memory, or (AEAD only) a text of gigabytes.
    Internal,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { what, actual } => {
                write!(f, "the {what} must not be {actual} octets long")
            }
            Self::Authentication => f.write_str("authentication failed"),
            Self::PublicValueLength { expected, actual } => write!(
                f,
                "the peer's key-exchange value has {actual} octets, its group's have {expected}"
            ),
            Self::PublicValue => f.write_str("the peer's key-exchange value is invalid"),
            Self::KeyEncoding => f.write_str(
                "not a usable key; give RSA, ECDSA on P-256, P-384 or P-521, or Ed25519 in DER",
            ),
            Self::KeySize => {
                f.write_str("the RSA key is too small or too large; use 2048 to 8192 bits")
            }
            Self::KeyMismatch => {
                f.write_str("the key does not fit the signature algorithm; choose one of its kind")
            }
            Self::Internal => {
                f.write_str("the cryptographic library failed; check memory and entropy")
            }
        }
    }
}

impl std::error::Error for Error {}
