//! The IPsec road as it is configured.

use serde_json::{Value, json};
use toml::Spanned;

use crate::config::{Ipsec, Located};
use crate::{Failure, output};

pub(super) fn json(ipsec: &Ipsec) -> Value {
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
        "pool": ipsec.pool.as_ref().map(|pool| json!({
            "addresses": pool.addresses,
            "dns": pool.dns,
        })),
    })
}

pub(super) fn table(ipsec: &Ipsec) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let mut row = |what: &str, is: String| rows.push(vec![what.to_owned(), is]);
    for address in &ipsec.listen {
        row("listens on", format!("{address}, ports {} and {}", ipsec.port, ipsec.nat_port));
    }
    row("IKE proposals", proposals(&ipsec.ike_proposals));
    row("ESP proposals", proposals(&ipsec.esp_proposals));
    match &ipsec.pool {
        Some(pool) => {
            let prefixes: Vec<String> = pool.addresses.iter().map(ToString::to_string).collect();
            row("addresses for terminals", prefixes.join(" "));
        }
        None => row("addresses for terminals", "none".to_owned()),
    }
    output::table(&["ipsec", ipsec.identity.as_ref()], &rows)
}

fn path(file: &Located) -> String {
    file.path.display().to_string()
}

fn texts(given: &[Spanned<String>]) -> Vec<&str> {
    given.iter().map(|text| text.as_ref().as_str()).collect()
}

fn proposals(given: &[Spanned<String>]) -> String {
    if given.is_empty() { "the defaults".to_owned() } else { texts(given).join(" ") }
}
