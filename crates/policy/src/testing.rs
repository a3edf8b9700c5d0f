//! A small world for tests: one hospital with one terminal, four systems.

use crate::{
    Certificate, Credential, Destination, Fingerprint, Institution, InstitutionKind, Maintenance,
    Networks, Policy, Roster, Status, System, Terminal, UtcOffset,
};

/// 2026-11-23 00:00:00 JST, a Monday.
pub(crate) const MONDAY: i64 = 1_795_359_600;
/// The same day, 12:00.
pub(crate) const NOON: i64 = MONDAY + 12 * 3600;

/// A system with one service at one address, closed for the first minute of [`MONDAY`].
pub(crate) fn system(id: &str, address: &str, service: &str) -> System {
    System {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        hosts: vec![format!("{id}.example")],
        destinations: vec![Destination {
            network: address.parse().unwrap(),
            services: vec![service.parse().unwrap()],
        }],
        maintenance: vec![Maintenance { from: MONDAY, until: MONDAY + 60, closed: true }],
    }
}

/// An active hospital that may use `path`, by every road and at any time.
pub(crate) fn institution(code: &str) -> Institution {
    Institution {
        code: code.parse().unwrap(),
        name: "中央病院".to_owned(),
        kind: InstitutionKind::Hospital,
        status: Status::Active,
        networks: Networks::ALL,
        systems: vec!["path".parse().unwrap()],
        hours: None,
        ip_vpn_prefixes: Vec::new(),
        inner_prefixes: Vec::new(),
        within: Vec::new(),
    }
}

/// `H1` may use `path`, by every road, unless `change` says otherwise.
pub(crate) fn world(change: impl FnOnce(&mut Roster)) -> Policy {
    let certificate =
        Certificate { fingerprint: Fingerprint([7; 32]), not_before: 0, not_after: NOON * 2 };
    let mut roster = Roster {
        institutions: vec![Institution {
            ip_vpn_prefixes: vec!["10.1.0.0/16".parse().unwrap()],
            inner_prefixes: vec!["10.2.0.0/16".parse().unwrap()],
            ..institution("H1")
        }],
        terminals: vec![Terminal {
            name: "H1/pc-1".parse().unwrap(),
            status: Status::Active,
            credentials: vec![
                (Credential::Certificate(certificate), Status::Active),
                (Credential::IkeIdentity("rtx.h1".to_owned()), Status::Active),
            ],
        }],
    };
    change(&mut roster);
    let systems = vec![
        system("path", "192.0.2.10/32", "tcp/443"),
        system("dokuei", "192.0.2.20/32", "tcp/104"),
        system("wide", "10.0.0.0/8", "tcp/80"),
        System { destinations: Vec::new(), ..system("tls-only", "192.0.2.30/32", "icmp") },
    ];
    Policy::compile(1, UtcOffset::default(), systems, &roster).unwrap()
}
