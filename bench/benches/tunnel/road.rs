//! The way that is measured: client — near gateway — far gateway — system, each in a namespace of
//! its own, with an MTU of 1500 everywhere. What is between the gateways is outside.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use sekisho_tests::netns::Namespace;
use sekisho_tests::program;

pub(crate) struct Road {
    pub(crate) client: Namespace,
    pub(crate) near: Gateway,
    pub(crate) far: Gateway,
    pub(crate) system: Namespace,
}

/// One end of a tunnel.
pub(crate) struct Gateway {
    pub(crate) namespace: Namespace,
    /// Its address outside.
    pub(crate) outside: Ipv4Addr,
    /// The network behind it.
    pub(crate) inside: &'static str,
}

/// Where the client is.
pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 2);
/// Where the system is.
pub(crate) const SYSTEM: Ipv4Addr = Ipv4Addr::new(10, 2, 0, 2);
/// The interface of each gateway towards the other.
pub(crate) const OUTSIDE: &str = "outside";
const CLIENTS: &str = "10.1.0.0/24";
const SYSTEMS: &str = "10.2.0.0/24";

/// How long a tunnel may take to come up.
const PATIENCE: Duration = Duration::from_secs(20);

impl Road {
    /// Without a way between the gateways' inner networks: that is the tunnel's part.
    pub(crate) fn new() -> Self {
        let (client, system) = (Namespace::host("client"), Namespace::host("system"));
        let gateway = |label, host, inside| Gateway {
            namespace: Namespace::router(label),
            outside: Ipv4Addr::new(192, 0, 2, host),
            inside,
        };
        let (near, far) = (gateway("near", 1, CLIENTS), gateway("far", 2, SYSTEMS));
        client.link("wan", &near.namespace, "inside");
        near.namespace.link(OUTSIDE, &far.namespace, OUTSIDE);
        far.namespace.link("inside", &system, "wan");
        client.address("wan", &format!("{CLIENT}/24"));
        system.address("wan", &format!("{SYSTEM}/24"));
        near.namespace.address("inside", "10.1.0.1/24");
        far.namespace.address("inside", "10.2.0.1/24");
        for gateway in [&near, &far] {
            gateway.namespace.address(OUTSIDE, &format!("{}/24", gateway.outside));
        }
        client.ip("route add default via 10.1.0.1");
        system.ip("route add default via 10.2.0.1");
        Self { client, near, far, system }
    }

    /// Each gateway with the one opposite.
    pub(crate) fn ends(&self) -> [(&Gateway, &Gateway); 2] {
        [(&self.near, &self.far), (&self.far, &self.near)]
    }

    /// Leads each gateway to the network behind the other, without a tunnel.
    pub(crate) fn forward(&self) {
        for (gateway, opposite) in self.ends() {
            let (network, via) = (opposite.inside, opposite.outside);
            gateway.namespace.ip(&format!("route add {network} via {via}"));
        }
    }

    /// Waits until the system answers the client.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub(crate) fn wait_until_open(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.client.reaches(CLIENT.into(), SYSTEM.into()) {
            assert!(Instant::now() < deadline, "nothing comes through");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The processes of both gateways.
    pub(crate) fn gateway_processes(&self) -> Vec<u32> {
        let of = |gateway: &Gateway| {
            let listed = program::run("ip", ["netns", "pids", gateway.namespace.name()]);
            let numbers = listed.expect_success();
            numbers.lines().map(|number| number.parse().unwrap()).collect::<Vec<u32>>()
        };
        self.ends().into_iter().flat_map(|(gateway, _)| of(gateway)).collect()
    }

    /// Whether the client's super-packets leave it whole, as they would from a network card that
    /// joins what it receives, or as single packets.
    pub(crate) fn join_departures(&self, whole: bool) {
        let segments = if whole { 65_535 } else { 1 };
        self.client.ip(&format!("link set wan gso_max_segs {segments}"));
    }
}

impl Gateway {
    /// Leads to a network through a device.
    pub(crate) fn route(&self, network: &str, device: &str) {
        self.namespace.ip(&format!("route add {network} dev {device}"));
    }
}

/// A port of the system.
pub(crate) fn system(port: u16) -> SocketAddr {
    (IpAddr::from(SYSTEM), port).into()
}
