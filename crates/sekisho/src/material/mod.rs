//! The files the TLS front needs, read and judged before anything is served. Every
//! fault points at the line of the configuration that names the file.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use pki::pem::{self, Label};
use pki::{ExtendedKeyUsage, KeyError, Leaf, Passphrase, RevocationList};
use policy::UnixSeconds;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use terminator::{Material, MaterialError, ServerIdentity};
use zeroize::Zeroizing;

use crate::config::{CertificateFiles, Config, Located, Problem, Problems};

/// What was read, for people.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) servers: Vec<Leaf>,
    pub(crate) client_cas: Vec<Leaf>,
    pub(crate) crls: Vec<RevocationList>,
}

/// Reads everything, or says everything that is wrong.
pub(crate) fn load(config: &Config, now: UnixSeconds) -> Result<(Material, Summary), Problems> {
    let mut problems = Vec::new();
    let mut identities = Vec::new();
    let mut servers = Vec::new();
    for files in &config.tls.certificates {
        match server(files, now) {
            Ok((identity, leaf)) => {
                identities.push(identity);
                servers.push(leaf);
            }
            Err(problem) => problems.push(problem),
        }
    }
    let (mut anchors, mut client_cas) = (Vec::new(), Vec::new());
    for file in &config.tls.client_ca {
        match authorities(file) {
            Ok(found) => {
                for (der, leaf) in found {
                    anchors.push(CertificateDer::from(der));
                    client_cas.push(leaf);
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    let (mut lists, mut crls) = (Vec::new(), Vec::new());
    for file in &config.tls.crl {
        match revocation_lists(file, now) {
            Ok(found) => {
                for (der, list) in found {
                    lists.push(der.into());
                    crls.push(list);
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(config.problems(problems));
    }
    match Material::new(identities, anchors, lists) {
        Ok(material) => Ok((material, Summary { servers, client_cas, crls })),
        Err(error) => Err(config.problems(vec![not_material(config, &error)])),
    }
}

fn not_material(config: &Config, error: &MaterialError) -> Problem {
    let message = error.to_string();
    match error {
        MaterialError::Key { index, .. } => {
            let span = config.tls.certificates.get(*index).map(|files| files.key.span.clone());
            let remedy = "chain and key must be of the same pair; the chain begins with the leaf";
            Problem { span, message, remedy: remedy.to_owned() }
        }
        MaterialError::NoServerCertificate
        | MaterialError::NoClientCa
        | MaterialError::NoCrl
        | MaterialError::ClientCa(_)
        | MaterialError::Crl(_) => {
            Problem::whole(message, "check the files named under [tls] with 'openssl'")
        }
    }
}

fn server(files: &CertificateFiles, now: UnixSeconds) -> Result<(ServerIdentity, Leaf), Problem> {
    let chain = pem::decode(Label::Certificate, &read(&files.chain)?)
        .map_err(|error| fault(&files.chain, error, "give a PEM file, the leaf first"))?;
    let Some(first) = chain.first() else {
        return Err(fault(&files.chain, "it holds no certificate", "give a PEM file"));
    };
    let leaf = Leaf::from_der(first)
        .map_err(|error| fault(&files.chain, error, "have the certificate issued anew"))?;
    judge_server(&files.chain, &leaf, now)?;
    let key = server_key(files)?;
    let identity = ServerIdentity {
        chain: chain.into_iter().map(CertificateDer::from).collect(),
        key: PrivatePkcs8KeyDer::from(key.to_vec()).into(),
    };
    Ok((identity, leaf))
}

/// Conformance test T09: what 高セキュリティ型 does not allow is refused at load.
fn judge_server(file: &Located, leaf: &Leaf, now: UnixSeconds) -> Result<(), Problem> {
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

fn server_key(files: &CertificateFiles) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let text = Zeroizing::new(read(&files.key)?);
    let passphrase = files.passphrase.as_ref().map(passphrase).transpose()?;
    let key = pki::key::pkcs8_der(&text, passphrase.as_ref());
    let key = key.map_err(|error| key_fault(files, &error))?;
    if passphrase.is_none() {
        kept_private(&files.key)?;
    }
    Ok(key)
}

fn key_fault(files: &CertificateFiles, error: &KeyError) -> Problem {
    let of_the_passphrase = matches!(error, KeyError::WrongPassphrase);
    match &files.passphrase {
        Some(file) if of_the_passphrase => {
            fault(file, error, "this file holds the passphrase of another key")
        }
        None if matches!(error, KeyError::PassphraseNeeded) => {
            fault(&files.key, error, "add passphrase_file to this [[tls.certificate]]")
        }
        Some(_) | None => {
            fault(&files.key, error, "give an ECDSA P-256/P-384 or RSA key in PEM form")
        }
    }
}

/// Reads a passphrase; one final line break is not part of it.
pub(crate) fn passphrase(file: &Located) -> Result<Passphrase, Problem> {
    kept_private(file)?;
    let bytes = Zeroizing::new(read(file)?);
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| fault(file, "it is not UTF-8 text", "write the passphrase as text"))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(Passphrase::new(text.strip_suffix('\r').unwrap_or(text).to_owned()))
}

/// A plain secret must be its owner's alone.
fn kept_private(file: &Located) -> Result<(), Problem> {
    let mode = fs::metadata(&file.path).map_err(|error| unreadable(file, &error))?;
    let mode = mode.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let message = format!("a secret that others can read (mode {mode:04o})");
    Err(fault(file, message, &format!("run: chmod 0600 {}", file.path.display())))
}

fn authorities(file: &Located) -> Result<Vec<(Vec<u8>, Leaf)>, Problem> {
    let found = pem::decode(Label::Certificate, &read(file)?)
        .map_err(|error| fault(file, error, "give the CA certificates in PEM form"))?;
    if found.is_empty() {
        return Err(fault(file, "it holds no certificate", "give the CA certificates in PEM form"));
    }
    let judged = found.into_iter().map(|der| match Leaf::from_der(&der) {
        Ok(leaf) => Ok((der, leaf)),
        Err(error) => Err(fault(file, error, "remove or replace this CA certificate")),
    });
    judged.collect()
}

fn revocation_lists(
    file: &Located,
    now: UnixSeconds,
) -> Result<Vec<(Vec<u8>, RevocationList)>, Problem> {
    let bytes = read(file)?;
    let found = if bytes.starts_with(b"\x30") {
        vec![bytes]
    } else {
        pem::decode(Label::RevocationList, &bytes)
            .map_err(|error| fault(file, error, "give the CRL in PEM or DER form"))?
    };
    if found.is_empty() {
        return Err(fault(file, "it holds no CRL", "give the CRL in PEM or DER form"));
    }
    let judged = found.into_iter().map(|der| {
        let list = RevocationList::from_der(&der)
            .map_err(|error| fault(file, error, "have the CA issue the CRL anew"))?;
        if now > list.next_update {
            let message = format!("the CRL expired at {}", moment(list.next_update));
            return Err(fault(file, message, "fetch the CA's newest, or run 'sekisho ca crl'"));
        }
        Ok((der, list))
    });
    judged.collect()
}

fn read(file: &Located) -> Result<Vec<u8>, Problem> {
    fs::read(&file.path).map_err(|error| unreadable(file, &error))
}

fn unreadable(file: &Located, error: &std::io::Error) -> Problem {
    fault(file, error, "correct the path, or make the file readable for the gateway's user")
}

fn fault(file: &Located, message: impl std::fmt::Display, remedy: &str) -> Problem {
    Problem::at(file.span.clone(), format!("{}: {message}", file.path.display()), remedy)
}

/// A moment for people, in UTC.
pub(crate) fn moment(at: UnixSeconds) -> String {
    jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |time| time.to_string())
}

/// When any of `files` last changed, for noticing that one did.
pub(crate) fn last_change<'a>(files: impl Iterator<Item = &'a Path>) -> Vec<std::time::SystemTime> {
    files
        .map(|path| {
            let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
            modified.unwrap_or(std::time::UNIX_EPOCH)
        })
        .collect()
}
