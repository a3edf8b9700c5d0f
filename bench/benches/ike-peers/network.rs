//! Two responders, each in a namespace of its own, and the terminals in a third.

use std::net::{IpAddr, Ipv4Addr};

use sekisho_tests::netns::Namespace;

pub(crate) struct Network {
    pub(crate) terminals: Namespace,
    pub(crate) gateway: Namespace,
    pub(crate) strongswan: Namespace,
}

/// Where the gateway is.
pub(crate) const GATEWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// Where strongSwan is.
pub(crate) const STRONGSWAN: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));

/// Where the terminals are, one after the other.
const TERMINALS: u32 = u32::from_be_bytes([10, 64, 0, 0]);
const ALL_TERMINALS: &str = "10.64.0.0/16";

/// Where a terminal is.
pub(crate) fn terminal(number: u16) -> IpAddr {
    Ipv4Addr::from(TERMINALS + u32::from(number)).into()
}

/// Which terminal is there.
pub(crate) fn terminal_at(address: IpAddr) -> usize {
    let IpAddr::V4(address) = address else { panic!("{address}") };
    (u32::from(address) - TERMINALS) as usize
}

impl Network {
    pub(crate) fn new() -> Self {
        let terminals = Namespace::host("terminals");
        terminals.ip(&format!("route add local {ALL_TERMINALS} dev lo"));
        let responder = |label: &str, own: IpAddr, theirs: &str| {
            let namespace = Namespace::host(label);
            terminals.link(label, &namespace, "wan");
            terminals.address(label, &format!("{theirs}/24"));
            namespace.address("wan", &format!("{own}/24"));
            namespace.ip(&format!("route add {ALL_TERMINALS} via {theirs}"));
            namespace
        };
        let gateway = responder("gateway", GATEWAY, "192.0.2.2");
        let strongswan = responder("strongswan", STRONGSWAN, "198.51.100.2");
        Self { terminals, gateway, strongswan }
    }
}
