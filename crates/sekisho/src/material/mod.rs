//! The files the TLS front needs, read and judged before anything is served. Every
//! fault points at the line of the configuration that names the file.

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
use terminator::{Material, MaterialError};

use crate::config::{Config, Located, Problem, Problems};

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
    let servers = config.tls.certificates.iter().map(|files| server::read_identity(files, now));
    let (identities, servers): (Vec<_>, Vec<_>) = keep(servers, &mut problems).into_iter().unzip();
    let authorities = config.tls.client_ca.iter().map(|file| trust::authorities(file, now));
    let authorities: Vec<_> = keep(authorities, &mut problems).into_iter().flatten().collect();
    let lists = config.tls.crl.iter().map(|file| trust::revocation_lists(file, now));
    let lists: Vec<_> = keep(lists, &mut problems).into_iter().flatten().collect();
    if problems.is_empty() {
        problems = trust::judge(&authorities, &lists, known);
    }
    if !problems.is_empty() {
        return Err(config.problems(problems));
    }
    let (mut anchors, mut intermediates, mut client_cas) = (Vec::new(), Vec::new(), Vec::new());
    for authority in authorities {
        let side = if authority.is_root() { &mut anchors } else { &mut intermediates };
        side.push(CertificateDer::from(authority.der));
        client_cas.push(authority.leaf);
    }
    let (lists, crls) = lists.into_iter().map(|list| (list.der.into(), list.summary)).unzip();
    match Material::new(identities, anchors, intermediates, lists) {
        Ok(material) => Ok((material, Summary { servers, client_cas, crls })),
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
