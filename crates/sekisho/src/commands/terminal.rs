//! `sekisho terminal …`

use std::path::Path;

use pki::pem::{self, Label};
use pki::{ExtendedKeyUsage, Leaf};
use policy::{Status, TerminalName};
use registry::{CertificateFilter, Filter, IkeIdentity, RevocationReason};
use serde_json::json;

use super::{act, ca, open_registry, router};
use crate::ca::{Ca, facts};
use crate::cli::{self, Listing, TerminalIssue};
use crate::config::Config;
use crate::material::moment;
use crate::{Failure, output};

const CRL_HOURS: u16 = 72;

pub(super) fn run(config: &Config, command: cli::Terminal) -> Result<(), Failure> {
    use cli::Terminal as Command;
    match command {
        Command::Add { name, label } => {
            act(config, |desk| desk.add_terminal(name.clone(), label))?;
            output::line(format_args!("{name}: registered"))
        }
        Command::Relabel { name, label } => {
            act(config, |desk| desk.relabel_terminal(&name, label))?;
            output::line(format_args!("{name}: changed"))
        }
        Command::List(listing) => list(config, listing),
        Command::Show { name, json } => show(config, &name, json.json),
        Command::Issue(options) => issue(config, &options),
        Command::Register { name, certificate } => register(config, &name, &certificate),
        Command::Suspend { name } => set(config, &name, Status::Suspended),
        Command::Resume { name } => set(config, &name, Status::Active),
        Command::Revoke { name, why } => revoke(config, &name, why.reason),
        Command::RevokeCertificate { fingerprint, why } => {
            act(config, |desk| desk.revoke_certificate(&fingerprint, why.reason))?;
            output::line(format_args!("{fingerprint}: revoked"))?;
            announce(config)
        }
    }
}

/// Ends a terminal or site router with all its credentials.
pub(super) fn revoke(
    config: &Config,
    name: &TerminalName,
    reason: RevocationReason,
) -> Result<(), Failure> {
    set(config, name, Status::Revoked)?;
    for IkeIdentity { identity, .. } in router::identities(config, name)? {
        act(config, |desk| desk.set_ike_identity_status(&identity, Status::Revoked))?;
    }
    let certificates = certificates(config, name)?;
    for certificate in &certificates {
        let fingerprint = certificate.facts.fingerprint;
        act(config, |desk| desk.revoke_certificate(&fingerprint, reason))?;
    }
    if certificates.is_empty() { Ok(()) } else { announce(config) }
}

/// The gateway refuses what was revoked at once; the CRL tells everybody else.
fn announce(config: &Config) -> Result<(), Failure> {
    match Ca::of(config) {
        Ok(ca) => ca::renew_crl(config, &ca, "issuing", CRL_HOURS).map_err(|error| {
            format!("revoked in the registry, but the CRL was not issued: {error}").into()
        }),
        Err(_) => output::line("revoked in the registry; have the issuing CA publish its CRL too"),
    }
}

fn issue(config: &Config, options: &TerminalIssue) -> Result<(), Failure> {
    let name = &options.name;
    let organization = {
        let registry = open_registry(config)?;
        let terminal = registry.reader().terminal(name)?;
        registry.reader().institution(&terminal.name.institution)?.profile.name
    };
    let issued = Ca::of(config)?.terminal(name, &organization, &options.issuance)?;
    let file = format!("{}-{}", name.institution, name.terminal);
    ca::write(&issued, &options.issuance.out, &file)?;
    let registered =
        act(config, |desk| desk.register_certificate(name.clone(), facts(&issued.leaf)));
    if registered.is_err() {
        // Of no use to anybody: the gateway does not know it.
        ca::remove(&options.issuance.out, &file);
    }
    registered
}

fn register(config: &Config, name: &TerminalName, file: &Path) -> Result<(), Failure> {
    let text =
        std::fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let certificates = pem::decode(Label::Certificate, &text)
        .map_err(|error| format!("{}: {error}", file.display()))?;
    let first = certificates.first().ok_or("the file holds no certificate")?;
    let leaf = Leaf::from_der(first).map_err(|error| format!("{}: {error}", file.display()))?;
    pki::strength(&leaf).map_err(|weakness| format!("{}: {weakness}", file.display()))?;
    if !leaf.permits(ExtendedKeyUsage::ClientAuth) {
        return Err(format!("{}: it is not for client authentication", file.display()).into());
    }
    if let Ok(identity) = &leaf.identity {
        let claimed = format!("{}/{}", identity.institution(), identity.terminal());
        if claimed != name.to_string() {
            return Err(format!("{}: it names {claimed}, not {name}", file.display()).into());
        }
    }
    act(config, |desk| desk.register_certificate(name.clone(), facts(&leaf)))?;
    output::line(format_args!("{name}: {} until {}", leaf.subject, moment(leaf.not_after)))
}

/// Suspends, resumes or ends a terminal or site router.
pub(super) fn set(config: &Config, name: &TerminalName, status: Status) -> Result<(), Failure> {
    act(config, |desk| desk.set_terminal_status(name, status))?;
    output::line(format_args!("{name}: {status}"))
}

fn certificates(
    config: &Config,
    name: &TerminalName,
) -> Result<Vec<registry::Certificate>, Failure> {
    let registry = open_registry(config)?;
    let filter = CertificateFilter {
        filter: Filter { institution: Some(name.institution.clone()), ..Filter::default() },
        terminal: Some(name.terminal.clone()),
        expiring_before: None,
    };
    Ok(registry.reader().certificates(&filter)?)
}

fn list(config: &Config, listing: Listing) -> Result<(), Failure> {
    let registry = open_registry(config)?;
    let filter =
        Filter { institution: listing.institution, status: listing.status, text: listing.search };
    let terminals = registry.reader().terminals(&filter)?;
    if listing.json.json {
        return output::json(&terminals);
    }
    let rows: Vec<Vec<String>> = terminals
        .into_iter()
        .map(|terminal| {
            vec![terminal.name.to_string(), terminal.status.to_string(), terminal.label]
        })
        .collect();
    output::table(&["terminal", "status", "label"], &rows)
}

fn show(config: &Config, name: &TerminalName, as_json: bool) -> Result<(), Failure> {
    let terminal = open_registry(config)?.reader().terminal(name)?;
    let certificates = certificates(config, name)?;
    if as_json {
        return output::json(&json!({ "terminal": terminal, "certificates": certificates }));
    }
    output::line(format_args!("{name} {} {}", terminal.status, terminal.label))?;
    let rows: Vec<Vec<String>> = certificates
        .into_iter()
        .map(|certificate| {
            vec![
                certificate.facts.fingerprint.to_string(),
                certificate.status.to_string(),
                moment(certificate.facts.not_after),
                certificate.facts.serial,
            ]
        })
        .collect();
    output::table(&["certificate", "status", "until", "serial"], &rows)
}
