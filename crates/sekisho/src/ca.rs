//! The network's own certification authority: the files in `[ca] directory`.
//!
//! `root.pem`/`root.key` sign only `issuing.pem` and `root.crl`, and the root's key may
//! be kept elsewhere. `issuing.key` signs servers, terminals and `issuing.crl`.
//! `ca.pem` is what the gateway and its clients trust: both certificates.

use std::fs::File;
use std::path::PathBuf;

use aws_lc_rs::rand;
use pki::pem::{self, Label};
use pki::{
    Authority, CrlUpdate, Identity, KeyError, Leaf, Passphrase, PublicKey, Reason, Revoked, Serial,
    Server, SigningKey, Subject, Terminal, Validity,
};
use policy::{TerminalName, UnixSeconds};
use registry::{CertificateFacts, RevocationReason, RevokedCertificate};
use rustix::fs::{FlockOperation, flock};

use crate::cli::Issuance;
use crate::config::{CaFiles, Config};
use crate::files::{self, PRIVATE, PUBLIC};
use crate::{Failure, material, unix_now};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;
/// Clocks of hospitals are not all right: what is issued holds from an hour ago.
const SKEW: i64 = HOUR;
/// The root signs so rarely that its CRL must last.
const ROOT_CRL_HOURS: u16 = 8784;

/// A certificate and its key, as issued.
pub(crate) struct Issued {
    /// PEM: the certificate, then the issuing CA's.
    pub(crate) chain: String,
    /// PEM, PKCS#8, unencrypted: for a file of mode 0600.
    pub(crate) key: zeroize::Zeroizing<String>,
    pub(crate) leaf: Leaf,
}

/// The CA's files.
pub(crate) struct Ca<'a> {
    files: &'a CaFiles,
    config: &'a Config,
}

impl<'a> Ca<'a> {
    /// The CA of the configuration.
    pub(crate) fn of(config: &'a Config) -> Result<Self, Failure> {
        match &config.ca {
            Some(files) => Ok(Self { files, config }),
            None => Err("no CA is configured: add [ca] with directory and trust_domain".into()),
        }
    }

    /// Makes root and issuing CA, and their first, empty CRLs.
    pub(crate) fn init(
        &self,
        organization: &str,
        algorithm: pki::Algorithm,
        years: u16,
        passphrase: Option<&Passphrase>,
    ) -> Result<(), Failure> {
        files::private_directory(&self.files.directory)?;
        let now = unix_now();
        let subject = |common_name: &str| Subject {
            organization: organization.to_owned(),
            unit: None,
            common_name: common_name.to_owned(),
        };
        let valid = |years: i64| Validity::new(now - SKEW, now + years * YEAR);
        let years = i64::from(years);
        let root_name = format!("{} Root CA", self.files.trust_domain);
        let root = Authority::root(
            SigningKey::generate(algorithm)?,
            &subject(&root_name),
            valid(years)?,
            &serial()?,
        )?;
        let issuing_name = format!("{} Issuing CA", self.files.trust_domain);
        let issuing = root.issuing(
            SigningKey::generate(algorithm)?,
            &subject(&issuing_name),
            valid(years / 2)?,
            &serial()?,
        )?;
        for (name, authority) in [("root", &root), ("issuing", &issuing)] {
            let key = authority.key().to_pem(passphrase)?;
            files::create(&self.path(name, "key"), key.as_bytes(), PRIVATE)?;
            let certificate = pem::encode(Label::Certificate, [authority.certificate()])?;
            files::create(&self.path(name, "pem"), certificate.as_bytes(), PUBLIC)?;
        }
        let both = pem::encode(Label::Certificate, [root.certificate(), issuing.certificate()])?;
        files::create(&self.path("ca", "pem"), both.as_bytes(), PUBLIC)?;
        self.write_crl("root", &root, 0, ROOT_CRL_HOURS, &[])?;
        self.write_crl("issuing", &issuing, 0, 72, &[])
    }

    /// Issues a server certificate for the gateway.
    pub(crate) fn server(
        &self,
        dns_names: Vec<String>,
        ip_addresses: Vec<std::net::IpAddr>,
        issuance: &Issuance,
    ) -> Result<Issued, Failure> {
        let common_name = dns_names.first().cloned();
        let common_name = common_name.or_else(|| ip_addresses.first().map(ToString::to_string));
        let Some(common_name) = common_name else {
            return Err("a server certificate needs a name: give --dns or --ip".into());
        };
        let issuing = self.authority("issuing")?;
        let organization = self.files.trust_domain.clone();
        let subject = Subject { organization, unit: None, common_name };
        let server = Server { subject, dns_names, ip_addresses };
        issue(&issuing, issuance, |key, valid, serial| {
            issuing.issue_server(&server, key, valid, serial)
        })
    }

    /// Issues a client certificate for a terminal.
    pub(crate) fn terminal(
        &self,
        name: &TerminalName,
        organization: &str,
        issuance: &Issuance,
    ) -> Result<Issued, Failure> {
        let issuing = self.authority("issuing")?;
        let (institution, terminal) = (name.institution.as_str(), name.terminal.as_str());
        let terminal = Terminal {
            organization: organization.to_owned(),
            unit: Some(institution.to_owned()),
            identity: Identity::new(&self.files.trust_domain, institution, terminal)?,
        };
        issue(&issuing, issuance, |key, valid, serial| {
            issuing.issue_terminal(&terminal, key, valid, serial)
        })
    }

    /// Signs and puts in place the CRL of `name`, with the number and the entries that
    /// `begin` gives for its issuer. One process at a time: a CRL with a higher number
    /// never has fewer entries.
    pub(crate) fn crl(
        &self,
        name: &str,
        hours: u16,
        begin: impl FnOnce(&str) -> Result<(u64, Vec<RevokedCertificate>), Failure>,
    ) -> Result<(u64, usize), Failure> {
        let authority = self.authority(name)?;
        let directory = File::open(&self.files.directory)?;
        flock(&directory, FlockOperation::LockExclusive)?;
        let issuer = Leaf::from_der(authority.certificate())?.subject;
        let (number, revoked) = begin(&issuer)?;
        self.write_crl(name, &authority, number, hours, &revoked)?;
        Ok((number, revoked.len()))
    }

    fn write_crl(
        &self,
        name: &str,
        authority: &Authority,
        number: u64,
        hours: u16,
        revoked: &[RevokedCertificate],
    ) -> Result<(), Failure> {
        let now = unix_now();
        let next_update = now + i64::from(hours) * HOUR;
        let update = CrlUpdate { number, this_update: now, next_update };
        let entries = revoked.iter().map(entry).collect::<Result<Vec<_>, Failure>>()?;
        let crl = authority.sign_crl(update, entries)?;
        let text = pem::encode(Label::RevocationList, [crl.as_slice()])?;
        files::replace(&self.path(name, "crl"), text.as_bytes(), PUBLIC)
    }

    fn authority(&self, name: &str) -> Result<Authority, Failure> {
        let path = self.path(name, "key");
        let text = zeroize::Zeroizing::new(std::fs::read(&path).map_err(|error| {
            format!(
                "cannot read the CA key {}: {error}; 'sekisho ca init' makes one",
                path.display()
            )
        })?);
        let key = match SigningKey::from_pem(&text, None) {
            Err(KeyError::PassphraseNeeded) => {
                let key = SigningKey::from_pem(&text, Some(&self.passphrase()?));
                key.map_err(|error| format!("{}: {error}", path.display()))?
            }
            key => key.map_err(|error| format!("{}: {error}", path.display()))?,
        };
        Ok(Authority::from_der(&self.certificate(name)?, key)?)
    }

    fn certificate(&self, name: &str) -> Result<Vec<u8>, Failure> {
        let path = self.path(name, "pem");
        let text = std::fs::read(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let mut found = pem::decode(Label::Certificate, &text)?;
        Ok(found.swap_remove(0))
    }

    /// From the configured file, or asked for at the terminal; never from the command line.
    fn passphrase(&self) -> Result<Passphrase, Failure> {
        match &self.files.passphrase {
            Some(file) => {
                Ok(material::secret::passphrase(file).map_err(|p| self.config.problems(vec![p]))?)
            }
            None => Ok(Passphrase::new(ask("Passphrase of the CA keys: ")?)),
        }
    }

    /// A passphrase for new keys: as [`Ca::passphrase`], and typed twice.
    pub(crate) fn new_passphrase(&self) -> Result<Passphrase, Failure> {
        if self.files.passphrase.is_some() {
            return self.passphrase();
        }
        let first = zeroize::Zeroizing::new(ask("New passphrase for the CA keys: ")?);
        let again = zeroize::Zeroizing::new(ask("The same again: ")?);
        if first != again {
            return Err("the two passphrases differ".into());
        }
        if first.chars().count() < 12 {
            return Err("give a passphrase of at least 12 characters".into());
        }
        Ok(Passphrase::new(first.to_string()))
    }

    fn path(&self, name: &str, extension: &str) -> PathBuf {
        self.files.directory.join(name).with_extension(extension)
    }
}

fn ask(prompt: &str) -> Result<String, Failure> {
    rpassword::prompt_password(prompt).map_err(|error| {
        format!(
            "the passphrase cannot be asked for: {error}; \
             name a file with [ca] passphrase_file, or use --no-passphrase with 'ca init'"
        )
        .into()
    })
}

fn issue(
    issuing: &Authority,
    issuance: &Issuance,
    sign: impl FnOnce(&PublicKey, Validity, &Serial) -> Result<Vec<u8>, pki::IssueError>,
) -> Result<Issued, Failure> {
    let now = unix_now();
    let valid = Validity::new(now - SKEW, now + i64::from(issuance.days) * DAY)?;
    let key = SigningKey::generate(issuance.algorithm)?;
    let certificate = sign(key.public_key(), valid, &serial()?)?;
    let chain = pem::encode(Label::Certificate, [certificate.as_slice(), issuing.certificate()])?;
    Ok(Issued { chain, key: key.to_pem(None)?, leaf: Leaf::from_der(&certificate)? })
}

/// What the registry keeps of a certificate.
pub(crate) fn facts(leaf: &Leaf) -> CertificateFacts {
    CertificateFacts {
        fingerprint: policy::Fingerprint(leaf.fingerprint),
        serial: leaf.serial.to_string(),
        issuer: leaf.issuer.clone(),
        subject: leaf.subject.clone(),
        not_before: leaf.not_before,
        not_after: leaf.not_after,
    }
}

fn serial() -> Result<Serial, Failure> {
    let mut random = [0; 16];
    rand::fill(&mut random).map_err(|_| "the system's random generator failed")?;
    Ok(Serial::from_random(random))
}

fn entry(revoked: &RevokedCertificate) -> Result<Revoked, Failure> {
    let at: UnixSeconds = revoked.revoked_at;
    Ok(Revoked { serial: revoked.serial.parse()?, at, reason: reason(revoked.reason) })
}

fn reason(reason: RevocationReason) -> Reason {
    match reason {
        RevocationReason::Unspecified => Reason::Unspecified,
        RevocationReason::KeyCompromise => Reason::KeyCompromise,
        RevocationReason::CaCompromise => Reason::CaCompromise,
        RevocationReason::AffiliationChanged => Reason::AffiliationChanged,
        RevocationReason::Superseded => Reason::Superseded,
        RevocationReason::CessationOfOperation => Reason::CessationOfOperation,
        RevocationReason::PrivilegeWithdrawn => Reason::PrivilegeWithdrawn,
    }
}
