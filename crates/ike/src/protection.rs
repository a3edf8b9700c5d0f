//! The protection of messages: the Encrypted payload (RFC 7296 §3.14, RFC 5282) and, where a
//! message is too long for a datagram, Encrypted Fragment payloads (RFC 7383).
//!
//! Each direction of an SA has its own keys: a [`Sealer`] for what this end sends, an [`Opener`]
//! for what the peer sends. They are two types because sealing with the keys of the peer's
//! direction would use its nonces a second time.

mod cipher;
mod error;
mod opener;
mod sealer;
#[cfg(test)]
mod tests;
mod unit;

pub use cipher::{Cipher, DirectionKeys};
pub use error::{OpenError, SealError};
pub use opener::Opener;
pub use sealer::Sealer;

/// Length of the IKE header, in octets (RFC 7296 §3.1).
pub const HEADER_LEN: usize = 28;

/// The most fragments that a message is sent in or accepted in: what strongSwan accepts, the
/// strictest of the implementations in wide use.
pub const MAX_FRAGMENTS: u16 = 255;

/// The most octets of plaintext that a message may have: what one Encrypted payload holds, also
/// where the message goes in fragments.
pub const MAX_PLAINTEXT: usize = u16::MAX as usize - PAYLOAD_HEADER_LEN;

/// Payload type of the Encrypted payload (RFC 7296 §3.2).
const ENCRYPTED: u8 = 46;
/// Payload type of the Encrypted Fragment payload (RFC 7383 §2.5).
const ENCRYPTED_FRAGMENT: u8 = 53;
/// Next payload type where no payload follows (RFC 7296 §3.2).
const NO_NEXT_PAYLOAD: u8 = 0;
/// Length of the generic payload header, in octets (RFC 7296 §3.2).
const PAYLOAD_HEADER_LEN: usize = 4;
/// Where the IKE header has the type of the first payload (RFC 7296 §3.1).
const NEXT_PAYLOAD_AT: usize = 16;

/// The `template` of an IKE header with another first payload and length.
fn header_of(template: &[u8; HEADER_LEN], next_payload: u8, length: u32) -> [u8; HEADER_LEN] {
    let mut header = *template;
    if let Some(octet) = header.get_mut(NEXT_PAYLOAD_AT) {
        *octet = next_payload;
    }
    if let Some(octets) = header.last_chunk_mut() {
        *octets = length.to_be_bytes();
    }
    header
}

/// The headers of a message as if it were sent in one piece, with an Encrypted payload of the
/// plaintext only: what RFC 9242 §3.3.2 authenticates of an IKE_INTERMEDIATE message before the
/// plaintext. `None` when such a message would be longer than its length fields can say.
pub(crate) fn plain_headers(
    template: &[u8; HEADER_LEN],
    first_inner: u8,
    plaintext_len: usize,
) -> Option<Vec<u8>> {
    let payload_len = u16::try_from(PAYLOAD_HEADER_LEN.checked_add(plaintext_len)?).ok()?;
    let length = u32::from(payload_len) + HEADER_LEN as u32;
    let mut headers = header_of(template, ENCRYPTED, length).to_vec();
    headers.extend(payload_header(first_inner, payload_len));
    Some(headers)
}

/// A generic payload header (RFC 7296 §3.2); the critical and reserved bits are zero.
fn payload_header(next_payload: u8, length: u16) -> [u8; PAYLOAD_HEADER_LEN] {
    let [high, low] = length.to_be_bytes();
    [next_payload, 0, high, low]
}
