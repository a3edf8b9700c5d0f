//! Sealing what this end sends, in one datagram or in fragments.

use crypto::aead::{self, Aead, Salt};
use crypto::cbc_hmac::{BLOCK_LEN, CbcHmac, Envelope, random_iv};

use super::unit::Unit;
use super::{
    Cipher, DirectionKeys, ENCRYPTED, ENCRYPTED_FRAGMENT, HEADER_LEN, MAX_FRAGMENTS, MAX_PLAINTEXT,
    NO_NEXT_PAYLOAD, PAYLOAD_HEADER_LEN, SealError, header_of, payload_header,
};

/// Octets of the Fragment Number and Total Fragments fields (RFC 7383 §2.5).
const FRAGMENT_FIELDS_LEN: usize = 4;

/// Seals the messages of one direction of an SA: of this end's.
#[derive(Debug)]
pub struct Sealer {
    unit: Unit,
    cipher: Cipher,
    /// Those of an AEAD; CBC draws its own.
    pub(super) ivs: Counter,
}

impl Sealer {
    /// Prepares the keys of this end's direction. There must be one sealer only of the same
    /// keys: two would use the same initialization vectors.
    ///
    /// # Errors
    /// [`crypto::Error::Length`] when they are keys of another cipher.
    pub fn new(cipher: Cipher, keys: &DirectionKeys) -> Result<Self, crypto::Error> {
        Ok(Self { unit: Unit::new(cipher, keys)?, cipher, ivs: Counter(Some(0)) })
    }

    /// Seals a message: one datagram with an Encrypted payload or, when that were longer than
    /// `max_datagram` octets, the datagrams of its fragments (RFC 7383 §2.5), in order. Without
    /// `max_datagram`, which the peer must have agreed to, there are no fragments.
    ///
    /// `template` is the IKE header; its first payload and its length do not matter.
    /// `first_inner` is the type of the first payload in `plaintext`, zero when it is empty.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal_message(
        &mut self,
        template: &[u8; HEADER_LEN],
        first_inner: u8,
        plaintext: &[u8],
        max_datagram: Option<usize>,
    ) -> Result<Vec<Vec<u8>>, SealError> {
        if plaintext.len() > MAX_PLAINTEXT {
            return Err(SealError::TooLong { plaintext: plaintext.len() });
        }
        let whole = HEADER_LEN + PAYLOAD_HEADER_LEN + self.cipher.sealed_len(plaintext.len());
        match max_datagram {
            Some(max) if whole > max => self.seal_fragments(template, first_inner, plaintext, max),
            _ => Ok(vec![self.seal(template, Payload::Whole { first_inner }, plaintext)?]),
        }
    }

    fn seal_fragments(
        &mut self,
        template: &[u8; HEADER_LEN],
        first_inner: u8,
        plaintext: &[u8],
        max: usize,
    ) -> Result<Vec<Vec<u8>>, SealError> {
        let capacity = max
            .checked_sub(HEADER_LEN + PAYLOAD_HEADER_LEN + FRAGMENT_FIELDS_LEN)
            .and_then(|space| self.cipher.capacity(space))
            .ok_or(SealError::DatagramTooSmall { max })?;
        let needed = plaintext.len().div_ceil(capacity);
        let total = u16::try_from(needed)
            .ok()
            .filter(|&total| total <= MAX_FRAGMENTS)
            .ok_or(SealError::TooManyFragments { needed, max })?;
        (1..=total)
            .zip(plaintext.chunks(capacity))
            .map(|(number, part)| {
                self.seal(template, Payload::Fragment { first_inner, number, total }, part)
            })
            .collect()
    }

    /// One datagram.
    fn seal(
        &mut self,
        template: &[u8; HEADER_LEN],
        payload: Payload,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let too_long = SealError::TooLong { plaintext: plaintext.len() };
        let (header_len, sealed_len) =
            (payload.header_len(), self.cipher.sealed_len(plaintext.len()));
        let payload_len = u16::try_from(header_len + sealed_len).map_err(|_| too_long)?;
        let length = u32::from(payload_len) + HEADER_LEN as u32;

        let mut datagram = Vec::with_capacity(HEADER_LEN + usize::from(payload_len));
        datagram.extend(header_of(template, payload.payload_type(), length));
        payload.write_header(payload_len, &mut datagram);
        let associated_len = datagram.len();
        datagram.resize(associated_len + self.cipher.iv_len(), 0);
        datagram.extend_from_slice(plaintext);
        self.pad(plaintext.len(), &mut datagram);
        datagram.resize(datagram.len() + self.cipher.icv_len(), 0);

        let (associated, body) = datagram.split_at_mut(associated_len);
        match &mut self.unit {
            Unit::Aead(aead, salt) => seal_aead(aead, salt, self.ivs.next()?, associated, body)?,
            Unit::CbcHmac(unit) => seal_cbc(unit, self.cipher.icv_len(), associated, body)?,
        }
        Ok(datagram)
    }

    /// Zeros and their count (RFC 7296 §3.14): a receiver takes any padding.
    fn pad(&self, plaintext_len: usize, datagram: &mut Vec<u8>) {
        let pad_len = self.cipher.padded_len(plaintext_len) - plaintext_len - 1;
        datagram.resize(datagram.len() + pad_len, 0);
        datagram.push(u8::try_from(pad_len).unwrap_or_default());
    }
}

/// The payload that the plaintext goes into.
#[derive(Clone, Copy)]
enum Payload {
    Whole { first_inner: u8 },
    Fragment { first_inner: u8, number: u16, total: u16 },
}

impl Payload {
    fn payload_type(self) -> u8 {
        match self {
            Self::Whole { .. } => ENCRYPTED,
            Self::Fragment { .. } => ENCRYPTED_FRAGMENT,
        }
    }

    fn header_len(self) -> usize {
        match self {
            Self::Whole { .. } => PAYLOAD_HEADER_LEN,
            Self::Fragment { .. } => PAYLOAD_HEADER_LEN + FRAGMENT_FIELDS_LEN,
        }
    }

    /// Only the first fragment names the first payload (RFC 7383 §2.5).
    fn write_header(self, length: u16, out: &mut Vec<u8>) {
        match self {
            Self::Whole { first_inner } => out.extend(payload_header(first_inner, length)),
            Self::Fragment { first_inner, number, total } => {
                let next = if number == 1 { first_inner } else { NO_NEXT_PAYLOAD };
                out.extend(payload_header(next, length));
                out.extend(number.to_be_bytes());
                out.extend(total.to_be_bytes());
            }
        }
    }
}

/// The next initialization vector of an AEAD key: each is used once (RFC 5282 §3.1).
#[derive(Debug)]
pub(super) struct Counter(pub(super) Option<u64>);

impl Counter {
    fn next(&mut self) -> Result<[u8; aead::IV_LEN], SealError> {
        let iv = self.0.ok_or(SealError::IvExhausted)?;
        self.0 = iv.checked_add(1);
        Ok(iv.to_be_bytes())
    }
}

/// `body` is the place of the IV, the padded text, and the place of the tag.
fn seal_aead(
    aead: &mut Aead,
    salt: &Salt,
    next_iv: [u8; aead::IV_LEN],
    associated: &[u8],
    body: &mut [u8],
) -> Result<(), SealError> {
    let (iv, sealed) = body.split_first_chunk_mut().ok_or(INTERNAL)?;
    *iv = next_iv;
    aead.seal_appended(&salt.nonce(*iv), associated, sealed).map_err(SealError::Crypto)
}

/// `body` is the place of the IV, the padded text, and the place of the integrity check value.
fn seal_cbc(
    unit: &CbcHmac,
    icv_len: usize,
    associated: &[u8],
    body: &mut [u8],
) -> Result<(), SealError> {
    let (iv, sealed) = body.split_first_chunk_mut::<BLOCK_LEN>().ok_or(INTERNAL)?;
    *iv = random_iv().map_err(SealError::Crypto)?;
    let text_len = sealed.len().checked_sub(icv_len).ok_or(INTERNAL)?;
    let (text, icv) = sealed.split_at_mut_checked(text_len).ok_or(INTERNAL)?;
    let envelope = Envelope { header: associated, iv, suffix: &[] };
    unit.seal(&envelope, text, icv).map_err(SealError::Crypto)
}

/// A buffer that was not laid out as these functions need it.
const INTERNAL: SealError = SealError::Crypto(crypto::Error::Internal);
