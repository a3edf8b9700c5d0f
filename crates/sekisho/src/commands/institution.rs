//! `sekisho institution …`

use policy::{InstitutionCode, Networks, Status};
use registry::{Filter, Institution, InstitutionChange as Change};

use super::{act, open_registry};
use crate::cli::{self, InstitutionFields, Listing};
use crate::config::Config;
use crate::{Failure, output};

pub(super) fn run(config: &Config, command: cli::Institution) -> Result<(), Failure> {
    use cli::Institution as Command;
    match command {
        Command::Add { code, fields } => add(config, &code, fields),
        Command::Change { code, fields } => change(config, &code, fields),
        Command::List(listing) => list(config, listing),
        Command::Show { code, json } => {
            let registry = open_registry(config)?;
            let institution = registry.reader().institution(&code)?;
            if json.json { output::json(&institution) } else { show(&institution) }
        }
        Command::Suspend { code } => set(config, &code, Status::Suspended),
        Command::Resume { code } => set(config, &code, Status::Active),
        Command::Withdraw { code } => set(config, &code, Status::Revoked),
    }
}

fn add(config: &Config, code: &InstitutionCode, fields: InstitutionFields) -> Result<(), Failure> {
    let (Some(kind), Some(name)) = (fields.kind, fields.name) else {
        return Err("a new institution needs --kind and --name".into());
    };
    let profile = policy::Institution {
        code: code.clone(),
        name,
        kind,
        status: Status::Active,
        networks: networks(fields.networks.unwrap_or_default()),
        systems: fields.systems.unwrap_or_default(),
        hours: fields.hours.and_then(|hours| hours.0),
        ip_vpn_prefixes: fields.ip_vpn_prefixes.unwrap_or_default(),
        inner_prefixes: fields.inner_prefixes.unwrap_or_default(),
        within: fields.within.unwrap_or_default(),
    };
    act(config, |desk| desk.add_institution(profile, fields.note.unwrap_or_default()))?;
    output::line(format_args!("{code}: registered"))
}

fn change(
    config: &Config,
    code: &InstitutionCode,
    fields: InstitutionFields,
) -> Result<(), Failure> {
    let mut changes = Vec::new();
    changes.extend(fields.systems.map(Change::Systems));
    changes.extend(fields.name.map(Change::Name));
    changes.extend(fields.kind.map(Change::Kind));
    changes.extend(fields.networks.map(|n| Change::Networks(networks(n))));
    changes.extend(fields.hours.map(|hours| Change::Hours(hours.0)));
    changes.extend(fields.ip_vpn_prefixes.map(Change::IpVpnPrefixes));
    changes.extend(fields.inner_prefixes.map(Change::InnerPrefixes));
    changes.extend(fields.within.map(Change::Within));
    changes.extend(fields.note.map(Change::Note));
    if changes.is_empty() {
        return Err("nothing to change: give at least one of --name, --kind, …".into());
    }
    act(config, |desk| desk.change_institution(code, changes))?;
    output::line(format_args!("{code}: changed"))
}

fn networks(given: Vec<policy::Network>) -> Networks {
    given.into_iter().collect()
}

fn set(config: &Config, code: &InstitutionCode, status: Status) -> Result<(), Failure> {
    act(config, |desk| desk.set_institution_status(code, status))?;
    output::line(format_args!("{code}: {status}"))
}

fn list(config: &Config, listing: Listing) -> Result<(), Failure> {
    let registry = open_registry(config)?;
    let filter =
        Filter { institution: listing.institution, status: listing.status, text: listing.search };
    let institutions = registry.reader().institutions(&filter)?;
    if listing.json.json {
        return output::json(&institutions);
    }
    let rows: Vec<Vec<String>> = institutions
        .iter()
        .map(|Institution { profile, .. }| {
            vec![
                profile.code.to_string(),
                profile.name.clone(),
                profile.kind.japanese().to_owned(),
                profile.status.to_string(),
                joined(profile.networks.iter()),
                joined(profile.systems.iter()),
                joined(profile.within.iter()),
            ]
        })
        .collect();
    output::table(&["code", "name", "kind", "status", "networks", "systems", "within"], &rows)
}

fn show(institution: &Institution) -> Result<(), Failure> {
    let profile = &institution.profile;
    let hours = profile.hours.as_ref().map_or("always".to_owned(), ToString::to_string);
    output::table(
        &["institution", profile.code.as_str()],
        &[
            vec!["name".to_owned(), profile.name.clone()],
            vec!["kind".to_owned(), profile.kind.japanese().to_owned()],
            vec!["status".to_owned(), profile.status.to_string()],
            vec!["networks".to_owned(), joined(profile.networks.iter())],
            vec!["systems".to_owned(), joined(profile.systems.iter())],
            vec!["hours".to_owned(), hours],
            vec!["ip-vpn prefixes".to_owned(), joined(profile.ip_vpn_prefixes.iter())],
            vec!["inner prefixes".to_owned(), joined(profile.inner_prefixes.iter())],
            vec!["within".to_owned(), joined(profile.within.iter())],
            vec!["note".to_owned(), institution.note.clone()],
        ],
    )
}

fn joined<T: ToString>(items: impl Iterator<Item = T>) -> String {
    let words: Vec<String> = items.map(|item| item.to_string()).collect();
    if words.is_empty() { "–".to_owned() } else { words.join(" ") }
}
