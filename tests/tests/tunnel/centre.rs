//! What is behind the gateway, and who comes through it.
//!
//! | host | addresses | reached by |
//! |---|---|---|
//! | `plus` | [`PLUS_HOST`], [`PLUS_HOST_V6`] | `H1`, `C1` |
//! | `basic` | [`BASIC_HOST`] | `H1` |
//! | `other` | [`OTHER_HOST`], no system | nobody |
//!
//! Each serves TCP and UDP at the ports of [`traffic`](crate::traffic), and TCP at [`UNSERVED`].

use std::net::{IpAddr, SocketAddr};

use sekisho_tests::netns::{Namespace, Translator};
use sekisho_tests::road::{LAN, Options, PLUS, PLUS_V6, Road, ip};
use sekisho_tests::strongswan::{Child, Connection, Strongswan};

use crate::traffic::{Service, TCP, UDP};

/// A host of `kmix-plus`.
pub(crate) const PLUS_HOST: &str = "10.20.3.10";
/// The same in IPv6.
pub(crate) const PLUS_HOST_V6: &str = "fd00:20:3::10";
/// A host of `kmix-r-basic`.
pub(crate) const BASIC_HOST: &str = "10.20.1.10";
/// A host that is no system.
pub(crate) const OTHER_HOST: &str = "10.20.9.10";
/// A TCP port that a host serves and the gateway does not let through.
pub(crate) const UNSERVED: u16 = 81;
/// A client in the network of `H1/rtx`.
pub(crate) const CLIENT: &str = "10.1.5.10";
/// Virtual addresses of terminals.
pub(crate) const POOL: &str = "addresses = [\"10.99.0.0/24\", \"fd00:99::/120\"]";

const SERVICES: &[&str] = &["tcp/80", "udp/5000", "udp/5002", "icmp"];

/// The gateway with hosts behind it. Services end first.
pub(crate) struct Centre {
    _services: Vec<Service>,
    pub(crate) road: Road,
    pub(crate) plus: Namespace,
    pub(crate) basic: Namespace,
    pub(crate) other: Namespace,
}

impl Centre {
    pub(crate) fn new() -> Self {
        Self::start(Options::default())
    }

    pub(crate) fn start(options: Options) -> Self {
        let [plus, basic, other] = ["plus", "basic", "other"].map(Namespace::host);
        let inside = [
            ("plus", &plus, PLUS_HOST, 24),
            ("plus", &plus, PLUS_HOST_V6, 64),
            ("basic", &basic, BASIC_HOST, 24),
            ("other", &other, OTHER_HOST, 24),
        ];
        let options = Options { services: SERVICES, pool: POOL, ..options };
        let road = Road::start_with(options, |centre| {
            for (device, host, ..) in inside.iter().filter(|(_, _, host, _)| ip(host).is_ipv4()) {
                centre.link(device, host, "lan");
            }
            for (device, host, address, length) in inside {
                let gateway = address.strip_suffix("10").map(|net| format!("{net}1")).unwrap();
                centre.address(device, &format!("{gateway}/{length}"));
                host.address("lan", &format!("{address}/{length}"));
                host.ip(&format!("route add default via {gateway}"));
            }
        });
        let serve = |(_, host, address, _): (_, &Namespace, _, _)| {
            let address = ip(address);
            let tcp = [TCP, UNSERVED].map(|port| Service::tcp(host, address, port));
            tcp.into_iter().chain([Service::udp(host, address, UDP)])
        };
        let services = inside.into_iter().flat_map(serve).collect();
        Self { _services: services, road, plus, basic, other }
    }

    /// The site of `H1/rtx` with a client behind it, which reaches `kmix-plus` from now on.
    pub(crate) fn site(&self) -> Site {
        self.site_by(self.road.router())
    }

    /// The same by another connection.
    pub(crate) fn site_by(&self, connection: Connection) -> Site {
        let mut site = Site::joined(self);
        site.peer = Some(self.road.connected(&site.router, connection));
        site
    }

    /// A terminal behind a translator, with virtual addresses, which reaches `kmix-plus` from now
    /// on. `number` is its place on the internet.
    pub(crate) fn terminal(&self, name: &str, number: u8) -> Terminal {
        let (host, translator) = self.road.home(number);
        self.terminal_at(name, host, Some(translator))
    }

    /// The same at a host that there is.
    pub(crate) fn terminal_at(
        &self,
        name: &str,
        host: Namespace,
        translator: Option<Translator>,
    ) -> Terminal {
        let mut connection = self.road.terminal(name);
        connection.vips = vec![ip("0.0.0.0"), ip("::")];
        let [child] = &mut connection.children[..] else { panic!("one child") };
        child.local_ts = Vec::new();
        child.remote_ts = vec![PLUS.to_owned(), PLUS_V6.to_owned()];
        let peer = self.road.connected(&host, connection);
        let addresses = peer.settled().virtual_addresses;
        Terminal { peer, host, translator, addresses }
    }

    /// How often the gateway has counted a reason.
    pub(crate) fn count(&self, reason: &str) -> u64 {
        self.road.gateway.count(reason)
    }

    /// Does something, and expects that the gateway counts a reason for it.
    pub(crate) fn counts(&self, reason: &str, act: impl FnOnce()) {
        let before = self.count(reason);
        act();
        sekisho_tests::until(&format!("{reason} is counted"), || {
            (self.count(reason) > before).then_some(())
        });
    }
}

impl Drop for Centre {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // It may be what the test ended.
            let status = self.road.site().sekisho(["status", "--json"]).output;
            eprintln!("the gateway's status: {status}");
        }
    }
}

/// A hospital's network behind a router with a tunnel.
pub(crate) struct Site {
    pub(crate) peer: Option<Strongswan>,
    pub(crate) router: Namespace,
    pub(crate) client: Namespace,
}

impl Site {
    /// Without a tunnel yet.
    pub(crate) fn joined(centre: &Centre) -> Self {
        let (router, client) = (Namespace::router("site"), Namespace::host("client"));
        centre.road.join(&router, "wan", 1);
        router.link("lan", &client, "lan");
        router.address("lan", "10.1.5.1/24");
        router.address("lan", "fd00:1:5::1/64");
        client.address("lan", "10.1.5.10/24");
        client.address("lan", "fd00:1:5::10/64");
        client.ip("route add default via 10.1.5.1");
        client.ip("route add default via fd00:1:5::1");
        Self { peer: None, router, client }
    }

    pub(crate) fn peer(&self) -> &Strongswan {
        self.peer.as_ref().unwrap()
    }
}

/// A terminal with a tunnel of its own.
pub(crate) struct Terminal {
    pub(crate) peer: Strongswan,
    pub(crate) host: Namespace,
    pub(crate) translator: Option<Translator>,
    /// Its virtual addresses, IPv4 first.
    pub(crate) addresses: Vec<IpAddr>,
}

impl Terminal {
    pub(crate) fn address(&self) -> IpAddr {
        self.addresses[0]
    }
}

/// An address and a port.
pub(crate) fn at(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(ip(address), port)
}

/// A further child of `H1/rtx`.
pub(crate) fn child(name: &str, network: &str) -> Child {
    Child::between(name, LAN, network)
}
