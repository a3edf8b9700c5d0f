//! What `boring` lacks for AEADs: sealing from one place into another. Its own functions encrypt
//! in place, which costs a copy of every packet that leaves from where it was read.
#![allow(unsafe_code)]

use boring::aead::AeadCtxRef;
use foreign_types::ForeignTypeRef as _;

use super::{NONCE_LEN, TAG_LEN};
use crate::Error;

/// Encrypts `text` into `sealed`, and `trailer` behind it into `tail`, with the tag at its end.
/// `sealed` is as long as `text`, and `tail` longer than `trailer` by [`TAG_LEN`].
pub(super) fn seal(
    context: &mut AeadCtxRef,
    nonce: &[u8; NONCE_LEN],
    aad: &[u8],
    (text, trailer): (&[u8], &[u8]),
    (sealed, tail): (&mut [u8], &mut [u8]),
) -> Result<(), Error> {
    if sealed.len() != text.len() || tail.len() != trailer.len() + TAG_LEN {
        return Err(Error::Length { what: "space to seal into", actual: sealed.len() });
    }
    let mut written = 0;
    // SAFETY: the context is live and nobody else uses it. Every pointer is valid for the length
    // beside it, and `sealed` for that of `text`, which was compared above. What is written to is
    // borrowed exclusively, so that it overlaps nothing that is read. The function writes at most
    // `tail.len()` octets to `tail`, and says in `written` how many.
    let done = unsafe {
        boring_sys::EVP_AEAD_CTX_seal_scatter(
            context.as_ptr(),
            sealed.as_mut_ptr(),
            tail.as_mut_ptr(),
            &raw mut written,
            tail.len(),
            nonce.as_ptr(),
            nonce.len(),
            text.as_ptr(),
            text.len(),
            trailer.as_ptr(),
            trailer.len(),
            aad.as_ptr(),
            aad.len(),
        )
    };
    if done == 1 && written == tail.len() { Ok(()) } else { Err(Error::Internal) }
}
