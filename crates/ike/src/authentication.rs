//! The AUTH payload: what it covers, and how it is made and verified (RFC 7296 §2.15, §2.16,
//! §3.8; RFC 7427).
//!
//! SHA-1 is used nowhere. That is felt in one place: RSA by authentication method 1 has in
//! practice always SHA-1 (RFC 7296 §3.8 has it as the default, strongSwan and libreswan know no
//! other), and it is all that peers without RFC 7427 have for RSA keys: the clients built into
//! Windows and iOS. They authenticate, and are authenticated to, by ECDSA certificates or EAP.

mod ecdsa;
mod error;
mod octets;
mod shared_key;
mod signature;
#[cfg(test)]
mod tests;

pub use error::AuthenticationError;
pub use octets::{IntermediateAuth, Signed, SignedOctets, intermediate_auth};
pub use shared_key::{shared_key_auth, verify_shared_key};
pub use signature::{RsaPadding, SignatureMethod, verify};

/// The authentication methods known here, by their numbers in the AUTH payload (RFC 7296 §3.8,
/// RFC 4754 §7, RFC 7427 §3).
pub mod method {
    /// RSA Digital Signature.
    pub const RSA: u8 = 1;
    /// Shared Key Message Integrity Code.
    pub const SHARED_KEY: u8 = 2;
    /// ECDSA with SHA-256 on the P-256 curve.
    pub const ECDSA_256: u8 = 9;
    /// ECDSA with SHA-384 on the P-384 curve.
    pub const ECDSA_384: u8 = 10;
    /// ECDSA with SHA-512 on the P-521 curve.
    pub const ECDSA_521: u8 = 11;
    /// Digital Signature.
    pub const DIGITAL_SIGNATURE: u8 = 14;
}
