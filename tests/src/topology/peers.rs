//! The strongSwans: two whose tunnels stand, and one that gets none.

use demo::systems::Kind;

use super::networks::Networks;
use super::places::{CENTRE, KEY, POOL, ROUTER, WARD_NETWORK, system};
use crate::program::Outcome;
use crate::road::ip;
use crate::site::{IPSEC, Site};
use crate::strongswan::{Child, Config, Connection, Party, Sa, Secret, Strongswan};

/// What every peer asks for: the gateway gives as much of it as is permitted.
const NETWORK: &str = "10.20.0.0/24";
/// The child that is for the systems.
pub(super) const SYSTEMS: &str = "systems";
/// The child that would lead to other institutions' terminals.
pub(super) const SESSIONS: &str = "sessions";

/// An intruder's connection with the router's identity and another key.
pub(super) const WRONG_KEY: &str = "wrong-key";
/// An intruder's connection with an identity that nobody has.
pub(super) const UNKNOWN: &str = "unknown";

/// Those who come by IPsec.
pub(super) struct Peers {
    router: Strongswan,
    clinic: Strongswan,
    intruder: Strongswan,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Peer {
    /// The hospital's site router.
    Router,
    /// The clinic's terminal.
    Clinic,
    /// The intruder.
    Intruder,
}

impl Peers {
    /// Starts them; the tunnels stand afterwards.
    pub(super) fn start(networks: &Networks, site: &Site) -> Self {
        let router = Strongswan::start(&networks.router, &router(site));
        let clinic = Strongswan::start(&networks.clinic, &clinic(site));
        let intruder = Strongswan::start(&networks.intruder, &intruder(site));
        for peer in [&router, &clinic] {
            peer.initiate(Sa::Child(SYSTEMS)).expect_success();
        }
        Self { router, clinic, intruder }
    }

    /// The virtual address of the clinic's terminal.
    pub(super) fn clinic_address(&self) -> String {
        self.clinic.settled().virtual_addresses[0].to_string()
    }

    /// Asks for a child.
    pub(super) fn initiate(&self, peer: Peer, child: &str) -> Outcome {
        let peer = match peer {
            Peer::Router => &self.router,
            Peer::Clinic => &self.clinic,
            Peer::Intruder => &self.intruder,
        };
        peer.initiate(Sa::Child(child))
    }

    /// Ends the tunnels that stand.
    pub(super) fn leave(&self) {
        for peer in [&self.router, &self.clinic] {
            // It may have been ended by the gateway.
            peer.terminate(Sa::Ike("road"));
        }
    }
}

fn router(site: &Site) -> Config {
    let connection = Connection::new("road", Party::psk(ROUTER), Party::psk(IPSEC));
    config(site, KEY, vec![with_children(connection, &[WARD_NETWORK])])
}

fn clinic(site: &Site) -> Config {
    let mut connection = Connection::new(
        "road",
        Party::certificate(site.terminal("3710101/pc-1")),
        Party::pubkey().with_id(IPSEC).with("revocation = strict"),
    );
    connection.vips = vec![ip("0.0.0.0")];
    config(site, KEY, vec![with_children(connection, &[])])
}

fn intruder(site: &Site) -> Config {
    let connection = |name: &str, id| {
        let mut connection = Connection::new(name, Party::psk(id), Party::psk(IPSEC));
        connection.remote_addrs = vec![ip(CENTRE)];
        connection.children = vec![Child::between(name, WARD_NETWORK, NETWORK)];
        connection
    };
    let connections =
        vec![connection(WRONG_KEY, ROUTER), connection(UNKNOWN, "rtx.3719999.example")];
    config(site, "wrong-horse-battery-staple", connections)
}

/// The child for the systems, one for each system by itself, and one for other sessions.
fn with_children(mut connection: Connection, local: &[&str]) -> Connection {
    let each = Kind::ALL.map(|kind| (kind.id(), format!("{}/32", system(kind).ip())));
    let whole = [(SYSTEMS, NETWORK.to_owned()), (SESSIONS, POOL.to_owned())];
    let child = |(name, remote): (&str, String)| Child {
        local_ts: local.iter().map(|&network| network.to_owned()).collect(),
        ..Child::between(name, "", &remote)
    };
    connection.remote_addrs = vec![ip(CENTRE)];
    connection.children = whole.into_iter().chain(each).map(child).collect();
    connection
}

fn config(site: &Site, key: &str, connections: Vec<Connection>) -> Config {
    Config {
        connections,
        secrets: vec![Secret::Ike { ids: Vec::new(), key: key.to_owned() }],
        authorities: vec![site.ca()],
        crls: ["ca/root.crl", "ca/issuing.crl"].map(|name| site.path(name)).into(),
        settings: "retransmit_timeout = 1\ndelete_rekeyed_delay = 1".to_owned(),
        ..Config::default()
    }
}
