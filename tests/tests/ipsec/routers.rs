//! Site routers by pre-shared key: identities, post-quantum keys, sessions without a child.

use sekisho_tests::site::Site;
use sekisho_tests::strongswan::{Config, Party, Sa, Secret, lacks_strongswan};

use crate::road::{
    CHILD, KEY, Options, PLUS, ROAD, ROUTER, Road, add_router, children, put, texts,
};

/// As `sekisho router add` takes it, and as strongSwan does.
const IDENTITIES: [(&str, &str); 6] = [
    ("rtx.c1.example", "rtx.c1.example"),
    ("198.18.1.2", "198.18.1.2"),
    ("2001:db8:1::2", "2001:db8:1::2"),
    ("rtx@c1.example", "rtx@c1.example"),
    ("keyid:0x0badcafe", "@#0badcafe"),
    ("fqdn:192.0.2.77", "fqdn:192.0.2.77"),
];

/// A post-quantum pre-shared key.
const PPK: &str = "0x5a1f0c77d2e94b3e8a6f15c0b7d38e2491fc60ab57e2d1483c9e0f6ba25d7714";

#[test]
fn identities_of_every_kind() {
    if lacks_strongswan() {
        return;
    }
    let prepare = |site: &Site| {
        for (number, (identity, _)) in IDENTITIES.iter().enumerate() {
            add_router(site, &format!("C1/rtx-{number}"), identity, "");
        }
    };
    let road = Road::start(Options { prepare, ..Options::default() });
    let host = road.host(1);
    let peer = road.peer(&host, road.router());
    for (number, (registered, theirs)) in IDENTITIES.iter().enumerate() {
        let mut connection = road.router();
        connection.local = Party::psk(theirs);
        connection.children[0].local_ts = vec!["10.2.7.7/32".to_owned()];
        let secret = Secret::Ike { ids: vec![(*theirs).to_owned()], key: KEY.to_owned() };
        peer.load(&Config { secrets: vec![secret], ..road.config(vec![connection]) });
        peer.initiate(CHILD).expect_success();
        let (_, session) = road.agreed(&peer);
        assert_eq!(session["terminal"], format!("C1/rtx-{number}"));
        peer.terminate(ROAD).expect_success();
        road.is_empty();
        let opened = road.gateway.records();
        let opened = opened.iter().rfind(|record| record.is("open")).unwrap();
        assert_eq!(opened.text("ike_identity"), *registered, "{opened:?}");
    }
}

/// Of the routers `rtx-0` has a post-quantum key, and must use it; `rtx-1` has none.
#[test]
fn post_quantum_keys() {
    if lacks_strongswan() {
        return;
    }
    let prepare = |site: &Site| {
        put(site, "ppk", PPK);
        add_router(site, "C1/rtx-0", "rtx-0", "--ppk-id ppk-0 --ppk-file ppk");
        add_router(site, "C1/rtx-1", "rtx-1", "");
    };
    let road = Road::start(Options { prepare, ..Options::default() });
    let host = road.host(1);
    let peer = road.peer(&host, road.router());
    let configure = |identity: &str, ppk: Option<(&str, bool)>| {
        let mut connection = road.router();
        connection.local = Party::psk(identity);
        connection.children[0].local_ts = vec!["10.2.7.7/32".to_owned()];
        connection.ppk = ppk.map(|(id, required)| (id.to_owned(), required));
        let secrets = vec![
            Secret::Ike { ids: vec![identity.to_owned()], key: KEY.to_owned() },
            Secret::Ppk { id: "ppk-0".to_owned(), key: PPK.to_owned() },
            Secret::Ppk { id: "ppk-9".to_owned(), key: PPK.to_owned() },
        ];
        peer.load(&Config { secrets, ..road.config(vec![connection]) });
    };
    for (identity, ppk, used) in [
        ("rtx-0", Some(("ppk-0", true)), true),
        ("rtx-1", Some(("ppk-9", false)), false),
        ("rtx-1", None, false),
    ] {
        configure(identity, ppk);
        peer.initiate(CHILD).expect_success();
        peer.rekey(ROAD).expect_success();
        road.noted("ike.sa-rekeyed");
        peer.rekey(CHILD).expect_success();
        let (sa, session) = road.agreed(&peer);
        assert_eq!((sa.ppk, &session["ppk"]), (used, &used.into()), "{identity} {ppk:?}");
        peer.terminate(ROAD).expect_success();
        road.is_empty();
    }
    for (identity, ppk) in [("rtx-0", None), ("rtx-0", Some(("ppk-9", false)))] {
        configure(identity, ppk);
        let (refused, record) = road.gateway.provoke("denied", || peer.initiate(CHILD));
        assert!(refused.says("AUTHENTICATION_FAILED"), "{refused}");
        assert_eq!(record.reason(), "ike.ppk");
    }
    // It is the peer that insists.
    configure("rtx-1", Some(("ppk-9", true)));
    assert!(!peer.initiate(CHILD).status.success());
}

/// RFC 6023: an IKE SA first, its children by CREATE_CHILD_SA.
#[test]
fn a_session_begins_without_a_child() {
    if lacks_strongswan() {
        return;
    }
    let road = Road::new();
    let host = road.host(1);
    let mut connection = road.router();
    connection.childless = Some("force");
    connection.children[0].esp_proposals = vec!["aes256gcm16-ecp384".to_owned()];
    let peer = road.peer(&host, connection);
    peer.initiate(ROAD).expect_success();
    let [session] = &road.sessions()[..] else { panic!() };
    assert!(children(session).is_empty(), "{session}");
    assert_eq!(session["identity"], ROUTER);
    peer.initiate(Sa::Child("plus")).expect_success();
    let (_, session) = road.agreed(&peer);
    let [child] = children(&session) else { panic!("{session}") };
    assert_eq!(child["suite"], "aes256gcm16-ecp384");
    assert_eq!(texts(&child["local"]), [PLUS]);
}
