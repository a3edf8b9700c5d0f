//! AUTH by a signature: method 14, which names its algorithm (RFC 7427), and those before it
//! that stand for one (RFC 7296 §3.8, RFC 4754).

use crypto::Error;
use crypto::signature::{Algorithm, Hash, KeyKind, PrivateKey, PublicKey};

use super::ecdsa::Curve;
use super::{AuthenticationError, SignedOctets, method};

/// Which of its two paddings an RSA key signs with. Peers do not tell which they verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaPadding {
    /// RSASSA-PKCS1-v1_5, which every peer verifies.
    Pkcs1,
    /// RSASSA-PSS, which every peer should verify (RFC 8247 §3.2).
    Pss,
}

/// How to sign, so that the peer can verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureMethod {
    /// Method 14, which names the algorithm.
    Digital(Algorithm),
    /// Methods 9, 10 and 11: ECDSA with the hash that belongs to the key's curve.
    Ecdsa,
}

impl SignatureMethod {
    /// The method for our `key` and a peer that announced `hashes` in SIGNATURE_HASH_ALGORITHMS,
    /// none if it sent no such notification.
    ///
    /// # Errors
    /// [`AuthenticationError::NoCommonHash`] and
    /// [`AuthenticationError::PeerLacksSignatureHashes`].
    pub fn choose(
        key: KeyKind,
        hashes: &[u16],
        padding: RsaPadding,
    ) -> Result<Self, AuthenticationError> {
        if hashes.is_empty() {
            return match Curve::of_key(key) {
                Some(_) => Ok(Self::Ecdsa),
                None => Err(AuthenticationError::PeerLacksSignatureHashes { key }),
            };
        }
        preferred(key, padding)
            .into_iter()
            .find(|algorithm| hashes.contains(&algorithm.hash_id()))
            .map(Self::Digital)
            .ok_or(AuthenticationError::NoCommonHash { key })
    }

    /// Signs: the number of the authentication method, and its data.
    ///
    /// # Errors
    /// [`AuthenticationError::WrongKeyKind`] when the method was chosen for another kind of key.
    pub fn sign(
        self,
        key: &PrivateKey,
        octets: &SignedOctets,
    ) -> Result<(u8, Vec<u8>), AuthenticationError> {
        match self {
            Self::Digital(algorithm) => {
                let signature = sign(key, algorithm, octets)?;
                let identifier = algorithm.identifier();
                let length = u8::try_from(identifier.len()).map_err(|_| INTERNAL)?;
                let data = [&[length], &identifier[..], &signature].concat();
                Ok((method::DIGITAL_SIGNATURE, data))
            }
            Self::Ecdsa => {
                let wrong_key = AuthenticationError::WrongKeyKind { key: key.kind() };
                let curve = Curve::of_key(key.kind()).ok_or(wrong_key)?;
                let signature = sign(key, Algorithm::Ecdsa(curve.hash), octets)?;
                let data = curve.to_raw(&signature).ok_or(INTERNAL)?;
                Ok((curve.method, data))
            }
        }
    }
}

/// Verifies the peer's authentication data of a signature `method`, where `announced` are the
/// hashes in our SIGNATURE_HASH_ALGORITHMS.
///
/// # Errors
/// [`AuthenticationError`]: the peer is not authenticated.
pub fn verify(
    key: &PublicKey,
    method: u8,
    data: &[u8],
    octets: &SignedOctets,
    announced: &[u16],
) -> Result<(), AuthenticationError> {
    match method {
        method::DIGITAL_SIGNATURE => verify_digital(key, data, octets, announced),
        method::RSA => verify_rsa(key, data, octets),
        _ => match Curve::of_method(method) {
            Some(curve) => verify_ecdsa(key, curve, data, octets),
            None => Err(AuthenticationError::UnknownMethod { method }),
        },
    }
}

/// What a kind of key signs with, the most widely understood first. A curve has one hash
/// (RFC 4754 §4).
fn preferred(key: KeyKind, padding: RsaPadding) -> Vec<Algorithm> {
    let rsa = match padding {
        RsaPadding::Pkcs1 => Algorithm::RsaPkcs1,
        RsaPadding::Pss => Algorithm::RsaPss,
    };
    match key {
        KeyKind::Rsa => [Hash::Sha256, Hash::Sha384, Hash::Sha512].map(rsa).to_vec(),
        KeyKind::P256 => vec![Algorithm::Ecdsa(Hash::Sha256)],
        KeyKind::P384 => vec![Algorithm::Ecdsa(Hash::Sha384)],
        KeyKind::P521 => vec![Algorithm::Ecdsa(Hash::Sha512)],
        KeyKind::Ed25519 => vec![Algorithm::Ed25519],
    }
}

/// The length of the AlgorithmIdentifier, the AlgorithmIdentifier, the signature.
fn verify_digital(
    key: &PublicKey,
    data: &[u8],
    octets: &SignedOctets,
    announced: &[u16],
) -> Result<(), AuthenticationError> {
    let malformed = AuthenticationError::Malformed { method: method::DIGITAL_SIGNATURE };
    let (length, rest) = data.split_first().ok_or(malformed)?;
    let (identifier, signature) = rest.split_at_checked(usize::from(*length)).ok_or(malformed)?;
    let algorithm =
        Algorithm::from_identifier(identifier).ok_or(AuthenticationError::AlgorithmNotAllowed)?;
    if !announced.contains(&algorithm.hash_id()) {
        return Err(AuthenticationError::HashNotAnnounced { hash: algorithm.hash_id() });
    }
    verify_with(key, algorithm, octets, signature)
}

/// Which hash it is stands in the signature only (RFC 8017 §9.2).
fn verify_rsa(
    key: &PublicKey,
    signature: &[u8],
    octets: &SignedOctets,
) -> Result<(), AuthenticationError> {
    if key.kind() != KeyKind::Rsa {
        return Err(AuthenticationError::WrongKeyKind { key: key.kind() });
    }
    [Hash::Sha256, Hash::Sha384, Hash::Sha512]
        .into_iter()
        .find(|&hash| verify_with(key, Algorithm::RsaPkcs1(hash), octets, signature).is_ok())
        .map(drop)
        .ok_or(AuthenticationError::LegacyRsaInvalid)
}

fn verify_ecdsa(
    key: &PublicKey,
    curve: &Curve,
    data: &[u8],
    octets: &SignedOctets,
) -> Result<(), AuthenticationError> {
    if key.kind() != curve.key {
        return Err(AuthenticationError::WrongKeyKind { key: key.kind() });
    }
    let malformed = AuthenticationError::Malformed { method: curve.method };
    let signature = curve.to_der(data).ok_or(malformed)?;
    verify_with(key, Algorithm::Ecdsa(curve.hash), octets, &signature)
}

fn verify_with(
    key: &PublicKey,
    algorithm: Algorithm,
    octets: &SignedOctets,
    signature: &[u8],
) -> Result<(), AuthenticationError> {
    key.verify(algorithm, octets.as_bytes(), signature).map_err(|error| named(error, key.kind()))
}

fn sign(
    key: &PrivateKey,
    algorithm: Algorithm,
    octets: &SignedOctets,
) -> Result<Vec<u8>, AuthenticationError> {
    key.sign(algorithm, octets.as_bytes()).map_err(|error| named(error, key.kind()))
}

fn named(error: Error, key: KeyKind) -> AuthenticationError {
    match error {
        Error::Authentication => AuthenticationError::SignatureInvalid,
        Error::KeyMismatch => AuthenticationError::WrongKeyKind { key },
        Error::Length { .. }
        | Error::PublicValueLength { .. }
        | Error::PublicValue
        | Error::KeyEncoding
        | Error::KeySize
        | Error::Internal => AuthenticationError::Crypto(error),
    }
}

const INTERNAL: AuthenticationError = AuthenticationError::Crypto(Error::Internal);
