//! The text forms of a private key.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, RsaKeyPair,
};
use der::Decode as _;
use der::asn1::{AnyRef, OctetStringRef};
use der::oid::db::rfc5912::{ID_EC_PUBLIC_KEY, RSA_ENCRYPTION, SECP_256_R_1, SECP_384_R_1};
use pkcs8::pkcs5::pbes2::{Kdf, Parameters};
use pkcs8::pkcs5::{self, EncryptionScheme};
use pkcs8::{AlgorithmIdentifierRef, LineEnding, PrivateKeyInfoRef, SecretDocument};
use zeroize::Zeroizing;

use super::{KeyError, Pair, Passphrase};
use crate::pem::{self, PemError};

const PKCS8: &str = "PRIVATE KEY";
const ENCRYPTED_PKCS8: &str = "ENCRYPTED PRIVATE KEY";
const SEC1: &str = "EC PRIVATE KEY";
const PKCS1: &str = "RSA PRIVATE KEY";

/// OWASP's recommendation for PBKDF2-HMAC-SHA-256.
const PBKDF2_ITERATIONS: u32 = 600_000;

/// Imported keys may cost more than our own, but not hold the gateway up or exhaust its memory.
const MAX_PBKDF2_ITERATIONS: u32 = 10_000_000;
const MAX_SCRYPT_MEMORY_BYTES: u64 = 256 << 20;
const MAX_SCRYPT_PARALLELIZATION: u16 = 16;

pub(super) fn read(pem: &[u8], passphrase: Option<&Passphrase>) -> Result<Pair, KeyError> {
    let section = private_key_section(pem)?;
    // RFC 1421 headers: the encryption of OpenSSL before PKCS#8, keyed by a single MD5.
    if section.text.windows(10).any(|window| window == b"Proc-Type:") {
        return Err(KeyError::UnsupportedEncryption);
    }
    let der = section.decode().map_err(KeyError::NotPem)?;
    match section.label {
        ENCRYPTED_PKCS8 => read_encrypted(&der, passphrase),
        SEC1 => read_sec1(&der),
        PKCS1 => RsaKeyPair::from_der(&der).map(Pair::Rsa).map_err(KeyError::Rejected),
        _ => read_pkcs8(&der),
    }
}

/// The first section with a private key; `openssl ecparam` writes the curve in one before it.
fn private_key_section(text: &[u8]) -> Result<pem::Section<'_>, KeyError> {
    for section in pem::sections(text) {
        let section = section.map_err(KeyError::NotPem)?;
        if [PKCS8, ENCRYPTED_PKCS8, SEC1, PKCS1].contains(&section.label) {
            return Ok(section);
        }
    }
    Err(KeyError::NotPem(PemError::NoSection { wanted: PKCS8 }))
}

fn read_pkcs8(der: &[u8]) -> Result<Pair, KeyError> {
    let algorithm = PrivateKeyInfoRef::from_der(der).map_err(KeyError::Malformed)?.algorithm;
    let pair = match (algorithm.oid, algorithm.parameters_oid()) {
        (RSA_ENCRYPTION, _) => RsaKeyPair::from_pkcs8(der).map(Pair::Rsa),
        (ID_EC_PUBLIC_KEY, Ok(SECP_256_R_1)) => {
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der).map(Pair::P256)
        }
        (ID_EC_PUBLIC_KEY, Ok(SECP_384_R_1)) => {
            EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, der).map(Pair::P384)
        }
        (ID_EC_PUBLIC_KEY, Ok(algorithm)) | (algorithm, _) => {
            return Err(KeyError::UnsupportedAlgorithm { algorithm });
        }
    };
    pair.map_err(KeyError::Rejected)
}

/// RFC 5915. The curve may be left out of the structure, so each is tried.
fn read_sec1(der: &[u8]) -> Result<Pair, KeyError> {
    EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, der)
        .map(Pair::P256)
        .or_else(|_| {
            EcdsaKeyPair::from_private_key_der(&ECDSA_P384_SHA384_ASN1_SIGNING, der).map(Pair::P384)
        })
        .map_err(KeyError::Rejected)
}

fn read_encrypted(der: &[u8], passphrase: Option<&Passphrase>) -> Result<Pair, KeyError> {
    let passphrase = passphrase.ok_or(KeyError::PassphraseNeeded)?;
    // RFC 5958 §3: EncryptedPrivateKeyInfo
    let (algorithm, encrypted) = AnyRef::from_der(der)
        .and_then(|info| {
            info.sequence(|fields| {
                let algorithm = AlgorithmIdentifierRef::decode(fields)?;
                Ok((algorithm, <&OctetStringRef>::decode(fields)?))
            })
        })
        .map_err(KeyError::Malformed)?;
    let scheme = EncryptionScheme::try_from(algorithm)
        .ok()
        .filter(is_affordable)
        .ok_or(KeyError::UnsupportedEncryption)?;
    let plain = scheme
        .decrypt(passphrase.as_bytes(), encrypted.as_bytes())
        .map(Zeroizing::new)
        .map_err(|error| {
            if error == pkcs5::Error::DecryptFailed {
                KeyError::WrongPassphrase
            } else {
                KeyError::UnsupportedEncryption
            }
        })?;
    // The padding reveals a wrong passphrase all but one time in 256; then the structure does.
    PrivateKeyInfoRef::from_der(&plain).map_err(|_| KeyError::WrongPassphrase)?;
    read_pkcs8(&plain)
}

fn is_affordable(scheme: &EncryptionScheme) -> bool {
    match scheme.pbes2().map(|parameters| &parameters.kdf) {
        Some(Kdf::Pbkdf2(pbkdf2)) => pbkdf2.iteration_count <= MAX_PBKDF2_ITERATIONS,
        Some(Kdf::Scrypt(scrypt)) => {
            let memory = 128u64
                .checked_mul(scrypt.cost_parameter)
                .and_then(|bytes| bytes.checked_mul(u64::from(scrypt.block_size)));
            memory.is_some_and(|bytes| bytes <= MAX_SCRYPT_MEMORY_BYTES)
                && scrypt.parallelization <= MAX_SCRYPT_PARALLELIZATION
        }
        Some(_) | None => false,
    }
}

pub(super) fn write(
    pkcs8: &[u8],
    passphrase: Option<&Passphrase>,
) -> Result<Zeroizing<String>, KeyError> {
    let text = match passphrase {
        None => SecretDocument::try_from(pkcs8).and_then(|der| der.to_pem(PKCS8, LineEnding::LF)),
        Some(passphrase) => encrypt(pkcs8, passphrase)?.to_pem(ENCRYPTED_PKCS8, LineEnding::LF),
    };
    text.map_err(|_| KeyError::Internal)
}

fn encrypt(pkcs8: &[u8], passphrase: &Passphrase) -> Result<SecretDocument, KeyError> {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    for random in [&mut salt, &mut iv] {
        aws_lc_rs::rand::fill(random).map_err(|_| KeyError::Internal)?;
    }
    let parameters = Parameters::generate_pbkdf2_sha256_aes256cbc(PBKDF2_ITERATIONS, &salt, iv)
        .map_err(|_| KeyError::Internal)?;
    PrivateKeyInfoRef::from_der(pkcs8)
        .map_err(pkcs8::Error::from)
        .and_then(|info| info.encrypt_with_params(parameters, passphrase.as_bytes()))
        .map_err(|_| KeyError::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pkcs8::pkcs5::pbes2::ScryptParams;

    #[test]
    fn key_derivation_of_absurd_cost_is_refused() {
        let pbkdf2 = |iterations| {
            Parameters::generate_pbkdf2_sha256_aes256cbc(iterations, &[0; 16], [0; 16]).unwrap()
        };
        let scrypt = |cost_parameter, parallelization| {
            let mut parameters = pbkdf2(1);
            parameters.kdf = Kdf::Scrypt(ScryptParams {
                salt: [0u8; 16].as_slice().try_into().unwrap(),
                cost_parameter,
                block_size: 8,
                parallelization,
                key_length: None,
            });
            parameters
        };
        let affordable = |parameters| is_affordable(&EncryptionScheme::Pbes2(parameters));
        assert!(affordable(pbkdf2(MAX_PBKDF2_ITERATIONS)));
        assert!(!affordable(pbkdf2(MAX_PBKDF2_ITERATIONS + 1)));
        assert!(affordable(scrypt(1 << 18, 1)));
        assert!(!affordable(scrypt(1 << 19, 1)));
        assert!(!affordable(scrypt(u64::MAX, 1)));
        assert!(!affordable(scrypt(2, u16::MAX)));
    }
}
