//! Strangers that begin and do not go on.

use std::net::UdpSocket;

use sekisho_tests::initiator::Plan;
use sekisho_tests::netns::Namespace;
use sekisho_tests::site::{IPSEC, IPSEC_ADDRESS};
use sekisho_tests::strongswan::lacks_strongswan;
use sekisho_tests::until;

use crate::road::{CHILD, KEY, Options, ROUTER, Road, ip};

/// So many of them.
const FLOOD: usize = 40;

/// Sends as many IKE_SA_INITs, each with an SPI and a public value of its own, from one port.
fn flood(host: &Namespace, from: &str) {
    let mut plan = Plan::by_key(ROUTER, IPSEC, KEY);
    plan.from = vec![ip(from)];
    plan.to = ip(IPSEC_ADDRESS);
    let socket = host.within(|| UdpSocket::bind((ip(from), 40_500)).unwrap());
    for _ in 0..FLOOD {
        let message = plan.first_message();
        socket.send_to(&message, (IPSEC_ADDRESS, 500)).unwrap();
    }
}

fn half_open(road: &Road) -> u64 {
    road.gateway.status()["ipsec"]["half_open"].as_u64().unwrap()
}

fn counted(road: &Road, reason: &str) {
    until(reason, || (road.gateway.count(reason) > 0).then_some(()));
}

#[test]
fn under_load_strangers_prove_their_address_first() {
    if lacks_strongswan() {
        return;
    }
    let limits = "cookie_threshold = 8";
    let road = Road::start(Options { limits, ..Options::default() });
    let host = road.host(1);
    flood(&host, "198.18.1.2");
    counted(&road, "ike.drop.cookie-wanted");
    let peer = road.connected(&host, road.router());
    road.agreed(&peer);
    assert!(peer.log().contains("parsed IKE_SA_INIT response 0 [ N(COOKIE) ]"), "{}", peer.log());
    assert!(half_open(&road) <= 8);
}

#[test]
fn half_open_negotiations_are_bounded_for_each_source_and_in_all() {
    if lacks_strongswan() {
        return;
    }
    let limits = "cookie_threshold = 1000\nhalf_open_per_source = 6\nhalf_open = 9";
    let road = Road::start(Options { limits, ..Options::default() });
    flood(&road.host(1), "198.18.1.2");
    counted(&road, "ike.drop.half-open-from-source");
    assert_eq!(half_open(&road), 6);
    // There is room for others.
    let host = road.host(3);
    let peer = road.connected(&host, road.router());
    road.agreed(&peer);
    flood(&road.host(2), "198.18.2.2");
    counted(&road, "ike.drop.half-open");
    assert_eq!(half_open(&road), 9);
    // Whoever is in goes on.
    peer.rekey(CHILD).expect_success();
    road.agreed(&peer);
}
