//! The IPsec road as it is configured.

use pki::Leaf;
use serde_json::{Value, json};

use crate::config::{Config, Ipsec, Located, Tunnel};
use crate::material::{CrlNumbers, ipsec, moment};
use crate::{Failure, output, unix_now};

/// The road, and what was found in its files.
pub(super) struct Checked<'a> {
    ipsec: &'a Ipsec,
    certificates: Vec<Leaf>,
    warnings: Vec<String>,
}

/// Looks at everything that the road needs.
pub(super) fn check<'a>(config: &Config, ipsec: &'a Ipsec) -> Result<Checked<'a>, Failure> {
    let (files, summary) = ipsec::load(config, ipsec, unix_now(), &CrlNumbers::new())?;
    Ok(Checked { ipsec, certificates: summary.servers, warnings: files.warnings })
}

pub(super) fn json(checked: &Checked<'_>) -> Value {
    let ipsec = checked.ipsec;
    let limits = &ipsec.limits;
    json!({
        "identity": ipsec.identity.as_ref(),
        "listen": ipsec.listen,
        "port": ipsec.port,
        "nat_port": ipsec.nat_port,
        "certificates": ipsec.certificates.iter().map(|files| json!({
            "chain": path(&files.chain),
            "key": path(&files.key),
            "passphrase_file": files.passphrase.as_ref().map(path),
        })).collect::<Vec<_>>(),
        "client_ca": ipsec.client_ca.iter().map(path).collect::<Vec<_>>(),
        "crl": ipsec.crl.iter().map(path).collect::<Vec<_>>(),
        "ike_proposals": texts(&ipsec.ike_proposals),
        "esp_proposals": texts(&ipsec.esp_proposals),
        "ike_lifetime_seconds": ipsec.ike_lifetime.as_secs(),
        "child_lifetime_seconds": ipsec.child_lifetime.as_secs(),
        "child_bytes": ipsec.child_bytes,
        "child_packets": ipsec.child_packets,
        "dpd_interval_seconds": ipsec.dpd_interval.as_secs(),
        "half_open": limits.half_open,
        "half_open_per_source": limits.half_open_per_source,
        "cookie_threshold": limits.cookie_threshold,
        "sas": limits.sas,
        "tunnel": tunnel(&ipsec.tunnel),
        "warnings": checked.warnings,
        "pool": ipsec.pool.as_ref().map(|pool| json!({
            "addresses": pool.addresses,
            "dns": pool.dns,
        })),
    })
}

pub(super) fn table(checked: &Checked<'_>) -> Result<(), Failure> {
    let ipsec = checked.ipsec;
    let mut rows = Vec::new();
    let mut row = |what: &str, is: String| rows.push(vec![what.to_owned(), is]);
    for address in &ipsec.listen {
        row("listens on", format!("{address}, ports {} and {}", ipsec.port, ipsec.nat_port));
    }
    for leaf in &checked.certificates {
        row("certificate", format!("{}, until {}", leaf.subject, moment(leaf.not_after)));
    }
    texts(&ipsec.ike_proposals).into_iter().for_each(|text| row("IKE proposal", text));
    texts(&ipsec.esp_proposals).into_iter().for_each(|text| row("ESP proposal", text));
    let seconds = |duration: std::time::Duration| format!("{} s", duration.as_secs());
    row("IKE SA lifetime", seconds(ipsec.ike_lifetime));
    row("CHILD_SA lifetime", seconds(ipsec.child_lifetime));
    row("liveness check after", seconds(ipsec.dpd_interval));
    let tunnel = &ipsec.tunnel;
    row("path MTU", tunnel.path_mtu.to_string());
    match &ipsec.pool {
        Some(pool) => {
            let prefixes: Vec<String> = pool.addresses.iter().map(ToString::to_string).collect();
            row("addresses for terminals", prefixes.join(" "));
        }
        None => row("addresses for terminals", "none".to_owned()),
    }
    output::table(&["ipsec", ipsec.identity.as_ref()], &rows)?;
    checked.warnings.iter().try_for_each(|warning| output::line(format_args!("warning: {warning}")))
}

fn tunnel(tunnel: &Tunnel) -> Value {
    json!({
        "path_mtu": tunnel.path_mtu,
        "dont_fragment": tunnel.dont_fragment,
        "replay_window": tunnel.replay_window,
    })
}

fn path(file: &Located) -> String {
    file.path.display().to_string()
}

fn texts(proposals: &[impl ToString]) -> Vec<String> {
    proposals.iter().map(ToString::to_string).collect()
}
