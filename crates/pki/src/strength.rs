//! The minimum strength of keys and signatures: CRYPTREC TLS暗号設定ガイドライン, 高セキュリティ型
//! (GL-3001): RSA of at least 2048 bits or ECDSA on a curve of at least 256, and SHA-256 or better.

use std::fmt;

use der::asn1::{AnyRef, ContextSpecific, UintRef};
use der::oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ECDSA_WITH_SHA_512, ID_EC_PUBLIC_KEY, ID_MD_5,
    ID_RSASSA_PSS, ID_SHA_1, ID_SHA_256, ID_SHA_384, ID_SHA_512, MD_5_WITH_RSA_ENCRYPTION,
    RSA_ENCRYPTION, SECP_224_R_1, SECP_256_R_1, SECP_384_R_1, SECP_521_R_1,
    SHA_1_WITH_RSA_ENCRYPTION, SHA_256_WITH_RSA_ENCRYPTION, SHA_384_WITH_RSA_ENCRYPTION,
    SHA_512_WITH_RSA_ENCRYPTION,
};
use der::{Decode as _, Reader as _, SliceReader, TagNumber};
use x509_cert::spki::{
    AlgorithmIdentifierOwned, AlgorithmIdentifierRef, SubjectPublicKeyInfoOwned,
};

use crate::{Leaf, ObjectIdentifier};

const MIN_RSA_BITS: u32 = 2048;
const MIN_EC_BITS: u32 = 256;

/// RFC 5480 §2.1.1.1 and RFC 3279 §2.3.5; the constants' source lacks these two.
const SECP_192_R_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.1");
const ECDSA_WITH_SHA_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");

/// Whether a certificate, of a server or of a client, is strong enough.
///
/// # Errors
/// The first weakness found.
pub fn strength(leaf: &Leaf) -> Result<(), Weakness> {
    leaf.signature_digest.check()?;
    leaf.key.check()
}

/// A public key's kind and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicKeyKind {
    /// RSA (RFC 3279 §2.3.1).
    Rsa {
        /// Length of the modulus.
        bits: u32,
    },
    /// On a NIST prime curve (RFC 5480 §2.1.1.1).
    Ec {
        /// Size of the curve's field.
        bits: u32,
    },
    /// Anything else.
    Other {
        /// The key's algorithm, or its curve.
        algorithm: ObjectIdentifier,
    },
}

impl PublicKeyKind {
    pub(crate) fn of(key: &SubjectPublicKeyInfoOwned) -> Result<Self, der::Error> {
        match key.algorithm.oid {
            RSA_ENCRYPTION => {
                rsa_bits(key.subject_public_key.raw_bytes()).map(|bits| Self::Rsa { bits })
            }
            ID_EC_PUBLIC_KEY => {
                let parameters = key.algorithm.parameters.as_ref();
                // Explicit curve parameters are no object identifier (RFC 5480 §2.1.1 forbids them).
                let curve = parameters.and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
                Ok(curve.map_or(Self::Other { algorithm: ID_EC_PUBLIC_KEY }, Self::of_curve))
            }
            algorithm => Ok(Self::Other { algorithm }),
        }
    }

    fn of_curve(curve: ObjectIdentifier) -> Self {
        match curve {
            SECP_192_R_1 => Self::Ec { bits: 192 },
            SECP_224_R_1 => Self::Ec { bits: 224 },
            SECP_256_R_1 => Self::Ec { bits: 256 },
            SECP_384_R_1 => Self::Ec { bits: 384 },
            SECP_521_R_1 => Self::Ec { bits: 521 },
            algorithm => Self::Other { algorithm },
        }
    }

    /// Whether the key is strong enough.
    ///
    /// # Errors
    /// What is weak about it.
    pub fn check(self) -> Result<(), Weakness> {
        match self {
            Self::Rsa { bits } if bits < MIN_RSA_BITS => Err(Weakness::RsaKey { bits }),
            Self::Ec { bits } if bits < MIN_EC_BITS => Err(Weakness::EcKey { bits }),
            Self::Rsa { .. } | Self::Ec { .. } => Ok(()),
            Self::Other { algorithm } => Err(Weakness::KeyAlgorithm { algorithm }),
        }
    }
}

/// `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }` (RFC 3279 §2.3.1)
fn rsa_bits(key: &[u8]) -> Result<u32, der::Error> {
    let mut reader = SliceReader::new(key)?;
    let modulus = reader.sequence(|fields| {
        let modulus = UintRef::decode(fields)?;
        UintRef::decode(fields)?;
        Ok::<_, der::Error>(modulus)
    })?;
    reader.finish()?;
    let leading_zeros = modulus.as_bytes().first().map_or(0, |octet| octet.leading_zeros());
    Ok((u32::from(modulus.len()) * 8).saturating_sub(leading_zeros))
}

impl fmt::Display for PublicKeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(f, "RSA {bits}"),
            Self::Ec { bits } => write!(f, "EC P-{bits}"),
            Self::Other { algorithm } => write!(f, "{algorithm}"),
        }
    }
}

/// The hash function under a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureDigest {
    /// MD5: broken.
    Md5,
    /// SHA-1: broken.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// None of these, or one not told apart.
    Other {
        /// The signature's algorithm.
        algorithm: ObjectIdentifier,
    },
}

impl SignatureDigest {
    pub(crate) fn of(signature: &AlgorithmIdentifierOwned) -> Result<Self, der::Error> {
        Ok(match signature.oid {
            MD_5_WITH_RSA_ENCRYPTION => Self::Md5,
            SHA_1_WITH_RSA_ENCRYPTION | ECDSA_WITH_SHA_1 => Self::Sha1,
            SHA_256_WITH_RSA_ENCRYPTION | ECDSA_WITH_SHA_256 => Self::Sha256,
            SHA_384_WITH_RSA_ENCRYPTION | ECDSA_WITH_SHA_384 => Self::Sha384,
            SHA_512_WITH_RSA_ENCRYPTION | ECDSA_WITH_SHA_512 => Self::Sha512,
            ID_RSASSA_PSS => match &signature.parameters {
                Some(parameters) => pss_digest(parameters.to_ref())?,
                None => Self::Other { algorithm: ID_RSASSA_PSS },
            },
            algorithm => Self::Other { algorithm },
        })
    }

    /// Whether the hash function is strong enough.
    ///
    /// # Errors
    /// What is weak about it.
    pub fn check(self) -> Result<(), Weakness> {
        match self {
            Self::Sha256 | Self::Sha384 | Self::Sha512 => Ok(()),
            Self::Md5 | Self::Sha1 | Self::Other { .. } => {
                Err(Weakness::Signature { digest: self })
            }
        }
    }
}

/// RFC 4055 §3.1: `hashAlgorithm [0] HashAlgorithm DEFAULT sha1Identifier` comes first.
fn pss_digest(parameters: AnyRef<'_>) -> Result<SignatureDigest, der::Error> {
    let hash = parameters.sequence(|fields| {
        let hash =
            ContextSpecific::<AlgorithmIdentifierRef<'_>>::decode_explicit(fields, TagNumber(0))?;
        fields.drain(fields.remaining_len())?;
        Ok::<_, der::Error>(hash.map_or(ID_SHA_1, |field| field.value.oid))
    })?;
    Ok(match hash {
        ID_MD_5 => SignatureDigest::Md5,
        ID_SHA_1 => SignatureDigest::Sha1,
        ID_SHA_256 => SignatureDigest::Sha256,
        ID_SHA_384 => SignatureDigest::Sha384,
        ID_SHA_512 => SignatureDigest::Sha512,
        algorithm => SignatureDigest::Other { algorithm },
    })
}

impl fmt::Display for SignatureDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Md5 => f.write_str("MD5"),
            Self::Sha1 => f.write_str("SHA-1"),
            Self::Sha256 => f.write_str("SHA-256"),
            Self::Sha384 => f.write_str("SHA-384"),
            Self::Sha512 => f.write_str("SHA-512"),
            Self::Other { algorithm } => write!(f, "{algorithm}"),
        }
    }
}

/// Why a certificate or a key is too weak: its issuer's or its holder's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// Signed with something other than SHA-256, SHA-384 or SHA-512.
    Signature {
        /// What it is signed with.
        digest: SignatureDigest,
    },
    /// RSA of less than 2048 bits.
    RsaKey {
        /// Length of the modulus.
        bits: u32,
    },
    /// A curve of less than 256 bits.
    EcKey {
        /// Size of the curve's field.
        bits: u32,
    },
    /// Neither RSA nor ECDSA on P-256, P-384 or P-521.
    KeyAlgorithm {
        /// The key's algorithm, or its curve.
        algorithm: ObjectIdentifier,
    },
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature { digest } => write!(
                f,
                "the certificate is signed with {digest}; have it reissued with SHA-256 or better"
            ),
            Self::RsaKey { bits } => write!(
                f,
                "the RSA key has {bits} bits; at least {MIN_RSA_BITS} are required: make a new key"
            ),
            Self::EcKey { bits } => write!(
                f,
                "the EC key has {bits} bits; at least {MIN_EC_BITS} are required: make a new key"
            ),
            Self::KeyAlgorithm { algorithm } => write!(
                f,
                "keys of algorithm {algorithm} are not permitted; use ECDSA P-256 or RSA {MIN_RSA_BITS}"
            ),
        }
    }
}

impl std::error::Error for Weakness {}
