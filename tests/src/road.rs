//! The gateway at the end of an internet, peers' hosts on it, and how they are configured.
//!
//! | institution | inner prefix | may reach |
//! |---|---|---|
//! | `H1` | 10.1.0.0/16 | [`BASIC`], [`PLUS`], [`PLUS_V6`] |
//! | `C1` | 10.2.0.0/16 | [`PLUS`], [`PLUS_V6`] |
//!
//! `H1` also has the router `H1/rtx` with the identity [`ROUTER`] and the key [`KEY`].

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;
use std::time::{Duration, Instant};

use crate::gateway::Gateway;
use crate::netns::{Namespace, Translator};
use crate::record::Record;
use crate::setup::Setup;
use crate::site::{IPSEC, IPSEC_ADDRESS, Site};
use crate::strongswan::{Child, Config, Connection, IkeSa, Party, Sa, Secret, Strongswan};
use crate::{PATIENCE, until};
use demo::systems::Kind;
use serde_json::Value;

/// Where `kmix-plus` is.
pub const PLUS: &str = "10.20.3.0/24";
/// Where it is in IPv6.
pub const PLUS_V6: &str = "fd00:20:3::/64";
/// Where `kmix-r-basic` is.
pub const BASIC: &str = "10.20.1.0/24";
/// What is behind the router of `H1`.
pub const LAN: &str = "10.1.5.0/24";

/// The identity of `H1/rtx`.
pub const ROUTER: &str = "rtx.h1.example";
/// Its pre-shared key.
pub const KEY: &str = "correct-horse-battery-staple";

/// The connection's name in every peer's configuration.
pub const ROAD: Sa<'static> = Sa::Ike("road");
/// The first child's.
pub const CHILD: Sa<'static> = Sa::Child("plus");

/// What tests vary.
#[derive(Clone, Copy)]
pub struct Options {
    /// Lines under `[ipsec]`.
    pub ipsec: &'static str,
    /// Lines under `[ipsec.limits]`.
    pub limits: &'static str,
    /// Lines under `[ipsec.pool]`, if there is one.
    pub pool: &'static str,
    /// The gateway's certificates in order of preference: `ecdsa`, `rsa`.
    pub certificates: &'static [&'static str],
    /// What the systems serve.
    pub services: &'static [&'static str],
    /// Done before the start.
    pub prepare: fn(&Site),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ipsec: "",
            limits: "",
            pool: "",
            certificates: &["ecdsa", "rsa"],
            services: &["tcp/80"],
            prepare: |_site| {},
        }
    }
}

impl Options {
    fn section(&self) -> String {
        let Self { ipsec, limits, pool, certificates, .. } = self;
        let mut text = format!(
            "[ipsec]\nlisten = [\"0.0.0.0\", \"[::]\"]\nidentity = \"{IPSEC}\"\n{ipsec}\n\
             [ipsec.limits]\n{limits}\n"
        );
        if !pool.is_empty() {
            text += &format!("[ipsec.pool]\n{pool}\n");
        }
        for name in *certificates {
            let files = format!("tls/ipsec-{name}");
            text +=
                &format!("[[ipsec.certificate]]\nchain = \"{files}.pem\"\nkey = \"{files}.key\"\n");
        }
        text
    }
}

/// The gateway on its internet.
pub struct Road {
    /// The gateway.
    pub gateway: Gateway,
    /// Where it runs: 192.0.2.1 and 2001:db8::1 at the device `wan`.
    pub centre: Namespace,
    /// The router between it and its peers.
    pub internet: Namespace,
}

impl Road {
    /// With the usual options, and nothing behind the gateway.
    pub fn new() -> Self {
        Self::start(Options::default())
    }

    /// Starts the gateway; `options` say how.
    pub fn start(options: Options) -> Self {
        Self::start_with(options, |_centre| {})
    }

    /// The same with something behind the gateway: `build` joins it to its namespace.
    pub fn start_with(options: Options, build: impl FnOnce(&Namespace)) -> Self {
        let (centre, internet) = Self::networks();
        build(&centre);
        let served = |networks: &[&str]| destinations(networks, options.services);
        let setup = Setup::new().ipsec(&options.section());
        let setup = setup
            .system(Kind::KmixPlus, &served(&[PLUS, PLUS_V6]))
            .system(Kind::KmixRBasic, &served(&[BASIC]));
        fs::write(setup.site.path("sekisho.toml"), setup.text()).unwrap();
        enrol(&setup.site);
        (options.prepare)(&setup.site);
        let gateway = setup.start_in(&centre);
        Self { gateway, centre, internet }
    }

    /// The gateway's namespace and that of the internet, without a gateway.
    pub fn networks() -> (Namespace, Namespace) {
        let (centre, internet) = (Namespace::router("centre"), Namespace::router("internet"));
        internet.link("centre", &centre, "wan");
        for (namespace, device, address) in [
            (&internet, "centre", "192.0.2.254/24"),
            (&centre, "wan", "192.0.2.1/24"),
            (&internet, "centre", "2001:db8::ffff/64"),
            (&centre, "wan", "2001:db8::1/64"),
        ] {
            namespace.address(device, address);
        }
        centre.ip("route add default via 192.0.2.254");
        centre.ip("route add default via 2001:db8::ffff");
        (centre, internet)
    }

    /// A host on the internet: 198.18.`number`.2 and 2001:db8:`number`::2 at its device `wan`.
    pub fn host(&self, number: u8) -> Namespace {
        let host = peer_host();
        self.join(&host, "wan", number);
        host
    }

    /// A host behind a translator that has such an address.
    pub fn home(&self, number: u8) -> (Namespace, Translator) {
        let home = Namespace::router("home");
        self.join(&home, "wan", number);
        let host = behind(&home, number);
        (host, home.translate("wan"))
    }

    /// Joins a namespace to the internet.
    pub fn join(&self, host: &Namespace, device: &str, number: u8) {
        Self::join_to(&self.internet, host, device, number);
    }

    /// The same to an internet of [`networks`](Self::networks).
    pub fn join_to(internet: &Namespace, host: &Namespace, device: &str, number: u8) {
        let port = format!("port{number}");
        host.link(device, internet, &port);
        for (namespace, device, last) in [(host, device, "2"), (internet, &port, "1")] {
            namespace.address(device, &format!("198.18.{number}.{last}/24"));
            namespace.address(device, &format!("2001:db8:{number}::{last}/64"));
        }
        // A second device comes after the first.
        host.ip(&format!("route add default via 198.18.{number}.1 metric {number}"));
        host.ip(&format!("route add default via 2001:db8:{number}::1 metric {number}"));
    }

    /// The gateway's directory.
    pub fn site(&self) -> &Site {
        &self.gateway.site
    }

    /// How a terminal connects, by its certificate, with a virtual address.
    pub fn terminal(&self, name: &str) -> Connection {
        let mut connection = Connection::new(
            "road",
            Party::certificate(self.site().terminal(name)),
            Party::pubkey().with_id(IPSEC).with("revocation = strict"),
        );
        connection.remote_addrs = vec![ip(IPSEC_ADDRESS)];
        connection.children = vec![Child::between("plus", "10.1.7.7/32", PLUS)];
        connection
    }

    /// How `H1/rtx` connects.
    pub fn router(&self) -> Connection {
        let mut connection = Connection::new("road", Party::psk(ROUTER), Party::psk(IPSEC));
        connection.remote_addrs = vec![ip(IPSEC_ADDRESS)];
        connection.children = vec![Child::between("plus", LAN, PLUS)];
        connection
    }

    /// A configuration with these connections.
    pub fn config(&self, connections: Vec<Connection>) -> Config {
        Config {
            connections,
            secrets: vec![Secret::Ike { ids: vec![ROUTER.to_owned()], key: KEY.to_owned() }],
            authorities: vec![self.site().ca()],
            crls: ["ca/root.crl", "ca/issuing.crl"].map(|name| self.site().path(name)).into(),
            settings: "retransmit_timeout = 1\ndelete_rekeyed_delay = 1".to_owned(),
            ..Config::default()
        }
    }

    /// A strongSwan with this connection, started.
    pub fn peer(&self, host: &Namespace, connection: Connection) -> Strongswan {
        Strongswan::start(host, &self.config(vec![connection]))
    }

    /// The same, and its first child established.
    pub fn connected(&self, host: &Namespace, connection: Connection) -> Strongswan {
        let peer = self.peer(host, connection);
        peer.initiate(CHILD).expect_success();
        peer
    }

    /// The gateway's sessions, as its status has them.
    pub fn sessions(&self) -> Vec<Value> {
        self.gateway.status()["ipsec"]["sessions"].as_array().unwrap().clone()
    }

    /// Waits until there are no sessions.
    pub fn is_empty(&self) {
        until("no session is left", || self.sessions().is_empty().then_some(()));
    }

    /// Waits until the gateway's only session and the peer's only IKE SA have the same children,
    /// at least one; what each makes of it.
    pub fn agreed(&self, peer: &Strongswan) -> (IkeSa, Value) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (sessions, sas) = (self.sessions(), peer.sas());
            if let ([session], [sa]) = (&sessions[..], &sas[..])
                && agree(session, sa)
            {
                return (sa.clone(), session.clone());
            }
            assert!(Instant::now() < deadline, "not the same SAs: {sessions:#?} {sas:#?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for the record of a refusal with this reason.
    pub fn denied(&self, reason: &str) -> Record {
        self.gateway.record(|record| record.is("denied") && record.reason() == reason)
    }

    /// Waits for the record of a session's end with this reason.
    pub fn closed(&self, reason: &str) -> Record {
        self.gateway.record(|record| record.is("close") && record.reason() == reason)
    }

    /// Waits for the record of what happened within a session.
    pub fn noted(&self, reason: &str) -> Record {
        self.gateway.record(|record| record.is("control") && record.reason() == reason)
    }

    /// How many records there are of it.
    pub fn count(&self, reason: &str) -> usize {
        self.gateway.records().iter().filter(|record| record.reason() == reason).count()
    }
}

impl Default for Road {
    fn default() -> Self {
        Self::new()
    }
}

/// A host behind a router at home: 10.0.`number`.2, the router's device for it being `lan`.
pub fn behind(home: &Namespace, number: u8) -> Namespace {
    let (host, lan) = (peer_host(), format!("lan{number}"));
    host.link("lan", home, &lan);
    home.address(&lan, &format!("10.0.{number}.1/24"));
    host.address("lan", &format!("10.0.{number}.2/24"));
    host.ip(&format!("route add default via 10.0.{number}.1"));
    host
}

/// libipsec wants an address of its own in every network that it protects.
fn peer_host() -> Namespace {
    let host = Namespace::host("peer");
    for address in ["10.1.5.1/24", "10.1.7.7/32", "10.2.7.7/32"] {
        host.address("lo", address);
    }
    host
}

/// The children in a session of a status.
pub fn children(session: &Value) -> &[Value] {
    session["children"].as_array().unwrap()
}

/// Texts of a JSON list.
pub fn texts(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// An address from its text.
///
/// # Panics
///
/// When it is none.
pub fn ip(address: &str) -> IpAddr {
    address.parse().unwrap()
}

/// So many seconds, as settings that may be left out take them.
pub const fn seconds(count: u64) -> Option<Duration> {
    Some(Duration::from_secs(count))
}

/// Writes a file for its owner alone.
pub fn put(site: &Site, name: &str, text: &str) {
    let file = site.path(name);
    fs::write(&file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Registers a router with the usual key; `more` are further options.
pub fn add_router(site: &Site, name: &str, identity: &str, more: &str) {
    put(site, "key", KEY);
    let line = format!("router add {name} --psk-file key --identity");
    let more = more.split_whitespace();
    site.sekisho(line.split(' ').chain([identity]).chain(more)).expect_success();
}

fn enrol(site: &Site) {
    for (institution, prefix) in [("H1", "10.1.0.0/16"), ("C1", "10.2.0.0/16")] {
        let line = format!(
            "institution change {institution} --networks tls,ipsec --inner-prefixes {prefix}"
        );
        site.sekisho(line.split(' ')).expect_success();
    }
    add_router(site, "H1/rtx", ROUTER, "");
}

fn destinations(networks: &[&str], services: &[&str]) -> String {
    let place = |network: &&str| {
        format!("[[system.destination]]\nnetwork = \"{network}\"\nservices = {services:?}\n")
    };
    networks.iter().map(place).collect()
}

/// Whether both ends have the same children, at least one, and nothing of a rekeying is left but
/// what strongSwan has deleted and keeps for packets that come late.
fn agree(session: &Value, sa: &IkeSa) -> bool {
    let ours = children(session).iter().map(|child| spis(child, ["spi_in", "spi_out"]));
    let kept: Vec<_> = sa.children.iter().filter(|child| child.state != "DELETED").collect();
    let theirs = kept.iter().map(|child| [child.spi_out.clone(), child.spi_in.clone()]);
    let settled = kept.iter().all(|child| child.state == "INSTALLED");
    let (ours, theirs) = (sorted(ours), sorted(theirs));
    settled && sa.state == "ESTABLISHED" && !ours.is_empty() && ours == theirs
}

fn spis(child: &Value, names: [&str; 2]) -> [String; 2] {
    names.map(|name| child[name].as_str().unwrap().to_owned())
}

fn sorted(pairs: impl Iterator<Item = [String; 2]>) -> Vec<[String; 2]> {
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort();
    pairs
}
