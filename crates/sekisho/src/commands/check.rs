//! `sekisho check`: everything that `run` would need, looked at without serving.

use registry::{Filter, Reader};
use serde_json::json;

use crate::cli::Json;
use crate::config::Config;
use crate::material::{self, CrlNumbers, moment};
use crate::{Failure, gateway, output, unix_now};

pub(super) fn run(config: &Config, json: Json) -> Result<(), Failure> {
    let (_, summary) = material::load(config, unix_now(), &CrlNumbers::new())?;
    let registered = registered(config)?;
    if json.json {
        return output::json(&json!({
            "gateway": *config.gateway,
            "workers": config.workers,
            "listeners": config.tls.listeners.iter().map(|listener| json!({
                "address": listener.address.to_string(),
                "profile": listener.profile.to_string(),
                "system": listener.system.as_ref().map(ToString::to_string),
            })).collect::<Vec<_>>(),
            "systems": config.systems.iter().map(|system| json!({
                "id": system.id.as_str(),
                "name": system.name,
                "hosts": system.hosts,
            })).collect::<Vec<_>>(),
            "institutions": registered.map(|(institutions, _)| institutions),
            "terminals": registered.map(|(_, terminals)| terminals),
        }));
    }
    let listeners: Vec<Vec<String>> = config
        .tls
        .listeners
        .iter()
        .map(|listener| {
            let system = listener
                .system
                .as_ref()
                .map_or("by server name".to_owned(), |id| format!("{id} only"));
            vec![listener.address.to_string(), listener.profile.to_string(), system]
        })
        .collect();
    output::table(&["listener", "profile", "system"], &listeners)?;
    output::line("")?;
    let systems: Vec<Vec<String>> = config
        .systems
        .iter()
        .zip(&config.upstreams)
        .map(|(system, upstream)| {
            let hosts = system.hosts.join(" ");
            vec![system.id.to_string(), system.name.clone(), hosts, upstream.address.clone()]
        })
        .collect();
    output::table(&["system", "name", "hosts", "upstream"], &systems)?;
    output::line("")?;
    let servers = summary.servers.iter().map(|leaf| {
        vec!["server certificate".to_owned(), leaf.subject.clone(), moment(leaf.not_after)]
    });
    let cas = summary
        .client_cas
        .iter()
        .map(|leaf| vec!["client CA".to_owned(), leaf.subject.clone(), moment(leaf.not_after)]);
    let crls = summary.crls.iter().map(|crl| {
        let what = format!("CRL {} ({} revoked)", crl.number, crl.entries);
        vec![what, crl.issuer.clone(), moment(crl.next_update)]
    });
    let rows: Vec<Vec<String>> = servers.chain(cas).chain(crls).collect();
    output::table(&["file", "name", "until"], &rows)?;
    output::line("")?;
    match registered {
        Some((institutions, terminals)) => output::line(format_args!(
            "registry: {institutions} institutions, {terminals} terminals"
        )),
        None => output::line("registry: not there yet; 'sekisho institution add' makes it"),
    }?;
    output::line("all well")
}

/// How many institutions and terminals there are, if there is a registry.
fn registered(config: &Config) -> Result<Option<(usize, usize)>, Failure> {
    if !config.registry.exists() {
        return Ok(None);
    }
    let reader = Reader::open(&config.registry)?;
    gateway::compile(config, &reader)?;
    let institutions = reader.institutions(&Filter::default())?.len();
    Ok(Some((institutions, reader.terminals(&Filter::default())?.len())))
}
