//! Peers behind translators, and peers that move.

use std::net::SocketAddr;

use sekisho_tests::netns::Namespace;
use sekisho_tests::strongswan::{Strongswan, lacks_strongswan, lacks_strongswan_6};
use sekisho_tests::until;
use serde_json::Value;

use crate::road::{CHILD, ROAD, Road, behind, ip, seconds};

fn remote(session: &Value) -> SocketAddr {
    session["remote"].as_str().unwrap().parse().unwrap()
}

/// Waits until the gateway sends elsewhere than to `before`.
fn moved(road: &Road, before: SocketAddr) -> SocketAddr {
    until("the path changes", || {
        road.sessions().iter().map(remote).find(|remote| *remote != before)
    })
}

/// The session is still the one on record as `before`, and both ends go on with it. (libipsec,
/// unlike kernels, cannot move a CHILD_SA: strongSwan rekeys it then.)
fn goes_on(road: &Road, peer: &Strongswan, before: &Value) {
    let (_, after) = road.agreed(peer);
    assert_eq!(after["connection"], before["connection"]);
    peer.rekey(CHILD).expect_success();
    peer.rekey(ROAD).expect_success();
    until("the IKE SA is rekeyed", || (road.count("ike.sa-rekeyed") == 1).then_some(()));
    road.agreed(peer);
}

#[test]
fn a_translator_is_noticed_and_its_rebinding_followed() {
    if lacks_strongswan() {
        return;
    }
    // With MOBIKE the peer says that it has moved; without, the gateway sees it.
    for mobike in [false, true] {
        let road = Road::new();
        let (host, translator) = road.home(1);
        let mut connection = road.terminal("H1/pc-1");
        connection.mobike = mobike;
        connection.dpd_delay = seconds(1);
        let peer = road.connected(&host, connection);
        let (_, before) = road.agreed(&peer);
        assert_eq!(before["nat"]["peer"], true);
        assert_eq!(before["local"], "192.0.2.1:4500");
        let first = remote(&before);
        assert!(first.ip() == ip("198.18.1.2") && first.port() >= 20_000, "{first}");
        let child = road.noted("ike.child-up");
        assert!(child.text("detail").contains(" in UDP;"), "{child:?}");

        translator.rebind();
        let second = moved(&road, first);
        assert_eq!(second.ip(), first.ip());
        let noted = road.noted("ike.path-changed");
        assert_eq!(noted.number("source_port"), i64::from(second.port()));
        assert_eq!(noted.text("detail"), format!("from {first}"));
        goes_on(&road, &peer, &before);
    }
}

#[test]
fn without_a_translator_esp_needs_no_udp() {
    if lacks_strongswan_6() {
        return;
    }
    let road = Road::new();
    let mut config = road.config(vec![road.terminal("H1/pc-1")]);
    config.settings += "\nplugins {\n kernel-libipsec {\n raw_esp = yes\n }\n }";
    let peer = Strongswan::start(&road.host(1), &config);
    peer.initiate(CHILD).expect_success();
    let (sa, session) = road.agreed(&peer);
    assert!(!sa.children[0].encap && session["nat"]["peer"] == false, "{session}");
    let child = road.noted("ike.child-up");
    assert!(!child.text("detail").contains(" in UDP"), "{child:?}");
    // Both ports are as good, and a translator may come.
    assert_eq!(session["remote"], "198.18.1.2:4500");
}

#[test]
fn two_terminals_behind_one_translator() {
    if lacks_strongswan() {
        return;
    }
    let road = Road::new();
    let home = Namespace::router("home");
    road.join(&home, "wan", 1);
    let _translator = home.translate("wan");
    let peers: Vec<_> = [("H1/pc-1", 1), ("H1/ct-1", 2)]
        .map(|(terminal, number)| road.connected(&behind(&home, number), road.terminal(terminal)))
        .into();
    let sessions = road.sessions();
    let [one, other] = &sessions[..] else { panic!("{sessions:#?}") };
    assert_eq!([&one["terminal"], &other["terminal"]], ["H1/ct-1", "H1/pc-1"]);
    assert_eq!(remote(one).ip(), remote(other).ip());
    assert_ne!(remote(one).port(), remote(other).port());

    peers[0].terminate(ROAD).expect_success();
    let (_, left) = road.agreed(&peers[1]);
    assert_eq!(left["terminal"], "H1/ct-1");
}

/// RFC 4555, in both families.
#[test]
fn a_peer_that_moves_keeps_its_session() {
    if lacks_strongswan() {
        return;
    }
    for (gateway, from, to) in [
        ("192.0.2.1", "198.18.1.2", "198.18.2.2"),
        ("2001:db8::1", "2001:db8:1::2", "2001:db8:2::2"),
    ] {
        let road = Road::new();
        let host = road.host(1);
        road.join(&host, "radio", 2);
        let mut connection = road.terminal("H1/pc-1");
        connection.remote_addrs = vec![ip(gateway)];
        let peer = road.connected(&host, connection);
        let (_, before) = road.agreed(&peer);
        let first = remote(&before);
        assert_eq!(first.ip(), ip(from));

        host.ip("link set wan down");
        assert_eq!(moved(&road, first).ip(), ip(to));
        let noted = road.noted("ike.path-changed");
        assert_eq!(noted.text("source"), to);
        goes_on(&road, &peer, &before);
    }
}
