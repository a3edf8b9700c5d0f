//! A datagram as header and content, clear or encrypted (RFC 7296 §3.14, RFC 7383 §2.5).
//!
//! An Encrypted payload is accepted as the only payload of its message. RFC 7296 allows
//! payloads in the clear before it; nobody sends them, and so nothing unencrypted is ever read
//! as part of a protected message.

use std::ops::Range;

use crate::octets::{Reader, UNIT_HEADER_LEN};
use crate::payload::message_len;
use crate::{Header, Malformed, MalformedReason, PayloadType, TooLong};

/// Octets of fragment number and total.
const FRAGMENT_NUMBERS_LEN: usize = 4;

/// A datagram, taken apart but not yet decrypted. Ranges are octets of the datagram, so that
/// it can be decrypted in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The checked header.
    pub header: Header,
    /// What follows it.
    pub content: Content,
}

/// What a message holds. In front of an encrypted `body` (IV, ciphertext, ICV) stand the
/// octets that are authenticated only: `..body.start`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Payloads in the clear, for [`parse_payloads`](crate::parse_payloads).
    Clear {
        /// Type of the first payload.
        first: u8,
        /// The payloads.
        body: Range<usize>,
    },
    /// An SK payload.
    Encrypted {
        /// Type of the first payload inside.
        first_inner: u8,
        /// IV, ciphertext, ICV.
        body: Range<usize>,
    },
    /// An SKF payload.
    Fragment {
        /// Type of the first payload inside; 0 in all fragments but the first.
        first_inner: u8,
        /// From 1 to `total`.
        number: u16,
        /// Fragments of the message; at least 1.
        total: u16,
        /// IV, ciphertext, ICV.
        body: Range<usize>,
    },
}

impl Envelope {
    /// Takes a datagram (without a non-ESP marker) apart.
    ///
    /// # Errors
    /// [`Malformed`]: a bad header, an Encrypted payload that does not fill the message, or
    /// fragment numbers that contradict each other.
    pub fn parse(datagram: &[u8]) -> Result<Self, Malformed> {
        let header = Header::parse(datagram)?;
        let whole = Header::LEN..datagram.len();
        let content = match PayloadType(header.next_payload) {
            PayloadType::SK => {
                let (first_inner, body) = encrypted(datagram)?;
                Content::Encrypted { first_inner, body: inside(whole, body) }
            }
            PayloadType::SKF => fragment(datagram, whole)?,
            PayloadType(first) => Content::Clear { first, body: whole },
        };
        Ok(Self { header, content })
    }
}

/// The last octets of `whole`, as many as `body` has left.
fn inside(whole: Range<usize>, body: Reader<'_>) -> Range<usize> {
    whole.end.saturating_sub(body.remainder().len())..whole.end
}

/// Next payload and body of the payload that fills the message.
fn encrypted(datagram: &[u8]) -> Result<(u8, Reader<'_>), Malformed> {
    let mut reader = Reader::new(datagram);
    reader.octets(Header::LEN)?;
    let ([first_inner, _flags], body) = reader.unit()?;
    if reader.is_empty() {
        Ok((first_inner, body))
    } else {
        Err(reader.malformed(MalformedReason::EncryptedMisplaced))
    }
}

fn fragment(datagram: &[u8], whole: Range<usize>) -> Result<Content, Malformed> {
    let (first_inner, mut body) = encrypted(datagram)?;
    let numbers = body.malformed(MalformedReason::FragmentNumber);
    let (number, total) = (body.u16()?, body.u16()?);
    if number == 0 || number > total || (number > 1 && first_inner != PayloadType::NONE.0) {
        return Err(numbers);
    }
    Ok(Content::Fragment { first_inner, number, total, body: inside(whole, body) })
}

/// The octets in front of an SK payload's IV, which are its additional authenticated data:
/// header and payload header. `body_len` counts IV, ciphertext and ICV; `header`'s first
/// payload and length are set here. (With the length of the plain payloads instead, this is
/// what RFC 9242 §3.3.2 authenticates of IKE_INTERMEDIATE.)
///
/// # Errors
/// [`TooLong`].
pub fn encrypted_prefix(
    header: Header,
    first_inner: u8,
    body_len: usize,
) -> Result<[u8; Header::LEN + UNIT_HEADER_LEN], TooLong> {
    prefix(header, PayloadType::SK, first_inner, body_len)
}

/// As [`encrypted_prefix`], for an SKF payload: `number` of `total`, counted from 1. For all
/// fragments but the first, `first_inner` is ignored and 0 is written.
///
/// # Errors
/// [`TooLong`].
pub fn fragment_prefix(
    header: Header,
    first_inner: u8,
    number: u16,
    total: u16,
    body_len: usize,
) -> Result<[u8; Header::LEN + UNIT_HEADER_LEN + FRAGMENT_NUMBERS_LEN], TooLong> {
    let first_inner = if number > 1 { PayloadType::NONE.0 } else { first_inner };
    let rest_len = body_len.saturating_add(FRAGMENT_NUMBERS_LEN);
    let front = prefix(header, PayloadType::SKF, first_inner, rest_len)?;
    let numbers = number.to_be_bytes().into_iter().chain(total.to_be_bytes());
    let mut out = [0; Header::LEN + UNIT_HEADER_LEN + FRAGMENT_NUMBERS_LEN];
    out.iter_mut().zip(front.into_iter().chain(numbers)).for_each(|(octet, value)| *octet = value);
    Ok(out)
}

/// Header and payload header of a message whose only payload has `rest_len` more octets.
fn prefix(
    header: Header,
    kind: PayloadType,
    first_inner: u8,
    rest_len: usize,
) -> Result<[u8; Header::LEN + UNIT_HEADER_LEN], TooLong> {
    let payload_len = rest_len.saturating_add(UNIT_HEADER_LEN);
    let length = message_len(payload_len.saturating_add(Header::LEN))?;
    let payload_len = u16::try_from(payload_len).map_err(|_| TooLong::Payload(kind))?;
    let header = Header { next_payload: kind.0, length, ..header }.emit();
    let unit = [first_inner, 0].into_iter().chain(payload_len.to_be_bytes());
    let mut out = [0; Header::LEN + UNIT_HEADER_LEN];
    out.iter_mut().zip(header.into_iter().chain(unit)).for_each(|(octet, value)| *octet = value);
    Ok(out)
}
