//! IKE messages larger than a datagram (RFC 7383).

use sekisho_tests::strongswan::{Strongswan, lacks_strongswan};

use crate::road::{CHILD, Options, ROAD, Road};

/// Everything is an RSA certificate with its chain; the gateway's messages fit 1,280 octets, the
/// peer's this.
const PEERS: u16 = 600;

fn long_messages() -> Road {
    Road::start(Options { certificates: &["rsa"], ..Options::default() })
}

fn fragmenting(road: &Road) -> Strongswan {
    let host = road.host(1);
    host.ip("link set wan mtu 1280");
    let mut config = road.config(vec![road.terminal("H1/old-1")]);
    config.settings += &format!("\nfragment_size = {PEERS}");
    Strongswan::start(&host, &config)
}

#[test]
fn both_ends_send_fragments_over_a_narrow_link() {
    if lacks_strongswan() {
        return;
    }
    let road = long_messages();
    // Fragments of IP do not get through, here as on many a hotel's network.
    for (namespace, device) in [(&road.centre, "wan"), (&road.internet, "centre")] {
        namespace.discard(device, "ip frag-off & 0x3fff != 0");
    }
    let peer = fragmenting(&road);
    peer.initiate(CHILD).expect_success();
    road.agreed(&peer);
    let log = peer.log();
    for told in ["splitting IKE message", "[ EF(3/", "reassembled fragmented IKE message"] {
        assert!(log.contains(told), "{told}: {log}");
    }
    peer.terminate(ROAD).expect_success();
    road.is_empty();
}

#[test]
fn lost_fragments_are_sent_again() {
    if lacks_strongswan() {
        return;
    }
    let road = long_messages();
    // One after the other: what is sent again has other numbers than it had.
    for (namespace, device) in [(&road.centre, "wan"), (&road.internet, "centre")] {
        namespace.discard(device, "udp sport 4500 numgen inc mod 4 == 1");
    }
    let peer = fragmenting(&road);
    peer.initiate(CHILD).expect_success();
    road.agreed(&peer);
    assert!(peer.log().contains("retransmit 1 of request with message ID 1"), "{}", peer.log());
}

/// Without RFC 7383 nothing is left but fragments of IP, in both directions.
#[test]
fn a_peer_without_fragmentation_is_served_by_that_of_ip() {
    if lacks_strongswan() {
        return;
    }
    let road = long_messages();
    let host = road.host(1);
    host.ip("link set wan mtu 1280");
    road.internet.ip("link set port1 mtu 1280");
    let mut connection = road.terminal("H1/old-1");
    connection.fragmentation = false;
    let peer = road.connected(&host, connection);
    road.agreed(&peer);
    assert!(!peer.log().contains("EF("), "{}", peer.log());
}
