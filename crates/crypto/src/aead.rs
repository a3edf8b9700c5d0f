//! Authenticated encryption with associated data: AES-GCM with 16-octet tags (RFC 4106,
//! RFC 5282) and ChaCha20-Poly1305 (RFC 7634), in place or into other space.

mod scatter;
#[cfg(test)]
mod tests;

use std::fmt;

use boring::aead::{AeadCtx, Algorithm as Backend};
use zeroize::Zeroizing;

use crate::Error;

/// Length of the tag of every algorithm here, in octets.
pub const TAG_LEN: usize = 16;
/// Length of the nonce of every algorithm here, in octets.
pub const NONCE_LEN: usize = 12;
/// Length of the part of an ESP or IKE nonce that comes with the key, in octets.
pub const SALT_LEN: usize = 4;
/// Length of the part of an ESP or IKE nonce that travels with each packet, in octets.
pub const IV_LEN: usize = 8;

/// An algorithm, with the IKE transform it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ENCR_AES_GCM_16 (20) with a key of 128 bits.
    Aes128Gcm,
    /// ENCR_AES_GCM_16 (20) with a key of 256 bits.
    Aes256Gcm,
    /// ENCR_CHACHA20_POLY1305 (28).
    ChaCha20Poly1305,
}

impl Algorithm {
    /// Length of the key without the salt, in octets.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 => 32,
        }
    }

    /// Length of the key with the salt: what IKE draws for one direction, in octets
    /// (RFC 4106 §8.1, RFC 7634 §2).
    #[must_use]
    pub const fn keymat_len(self) -> usize {
        self.key_len() + SALT_LEN
    }

    fn backend(self) -> Backend {
        match self {
            Self::Aes128Gcm => Backend::aes_128_gcm(),
            Self::Aes256Gcm => Backend::aes_256_gcm(),
            Self::ChaCha20Poly1305 => Backend::chacha20_poly1305(),
        }
    }
}

/// One key, made ready once. Sealing and opening allocate nothing as long as they succeed.
///
/// Give each thread its own.
pub struct Aead {
    context: AeadCtx,
    algorithm: Algorithm,
}

impl Aead {
    /// Prepares `key`, which does not include the salt.
    ///
    /// # Errors
    /// [`Error::Length`] when the key is not [`Algorithm::key_len`] octets long.
    pub fn new(algorithm: Algorithm, key: &[u8]) -> Result<Self, Error> {
        if key.len() != algorithm.key_len() {
            return Err(Error::Length { what: "AEAD key", actual: key.len() });
        }
        let context = AeadCtx::new(&algorithm.backend(), key, TAG_LEN);
        Ok(Self { context: context.map_err(|_| Error::Internal)?, algorithm })
    }

    /// Prepares keying material as IKE draws it: the key, then the salt (RFC 4106 §8.1,
    /// RFC 7634 §2).
    ///
    /// # Errors
    /// [`Error::Length`] when it is not [`Algorithm::keymat_len`] octets long.
    pub fn from_keymat(algorithm: Algorithm, keymat: &[u8]) -> Result<(Self, Salt), Error> {
        match keymat.split_last_chunk() {
            Some((key, salt)) if key.len() == algorithm.key_len() => {
                Ok((Self::new(algorithm, key)?, Salt::new(*salt)))
            }
            _ => Err(Error::Length { what: "AEAD keying material", actual: keymat.len() }),
        }
    }

    /// Encrypts `text` in place; returns its tag, which covers `aad` too.
    ///
    /// A nonce must never be used twice with one key.
    ///
    /// # Errors
    /// [`Error::Internal`] when the text is longer than the algorithm takes (64 GiB).
    pub fn seal(
        &mut self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        text: &mut [u8],
    ) -> Result<[u8; TAG_LEN], Error> {
        let mut tag = [0; TAG_LEN];
        self.context.seal_in_place_mut(nonce, text, &mut tag, aad).map_err(|_| Error::Internal)?;
        Ok(tag)
    }

    /// Verifies `tag` over `aad` and `text`, and decrypts `text` in place.
    ///
    /// # Errors
    /// [`Error::Authentication`] when any of them was changed; `text` is then without meaning.
    pub fn open(
        &mut self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), Error> {
        self.context.open_in_place_mut(nonce, text, tag, aad).map_err(|_| Error::Authentication)
    }

    /// [`seal`](Self::seal) of all but the last [`TAG_LEN`] octets of `buffer`; the tag goes
    /// into those.
    ///
    /// # Errors
    /// [`Error::Length`] when the buffer has no room for the tag.
    pub fn seal_appended(
        &mut self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        buffer: &mut [u8],
    ) -> Result<(), Error> {
        let actual = buffer.len();
        let (text, tag) = buffer
            .split_last_chunk_mut::<TAG_LEN>()
            .ok_or(Error::Length { what: "buffer to seal with its tag", actual })?;
        *tag = self.seal(nonce, aad, text)?;
        Ok(())
    }

    /// [`seal`](Self::seal) of `text` and then `trailer` as one text: reads them where they are,
    /// and writes ciphertext and tag to `sealed`, in one pass.
    ///
    /// # Errors
    /// [`Error::Length`] when `sealed` has not their length and [`TAG_LEN`] together.
    pub fn seal_to(
        &mut self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        text: &[u8],
        trailer: &[u8],
        sealed: &mut [u8],
    ) -> Result<(), Error> {
        let actual = sealed.len();
        let space = sealed.split_at_mut_checked(text.len());
        let space = space.ok_or(Error::Length { what: "space to seal into", actual })?;
        scatter::seal(&mut self.context, nonce, aad, (text, trailer), space)
    }

    /// [`open`](Self::open) of a `buffer` that ends with the tag; returns the plaintext.
    ///
    /// # Errors
    /// [`Error::Authentication`], also when the buffer is shorter than a tag.
    pub fn open_appended<'a>(
        &mut self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        buffer: &'a mut [u8],
    ) -> Result<&'a mut [u8], Error> {
        let (text, tag) = buffer.split_last_chunk_mut::<TAG_LEN>().ok_or(Error::Authentication)?;
        self.open(nonce, aad, text, tag)?;
        Ok(text)
    }
}

impl fmt::Debug for Aead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aead({:?}, redacted)", self.algorithm)
    }
}

/// The secret part of a nonce, fixed for one key (RFC 4106 §4, RFC 7634 §2).
pub struct Salt(Zeroizing<[u8; SALT_LEN]>);

impl Salt {
    /// Takes the octets that follow the key in the keying material.
    #[must_use]
    pub fn new(octets: [u8; SALT_LEN]) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// The nonce of the packet that carries `iv`: the salt, then the IV.
    #[must_use]
    pub fn nonce(&self, iv: [u8; IV_LEN]) -> [u8; NONCE_LEN] {
        let mut nonce = [0; NONCE_LEN];
        let (salt_part, iv_part) = nonce.split_at_mut(SALT_LEN);
        salt_part.copy_from_slice(&*self.0);
        iv_part.copy_from_slice(&iv);
        nonce
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(redacted)")
    }
}
