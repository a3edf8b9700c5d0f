//! The namespaces and how they are joined.

use demo::systems::Kind;

use super::places::{CENTRE_INSIDE, MEMBER, STRANGER, WARD, system};
use crate::netns::{Namespace, Translator};
use crate::road::Road;

/// Everybody's hosts.
pub(super) struct Networks {
    /// The gateway's: `wan`, `vpn0` and `lan`.
    pub(super) centre: Namespace,
    /// All five systems', each at an address of its own.
    pub(super) systems: Namespace,
    /// The hospital on the IP-VPN.
    pub(super) member: Namespace,
    /// The stranger on the IP-VPN.
    pub(super) stranger: Namespace,
    /// The router of the hospital with a tunnel.
    pub(super) router: Namespace,
    /// A host behind it.
    pub(super) ward: Namespace,
    /// The clinic's terminal, behind a translator.
    pub(super) clinic: Namespace,
    /// The pharmacy's terminal.
    pub(super) pharmacy: Namespace,
    /// The intruder on the Internet.
    pub(super) intruder: Namespace,
    /// What lies between.
    _carriers: [Namespace; 2],
    _translator: Translator,
}

impl Networks {
    pub(super) fn new() -> Self {
        let (centre, internet) = Road::networks();
        let systems = join_systems(&centre);
        let [closed, router, home] = ["closed", "router", "home"].map(Namespace::router);
        join_closed_network(&closed, &centre);
        let [member, stranger, ward, clinic, pharmacy, intruder] =
            ["member", "stranger", "ward", "clinic", "pharmacy", "intruder"].map(Namespace::host);
        subscribe(&closed, "member", &member, MEMBER);
        subscribe(&closed, "stranger", &stranger, STRANGER);
        for (number, host) in [&router, &home, &pharmacy, &intruder].into_iter().enumerate() {
            let number = u8::try_from(number + 1).unwrap();
            Road::join_to(&internet, host, "wan", number);
        }
        subscribe(&router, "lan", &ward, WARD);
        subscribe(&home, "lan", &clinic, "10.0.2.2");
        // The carrier lets pass what an intruder sends to the systems.
        internet.ip("route add 10.0.0.0/8 via 192.0.2.1");
        for (host, device, forged) in [
            (&stranger, "lan", MEMBER),
            (&stranger, "lan", WARD),
            (&intruder, "wan", MEMBER),
            (&intruder, "wan", WARD),
        ] {
            host.ip(&format!("address add {forged}/32 dev {device}"));
        }
        Self {
            _translator: home.translate("wan"),
            _carriers: [closed, internet],
            centre,
            systems,
            member,
            stranger,
            router,
            ward,
            clinic,
            pharmacy,
            intruder,
        }
    }
}

fn join_systems(centre: &Namespace) -> Namespace {
    let systems = Namespace::host("systems");
    centre.link("lan", &systems, "lan");
    centre.address("lan", &format!("{CENTRE_INSIDE}/24"));
    for kind in Kind::ALL {
        systems.address("lan", &format!("{}/24", system(kind).ip()));
    }
    systems.ip(&format!("route add default via {CENTRE_INSIDE}"));
    systems
}

fn join_closed_network(closed: &Namespace, centre: &Namespace) {
    closed.link("centre", centre, "vpn0");
    closed.address("centre", "172.16.0.254/24");
    centre.address("vpn0", "172.16.0.1/24");
    centre.ip("route add 10.8.0.0/16 via 172.16.0.254");
    closed.ip("route add default via 172.16.0.1");
    // What is forged is for the gateway to notice, not for the kernel.
    for scope in ["all", "vpn0"] {
        centre.set(&format!("net.ipv4.conf.{scope}.rp_filter"), "0");
    }
}

/// Puts a host behind a router, whose address is the first of the host's network.
fn subscribe(router: &Namespace, device: &str, host: &Namespace, address: &str) {
    let (network, _) = address.rsplit_once('.').unwrap();
    router.link(device, host, "lan");
    router.address(device, &format!("{network}.1/24"));
    host.address("lan", &format!("{address}/24"));
    host.ip(&format!("route add default via {network}.1"));
}
