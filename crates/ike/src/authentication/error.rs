//! Why an AUTH payload is not accepted or cannot be made.

use std::fmt;

use crypto::signature::KeyKind;

/// What is wrong with an AUTH payload, or hinders making one.
///
/// To a peer all of these are AUTHENTICATION_FAILED; they are for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticationError {
    /// Peer: the authentication method is not one that is known here.
    UnknownMethod {
        /// Its number.
        method: u8,
    },
    /// Peer: the authentication data has not the form that its method prescribes.
    Malformed {
        /// The authentication method.
        method: u8,
    },
    /// Peer: the signature algorithm is unknown or too weak, as all with SHA-1 are.
    AlgorithmNotAllowed,
    /// Peer: the signature has a hash that was not in our SIGNATURE_HASH_ALGORITHMS.
    HashNotAnnounced {
        /// Its number (RFC 7427 §7).
        hash: u16,
    },
    /// Peer or configuration: the authentication method or signature algorithm does not go with
    /// the key.
    WrongKeyKind {
        /// What kind the key is.
        key: KeyKind,
    },
    /// Peer: the signature is not one of this key over this exchange.
    SignatureInvalid,
    /// Peer: the RSA signature of method 1 is invalid or, most likely, one with SHA-1.
    LegacyRsaInvalid,
    /// Peer or configuration: the two ends have different preshared keys, or the exchange was
    /// changed on its way.
    SharedKeyMismatch,
    /// Configuration: the peer announced no hash that our key can sign with.
    NoCommonHash {
        /// What kind our key is.
        key: KeyKind,
    },
    /// Configuration: the peer does not know RFC 7427, without which our key signs only with
    /// SHA-1 or not at all.
    PeerLacksSignatureHashes {
        /// What kind our key is.
        key: KeyKind,
    },
    /// Internal: the cryptographic library failed.
    Crypto(crypto::Error),
}

impl fmt::Display for AuthenticationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownMethod { method } => {
                write!(f, "the peer uses authentication method {method}, which is not supported")
            }
            Self::Malformed { method } => {
                write!(f, "the peer's authentication data is malformed for method {method}")
            }
            Self::AlgorithmNotAllowed => f.write_str(
                "the peer signed with an unknown or weak algorithm; have it use SHA-256 or stronger",
            ),
            Self::HashNotAnnounced { hash } => {
                write!(f, "the peer signed with hash algorithm {hash}, which was not offered to it")
            }
            Self::WrongKeyKind { key } => {
                write!(f, "the signature algorithm does not go with the {key:?} key")
            }
            Self::SignatureInvalid => f.write_str(
                "the signature is invalid: the peer has not the private key of its certificate, \
                 or the exchange was changed on its way",
            ),
            Self::LegacyRsaInvalid => f.write_str(
                "the RSA signature is invalid or one with SHA-1, as peers without RFC 7427 \
                 (Windows, iOS) make it; give the peer an ECDSA certificate",
            ),
            Self::SharedKeyMismatch => {
                f.write_str("the preshared keys differ; enter the same key on both ends")
            }
            Self::NoCommonHash { key } => write!(
                f,
                "the peer accepts no hash that the gateway's {key:?} key signs with; give the \
                 gateway a key of another kind"
            ),
            Self::PeerLacksSignatureHashes { key } => write!(
                f,
                "the peer does not support RFC 7427, which the gateway's {key:?} key needs; give \
                 the gateway an ECDSA key on P-256 or P-384"
            ),
            Self::Crypto(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AuthenticationError {}
