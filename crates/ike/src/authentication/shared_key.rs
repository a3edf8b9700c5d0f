//! AUTH by a shared key: a preshared one, or what an EAP method gave (RFC 7296 §2.15, §2.16).

use crypto::Secret;
use crypto::prf::Prf;

use super::{AuthenticationError, SignedOctets};

const KEY_PAD: &[u8] = b"Key Pad for IKEv2";

/// The authentication data of method 2.
///
/// # Errors
/// [`crypto::Error::Internal`] when the cryptographic library fails.
pub fn shared_key_auth(
    prf: Prf,
    key: &Secret,
    octets: &SignedOctets,
) -> Result<Secret, crypto::Error> {
    let padded = prf.compute(key.as_bytes(), &[KEY_PAD])?;
    prf.compute(padded.as_bytes(), &[octets.as_bytes()])
}

/// Verifies the peer's authentication data of method 2, in constant time.
///
/// # Errors
/// [`AuthenticationError::SharedKeyMismatch`].
pub fn verify_shared_key(
    prf: Prf,
    key: &Secret,
    octets: &SignedOctets,
    data: &[u8],
) -> Result<(), AuthenticationError> {
    let expected = shared_key_auth(prf, key, octets).map_err(AuthenticationError::Crypto)?;
    if expected.matches(data) { Ok(()) } else { Err(AuthenticationError::SharedKeyMismatch) }
}
