//! `sekisho check`: everything that `run` would need, looked at without serving.

mod data_plane;
mod ipsec;

use registry::{Filter, Reader};
use serde_json::json;

use crate::cli::Json;
use crate::config::Config;
use crate::config::Problem;
use crate::material::{self, CrlNumbers, moment, sealing};
use crate::{Failure, gateway, output, unix_now};

pub(super) fn run(config: &Config, json: Json) -> Result<(), Failure> {
    let (_, summary) = material::load(config, unix_now(), &CrlNumbers::new())?;
    let ipsec = config.ipsec.as_ref().map(|ipsec| ipsec::check(config, ipsec)).transpose()?;
    let registered = registered(config)?;
    let prefixes = registered.as_ref().map_or(0, |registered| registered.ip_vpn_prefixes);
    let data_plane = data_plane::check(config, prefixes);
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
            "data_plane": data_plane.as_ref().map(data_plane::json),
            "ip_vpn": config.ip_vpn.as_ref().map(data_plane::ip_vpn),
            "ipsec": ipsec.as_ref().map(ipsec::json),
            "institutions": registered.as_ref().map(|registered| registered.institutions),
            "terminals": registered.as_ref().map(|registered| registered.terminals),
            "pre_shared_keys": registered.as_ref().map(|registered| registered.pre_shared_keys),
        }));
    }
    served(config)?;
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
    if let Some(data_plane) = &data_plane {
        data_plane::table(data_plane)?;
        output::line("")?;
    }
    if let Some(ipsec) = &ipsec {
        ipsec::table(ipsec)?;
        output::line("")?;
    }
    match registered {
        Some(Registered { institutions, terminals, pre_shared_keys, .. }) => {
            output::line(format_args!(
                "registry: {institutions} institutions, {terminals} terminals, \
             {pre_shared_keys} pre-shared keys"
            ))
        }
        None => output::line("registry: not there yet; 'sekisho institution add' makes it"),
    }?;
    output::line("all well")
}

/// Listeners and systems.
fn served(config: &Config) -> Result<(), Failure> {
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
    output::line("")
}

/// How many there are of what.
struct Registered {
    institutions: usize,
    terminals: usize,
    pre_shared_keys: usize,
    ip_vpn_prefixes: usize,
}

/// What the registry holds, if there is one.
fn registered(config: &Config) -> Result<Option<Registered>, Failure> {
    if !config.registry.exists() {
        return Ok(None);
    }
    let reader = Reader::open(&config.registry)?;
    let policy = gateway::compile(config, &reader)?;
    Ok(Some(Registered {
        institutions: reader.institutions(&Filter::default())?.len(),
        terminals: reader.terminals(&Filter::default())?.len(),
        pre_shared_keys: pre_shared_keys(config, &reader)?,
        ip_vpn_prefixes: policy.ip_vpn_prefixes().count(),
    }))
}

fn pre_shared_keys(config: &Config, reader: &Reader) -> Result<usize, Failure> {
    let ring = sealing::key_ring(config, reader)?;
    if ring.unreadable.is_empty() {
        return Ok(ring.keys.len());
    }
    let file = &config.sealing_key;
    let (path, unreadable) = (file.path.display(), ring.unreadable.join(", "));
    let message = format!("{path} does not open the keys of {unreadable}");
    let remedy = "restore the file that belongs to this registry, or give these routers new \
                  keys with 'sekisho router set-key'";
    Err(config.problems(vec![Problem::at(file.span.clone(), message, remedy)]).into())
}
