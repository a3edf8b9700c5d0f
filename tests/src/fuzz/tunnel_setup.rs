//! Who may what in the world of the data plane's target: institutions, selectors, paths.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use policy::{
    Credential as Registered, Destination, Institution, InstitutionKind, Networks, Policy, Roster,
    Status, System, Terminal, UtcOffset,
};
use tunnel::{Credential, Member, Path, Selector, Selectors, Way};

/// Two institutions on both roads; bits of `choice` say what is stopped, and the last one who has
/// which prefix of the IP-VPN.
pub(super) fn policy(generation: u64, choice: u8) -> Arc<Policy> {
    let status = |bit: u8| if choice >> bit & 1 == 0 { Status::Active } else { Status::Suspended };
    let moved = choice & 128 != 0;
    // H1 has one prefix on both roads, and the others' are within each other.
    let ip_vpn = |code: &str| match (code, moved) {
        ("H1", false) => &["172.16.0.0/16", "2001:db8:5::/48"][..],
        ("H1", true) => &["172.16.1.0/24", "10.2.0.0/24"],
        (_, false) => &["172.16.1.0/24"],
        (_, true) => &["172.16.0.0/16", "2001:db8:5::/48"],
    };
    let institution = |code: &str, systems: &[&str], prefix: &str, bit| Institution {
        code: code.parse().unwrap(),
        name: String::new(),
        kind: InstitutionKind::Clinic,
        status: status(bit),
        networks: Networks::ALL,
        systems: systems.iter().map(|id| id.parse().unwrap()).collect(),
        hours: (choice & 4 != 0).then(|| "daily 09:00-17:00".parse().unwrap()),
        ip_vpn_prefixes: ip_vpn(code).iter().map(|prefix| prefix.parse().unwrap()).collect(),
        inner_prefixes: vec![prefix.parse().unwrap()],
        within: ["H1", "H2"]
            .iter()
            .filter(|other| **other != code)
            .map(|other| other.parse().unwrap())
            .collect(),
    };
    let terminal = |institution: &str, name: &str, bit| Terminal {
        name: format!("{institution}/{name}").parse().unwrap(),
        status: status(bit),
        credentials: vec![(Registered::IkeIdentity(name.to_owned()), Status::Active)],
    };
    let both: &[&str] = &["one", "two"];
    let roster = Roster {
        institutions: vec![
            institution("H1", if choice & 8 == 0 { &both[..1] } else { both }, "10.2.0.0/16", 0),
            institution("H2", if choice & 16 == 0 { both } else { &both[1..] }, "10.3.0.0/16", 1),
        ],
        terminals: vec![terminal("H1", "pc-0", 5), terminal("H2", "pc-1", 6)],
    };
    let system = |id: &str, address: &str, services: &[&str]| System {
        id: id.parse().unwrap(),
        name: String::new(),
        hosts: Vec::new(),
        destinations: vec![Destination {
            network: address.parse().unwrap(),
            services: services.iter().map(|service| service.parse().unwrap()).collect(),
        }],
        maintenance: Vec::new(),
    };
    let systems = vec![
        system("one", "192.0.2.10/32", &["tcp/443", "udp/53", "icmp"]),
        system("two", "2001:db8:1::/64", &["tcp/443", "udp/50-60"]),
    ];
    Arc::new(Policy::compile(generation, UtcOffset::default(), systems, &roster).unwrap())
}

pub(super) fn identity(session: u64) -> &'static str {
    ["pc-0", "pc-1"][session as usize % 2]
}

/// Of these prefixes, those that `choice` has.
pub(super) fn selectors(choice: u8, session: u64) -> Selectors {
    let any = |prefix: &str| {
        let net: IpNet = prefix.parse().unwrap();
        Selector { protocol: 0, first: net.network(), last: net.broadcast(), ports: (0, 65_535) }
    };
    let inside = ["10.2.0.0/16", "10.3.0.0/16"][session as usize % 2];
    let mut remote = vec![any(inside), any("2001:db8:2::/48")];
    let mut local = vec![any("0.0.0.0/0"), any("::/0")];
    match choice % 4 {
        0 => {}
        1 => remote.truncate(1),
        2 => local = vec![any("192.0.2.0/24"), any("2001:db8:1::/48")],
        _ => remote[0].ports = (1000, 1002),
    }
    Selectors { local: local.into(), remote: remote.into() }
}

/// Between the gateway and one of a few addresses.
pub(super) fn path(choice: u8) -> Path {
    let remote = SocketAddr::from(([198, 51, 100, choice & 3], 4500 + u16::from(choice >> 2 & 3)));
    Path { local: SocketAddr::from(([203, 0, 113, 1], 4500)), remote }
}

pub(super) fn way(choice: u8) -> Way {
    let follow = choice & 16 == 0;
    Way { path: path(choice), encapsulated: choice & 64 == 0, follow, keep_alive: choice & 32 != 0 }
}

pub(super) fn member(session: u64) -> Member {
    let recorded = connlog::Credential::Ike(identity(session).into());
    Member { session, credential: Credential::Identity(identity(session).into()), recorded }
}

pub(super) fn within(selectors: &[Selector], address: IpAddr) -> bool {
    selectors.iter().any(|one| match (one.first, one.last, address) {
        (IpAddr::V4(first), IpAddr::V4(last), IpAddr::V4(at)) => first <= at && at <= last,
        (IpAddr::V6(first), IpAddr::V6(last), IpAddr::V6(at)) => first <= at && at <= last,
        _ => false,
    })
}
