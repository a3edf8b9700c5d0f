//! Which algorithms protect a direction, and how long what they need and make is.

use crypto::Secret;
use crypto::aead;
use crypto::cbc_hmac::{BLOCK_LEN, Integrity};

/// The encryption of an SA, with the integrity algorithm it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cipher {
    /// Encryption that authenticates by itself (RFC 5282).
    Aead(aead::Algorithm),
    /// AES-CBC and an HMAC over what it encrypted (RFC 7296 §3.14).
    CbcHmac {
        /// Length of the AES key, in octets: 16 or 32.
        key_len: usize,
        /// The HMAC.
        integrity: Integrity,
    },
}

impl Cipher {
    /// Octets of encryption key for one direction, with the salt of an AEAD (RFC 5282 §7.1).
    #[must_use]
    pub const fn encryption_key_len(self) -> usize {
        match self {
            Self::Aead(algorithm) => algorithm.keymat_len(),
            Self::CbcHmac { key_len, .. } => key_len,
        }
    }

    /// Octets of integrity key for one direction; none for an AEAD (RFC 5282 §7.1).
    #[must_use]
    pub const fn integrity_key_len(self) -> usize {
        match self {
            Self::Aead(_) => 0,
            Self::CbcHmac { integrity, .. } => integrity.key_len(),
        }
    }

    /// Octets that `plaintext_len` octets become: IV, padded ciphertext and integrity check value.
    #[must_use]
    pub const fn sealed_len(self, plaintext_len: usize) -> usize {
        self.frame_len() + self.padded_len(plaintext_len)
    }

    /// The most octets of plaintext that `space` octets have room for, if for any.
    pub(super) fn capacity(self, space: usize) -> Option<usize> {
        let text = space.checked_sub(self.frame_len())?;
        let padded = text - text % self.block_len();
        padded.checked_sub(PAD_LENGTH_LEN).filter(|&capacity| capacity > 0)
    }

    /// Octets of the initialization vector.
    pub(super) const fn iv_len(self) -> usize {
        match self {
            Self::Aead(_) => aead::IV_LEN,
            Self::CbcHmac { .. } => BLOCK_LEN,
        }
    }

    /// Octets of the integrity check value.
    pub(super) const fn icv_len(self) -> usize {
        match self {
            Self::Aead(_) => aead::TAG_LEN,
            Self::CbcHmac { integrity, .. } => integrity.icv_len(),
        }
    }

    /// Octets of `plaintext_len` with padding and pad length: as few as the cipher takes.
    pub(super) const fn padded_len(self, plaintext_len: usize) -> usize {
        (plaintext_len + PAD_LENGTH_LEN).next_multiple_of(self.block_len())
    }

    const fn frame_len(self) -> usize {
        self.iv_len() + self.icv_len()
    }

    const fn block_len(self) -> usize {
        match self {
            Self::Aead(_) => 1,
            Self::CbcHmac { .. } => BLOCK_LEN,
        }
    }
}

/// The octet that ends the text and counts the padding before it (RFC 7296 §3.14).
const PAD_LENGTH_LEN: usize = 1;

/// The keys of one direction of an SA.
#[derive(Clone, Debug)]
pub struct DirectionKeys {
    /// SK_e, or the encryption key of a Child SA, with the salt of an AEAD after the key.
    pub encryption: Secret,
    /// SK_a, or the integrity key of a Child SA; empty for an AEAD.
    pub integrity: Secret,
}
