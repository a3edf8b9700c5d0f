//! Certificates: issuing, revocation lists, and the identity a certificate names.
//!
//! A private PKI of one root, issuing authorities below it, and certificates for the gateway
//! (`server`) and for the machines that come to it (`terminal`), in the profile of RFC 5280.
//!
//! The crate does no I/O and reads no clock: times are Unix seconds and serial numbers are random
//! octets, both given by the caller. Randomness is drawn in two places only, inside AWS-LC:
//! generating and encrypting keys, and signing.
//!
//! | module | holds |
//! |---|---|
//! | [`key`] | private keys: generate, read, write, sign |
//! | [`authority`] | a certification authority and what it issues |
//! | [`crl`] | certificate revocation lists: sign and read |
//! | [`certificate`] | everything the gateway asks of a presented certificate, in one parse |
//! | [`path`] | whether a peer's certificate leads to a trusted authority, for IKE |
//! | [`identity`] | the terminal a certificate names |
//! | [`mod@strength`] | the minimum strength of keys and signatures |
//! | [`pem`] | PEM text with one or more sections |
#![forbid(unsafe_code)]

pub mod authority;
pub mod certificate;
pub mod crl;
pub mod identity;
pub mod key;
pub mod name;
pub mod path;
pub mod pem;
mod profile;
pub mod serial;
pub mod strength;
pub mod time;

#[cfg(test)]
mod tests;

pub use authority::{Authority, AuthorityError, IssueError, Server, Terminal};
pub use certificate::{ExtendedKeyUsage, Leaf, LeafError};
pub use crl::{CrlError, CrlUpdate, Reason, RevocationList, Revoked};
pub use der::asn1::ObjectIdentifier;
pub use identity::{Identity, IdentityError};
pub use key::{Algorithm, KeyError, Passphrase, PublicKey, PublicKeyError, SigningKey};
pub use name::{Subject, SubjectError};
pub use path::{PathError, PeerUsage, Trust, TrustError, VerifiedLeaf};
pub use serial::{Serial, SerialError};
pub use strength::{PublicKeyKind, SignatureDigest, Weakness, strength};
pub use time::{TimeError, Validity};
