//! AES-CBC (RFC 3602) with HMAC-SHA-2 (RFC 4868) as one encrypt-then-MAC unit, as ESP
//! (RFC 4303 §3.3.2) and the SK payload of IKE (RFC 7296 §3.14) use it.

#[cfg(test)]
mod tests;

use std::fmt;

use aws_lc_rs::cipher::{
    AES_128, AES_256, Algorithm, DecryptingKey, DecryptionContext, EncryptingKey,
    EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{hmac, rand};

use crate::Error;
use crate::secret::equal;

/// Length of an initialization vector and of a cipher block, in octets.
pub const BLOCK_LEN: usize = 16;

/// An integrity algorithm, with its IKE transform id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Integrity {
    /// AUTH_HMAC_SHA2_256_128 (12).
    HmacSha256_128,
    /// AUTH_HMAC_SHA2_384_192 (13).
    HmacSha384_192,
    /// AUTH_HMAC_SHA2_512_256 (14).
    HmacSha512_256,
}

impl Integrity {
    /// Length of the key, in octets (RFC 4868 §2.1.1).
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::HmacSha256_128 => 32,
            Self::HmacSha384_192 => 48,
            Self::HmacSha512_256 => 64,
        }
    }

    /// Length of the integrity check value, in octets: half the hash (RFC 4868 §2.1.1).
    #[must_use]
    pub const fn icv_len(self) -> usize {
        self.key_len() / 2
    }

    fn backend(self) -> hmac::Algorithm {
        match self {
            Self::HmacSha256_128 => hmac::HMAC_SHA256,
            Self::HmacSha384_192 => hmac::HMAC_SHA384,
            Self::HmacSha512_256 => hmac::HMAC_SHA512,
        }
    }
}

/// What surrounds the encrypted text and is authenticated with it, in the order
/// `header | iv | text | suffix`.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// Everything before the IV: SPI and sequence number of ESP; of IKE, the message from its
    /// first octet to the end of the SK payload's header.
    pub header: &'a [u8],
    /// The initialization vector. To seal, one nobody could predict: [`random_iv`].
    pub iv: &'a [u8; BLOCK_LEN],
    /// What is authenticated after the text but not sent: the high half of ESP's extended
    /// sequence number (RFC 4303 §2.2.1), else nothing.
    pub suffix: &'a [u8],
}

/// One pair of keys, made ready once.
pub struct CbcHmac {
    /// In one place from the start: moving the unit leaves no copy of a key behind.
    keys: Box<Keys>,
    integrity: Integrity,
}

struct Keys {
    encrypting: EncryptingKey,
    decrypting: DecryptingKey,
    authenticating: hmac::Key,
}

impl CbcHmac {
    /// Prepares an AES key of 16 or 32 octets and an integrity key of [`Integrity::key_len`].
    ///
    /// # Errors
    /// [`Error::Length`] when a key has another length.
    pub fn new(
        cipher_key: &[u8],
        integrity: Integrity,
        integrity_key: &[u8],
    ) -> Result<Self, Error> {
        if integrity_key.len() != integrity.key_len() {
            return Err(Error::Length { what: "integrity key", actual: integrity_key.len() });
        }
        let cipher = cipher_of(cipher_key)?;
        let bound = || UnboundCipherKey::new(cipher, cipher_key).map_err(|_| Error::Internal);
        let keys = Box::new(Keys {
            encrypting: EncryptingKey::cbc(bound()?).map_err(|_| Error::Internal)?,
            decrypting: DecryptingKey::cbc(bound()?).map_err(|_| Error::Internal)?,
            authenticating: hmac::Key::new(integrity.backend(), integrity_key),
        });
        Ok(Self { keys, integrity })
    }

    /// Encrypts `text` in place and writes the integrity check value to `icv`.
    ///
    /// The text is already padded to whole blocks, one at least, and `icv` has [`Integrity::icv_len`] octets.
    ///
    /// # Errors
    /// [`Error::Length`] when either has another length.
    pub fn seal(
        &self,
        envelope: &Envelope<'_>,
        text: &mut [u8],
        icv: &mut [u8],
    ) -> Result<(), Error> {
        if !is_padded(text) {
            return Err(Error::Length { what: "text to encrypt", actual: text.len() });
        }
        if icv.len() != self.integrity.icv_len() {
            return Err(Error::Length { what: "integrity check value", actual: icv.len() });
        }
        let context = EncryptionContext::Iv128(FixedLength::from(envelope.iv));
        self.keys.encrypting.less_safe_encrypt(text, context).map_err(|_| Error::Internal)?;
        let mac = self.mac(envelope, text);
        icv.iter_mut().zip(mac.as_ref()).for_each(|(to, from)| *to = *from);
        Ok(())
    }

    /// Verifies `icv` and then decrypts `text` in place. The padding is left in place.
    ///
    /// # Errors
    /// [`Error::Authentication`] when anything authenticated was changed, or the lengths are not
    /// those of a sealed text. `text` is then as it was.
    pub fn open(&self, envelope: &Envelope<'_>, text: &mut [u8], icv: &[u8]) -> Result<(), Error> {
        let mac = self.mac(envelope, text);
        let expected = mac.as_ref().get(..self.integrity.icv_len()).unwrap_or_default();
        if !equal(expected, icv) || !is_padded(text) {
            return Err(Error::Authentication);
        }
        let context = DecryptionContext::Iv128(FixedLength::from(envelope.iv));
        self.keys.decrypting.decrypt(text, context).map(drop).map_err(|_| Error::Internal)
    }

    fn mac(&self, envelope: &Envelope<'_>, text: &[u8]) -> hmac::Tag {
        let mut mac = hmac::Context::with_key(&self.keys.authenticating);
        mac.update(envelope.header);
        mac.update(envelope.iv);
        mac.update(text);
        mac.update(envelope.suffix);
        mac.sign()
    }
}

impl fmt::Debug for CbcHmac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CbcHmac({:?}, redacted)", self.integrity)
    }
}

/// An initialization vector that nobody can predict, as CBC needs (RFC 3602 §3).
///
/// # Errors
/// [`Error::Internal`] when there is no entropy.
pub fn random_iv() -> Result<[u8; BLOCK_LEN], Error> {
    let mut iv = [0; BLOCK_LEN];
    rand::fill(&mut iv).map_err(|_| Error::Internal)?;
    Ok(iv)
}

/// Whole blocks, and one at least: it ends with the pad length (RFC 7296 §3.14, RFC 4303 §2).
fn is_padded(text: &[u8]) -> bool {
    !text.is_empty() && text.len().is_multiple_of(BLOCK_LEN)
}

fn cipher_of(key: &[u8]) -> Result<&'static Algorithm, Error> {
    match key.len() {
        16 => Ok(&AES_128),
        32 => Ok(&AES_256),
        actual => Err(Error::Length { what: "AES key", actual }),
    }
}
