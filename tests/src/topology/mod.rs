//! The reference topology: everybody who may come, on each of the three roads, and those who
//! may not, before five systems.
//!
//! ```text
//! hospital 3710001 ─┐
//! stranger ─────────┴ closed network (IP-VPN) ── vpn0 ┐
//!                                                     centre ── lan ── five systems
//! hospital 3710002 ── router ══ IPsec ══╗       ┌ wan ┘
//! clinic 3710101 ── NAT ══ IPsec ═══════╬ Internet
//! pharmacy 3740001 ── TLS ──────────────╢
//! intruder ─────────────────────────────╜
//! ```
//!
//! `cargo xtask demo --roads` shows it, and the group `roads` of the tests asserts it.

mod attempts;
mod clients;
mod live;
mod networks;
mod peers;
mod places;
mod verdicts;

use std::fs;
use std::path::PathBuf;

use demo::report::Row;
use demo::systems::{Kind, Options, Running};

use crate::capture::Capture;
use crate::foreign::{ForeignCa, P256};
use crate::gateway::Gateway;
use crate::netns::Namespace;
use crate::program;
use crate::road::put;
use crate::setup::Setup;
use crate::site::{CONFIG, IPSEC, Site};
use crate::systems;

use self::networks::Networks;
use self::peers::Peers;
pub use self::places::*;
pub use self::verdicts::{DROPPED, Judged, PERMITTED, is_flow};

/// The images that a hospital sends.
const SERIES: u8 = 5;

/// All of it, running; gone when dropped.
pub struct Topology {
    peers: Peers,
    /// What came out of the gateway to the systems, or past it.
    seen: Capture,
    /// The gateway.
    pub gateway: Gateway,
    _systems: Vec<Running>,
    networks: Networks,
    images: Vec<PathBuf>,
}

impl Topology {
    /// Builds it and lets everybody connect who may.
    ///
    /// # Panics
    ///
    /// When something does not come up.
    pub fn new() -> Self {
        let networks = Networks::new();
        let systems = start_systems(&networks.systems);
        let seen = Capture::begin(&networks.systems, comes_from_outside);
        let setup = setup();
        bar(&networks.centre, &setup.site);
        let gateway = setup.start_in(&networks.centre);
        let images = demo::image::series(&gateway.site.path(""), SERIES).unwrap();
        let peers = Peers::start(&networks, &gateway.site);
        Self { peers, seen, gateway, _systems: systems, networks, images }
    }

    /// Makes every attempt there is, until `stop` says so.
    ///
    /// # Panics
    ///
    /// When a program that is needed is not there, or the gateway does not answer.
    pub fn attempt_all(&self, stop: impl Fn() -> bool) -> Vec<Judged> {
        attempts::all(self, stop)
    }

    /// Ends the tunnels and the gateway in good order: everything is on record afterwards.
    ///
    /// # Panics
    ///
    /// When the gateway does not end well.
    pub fn stop(&mut self) {
        self.peers.leave();
        self.gateway.stop();
    }

    /// Hosts to try it from by hand: what each is, the name of its namespace, a command.
    pub fn hosts(&self) -> Vec<(&'static str, &str, String)> {
        let fetch = |kind| format!("curl http://{}/", system(kind).ip());
        let networks = &self.networks;
        vec![
            ("hospital on the IP-VPN", networks.member.name(), fetch(Kind::KmixPlus)),
            ("hospital behind a router", networks.ward.name(), fetch(Kind::KmixPlus)),
            ("clinic behind a translator", networks.clinic.name(), fetch(Kind::KmixRBasic)),
            ("stranger on the IP-VPN", networks.stranger.name(), fetch(Kind::KmixPlus)),
            ("intruder on the Internet", networks.intruder.name(), fetch(Kind::KmixPlus)),
            ("before the systems", networks.systems.name(), "tcpdump -ni lan".to_owned()),
        ]
    }
}

impl Default for Topology {
    fn default() -> Self {
        Self::new()
    }
}

/// The rows of the table.
pub fn rows(judged: &[Judged]) -> Vec<Row> {
    judged.iter().map(|judged| judged.row.clone()).collect()
}

/// IPv4 packets that no system sent.
fn comes_from_outside(packet: &[u8]) -> bool {
    matches!(packet, [first, .., ] if first >> 4 == 4)
        && packet.get(12..15).is_some_and(|source| source != [10, 20, 0])
}

fn start_systems(namespace: &Namespace) -> Vec<Running> {
    let options = Options { mllp_port: MLLP, ..Options::default() };
    let start = |kind| namespace.within(|| systems::start_at(kind, system(kind), options));
    Kind::ALL.into_iter().map(start).collect()
}

fn setup() -> Setup {
    let setup = Setup::at(Site::founded(), |kind| system(kind).to_string())
        .listeners(&[
            &format!("address = \"{CENTRE}:{HTTPS}\""),
            &format!(
                "address = \"{CENTRE}:{MLLPS}\"\nsystem = \"{}\"\nupstream = \"{}:{MLLP}\"",
                Kind::ChiikiKanja,
                system(Kind::ChiikiKanja).ip(),
            ),
        ])
        .ipsec(&format!(
            "[ip_vpn]\ninterfaces = [\"vpn0\"]\n\
             [ipsec]\nlisten = [\"{CENTRE}\"]\nidentity = \"{IPSEC}\"\n\
             [ipsec.pool]\naddresses = [\"{POOL}\"]\n\
             [[ipsec.certificate]]\nchain = \"tls/ipsec-ecdsa.pem\"\nkey = \"tls/ipsec-ecdsa.key\"\n"
        ));
    let setup =
        Kind::ALL.into_iter().fold(setup, |setup, kind| setup.system(kind, &destination(kind)));
    fs::write(setup.site.path(CONFIG), setup.text()).unwrap();
    enrol(&setup.site);
    setup
}

/// Installs what keeps every packet out that no gateway judges.
fn bar(centre: &Namespace, site: &Site) {
    let mut sekisho = centre.command(program::sekisho());
    sekisho.arg("--config").arg(site.path(CONFIG)).args(["barrier", "install"]);
    program::finish(&mut sekisho, b"").expect_success();
}

fn enrol(site: &Site) {
    let sekisho = |line: &str| site.sekisho(line.split(' ')).expect_success();
    fs::write(site.path("roster.csv"), ROSTER).unwrap();
    put(site, "key", KEY);
    sekisho("registry import roster.csv");
    sekisho(&format!("router add 3710002/rtx --psk-file key --identity {ROUTER}"));
    for terminal in ["3710101/pc-1", "3740001/pc-1"] {
        sekisho(&format!("terminal issue {terminal} --out terminals"));
    }
    ForeignCa::new(site, "stranger").issue("terminal", P256, "client", &[]);
}
