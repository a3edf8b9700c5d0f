//! What the roads of layer 3 share, and the IP-VPN, as they are configured.

use serde_json::{Value, json};

use crate::config::{Config, IpVpn};
use crate::{Failure, output};

/// What is configured, and what is to be said of it.
pub(super) struct Checked<'a> {
    config: &'a Config,
    warnings: Vec<String>,
}

/// `ip_vpn_prefixes` is how many are registered. `None` where no road needs packets carried, and
/// none is missed.
pub(super) fn check(config: &Config, ip_vpn_prefixes: usize) -> Option<Checked<'_>> {
    let mut warnings = Vec::new();
    match &config.ip_vpn {
        Some(ip_vpn) => {
            let missing = ip_vpn.names().filter(|name| !net::interface_exists(name));
            warnings.extend(missing.map(|name| {
                format!("there is no interface {name} now; its packets are led here once there is")
            }));
        }
        None if ip_vpn_prefixes > 0 => warnings.push(format!(
            "{ip_vpn_prefixes} IP-VPN prefixes are registered, but there is no [ip_vpn]: nobody \
             comes in by that road"
        )),
        None => {}
    }
    let is_there = config.ipsec.is_some() || config.ip_vpn.is_some() || !warnings.is_empty();
    is_there.then_some(Checked { config, warnings })
}

pub(super) fn json(checked: &Checked<'_>) -> Value {
    let plane = &checked.config.data_plane;
    json!({
        "device": plane.device,
        "routing_table": plane.routing_table,
        "rule_priority": plane.rule_priority,
        "workers": plane.workers,
        "busy_poll_microseconds": plane.busy_poll.as_micros() as u64,
        "clamp_mss": plane.clamp_mss,
        "fragment_inner": plane.fragment_inner,
        "flows": plane.flows,
        "flows_per_institution": plane.flows_per_institution,
        "flow_rate": plane.flow_rate,
        "warnings": checked.warnings,
    })
}

pub(super) fn ip_vpn(ip_vpn: &IpVpn) -> Value {
    json!({ "interfaces": ip_vpn.names().collect::<Vec<_>>(), "device": ip_vpn.device })
}

pub(super) fn table(checked: &Checked<'_>) -> Result<(), Failure> {
    let Checked { config, warnings } = checked;
    let plane = &config.data_plane;
    let mut rows = Vec::new();
    let mut row = |what: &str, is: String| rows.push(vec![what.to_owned(), is]);
    row("workers", plane.workers.to_string());
    row("device", plane.device.clone());
    let last = |first: u32| format!("{first} to {}", first + 2);
    row("routing tables", last(plane.routing_table));
    row("rule priorities", last(plane.rule_priority));
    row("flows", format!("{} a worker", plane.flows));
    row("", format!("{} an institution", plane.flows_per_institution));
    row("", format!("{} a second begun by an institution", plane.flow_rate));
    match &config.ip_vpn {
        Some(ip_vpn) => {
            row("IP-VPN interfaces", ip_vpn.names().collect::<Vec<_>>().join(" "));
            row("IP-VPN device", ip_vpn.device.clone());
        }
        None => row("IP-VPN interfaces", "none: the road is closed".to_owned()),
    }
    output::table(&["data plane", ""], &rows)?;
    warnings.iter().try_for_each(|warning| output::line(format_args!("warning: {warning}")))
}
