//! Why a private key cannot be used.

use std::fmt;

use aws_lc_rs::error::KeyRejected;

use crate::ObjectIdentifier;
use crate::pem::PemError;

/// Why a private key could not be read or written. All but [`KeyError::Internal`] are faults of
/// the file or of the passphrase given with it.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyError {
    /// There is no PEM private key in the text.
    NotPem(PemError),
    /// The key is encrypted and no passphrase was given.
    PassphraseNeeded,
    /// The key does not decrypt with this passphrase.
    WrongPassphrase,
    /// The key is encrypted in a way that is not supported: not PBES2, a cipher other than AES, a
    /// pseudo-random function of SHA-1, or a key derivation of absurd cost.
    UnsupportedEncryption,
    /// The key is not of an algorithm this gateway signs with.
    UnsupportedAlgorithm {
        /// The key's algorithm, or its curve.
        algorithm: ObjectIdentifier,
    },
    /// The section is not the structure its label says.
    Malformed(der::Error),
    /// AWS-LC refuses the key: too short, or its parts do not belong together.
    Rejected(KeyRejected),
    /// AWS-LC or an encoder failed.
    Internal,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPem(error) => write!(f, "not a PEM private key: {error}"),
            Self::PassphraseNeeded => {
                f.write_str("the private key is encrypted; give its passphrase")
            }
            Self::WrongPassphrase => {
                f.write_str("the private key does not decrypt with this passphrase")
            }
            Self::UnsupportedEncryption => f.write_str(
                "the private key's encryption is not supported; \
                 encrypt it again with 'openssl pkcs8 -topk8 -v2 aes-256-cbc'",
            ),
            Self::UnsupportedAlgorithm { algorithm } => write!(
                f,
                "private keys of algorithm {algorithm} are not supported; \
                 use ECDSA P-256, ECDSA P-384, or RSA of 2048 bits or more"
            ),
            Self::Malformed(error) => {
                write!(f, "the private key is malformed ({error}); export it again")
            }
            Self::Rejected(error) => write!(
                f,
                "the private key is not acceptable ({error}); \
                 use ECDSA P-256, ECDSA P-384, or RSA of 2048 bits or more"
            ),
            Self::Internal => f.write_str("the cryptographic library failed; see the system log"),
        }
    }
}

impl std::error::Error for KeyError {}
