//! Every algorithm that both ends have, as both name it.

use sekisho_tests::strongswan::lacks_strongswan;

use crate::road::{CHILD, ROAD, Road, children};

/// Proposals of the peer; and what is agreed in the gateway's words and in strongSwan's.
struct Row {
    offered: &'static str,
    agreed: [&'static str; 2],
}

const fn row(offered: &'static str, ours: &'static str, theirs: &'static str) -> Row {
    Row { offered, agreed: [ours, theirs] }
}

/// One that is named alike in the offer and in the gateway's status.
const fn plain(offered: &'static str, theirs: &'static str) -> Row {
    row(offered, offered, theirs)
}

const IKE: [Row; 17] = [
    plain("aes256gcm16-prfsha384-ecp384", "AES_GCM_16_256/PRF_HMAC_SHA2_384/ECP_384"),
    plain("aes128gcm16-prfsha256-ecp256", "AES_GCM_16_128/PRF_HMAC_SHA2_256/ECP_256"),
    plain("aes256gcm16-prfsha512-ecp521", "AES_GCM_16_256/PRF_HMAC_SHA2_512/ECP_521"),
    plain("chacha20poly1305-prfsha256-x25519", "CHACHA20_POLY1305/PRF_HMAC_SHA2_256/CURVE_25519"),
    plain("chacha20poly1305-prfsha384-modp4096", "CHACHA20_POLY1305/PRF_HMAC_SHA2_384/MODP_4096"),
    plain("aes256-sha256-modp2048", "AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048"),
    plain("aes256-sha384-ecp384", "AES_CBC_256/HMAC_SHA2_384_192/PRF_HMAC_SHA2_384/ECP_384"),
    plain("aes256-sha512-modp3072", "AES_CBC_256/HMAC_SHA2_512_256/PRF_HMAC_SHA2_512/MODP_3072"),
    plain("aes128-sha256-x25519", "AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/CURVE_25519"),
    plain("aes128-sha384-ecp256", "AES_CBC_128/HMAC_SHA2_384_192/PRF_HMAC_SHA2_384/ECP_256"),
    plain("aes128-sha512-modp4096", "AES_CBC_128/HMAC_SHA2_512_256/PRF_HMAC_SHA2_512/MODP_4096"),
    plain(
        "aes256-sha256-prfsha512-ecp521",
        "AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_512/ECP_521",
    ),
    plain(
        "aes128-sha512-prfsha256-x25519",
        "AES_CBC_128/HMAC_SHA2_512_256/PRF_HMAC_SHA2_256/CURVE_25519",
    ),
    // The gateway's order decides, not the peer's.
    row(
        "aes128gcm16-aes256gcm16-prfsha256-prfsha384-ecp384",
        "aes256gcm16-prfsha384-ecp384",
        "AES_GCM_16_256/PRF_HMAC_SHA2_384/ECP_384",
    ),
    // But for the group: the one that comes with the first message costs no round trip.
    row(
        "aes256gcm16-prfsha384-modp2048-ecp384",
        "aes256gcm16-prfsha384-modp2048",
        "AES_GCM_16_256/PRF_HMAC_SHA2_384/MODP_2048",
    ),
    // INVALID_KE_PAYLOAD: strongSwan guesses a group that the gateway has not.
    row(
        "aes256-sha256-modp1024-modp2048",
        "aes256-sha256-modp2048",
        "AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048",
    ),
    row(
        "aes256gcm16-prfsha384-ecp224-modp1024-modp3072-ecp384",
        "aes256gcm16-prfsha384-ecp384",
        "AES_GCM_16_256/PRF_HMAC_SHA2_384/ECP_384",
    ),
];

/// The first child, made in IKE_AUTH, has no key exchange of its own: these are of its successor.
const ESP: [Row; 16] = [
    plain("aes256gcm16-ecp384", "AES_GCM_16_256/ECP_384"),
    plain("aes128gcm16-ecp256", "AES_GCM_16_128/ECP_256"),
    plain("chacha20poly1305-x25519", "CHACHA20_POLY1305/CURVE_25519"),
    plain("aes256gcm16-ecp521", "AES_GCM_16_256/ECP_521"),
    plain("aes256-sha256-modp2048", "AES_CBC_256/HMAC_SHA2_256_128/MODP_2048"),
    plain("aes256-sha384-modp3072", "AES_CBC_256/HMAC_SHA2_384_192/MODP_3072"),
    plain("aes256-sha512-modp4096", "AES_CBC_256/HMAC_SHA2_512_256/MODP_4096"),
    plain("aes128-sha256", "AES_CBC_128/HMAC_SHA2_256_128"),
    plain("aes128-sha384", "AES_CBC_128/HMAC_SHA2_384_192"),
    plain("aes128-sha512", "AES_CBC_128/HMAC_SHA2_512_256"),
    plain("aes256gcm16", "AES_GCM_16_256"),
    plain("aes128gcm16", "AES_GCM_16_128"),
    plain("chacha20poly1305", "CHACHA20_POLY1305"),
    row("aes256gcm16-ecp384-none", "aes256gcm16-ecp384", "AES_GCM_16_256/ECP_384"),
    row("aes128-aes256-sha256-sha384", "aes256-sha384", "AES_CBC_256/HMAC_SHA2_384_192"),
    // INVALID_KE_PAYLOAD.
    row("aes256gcm16-modp1024-ecp384", "aes256gcm16-ecp384", "AES_GCM_16_256/ECP_384"),
];

#[test]
fn ike_suites() {
    if lacks_strongswan() {
        return;
    }
    let road = Road::new();
    let host = road.host(1);
    let peer = road.peer(&host, road.router());
    for Row { offered, agreed } in IKE {
        let mut connection = road.router();
        connection.proposals = vec![offered.to_owned()];
        peer.load(&road.config(vec![connection]));
        let initiated = peer.initiate(CHILD);
        assert!(initiated.status.success(), "{offered}: {initiated}");
        let (sa, session) = road.agreed(&peer);
        assert_eq!([session["suite"].as_str().unwrap(), &sa.suite], agreed, "{offered}");

        // The next has its own keys, of the same suite.
        peer.rekey(ROAD).expect_success();
        peer.wait_for("another IKE SA", |sas| {
            sas.iter().all(|new| new.initiator_spi != sa.initiator_spi).then_some(())
        });
        let (sa, session) = road.agreed(&peer);
        assert_eq!([session["suite"].as_str().unwrap(), &sa.suite], agreed, "{offered}, rekeyed");
        peer.terminate(ROAD).expect_success();
        road.is_empty();
    }
    assert!(road.gateway.count("ike.drop.key-exchange-group") >= 2);
}

#[test]
fn esp_suites() {
    if lacks_strongswan() {
        return;
    }
    let road = Road::new();
    let host = road.host(1);
    let peer = road.peer(&host, road.router());
    for Row { offered, agreed } in ESP {
        let mut connection = road.router();
        connection.children[0].esp_proposals = vec![offered.to_owned()];
        peer.load(&road.config(vec![connection]));
        let initiated = peer.initiate(CHILD);
        assert!(initiated.status.success(), "{offered}: {initiated}");
        let (first, _) = road.agreed(&peer);

        peer.rekey(CHILD).expect_success();
        peer.wait_for("another child", |sas| {
            let old = |spi: &String| first.children.iter().any(|child| child.spi_in == *spi);
            let child = &sas.first()?.children.iter().find(|child| !old(&child.spi_in))?;
            (child.state == "INSTALLED").then_some(())
        });
        let (sa, session) = road.agreed(&peer);
        let ours = children(&session)[0]["suite"].as_str().unwrap();
        let theirs = &sa.children.last().unwrap().suite;
        assert_eq!([ours, theirs], agreed, "{offered}");
        peer.terminate(ROAD).expect_success();
        road.is_empty();
    }
}
