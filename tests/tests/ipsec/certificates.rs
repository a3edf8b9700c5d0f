//! Terminals and the gateway by certificate: keys, signature schemes, identities.

use sekisho_tests::site::{IPSEC, IPSEC_ADDRESS};
use sekisho_tests::strongswan::{Connection, lacks_strongswan};

use crate::road::{CHILD, Options, ROAD, Road};

/// A terminal, what it does other than usual, with what it signs, and whom it meets.
struct Row {
    terminal: &'static str,
    change: fn(&mut Connection),
    signs: &'static str,
    gateway: &'static str,
}

const ECDSA: Row = Row {
    terminal: "H1/pc-1",
    change: |_as_usual| {},
    signs: "ECDSA_WITH_SHA256_DER",
    gateway: IPSEC,
};

const RSA: Row = Row { terminal: "H1/old-1", signs: "RSA_EMSA_PKCS1_SHA2_256", ..ECDSA };

const ROWS: [Row; 9] = [
    ECDSA,
    RSA,
    Row {
        change: |c| c.local.auth = "ike:rsa/pss-sha256".into(),
        signs: "RSA_EMSA_PSS_SHA2_256_SALT_32",
        ..RSA
    },
    Row {
        change: |c| c.local.auth = "ike:rsa/pss-sha512".into(),
        signs: "RSA_EMSA_PSS_SHA2_512_SALT_64",
        ..RSA
    },
    Row {
        change: |c| c.local.auth = "ike:ecdsa-sha512".into(),
        signs: "ECDSA_WITH_SHA512_DER",
        ..ECDSA
    },
    // Without IDr.
    Row { change: |c| c.remote.id = None, ..ECDSA },
    // IDr is what it is configured to connect to, as many clients have it.
    Row { change: |c| c.remote.id = Some(IPSEC_ADDRESS.into()), gateway: IPSEC_ADDRESS, ..ECDSA },
    // The chain comes unasked.
    Row { change: |c| c.more.push("send_certreq = no".into()), ..ECDSA },
    Row { change: |c| c.fragmentation = false, ..RSA },
];

fn connect(road: &Road, rows: &[Row]) {
    let host = road.host(1);
    let peer = road.peer(&host, road.terminal("H1/pc-1"));
    for (number, Row { terminal, change, signs, gateway }) in rows.iter().enumerate() {
        let mut connection = road.terminal(terminal);
        change(&mut connection);
        peer.load(&road.config(vec![connection]));
        let initiated = peer.initiate(CHILD);
        assert!(initiated.status.success(), "row {number}: {initiated}");
        let signed = format!("(myself) with {signs} successful");
        assert!(initiated.says(&signed), "row {number}, {signs}: {initiated}");
        let (sa, session) = road.agreed(&peer);
        assert_eq!(sa.remote.id, *gateway, "row {number}");
        assert_eq!(session["terminal"], *terminal, "row {number}");
        peer.terminate(ROAD).expect_success();
        road.is_empty();
    }
}

#[test]
fn every_kind_of_key_signature_and_identity() {
    if lacks_strongswan() {
        return;
    }
    connect(&Road::new(), &ROWS);
}

#[test]
fn a_gateway_with_an_rsa_certificate_only() {
    if lacks_strongswan() {
        return;
    }
    let road = Road::start(Options { certificates: &["rsa"], ..Options::default() });
    connect(&road, &ROWS[..3]);
}
