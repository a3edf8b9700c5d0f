//! The gateway's own certificates and keys.

use pki::pem::{self, Label};
use pki::{ExtendedKeyUsage, KeyError, Leaf, SigningKey};
use policy::UnixSeconds;
use zeroize::Zeroizing;

use super::secret::{kept_private, passphrase};
use super::{fault, moment, read};
use crate::config::{CertificateFiles, Located, Problem};

/// How a PEM file of an encrypted key begins (RFC 7468 §11).
const ENCRYPTED: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";

/// A certificate of the gateway.
pub(super) struct Own {
    /// DER, leaf first.
    pub(super) chain: Vec<Vec<u8>>,
    pub(super) leaf: Leaf,
    pub(super) key: SigningKey,
}

impl Own {
    /// The key as a TLS or IKE library takes it.
    pub(super) fn pkcs8(&self, files: &CertificateFiles) -> Result<Zeroizing<Vec<u8>>, Problem> {
        self.key.to_pkcs8_der().map_err(|error| key_fault(files, &error))
    }
}

/// Reads and judges one certificate of the gateway and its key.
pub(super) fn read_own(files: &CertificateFiles, now: UnixSeconds) -> Result<Own, Problem> {
    let chain = pem::decode(Label::Certificate, &read(&files.chain)?)
        .map_err(|error| fault(&files.chain, error, "give a PEM file, the leaf first"))?;
    let Some(first) = chain.first() else {
        return Err(fault(&files.chain, "it holds no certificate", "give a PEM file"));
    };
    let leaf = Leaf::from_der(first)
        .map_err(|error| fault(&files.chain, error, "have the certificate issued anew"))?;
    judge(&files.chain, &leaf, now)?;
    let key = key(files)?;
    Ok(Own { chain, leaf, key })
}

/// Conformance test T09: what 高セキュリティ型 does not allow is refused at load.
fn judge(file: &Located, leaf: &Leaf, now: UnixSeconds) -> Result<(), Problem> {
    pki::strength(leaf).map_err(|weakness| {
        fault(file, weakness, "have a certificate issued with ECDSA P-256 or RSA 3072 and SHA-256")
    })?;
    if !leaf.permits(ExtendedKeyUsage::ServerAuth) {
        let remedy = "have a certificate issued with the extended key usage serverAuth";
        return Err(fault(file, "the certificate is not for servers", remedy));
    }
    if now > leaf.not_after {
        let message = format!("the server certificate expired at {}", moment(leaf.not_after));
        return Err(fault(file, message, "renew it: 'sekisho ca server' issues one"));
    }
    if now < leaf.not_before {
        let message = format!("the certificate is not valid before {}", moment(leaf.not_before));
        return Err(fault(file, message, "check this machine's clock"));
    }
    Ok(())
}

fn key(files: &CertificateFiles) -> Result<SigningKey, Problem> {
    let text = Zeroizing::new(read(&files.key)?);
    if !text.windows(ENCRYPTED.len()).any(|part| part == ENCRYPTED) {
        kept_private(&files.key)?;
    }
    let passphrase = files.passphrase.as_ref().map(passphrase).transpose()?;
    let key = SigningKey::from_pem(&text, passphrase.as_ref());
    key.map_err(|error| key_fault(files, &error))
}

fn key_fault(files: &CertificateFiles, error: &KeyError) -> Problem {
    let of_the_passphrase = matches!(error, KeyError::WrongPassphrase);
    match &files.passphrase {
        Some(file) if of_the_passphrase => {
            fault(file, error, "this file holds the passphrase of another key")
        }
        None if matches!(error, KeyError::PassphraseNeeded) => {
            fault(&files.key, error, "add passphrase_file beside it")
        }
        Some(_) | None => {
            fault(&files.key, error, "give an ECDSA P-256/P-384 or RSA key in PEM form")
        }
    }
}
