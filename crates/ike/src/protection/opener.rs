//! Opening what the peer sealed.

use crypto::aead::{self, Aead, Salt};
use crypto::cbc_hmac::{BLOCK_LEN, CbcHmac, Envelope};

use super::unit::Unit;
use super::{Cipher, DirectionKeys, OpenError};

/// Opens the encrypted payloads of one direction of an SA: of the peer's.
#[derive(Debug)]
pub struct Opener {
    unit: Unit,
    cipher: Cipher,
}

impl Opener {
    /// Prepares the keys of the peer's direction.
    ///
    /// # Errors
    /// [`crypto::Error::Length`] when they are keys of another cipher.
    pub fn new(cipher: Cipher, keys: &DirectionKeys) -> Result<Self, crypto::Error> {
        Ok(Self { unit: Unit::new(cipher, keys)?, cipher })
    }

    /// Verifies and decrypts in place what follows the header of an Encrypted or Encrypted
    /// Fragment payload; returns the plaintext without its padding.
    ///
    /// `associated` is the message from its first octet to the end of that header, `body` the
    /// rest: IV, ciphertext and integrity check value.
    ///
    /// # Errors
    /// [`OpenError`]; `body` is then without meaning.
    pub fn open<'a>(
        &mut self,
        associated: &[u8],
        body: &'a mut [u8],
    ) -> Result<&'a [u8], OpenError> {
        let octets = body.len();
        if octets < self.cipher.sealed_len(0) {
            return Err(OpenError::TooShort { octets });
        }
        let opened = match &mut self.unit {
            Unit::Aead(aead, salt) => open_aead(aead, salt, associated, body),
            Unit::CbcHmac(unit) => open_cbc(unit, self.cipher.icv_len(), associated, body),
        };
        without_padding(opened.ok_or(OpenError::NotAuthentic)?)
    }
}

fn open_aead<'a>(
    aead: &mut Aead,
    salt: &Salt,
    associated: &[u8],
    body: &'a mut [u8],
) -> Option<&'a [u8]> {
    let (iv, sealed) = body.split_first_chunk_mut::<{ aead::IV_LEN }>()?;
    aead.open_appended(&salt.nonce(*iv), associated, sealed).ok().map(|text| &*text)
}

fn open_cbc<'a>(
    unit: &CbcHmac,
    icv_len: usize,
    associated: &[u8],
    body: &'a mut [u8],
) -> Option<&'a [u8]> {
    let (iv, sealed) = body.split_first_chunk_mut::<BLOCK_LEN>()?;
    let (text, icv) = sealed.split_at_mut_checked(sealed.len().checked_sub(icv_len)?)?;
    unit.open(&Envelope { header: associated, iv, suffix: &[] }, text, icv).ok()?;
    Some(text)
}

/// The last octet counts the padding before it, whose content may be anything (RFC 7296 §3.14).
fn without_padding(text: &[u8]) -> Result<&[u8], OpenError> {
    let (pad_len, padded) = text.split_last().ok_or(OpenError::Padding)?;
    let len = padded.len().checked_sub(usize::from(*pad_len)).ok_or(OpenError::Padding)?;
    padded.get(..len).ok_or(OpenError::Padding)
}
