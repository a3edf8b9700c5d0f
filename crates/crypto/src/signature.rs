//! Signatures of IKE authentication (RFC 7427, RFC 8420): RSA, ECDSA and Ed25519, by AWS-LC;
//! BoringSSL reads the public keys.

mod identifier;
mod private_key;
mod public_key;
#[cfg(test)]
mod tests;

pub use private_key::PrivateKey;
pub use public_key::PublicKey;

/// A hash function under a signature, with its number in SIGNATURE_HASH_ALGORITHMS
/// (RFC 7427 §7). SHA-1 is refused by not being here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Hash {
    /// SHA2-256 (2).
    Sha256 = 2,
    /// SHA2-384 (3).
    Sha384 = 3,
    /// SHA2-512 (4).
    Sha512 = 4,
}

/// A signature algorithm that IKE can name by an AlgorithmIdentifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2).
    RsaPkcs1(Hash),
    /// RSASSA-PSS (RFC 8017 §8.1); MGF1 uses the same hash and the salt is as long as it.
    RsaPss(Hash),
    /// ECDSA with a DER signature; the curve is the key's (RFC 7427 §4).
    Ecdsa(Hash),
    /// Ed25519 (RFC 8420), which hashes for itself.
    Ed25519,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 10] = [
        Self::RsaPkcs1(Hash::Sha256),
        Self::RsaPkcs1(Hash::Sha384),
        Self::RsaPkcs1(Hash::Sha512),
        Self::RsaPss(Hash::Sha256),
        Self::RsaPss(Hash::Sha384),
        Self::RsaPss(Hash::Sha512),
        Self::Ecdsa(Hash::Sha256),
        Self::Ecdsa(Hash::Sha384),
        Self::Ecdsa(Hash::Sha512),
        Self::Ed25519,
    ];

    /// The DER AlgorithmIdentifier that goes before the signature (RFC 7427 §3).
    #[must_use]
    pub fn identifier(self) -> Vec<u8> {
        identifier::der(self)
    }

    /// The algorithm of an AlgorithmIdentifier, if it is one of these, in any encoding that
    /// RFC 4055 has a verifier accept: parameters of RSA absent or NULL, and the trailer field
    /// of PSS left out or, as RFC 7427 appendix A writes it, given.
    #[must_use]
    pub fn from_identifier(der: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|&algorithm| identifier::names(algorithm, der))
    }

    /// Its number in SIGNATURE_HASH_ALGORITHMS (RFC 7427 §7, RFC 8420 §2): what a peer must
    /// have announced before it is used.
    #[must_use]
    pub const fn hash_id(self) -> u16 {
        match self {
            Self::RsaPkcs1(hash) | Self::RsaPss(hash) | Self::Ecdsa(hash) => hash as u16,
            // "Identity": the algorithm hashes for itself.
            Self::Ed25519 => 5,
        }
    }
}

/// What kind of key it is: it decides which algorithms it can be used with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA of 2048 to 8192 bits.
    Rsa,
    /// ECDSA on NIST P-256.
    P256,
    /// ECDSA on NIST P-384.
    P384,
    /// ECDSA on NIST P-521.
    P521,
    /// Ed25519.
    Ed25519,
}
