//! What a peer asks for, and what it gets (RFC 7296, section 2.9).

use sekisho_tests::strongswan::{Child, Sa, lacks_strongswan};

use crate::road::{BASIC, CHILD, LAN, PLUS, PLUS_V6, ROAD, Road, children, texts};

#[test]
fn a_peer_that_asks_for_everything_gets_what_it_may_reach() {
    if lacks_strongswan() {
        return;
    }
    let road = Road::new();
    let host = road.host(1);
    host.address("lo", "fd00:1::1/64");
    let mut connection = road.router();
    let child = &mut connection.children[0];
    child.local_ts = vec!["0.0.0.0/0".to_owned(), "::/0".to_owned()];
    child.remote_ts = child.local_ts.clone();
    let peer = road.connected(&host, connection);
    let (sa, session) = road.agreed(&peer);
    let [child] = children(&session) else { panic!("{session}") };
    assert_eq!(texts(&child["local"]), [BASIC, PLUS, PLUS_V6]);
    assert_eq!(texts(&child["remote"]), ["10.1.0.0/16"]);
    assert_eq!(sa.children[0].remote_ts, [BASIC, PLUS, PLUS_V6]);
    assert_eq!(sa.children[0].local_ts, ["10.1.0.0/16"]);
}

#[test]
fn what_nobody_may_reach_is_refused_and_the_session_stays() {
    if lacks_strongswan() {
        return;
    }
    let road = Road::new();
    let mut connection = road.router();
    for (name, local, remote) in
        [("elsewhere", LAN, "10.66.0.0/16"), ("foreign", "10.2.7.7/32", PLUS)]
    {
        connection.children.push(Child::between(name, local, remote));
    }
    let peer = road.peer(&road.host(1), connection);
    // In IKE_AUTH, and in CREATE_CHILD_SA.
    for (name, proposed) in [("elsewhere", "10.66.0.0/16"), ("foreign", "10.2.7.7/32")] {
        let (refused, record) = road.gateway.provoke("denied", || peer.initiate(Sa::Child(name)));
        assert!(!refused.status.success(), "{refused}");
        assert!(peer.log().contains("received TS_UNACCEPTABLE"), "{}", peer.log());
        assert_eq!(record.reason(), "ike.ts-unacceptable");
        let detail = record.text("detail");
        assert!(detail.contains(proposed) && detail.contains("permitted"), "{detail}");
        assert_eq!(record.way(), ["H1", "rtx", ""]);
    }
    peer.initiate(CHILD).expect_success();
    let (_, session) = road.agreed(&peer);
    assert_eq!(children(&session).len(), 1);
    assert_eq!(road.count("ike.sa-established"), 1, "all on one IKE SA");
}

#[test]
fn several_children_for_networks_protocols_and_ports() {
    if lacks_strongswan() {
        return;
    }
    const CHILDREN: [(&str, &str, &str); 4] = [
        ("plus", PLUS, PLUS),
        ("basic", BASIC, BASIC),
        ("web", "10.20.3.0/24[tcp/443]", "10.20.3.0/24 tcp/443"),
        ("range", "10.20.3.0/24[udp/5000-5999]", "10.20.3.0/24 udp/5000-5999"),
    ];
    let road = Road::new();
    let mut connection = road.router();
    connection.children =
        CHILDREN.iter().map(|(name, remote, _)| Child::between(name, LAN, remote)).collect();
    let peer = road.peer(&road.host(1), connection);
    for (name, ..) in CHILDREN {
        peer.initiate(Sa::Child(name)).expect_success();
    }
    let (_, session) = road.agreed(&peer);
    let mut agreed: Vec<_> =
        children(&session).iter().map(|child| texts(&child["local"]).join(" ")).collect();
    agreed.sort();
    let mut expected = CHILDREN.map(|(_, _, ours)| ours);
    expected.sort_unstable();
    assert_eq!(agreed, expected);

    peer.terminate(Sa::Child("web")).expect_success();
    peer.rekey(Sa::Child("range")).expect_success();
    peer.rekey(ROAD).expect_success();
    road.noted("ike.sa-rekeyed");
    let (_, session) = road.agreed(&peer);
    assert_eq!(children(&session).len(), 3);
}
