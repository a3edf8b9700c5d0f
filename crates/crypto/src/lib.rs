//! The primitives of IKEv2 (RFC 7296) and ESP (RFC 4303), behind types of our own.
//!
//! Each primitive comes from the library that does it soundly and fastest: BoringSSL for the
//! AEADs, the PRFs, finite-field Diffie-Hellman and ML-KEM, and for reading public keys; AWS-LC for
//! elliptic curves, signatures, and AES-CBC with its HMAC.
//!
//! The crate does no I/O and reads no clock. Randomness is drawn inside those libraries and in
//! four places only: generating key-exchange keys, encapsulating, signing, and
//! [`cbc_hmac::random_iv`]. Both libraries clear the keys they hold when they free them; what
//! leaves them is a [`Secret`], which clears itself. Copies that they leave on the stack while a
//! key is made are beyond our reach.
//!
//! | module | holds |
//! |---|---|
//! | [`aead`] | AES-GCM and ChaCha20-Poly1305, in place |
//! | [`cbc_hmac`] | AES-CBC with HMAC-SHA-2 as one encrypt-then-MAC unit, in place |
//! | [`prf`] | PRF_HMAC_SHA2 and prf+ |
//! | [`dh`] | key exchange: MODP, NIST curves, X25519, ML-KEM-768 |
//! | [`signature`] | RSA, ECDSA and Ed25519 signatures with their RFC 7427 identifiers |
//!
//! There is one `unsafe` module, `dh::modp::power`: `boring` has no safe way to a constant-time
//! modular exponentiation.

pub mod aead;
pub mod cbc_hmac;
pub mod dh;
pub mod digest;
mod error;
pub mod prf;
mod secret;
pub mod signature;

#[cfg(test)]
mod openssl;

pub use error::Error;
pub use secret::Secret;

/// What a security association keeps goes to the thread that works for it.
const _: () = {
    const fn can_move_to_a_thread<T: Send>() {}
    can_move_to_a_thread::<aead::Aead>();
    can_move_to_a_thread::<cbc_hmac::CbcHmac>();
    can_move_to_a_thread::<dh::Exchange>();
    can_move_to_a_thread::<signature::PrivateKey>();
};
