//! While permitted traffic runs on both roads and forbidden floods never cease, the gateway dies in
//! every way and starts again: nothing reaches a system, or a hospital, that no verdict let through.

use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::Duration;

use packet::{Headers, Tcp, Transport};
use rustix::process::Signal;
use sekisho_tests::capture::Capture;
use sekisho_tests::forge::{ends, tcp, udp};
use sekisho_tests::netns::Namespace;
use sekisho_tests::road::{CHILD, ip};
use sekisho_tests::strongswan::lacks_strongswan;
use sekisho_tests::until;

use crate::hospitals::{BASIC, C1, H1, Hospitals, PLUS, SITE, TCP, Tunnelled, UDP, at, is_in};
use crate::traffic::{Conversation, Flood, connects, echoes};

/// Sends segments of a connection that never began.
const ASTRAY: u16 = 4243;
/// From here the gateway's kernel finds its neighbours, and says what it cannot deliver.
const LINKS: [&str; 5] =
    ["172.16.0.0/16", "fd00:16::/32", "fe80::/10", "10.20.3.1/32", "fd00:20:3::1/128"];

/// Would catch a moment, in dying or in coming up, at which the kernel forwards by itself, or at
/// which the gateway forwards before it has its policy.
#[test]
fn nothing_crosses_without_a_verdict() {
    if lacks_strongswan() {
        return;
    }
    let mut hospitals = Hospitals::new();
    hospitals.sekisho("barrier install").expect_success();
    let site = hospitals.site();
    let floods = floods(&hospitals, &site);
    let forbidden = watch(&hospitals, &site);
    let permitted = Capture::begin(&hospitals.plus, |packet| {
        ends(packet).is_some_and(|(from, to)| to.ip() != from.ip() && is_permitted(from, to))
    });
    let tunnelled = Conversation::udp(&site.client, SITE, at(PLUS[0], UDP));
    tunnelled.goes_on();
    for death in [Death::Killed, Death::FirstDevice, Death::SecondDevice, Death::Stopped] {
        let running = running(&hospitals);
        running.iter().for_each(Conversation::goes_on);
        floods.iter().for_each(Flood::goes_on);
        death.befall(&mut hospitals);
        // What was under way may still arrive.
        thread::sleep(Duration::from_millis(50));
        let crossed = permitted.packets().len();
        floods.iter().for_each(Flood::goes_on);
        assert_eq!(permitted.packets().len(), crossed, "{death:?}: permitted, but by nobody");
        hospitals.road.gateway.start_again();
        let restored =
            || (H1.iter().zip(PLUS)).all(|(h1, to)| echoes(&hospitals.h1, h1, at(to, UDP)));
        until("datagrams pass again", || restored().then_some(()));
        assert!(connects(&hospitals.c1, C1[0], at(PLUS[0], TCP)), "{death:?}");
        // A connection that began before is not taken on unseen.
        until("it is said of the old connection", || {
            (hospitals.count("tunnel.mid-stream") > 0).then_some(())
        });
        assert!(hospitals.count("policy.port-not-served") > 0, "{death:?}: the floods go on");
    }
    let _ = site.peer.swanctl(["--terminate", "--ike", "road", "--force"]);
    site.peer.initiate(CHILD).expect_success();
    tunnelled.goes_on();
    for (place, capture) in forbidden {
        let packets = capture.packets();
        let ends = packets.first().and_then(|packet| ends(packet));
        assert!(packets.is_empty(), "at {place}: {} packets, the first {ends:?}", packets.len());
    }
}

/// How the gateway ends.
#[derive(Clone, Copy, Debug)]
enum Death {
    Killed,
    FirstDevice,
    SecondDevice,
    Stopped,
}

impl Death {
    fn befall(self, hospitals: &mut Hospitals) {
        let Hospitals { road, .. } = hospitals;
        match self {
            Self::Killed => road.gateway.signal(Signal::KILL),
            Self::FirstDevice => drop(road.centre.ip("link delete sekisho0")),
            Self::SecondDevice => drop(road.centre.ip("link delete sekisho-vpn")),
            Self::Stopped => return road.gateway.stop(),
        }
        assert!(!road.gateway.ended().success(), "{self:?}");
    }
}

/// On the IP-VPN, in both versions of IP. (Tunnels do not outlive the gateway that made them.)
fn running(hospitals: &Hospitals) -> [Conversation; 4] {
    let Hospitals { h1, c1, .. } = hospitals;
    [
        Conversation::udp(h1, H1[0], at(PLUS[0], UDP)),
        Conversation::udp(h1, H1[1], at(PLUS[1], UDP)),
        Conversation::udp(c1, C1[0], at(PLUS[0], UDP)),
        Conversation::tcp(h1, H1[0], at(PLUS[0], TCP)),
    ]
}

/// Ports that are not served, sources that are not registered or another's, systems that begin.
fn floods(hospitals: &Hospitals, site: &Tunnelled) -> [Flood; 4] {
    let Hospitals { h1, c1, plus, .. } = hospitals;
    let bad = |from, to| udp(at(from, 4242), at(to, 9), b"through?");
    let served = |from, to| udp(at(from, 4242), at(to, UDP), b"through?");
    let from_h1 = vec![
        bad(H1[0], PLUS[0]),
        bad(H1[1], PLUS[1]),
        tcp(at(H1[0], ASTRAY), at(PLUS[0], TCP), Tcp::ACK),
        served("10.70.0.1", PLUS[0]),
        served(SITE, PLUS[0]),
        served(BASIC, PLUS[0]),
        served("172.16.50.2", PLUS[0]),
        bad(H1[0], C1[0]),
    ];
    let from_plus =
        [H1[0], C1[0], SITE].map(|to| udp(at(PLUS[0], 4242), at(to, 4244), b"through?"));
    [
        Flood::begin(h1, from_h1),
        Flood::begin(c1, vec![served(C1[0], BASIC), served("fd00:70::1", PLUS[1])]),
        Flood::begin(&site.client, vec![bad(SITE, PLUS[0]), bad(SITE, C1[0])]),
        Flood::begin(plus, from_plus.into_iter().chain([bad(PLUS[0], BASIC)]).collect()),
    ]
}

/// What a verdict may have let through.
fn is_permitted(from: SocketAddr, to: SocketAddr) -> bool {
    let one_of = |address: IpAddr, all: &[&str]| all.iter().any(|one| ip(one) == address);
    let clients = [H1[0], H1[1], C1[0], SITE];
    one_of(to.ip(), &PLUS)
        && [TCP, UDP].contains(&to.port())
        && one_of(from.ip(), &clients)
        && from.port() >= 10_000
}

/// The gateway's answer to a segment of no connection, which a flood sends.
fn is_reset(packet: &[u8], to: SocketAddr) -> bool {
    let transport = Headers::parse(packet).map(|headers| headers.transport);
    to.port() == ASTRAY && matches!(transport, Ok(Transport::Tcp(tcp)) if tcp.flags == Tcp::RST)
}

/// Whatever comes in at the systems, the hospitals and the site that is neither permitted nor an
/// answer to it.
fn watch(hospitals: &Hospitals, site: &Tunnelled) -> Vec<(&'static str, Capture)> {
    let watch = |place, host: &Namespace, own: &[&str]| {
        let own: Vec<IpAddr> = own.iter().map(|own| ip(own)).collect();
        let wanted = move |packet: &[u8]| {
            ends(packet).is_some_and(|(from, to)| {
                let linked = from.port() == 0 && is_in(from.ip(), &LINKS);
                own.contains(&to.ip())
                    && !linked
                    && !is_permitted(from, to)
                    && !is_permitted(to, from)
                    && !is_reset(packet, to)
            })
        };
        (place, Capture::begin(host, wanted))
    };
    let Hospitals { h1, c1, plus, basic, .. } = hospitals;
    vec![
        watch("plus", plus, &PLUS),
        watch("basic", basic, &[BASIC]),
        watch("h1", h1, &H1),
        watch("c1", c1, &C1),
        watch("site", &site.client, &[SITE]),
    ]
}
