//! The files that the TLS front needs, and in [`ipsec`] those of IKE, read and judged before
//! anything is served. Every fault points at the line of the configuration that names the file.

pub(crate) mod ipsec;
pub(crate) mod sealing;
pub(crate) mod secret;
mod server;
mod trust;

use std::collections::HashMap;
use std::fmt::Display;
use std::fs;

use pki::{Leaf, RevocationList};
use policy::UnixSeconds;
use rustls::pki_types::CertificateDer;
use terminator::{Material, MaterialError, ServerIdentity};

use crate::config::{Config, Located, Problem, Problems};
use trust::Trusted;

/// What to do about a file that cannot be read.
const UNREADABLE: &str = "correct the path, or make the file readable for the gateway's user";

/// The number of the newest CRL known of each issuer.
pub(crate) type CrlNumbers = HashMap<String, u128>;

/// What was read, for people.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) servers: Vec<Leaf>,
    pub(crate) client_cas: Vec<Leaf>,
    pub(crate) crls: Vec<RevocationList>,
}

impl Summary {
    /// What later CRLs may not fall behind.
    pub(crate) fn crl_numbers(&self) -> CrlNumbers {
        self.crls.iter().map(|crl| (crl.issuer.clone(), crl.number)).collect()
    }
}

/// Reads everything, or says everything that is wrong. A CRL with a number lower than that
/// in `known` is an old one played back.
pub(crate) fn load(
    config: &Config,
    now: UnixSeconds,
    known: &CrlNumbers,
) -> Result<(Material, Summary), Problems> {
    let mut problems = Vec::new();
    let own = config.tls.certificates.iter().map(|files| {
        let own = server::read_own(files, now)?;
        let key = own.pkcs8(files)?;
        let chain = own.chain.into_iter().map(CertificateDer::from).collect();
        Ok((ServerIdentity { chain, key }, own.leaf))
    });
    let (identities, servers): (Vec<_>, Vec<_>) = keep(own, &mut problems).into_iter().unzip();
    let tls = &config.tls;
    let trusted = Trusted::read(&tls.client_ca, &tls.crl, now, known, &mut problems);
    if !problems.is_empty() {
        return Err(config.problems(problems));
    }
    let (anchors, intermediates) = trusted.der();
    let certificates = |ders: Vec<Vec<u8>>| ders.into_iter().map(CertificateDer::from).collect();
    let lists = trusted.lists.iter().map(|list| list.der.clone().into()).collect();
    match Material::new(identities, certificates(anchors), certificates(intermediates), lists) {
        Ok(material) => Ok((material, trusted.summary(servers))),
        Err(error) => Err(config.problems(vec![not_material(config, &error)])),
    }
}

/// The good ones; what is wrong with the others is added to `problems`.
fn keep<T>(
    results: impl Iterator<Item = Result<T, Problem>>,
    problems: &mut Vec<Problem>,
) -> Vec<T> {
    results.filter_map(|result| result.map_err(|problem| problems.push(problem)).ok()).collect()
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

fn read(file: &Located) -> Result<Vec<u8>, Problem> {
    fs::read(&file.path).map_err(|error| fault(file, error, UNREADABLE))
}

fn fault(file: &Located, message: impl Display, remedy: &str) -> Problem {
    Problem::at(file.span.clone(), format!("{}: {message}", file.path.display()), remedy)
}

/// A moment for people, in UTC.
pub(crate) fn moment(at: UnixSeconds) -> String {
    jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |time| time.to_string())
}
