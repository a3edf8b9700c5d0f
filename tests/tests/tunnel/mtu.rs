//! Lines that take less than 1500 octets.

use std::net::Ipv4Addr;

use sekisho_tests::capture::Capture;
use sekisho_tests::road::{Options, ip};
use sekisho_tests::strongswan::lacks_strongswan;

use crate::centre::{CLIENT, Centre, PLUS_HOST, Site, at};
use crate::traffic::{TCP, Transfer, UDP, passes};

const MIB: u64 = 1 << 20;

/// The link between the site and the internet, or the gateway and the internet, takes no more.
fn narrow(centre: &Centre, site: &Site, octets: &str) {
    centre.road.internet.ip(&format!("link set port1 mtu {octets}"));
    site.router.ip(&format!("link set wan mtu {octets}"));
}

/// The MSS that the system is told in the SYNs of TCP connections to it.
fn mss_of_syns(capture: &Capture) -> Vec<u16> {
    let mss = |packet: Vec<u8>| {
        let options = packet[40..].to_vec();
        // Linux puts it first.
        assert_eq!(options[..2], [2, 4]);
        u16::from_be_bytes([options[2], options[3]])
    };
    capture.packets().into_iter().map(mss).collect()
}

fn is_syn(packet: &[u8]) -> bool {
    let to = ip(PLUS_HOST);
    let ends_there = packet[0] == 0x45 && ip_at(packet, 16) == to;
    ends_there && packet[9] == 6 && packet[33] & 0x12 == 0x02
}

fn ip_at(packet: &[u8], at: usize) -> std::net::IpAddr {
    let octets: [u8; 4] = packet[at..at + 4].try_into().unwrap();
    Ipv4Addr::from(octets).into()
}

/// What goes through in both directions whatever the line.
fn everything_passes(site: &Site, what: &str) {
    Transfer::both(2 * MIB).run(&site.client, ip(CLIENT), at(PLUS_HOST, TCP));
    for octets in [1300, 1400, 1472, 8192] {
        let passes = passes(&site.client, ip(CLIENT), at(PLUS_HOST, UDP), octets);
        assert!(passes, "{what}: {octets} octets of UDP");
    }
}

fn narrower_and_narrower(ipsec: &'static str) {
    let centre = Centre::start(Options { ipsec, ..Options::default() });
    let site = centre.site();
    for octets in ["1500", "1400", "1280"] {
        narrow(&centre, &site, octets);
        everything_passes(&site, octets);
    }
}

/// Routers fragment what is too long for a line.
#[test]
fn narrow_lines() {
    if !lacks_strongswan() {
        narrower_and_narrower("");
    }
}

/// Routers tell by ICMP what is too long, to whichever socket of the gateway.
#[test]
fn narrow_lines_without_fragments() {
    if !lacks_strongswan() {
        narrower_and_narrower("[ipsec.tunnel]\ndont_fragment = true");
    }
}

/// Systems are told in time, so that they need not learn it.
#[test]
fn the_mss_is_clamped() {
    if lacks_strongswan() {
        return;
    }
    let centre = Centre::new();
    let site = centre.site();
    let syns = Capture::begin(&centre.plus, is_syn);
    Transfer::both(MIB).run(&site.client, ip(CLIENT), at(PLUS_HOST, TCP));
    let told = mss_of_syns(&syns);
    // A path of 1454 octets, less those of IP, UDP and ESP with its initialization vector and
    // check: 1394, of which a multiple of 4 less the trailer's 2 is left, and less 40 inside.
    assert_eq!(told, [1350]);
    assert_eq!(centre.count("tunnel.too-big"), 0);
}

/// Without clamping it is ICMP that tells them.
#[test]
fn too_long_packets_are_answered() {
    if lacks_strongswan() {
        return;
    }
    let ipsec = "[data_plane]\nclamp_mss = false\nfragment_inner = false";
    let centre = Centre::start(Options { ipsec, ..Options::default() });
    let site = centre.site();
    Transfer::both(2 * MIB).run(&site.client, ip(CLIENT), at(PLUS_HOST, TCP));
    assert!(centre.count("tunnel.too-big") > 0);
    let known = centre.plus.ip(&format!("route get {CLIENT}"));
    assert!(known.contains("mtu 13"), "{known}");
}
