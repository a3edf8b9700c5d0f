//! `sekisho barrier`: what bars the way while no gateway judges.

use std::os::unix::net::UnixStream;

use net::{LinkError, Prefixes, Routes, Steering};
use registry::Reader;
use serde_json::json;

use crate::cli::{Barrier, Json};
use crate::config::Config;
use crate::{Failure, firewall, gateway, output};

pub(super) fn run(config: &Config, command: Barrier) -> Result<(), Failure> {
    if config.ip_vpn.is_none() && config.ipsec.is_none() && !matches!(command, Barrier::Remove) {
        return output::line("neither [ip_vpn] nor [ipsec] is configured: nothing is to be barred");
    }
    let steering = config.data_plane.steering(config.ip_vpn.as_ref());
    match command {
        Barrier::Install => install(config, &steering),
        Barrier::Show(json) => show(config, &steering, json),
        Barrier::Remove => remove(config, &steering),
    }
}

/// Every part as far as it can be had: half a barrier is better than none.
fn install(config: &Config, steering: &Steering) -> Result<(), Failure> {
    let prefixes = registered(config);
    let routes = Routes::barrier(steering.clone()).and_then(|mut routes| match &prefixes {
        Ok(prefixes) => routes.replace(prefixes.borrowed()),
        // Nothing is known to be gone.
        Err(_) => routes.complete(Prefixes::default()),
    });
    let routes = routes.map_err(|error| explained(&error));
    let firewall = firewall::install(steering).map_err(|error| error.to_string());
    let prefixes = prefixes.map_err(|error| {
        format!("the registered prefixes are not barred, for the registry cannot be read: {error}")
    });
    let failures: Vec<String> =
        [prefixes.err(), routes.err(), firewall.err()].into_iter().flatten().collect();
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

fn show(config: &Config, steering: &Steering, json: Json) -> Result<(), Failure> {
    let prefixes = registered(config)?;
    let mut routes = Routes::barrier(steering.clone()).map_err(|error| explained(&error))?;
    let mut standing = routes.standing().map_err(|error| explained(&error))?;
    if firewall::is_there()? {
        standing.push("table inet sekisho".to_owned());
    }
    let mut missing = routes.missing(prefixes.borrowed()).map_err(|error| explained(&error))?;
    missing.extend(firewall::missing(steering)?);
    if json.json {
        output::json(&json!({ "standing": standing, "missing": missing }))?;
    } else {
        let rows = |state: &str, list: &[String]| -> Vec<Vec<String>> {
            list.iter().map(|what| vec![state.to_owned(), what.clone()]).collect()
        };
        let rows = [rows("stands", &standing), rows("MISSING", &missing)].concat();
        output::table(&["barrier", "as ip(8) and nft(8) say it"], &rows)?;
    }
    match missing.len() {
        0 => Ok(()),
        count => Err(format!("{count} parts are missing: run 'sekisho barrier install'").into()),
    }
}

fn remove(config: &Config, steering: &Steering) -> Result<(), Failure> {
    let device = &steering.device;
    if UnixStream::connect(&config.socket).is_ok() || net::interface_exists(device) {
        let message = format!("a gateway runs, or at least there is its device {device}: stop it");
        return Err(message.into());
    }
    let cleared = Routes::barrier(steering.clone()).and_then(|mut routes| routes.clear());
    cleared.map_err(|error| explained(&error))?;
    firewall::remove()
}

fn explained(error: &LinkError) -> String {
    format!("{error}; {}", error.remedy())
}

/// Where peers may be. Without any registry nobody is registered yet.
fn registered(config: &Config) -> Result<gateway::Prefixes, Failure> {
    if !config.registry.try_exists()? {
        return Ok(gateway::Prefixes::default());
    }
    let policy = gateway::compile(config, &Reader::open(&config.registry)?)?;
    Ok(gateway::Prefixes::new(config, &policy))
}
