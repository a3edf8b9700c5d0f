//! Client certificates that `sekisho` itself would not issue: the wrong ones.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use pki::pem::{self, Label};
use pki::{Algorithm, Authority, Identity, Serial, SigningKey, Subject, Terminal, Validity};

use super::Failure;
use super::roster::TRUST_DOMAIN;

/// Writes the wrong certificates beside the right ones, each as `NAME.pem` and `NAME.key`.
pub(super) fn write(ca: &Path, out: &Path) -> Result<(), Failure> {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let issuing = issuing(ca)?;
    let terminal = |institution, terminal| -> Result<Terminal, Failure> {
        let identity = Identity::new(TRUST_DOMAIN, institution, terminal)?;
        Ok(Terminal { organization: "デモ".to_owned(), unit: None, identity })
    };
    let expired = Validity::new(now - 3000, now - 60)?;
    let valid = Validity::new(now - 3000, now + 86_400)?;
    write_one(out, "expired", &issuing, &terminal("3710101", "pc-1")?, expired)?;
    write_one(out, "unregistered", &issuing, &terminal("3710101", "pc-9")?, valid)?;

    let subject = Subject {
        organization: "Somebody Else".to_owned(),
        unit: None,
        common_name: "Another CA".to_owned(),
    };
    let key = SigningKey::generate(Algorithm::EcdsaP256)?;
    let stranger = Authority::root(key, &subject, valid, &serial(0))?;
    let valid = Validity::new(now - 3000, now + 3600)?;
    write_one(out, "stranger", &stranger, &terminal("3710001", "pc-1")?, valid)
}

fn issuing(ca: &Path) -> Result<Authority, Failure> {
    let key = SigningKey::from_pem(&fs::read(ca.join("issuing.key"))?, None)?;
    let certificates = pem::decode(Label::Certificate, &fs::read(ca.join("issuing.pem"))?)?;
    let certificate = certificates.first().ok_or("issuing.pem holds no certificate")?;
    Ok(Authority::from_der(certificate, key)?)
}

fn write_one(
    out: &Path,
    name: &str,
    authority: &Authority,
    terminal: &Terminal,
    valid: Validity,
) -> Result<(), Failure> {
    let key = SigningKey::generate(Algorithm::EcdsaP256)?;
    // A number of its own for each of the three: they differ in their names' lengths.
    let serial = serial(u8::try_from(name.len())?);
    let certificate = authority.issue_terminal(terminal, key.public_key(), valid, &serial)?;
    let chain = pem::encode(Label::Certificate, [&certificate, authority.certificate()])?;
    fs::write(out.join(format!("{name}.pem")), chain)?;
    let mut file = fs::OpenOptions::new();
    let file = file.write(true).create_new(true).mode(0o600);
    let mut file = file.open(out.join(format!("{name}.key")))?;
    std::io::Write::write_all(&mut file, key.to_pem(None)?.as_bytes())?;
    Ok(())
}

fn serial(number: u8) -> Serial {
    let mut bytes = [0x5e; 16];
    bytes[15] = number;
    Serial::from_random(bytes)
}
