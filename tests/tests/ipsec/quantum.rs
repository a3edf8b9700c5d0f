//! ML-KEM as an additional key exchange (RFC 9242, RFC 9370): IKE_INTERMEDIATE before IKE_AUTH,
//! IKE_FOLLOWUP_KE when keys are renewed. The distribution's strongSwan does not know it.

use sekisho_tests::initiator::{Initiator, Plan};
use sekisho_tests::site::IPSEC;
use sekisho_tests::strongswan::{Strongswan, lacks_strongswan_6};
use sekisho_tests::until;

use crate::initiating::{Lab, agreed, rekeys};
use crate::road::{CHILD, KEY, LAN, Options, PLUS, ROAD, ROUTER, Road, children};

/// Offered, and as strongSwan names what is agreed.
const IKE: [(&str, &str); 3] = [
    (
        "aes256gcm16-prfsha384-ecp384-ke1_mlkem768",
        "AES_GCM_16_256/PRF_HMAC_SHA2_384/ECP_384/ML_KEM_768",
    ),
    (
        "aes256-sha256-x25519-ke1_mlkem768",
        "AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/CURVE_25519/ML_KEM_768",
    ),
    (
        "chacha20poly1305-prfsha512-modp3072-ke1_mlkem768",
        "CHACHA20_POLY1305/PRF_HMAC_SHA2_512/MODP_3072/ML_KEM_768",
    ),
];
const ESP: (&str, &str) = ("aes256gcm16-ecp384-ke1_mlkem768", "AES_GCM_16_256/ECP_384/ML_KEM_768");

fn log_has(peer: &Strongswan, messages: &[&str]) {
    let log = peer.log();
    for message in messages {
        assert!(log.contains(message), "{message}: {log}");
    }
}

#[test]
fn strongswan_begins_and_rekeys() {
    if lacks_strongswan_6() {
        return;
    }
    let road = Road::new();
    let host = road.host(1);
    let peer = road.peer(&host, road.router());
    for (offered, theirs) in IKE {
        let mut connection = road.router();
        connection.proposals = vec![offered.to_owned()];
        connection.children[0].esp_proposals = vec![ESP.0.to_owned()];
        peer.load(&road.config(vec![connection]));
        peer.initiate(CHILD).expect_success();
        let (before, session) = road.agreed(&peer);
        assert_eq!([session["suite"].as_str().unwrap(), &before.suite], [offered, theirs]);

        peer.rekey(ROAD).expect_success();
        peer.wait_for("another IKE SA", |sas| {
            sas.iter().all(|new| new.initiator_spi != before.initiator_spi).then_some(())
        });
        road.agreed(&peer);
        peer.rekey(CHILD).expect_success();
        until("the child has the suite", || {
            let (sa, session) = road.agreed(&peer);
            let suite = children(&session)[0]["suite"] == ESP.0;
            assert_eq!(sa.suite, theirs);
            (suite && sa.children.iter().any(|child| child.suite == ESP.1)).then_some(())
        });
        peer.terminate(ROAD).expect_success();
        road.is_empty();
    }
    log_has(&peer, &["generating IKE_INTERMEDIATE request", "generating IKE_FOLLOWUP_KE request"]);
}

#[test]
fn the_gateway_rekeys() {
    if lacks_strongswan_6() {
        return;
    }
    let ipsec = "ike_lifetime = \"2s\"\nchild_lifetime = \"3s\"";
    let road = Road::start(Options { ipsec, ..Options::default() });
    let mut connection = road.router();
    connection.proposals = vec![IKE[0].0.to_owned()];
    connection.children[0].esp_proposals = vec![ESP.0.to_owned()];
    let peer = road.connected(&road.host(1), connection);
    until("both are rekeyed more than once", || {
        (road.count("ike.sa-rekeyed") > 2 && road.count("ike.child-up") > 3).then_some(())
    });
    let (sa, session) = road.agreed(&peer);
    assert_eq!(session["suite"], IKE[0].0);
    assert_eq!(sa.suite, IKE[0].1);
    assert_eq!(children(&session)[0]["suite"], ESP.0);
    log_has(&peer, &["parsed IKE_FOLLOWUP_KE request"]);
    assert_eq!(road.count("ike.sa-established"), 1);
}

#[test]
fn we_begin_and_both_rekey() {
    if lacks_strongswan_6() {
        return;
    }
    for (offered, _) in IKE {
        let lab = Lab::new();
        let theirs = Strongswan::start(
            &lab.centre,
            &lab.by_key(|connection| {
                connection.proposals = vec![offered.to_owned()];
                connection.children[0].esp_proposals = vec![ESP.0.to_owned()];
            }),
        );
        let mut plan = Plan::by_key(ROUTER, IPSEC, KEY);
        plan.children = vec![(LAN, PLUS)];
        let ours: Initiator = lab.begin(plan);
        assert_eq!(agreed(&ours, &theirs, 1).suite.as_deref(), Some(offered));
        rekeys(&ours, &theirs);
        let seen = ours.seen();
        let (_, child) = seen.children.first_key_value().unwrap();
        assert_eq!(child.suite, ESP.0);
        log_has(&theirs, &["parsed IKE_INTERMEDIATE request", "parsed IKE_FOLLOWUP_KE request"]);
    }
}
