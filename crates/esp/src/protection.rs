//! The keys of an SA, and what they cover of a packet.

use crypto::aead::{self, Aead, Salt};
use crypto::cbc_hmac::{self, BLOCK_LEN, CbcHmac, Envelope};

use crate::suite::HEADER_LEN;
use crate::trailer::Trailer;
use crate::{Error, Exhausted, Parameters, Rejected, Suite};

/// High half of an extended sequence number, in network order: authenticated, not sent.
/// None without ESN.
pub(crate) type HighHalf = Option<[u8; 4]>;

/// Keys, made ready.
#[derive(Debug)]
pub(crate) enum Protection {
    /// RFC 4106, RFC 7634.
    Aead(Aead, Salt),
    /// RFC 3602 and RFC 4868.
    CbcHmac { keys: CbcHmac, icv_len: usize },
}

impl Protection {
    pub(crate) fn new(parameters: &Parameters<'_>) -> Result<Self, Error> {
        let Parameters { encryption, integrity, .. } = *parameters;
        match parameters.suite {
            Suite::Aead(_) if !integrity.is_empty() => Err(wrong_key("integrity key", integrity)),
            Suite::Aead(algorithm) => {
                let (aead, salt) = Aead::from_keymat(algorithm, encryption)?;
                Ok(Self::Aead(aead, salt))
            }
            Suite::CbcHmac { key_len, .. } if encryption.len() != key_len => {
                Err(wrong_key("AES key", encryption))
            }
            Suite::CbcHmac { integrity: algorithm, .. } => Ok(Self::CbcHmac {
                keys: CbcHmac::new(encryption, algorithm, integrity)?,
                icv_len: algorithm.icv_len(),
            }),
        }
    }

    /// Verifies a packet, from SPI to ICV, and decrypts it in place; returns the plaintext with
    /// its trailer.
    pub(crate) fn open<'p>(
        &mut self,
        packet: &'p mut [u8],
        high: HighHalf,
    ) -> Result<&'p mut [u8], Rejected> {
        let (header, rest) = packet.split_first_chunk_mut().ok_or(Rejected::Truncated)?;
        match self {
            Self::Aead(aead, salt) => {
                let (iv, rest) = rest.split_first_chunk_mut().ok_or(Rejected::Truncated)?;
                let (text, tag) = rest.split_last_chunk_mut().ok_or(Rejected::Truncated)?;
                let extended = high.map(|high| extended(header, high));
                let associated = extended.as_ref().map_or(&header[..], |header| header);
                aead.open(&salt.nonce(*iv), associated, text, tag)
                    .map_err(|_| Rejected::NotAuthentic)?;
                Ok(text)
            }
            Self::CbcHmac { keys, icv_len } => {
                let (iv, rest) = rest.split_first_chunk_mut().ok_or(Rejected::Truncated)?;
                let text_len = rest.len().checked_sub(*icv_len).ok_or(Rejected::Truncated)?;
                let (text, icv) = rest.split_at_mut(text_len);
                let envelope = Envelope { header, iv, suffix: high.as_ref().map_or(&[], |h| h) };
                keys.open(&envelope, text, icv).map_err(|_| Rejected::NotAuthentic)?;
                Ok(text)
            }
        }
    }

    /// Writes the packet of `inner` and `trailer` to `packet`, which is exactly as long as it.
    /// No two packets may have the same `sequence`: it is the IV of an AEAD.
    pub(crate) fn seal(
        &mut self,
        spi: u32,
        (sequence, high): (u64, HighHalf),
        inner: &[u8],
        trailer: &Trailer,
        packet: &mut [u8],
    ) -> Result<(), Exhausted> {
        let (header, rest) = packet.split_first_chunk_mut().ok_or(Exhausted::Room)?;
        *header = header_of(spi, sequence);
        let trailer = trailer.as_bytes();
        match self {
            Self::Aead(aead, salt) => {
                let (iv, sealed) = rest.split_first_chunk_mut().ok_or(Exhausted::Room)?;
                *iv = sequence.to_be_bytes();
                let extended = high.map(|high| extended(header, high));
                let associated = extended.as_ref().map_or(&header[..], |header| header);
                aead.seal_to(&salt.nonce(*iv), associated, inner, trailer, sealed)
                    .map_err(|_| Exhausted::Cipher)
            }
            Self::CbcHmac { keys, icv_len } => {
                let (iv, rest) =
                    rest.split_first_chunk_mut::<BLOCK_LEN>().ok_or(Exhausted::Room)?;
                *iv = cbc_hmac::random_iv().map_err(|_| Exhausted::Cipher)?;
                let text_len = rest.len().checked_sub(*icv_len).ok_or(Exhausted::Room)?;
                let (text, icv) = rest.split_at_mut(text_len);
                let (front, back) =
                    text.split_at_mut_checked(inner.len()).ok_or(Exhausted::Room)?;
                front.copy_from_slice(inner);
                back.iter_mut().zip(trailer).for_each(|(to, from)| *to = *from);
                let envelope = Envelope { header, iv, suffix: high.as_ref().map_or(&[], |h| h) };
                keys.seal(&envelope, text, icv).map_err(|_| Exhausted::Cipher)
            }
        }
    }
}

fn wrong_key(what: &'static str, key: &[u8]) -> Error {
    crypto::Error::Length { what, actual: key.len() }.into()
}

/// SPI and the low half of the sequence number (RFC 4303 §2).
fn header_of(spi: u32, sequence: u64) -> [u8; HEADER_LEN] {
    // The high half of the sequence number is where the SPI goes.
    (u64::from(spi) << 32 | sequence & u64::from(u32::MAX)).to_be_bytes()
}

/// With ESN, what an AEAD authenticates besides the text: SPI and the whole sequence number
/// (RFC 4106 §5, RFC 7634 §2.1). Without, it is the header as it is sent.
fn extended(header: &[u8; HEADER_LEN], [h0, h1, h2, h3]: [u8; 4]) -> [u8; HEADER_LEN + 4] {
    let [s0, s1, s2, s3, l0, l1, l2, l3] = *header;
    [s0, s1, s2, s3, h0, h1, h2, h3, l0, l1, l2, l3]
}

const _: () = assert!(aead::IV_LEN == size_of::<u64>(), "the sequence number is the IV");
