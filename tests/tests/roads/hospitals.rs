//! Hospitals on both roads of layer 3, the gateway, and systems.
//!
//! | host | its addresses | joined to `centre` by | may reach |
//! |---|---|---|---|
//! | `h1` of `H1` | [`H1`] and others in 10.50.0.0/16, fd00:50::/32 | IP-VPN, `vpn0` | `plus`, `basic` |
//! | `c1` of `C1` | [`C1`] and others in 10.60.0.0/16, fd00:60::/32 | IP-VPN, `vpn1` | `plus` |
//! | `site` of `H1` | [`SITE`] | strongSwan, over the internet | `plus` |
//! | `plus`, a `kmix-plus` | [`PLUS`] | `plus` | – |
//! | `basic`, a `kmix-r-basic` | [`BASIC`] | `basic` | – |
//!
//! Systems answer at [`TCP`] and [`UDP`].

use std::fs;
use std::net::{IpAddr, SocketAddr};

use sekisho_tests::netns::Namespace;
use sekisho_tests::program::{self, Outcome};
use sekisho_tests::record::Record;
use sekisho_tests::road::{Options, Road, ip};
use sekisho_tests::site::{CONFIG, Site};
use sekisho_tests::strongswan::Strongswan;
use serde_json::Value;

use crate::traffic::Echo;

/// A host of the hospital `H1`, in IPv4 and IPv6.
pub(crate) const H1: [&str; 2] = ["10.50.0.10", "fd00:50::10"];
/// A host of the clinic `C1`.
pub(crate) const C1: [&str; 2] = ["10.60.0.10", "fd00:60::10"];
/// A host of `H1` behind a router with a tunnel.
pub(crate) const SITE: &str = "10.1.5.10";
/// A host of `kmix-plus`.
pub(crate) const PLUS: [&str; 2] = ["10.20.3.10", "fd00:20:3::10"];
/// A host of `kmix-r-basic`.
pub(crate) const BASIC: &str = "10.20.1.10";
/// Where systems answer by TCP.
pub(crate) const TCP: u16 = 80;
/// Where they answer by UDP.
pub(crate) const UDP: u16 = 5000;

/// Goes before the limits of IKE.
const IP_VPN: &str = "[ip_vpn]\ninterfaces = [\"vpn0\", \"vpn1\"]";

/// All of them. The systems' services end first.
pub(crate) struct Hospitals {
    _services: Vec<Echo>,
    pub(crate) road: Road,
    pub(crate) h1: Namespace,
    pub(crate) c1: Namespace,
    pub(crate) plus: Namespace,
    pub(crate) basic: Namespace,
}

impl Hospitals {
    /// With the usual settings.
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// With lines under `[data_plane]`.
    pub(crate) fn with(data_plane: &'static str) -> Self {
        let [h1, c1, plus, basic] = ["h1", "c1", "plus", "basic"].map(Namespace::host);
        let options = Options {
            services: &["tcp/80", "udp/5000", "icmp"],
            ipsec: IP_VPN,
            limits: data_plane,
            prepare: enrol,
            ..Options::default()
        };
        let road = Road::start_with(options, |centre| {
            for (device, host, own, number) in [("vpn0", &h1, H1, 50), ("vpn1", &c1, C1, 60)] {
                join_hospital(centre, device, host, own, number);
            }
            join_system(centre, "plus", &plus, &PLUS);
            join_system(centre, "basic", &basic, &[BASIC]);
        });
        let at = [(&plus, PLUS[0]), (&plus, PLUS[1]), (&basic, BASIC)];
        let serve = |(host, own): (&Namespace, &str)| {
            [Echo::tcp(host, ip(own), TCP), Echo::udp(host, ip(own), UDP)]
        };
        let services = at.into_iter().flat_map(serve).collect();
        Self { _services: services, road, h1, c1, plus, basic }
    }

    /// The site of `H1`, which reaches `plus` from now on.
    pub(crate) fn site(&self) -> Tunnelled {
        let (router, client) = (Namespace::router("site"), Namespace::host("client"));
        self.road.join(&router, "wan", 1);
        router.link("lan", &client, "lan");
        router.address("lan", "10.1.5.1/24");
        client.address("lan", &format!("{SITE}/24"));
        client.ip("route add default via 10.1.5.1");
        let peer = self.road.connected(&router, self.road.router());
        Tunnelled { peer, client }
    }

    /// A `sekisho` command on the gateway's machine.
    pub(crate) fn sekisho(&self, words: &str) -> Outcome {
        let mut command = self.road.centre.command(program::sekisho());
        command.arg("--config").arg(self.road.site().path(CONFIG)).args(words.split(' '));
        program::finish(&mut command, b"")
    }

    /// The records of this kind that there are.
    pub(crate) fn records(&self, kind: &str) -> Vec<Record> {
        let mut records = self.road.gateway.records();
        records.retain(|record| record.is(kind) && !record.text("inner_source").is_empty());
        records
    }

    /// Live sessions with these options.
    pub(crate) fn sessions(&self, options: &str) -> Vec<Value> {
        let listed = self.road.gateway.sekisho(&format!("sessions --json {options}"));
        let mut listed: Value = serde_json::from_str(&listed).unwrap();
        serde_json::from_value(listed["sessions"].take()).unwrap()
    }

    /// How often the gateway has counted a reason.
    pub(crate) fn count(&self, reason: &str) -> u64 {
        self.road.gateway.count(reason)
    }

    /// Memory that the gateway occupies, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let pid = self.road.gateway.pid().as_raw_nonzero();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }
}

/// The site with a tunnel.
pub(crate) struct Tunnelled {
    pub(crate) peer: Strongswan,
    pub(crate) client: Namespace,
}

fn enrol(site: &Site) {
    for (institution, prefixes) in
        [("H1", "10.50.0.0/16,fd00:50::/32"), ("C1", "10.60.0.0/16,fd00:60::/32")]
    {
        let change = format!(
            "institution change {institution} --networks tls,ipsec,ip-vpn --ip-vpn-prefixes \
             {prefixes}"
        );
        site.sekisho(change.split(' ')).expect_success();
    }
}

fn join_hospital(centre: &Namespace, device: &str, host: &Namespace, own: [&str; 2], number: u8) {
    centre.link(device, host, "eth0");
    // The link's address asks for its neighbour, as that of a router would.
    host.set("net.ipv4.conf.all.arp_announce", "2");
    let nets = [(format!("172.16.{number}."), 24), (format!("fd00:16:{number}::"), 64)];
    for ((net, length), own) in nets.iter().zip(own) {
        centre.address(device, &format!("{net}1/{length}"));
        host.address("eth0", &format!("{net}2/{length}"));
        host.address("lo", own);
        host.ip(&format!("route add default via {net}1"));
    }
    for (prefix, (net, _)) in
        [format!("10.{number}.0.0/16"), format!("fd00:{number}::/32")].iter().zip(&nets)
    {
        centre.ip(&format!("route add {prefix} via {net}2"));
    }
}

fn join_system(centre: &Namespace, device: &str, host: &Namespace, own: &[&str]) {
    centre.link(device, host, "lan");
    for own in own {
        let net = own.strip_suffix("10").unwrap();
        let length = if ip(own).is_ipv4() { 24 } else { 64 };
        centre.address(device, &format!("{net}1/{length}"));
        host.address("lan", &format!("{own}/{length}"));
        host.ip(&format!("route add default via {net}1"));
    }
}

/// An address and a port.
pub(crate) fn at(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(ip(address), port)
}

/// Whether an address is in one of these prefixes.
pub(crate) fn is_in(address: IpAddr, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| prefix.parse::<ipnet::IpNet>().unwrap().contains(&address))
}
