//! SHA-1 where a protocol uses it as an identifier, never for security: NAT detection
//! (RFC 7296 §2.23) and the names of CAs in CERTREQ (RFC 7296 §3.7).

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};

/// Length of a SHA-1 hash, in octets.
pub const SHA1_LEN: usize = 20;

/// SHA-1 over the parts, one after the other.
#[must_use]
pub fn sha1(parts: &[&[u8]]) -> [u8; SHA1_LEN] {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    parts.iter().for_each(|part| context.update(part));
    let mut hash = [0; SHA1_LEN];
    hash.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    hash
}
