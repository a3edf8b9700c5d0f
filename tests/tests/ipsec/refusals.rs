//! Who is not let in, or is no longer: the peer hears one word, the operator the reason.

use sekisho_tests::foreign::{ForeignCa, P256};
use sekisho_tests::peers::Credential;
use sekisho_tests::program::{lacks, skip_undistributed};
use sekisho_tests::record::Record;
use sekisho_tests::site::Site;
use sekisho_tests::strongswan::{
    Child, Config, Connection, Party, Secret, Strongswan, lacks_strongswan,
};

use crate::road::{BASIC, CHILD, KEY, LAN, Options, PLUS, ROUTER, Road};

/// A gateway that trusts a CA of OpenSSL's, too.
const TWO_CAS: &str = "client_ca = [\"ca/ca.pem\", \"foreign/ca.pem\"]\n\
                       crl = [\"ca/root.crl\", \"ca/issuing.crl\", \"foreign/crl.pem\"]";

/// Times in `openssl ca`'s own form.
const PAST: [&str; 4] = ["-startdate", "20200101000000Z", "-enddate", "20210101000000Z"];
const FUTURE: [&str; 4] = ["-startdate", "20480101000000Z", "-enddate", "20490101000000Z"];

/// A peer that is refused after IKE_SA_INIT hears AUTHENTICATION_FAILED and no more.
fn refused(road: &Road, peer: &Strongswan, config: &Config) -> Record {
    peer.load(config);
    let (outcome, record) = road.gateway.provoke("denied", || peer.initiate(CHILD));
    assert!(!outcome.status.success(), "{outcome}");
    assert!(outcome.says("parsed IKE_AUTH response 1 [ N(AUTH_FAILED) ]"), "{outcome}");
    assert!(road.sessions().is_empty());
    record
}

fn by_certificate(road: &Road, credential: Credential) -> Config {
    let mut connection = road.terminal("H1/pc-1");
    connection.local = Party::certificate(credential);
    road.config(vec![connection])
}

#[test]
fn certificates_that_must_not_pass() {
    if lacks_strongswan() || lacks("openssl") {
        return;
    }
    let prepare = |site: &Site| {
        let ca = ForeignCa::new(site, "foreign");
        for (name, options) in [("past", &PAST[..]), ("future", &FUTURE[..]), ("nobody", &[][..])] {
            ca.issue(name, P256, "client", options);
        }
        ca.issue("server", P256, "server", &[]);
        ca.issue("revoked", P256, "client", &[]);
        ca.revoke("revoked");
        ca.publish();
        ForeignCa::new(site, "stranger").issue("stranger", P256, "client", &[]);
    };
    let road = Road::start(Options { ipsec: TWO_CAS, prepare, ..Options::default() });
    let peer = road.peer(&road.host(1), road.router());
    for (directory, name, reason, detail) in [
        ("foreign", "past", "ike.certificate", "has expired"),
        ("foreign", "future", "ike.certificate", "not valid yet"),
        ("foreign", "revoked", "ike.certificate", "is revoked"),
        ("foreign", "server", "ike.certificate", "not for authentication in IKE"),
        ("foreign", "nobody", "policy.certificate-not-registered", ""),
        ("stranger", "stranger", "ike.certificate", "issuer is not trusted"),
    ] {
        let file = |ending| road.site().path(format!("{directory}/{name}.{ending}"));
        let record = refused(&road, &peer, &by_certificate(&road, (file("pem"), file("key"))));
        assert_eq!(record.reason(), reason, "{record:?}");
        assert!(record.text("detail").contains(detail), "{record:?}");
        assert_eq!(record.text("source"), "198.18.1.2");
        assert!(!record.text("certificate_serial").is_empty(), "{record:?}");
    }
    // Another's certificate, without its key.
    let (certificate, _) = road.site().terminal("H1/pc-1");
    let (_, key) = road.site().terminal("H1/ct-1");
    let mut config = by_certificate(&road, (certificate, key));
    config.connections[0].local.id = Some("O=nobody, CN=pc-1".to_owned());
    peer.load(&config);
    assert!(!peer.initiate(CHILD).status.success());
}

#[test]
fn keys_and_identities_that_must_not_pass() {
    if lacks_strongswan() {
        return;
    }
    let road = Road::new();
    let peer = road.peer(&road.host(1), road.router());
    for (identity, key, reason) in [
        (ROUTER, "wrong-horse-battery-staple", "ike.pre-shared-key"),
        ("rtx.h9.example", KEY, "ike.unknown-identity"),
        ("rtx@h1.example", KEY, "ike.unknown-identity"),
    ] {
        let mut connection = road.router();
        connection.local = Party::psk(identity);
        let secret = Secret::Ike { ids: Vec::new(), key: key.to_owned() };
        let config = Config { secrets: vec![secret], ..road.config(vec![connection]) };
        let record = refused(&road, &peer, &config);
        assert_eq!(record.reason(), reason);
        assert_eq!(record.text("ike_identity"), identity, "{record:?}");
        assert_eq!(record.text("institution"), "", "nobody is known");
    }
    // Passwords are nobody's way in.
    let mut connection = road.router();
    connection.local = Party { auth: "eap".to_owned(), ..Party::psk("user@h1.example") };
    let record = refused(&road, &peer, &road.config(vec![connection]));
    assert_eq!(record.reason(), "ike.eap-not-supported");
}

/// What the support desk does, to whom, and as what it goes on record.
struct Act {
    line: &'static str,
    connection: fn(&Road) -> Connection,
    ended: &'static str,
    refused: &'static str,
}

fn pc(road: &Road) -> Connection {
    road.terminal("H1/pc-1")
}

const ACTS: [Act; 7] = [
    Act {
        line: "terminal suspend H1/pc-1",
        connection: pc,
        ended: "policy.terminal-stopped",
        refused: "policy.terminal-stopped",
    },
    Act {
        line: "terminal revoke H1/pc-1 --reason keyCompromise",
        connection: pc,
        // Whichever is noticed first: the registry's change or the new CRL.
        ended: "",
        refused: "ike.certificate",
    },
    Act {
        line: "institution suspend H1",
        connection: pc,
        ended: "policy.institution-stopped",
        refused: "policy.institution-stopped",
    },
    Act {
        line: "institution change H1 --networks tls",
        connection: pc,
        ended: "policy.network-not-permitted",
        refused: "policy.network-not-permitted",
    },
    Act {
        line: "router suspend H1/rtx",
        connection: Road::router,
        ended: "policy.terminal-stopped",
        refused: "policy.terminal-stopped",
    },
    Act {
        line: "router set-key H1/rtx",
        connection: Road::router,
        ended: "ike.end.key-changed",
        refused: "ike.pre-shared-key",
    },
    Act {
        line: "router revoke H1/rtx",
        connection: Road::router,
        ended: "policy.credential-revoked",
        refused: "policy.credential-revoked",
    },
];

#[test]
fn whoever_is_stopped_loses_its_session_and_is_refused() {
    if lacks_strongswan() {
        return;
    }
    for Act { line, connection, ended, refused: reason } in ACTS {
        let road = Road::new();
        let peer = road.connected(&road.host(1), connection(&road));
        road.agreed(&peer);
        road.gateway.sekisho(line);
        // The peer is told.
        peer.wait_for("the session ends", |sas| sas.is_empty().then_some(()));
        assert!(peer.log().contains("received DELETE for IKE_SA road[1]"), "{line}");
        let close = road.gateway.record(|record| record.is("close"));
        assert!(close.reason() == ended || ended.is_empty(), "{line}: {close:?}");
        assert_eq!(road.count("ike.child-down"), 1, "{line}");

        let config = road.config(vec![connection(&road)]);
        let mut record = refused(&road, &peer, &config);
        // The new CRL is noticed within a second.
        while line.starts_with("terminal revoke") && record.reason().starts_with("policy") {
            record = refused(&road, &peer, &config);
        }
        assert!(record.reason().starts_with(reason), "{line}: {record:?}");
    }
}

/// Whoever may reach less keeps the rest.
#[test]
fn children_beyond_a_changed_permit_end_alone() {
    if lacks_strongswan() {
        return;
    }
    let road = Road::new();
    let mut connection = road.router();
    connection.children.push(Child::between("basic", LAN, BASIC));
    let peer = road.connected(&road.host(1), connection);
    peer.swanctl(["--initiate", "--child", "basic"]).expect_success();
    road.gateway.sekisho("institution change H1 --systems kmix-plus");
    peer.wait_for("one child is left", |sas| match sas {
        [sa] if sa.children.iter().all(|child| child.remote_ts == [PLUS]) => Some(()),
        _ => None,
    });
    road.agreed(&peer);
    assert_eq!(road.count("ike.sa-established"), 1);
}

#[test]
fn proposals_without_anything_in_common_are_explained() {
    if lacks_strongswan() {
        return;
    }
    let road = Road::new();
    let peer = road.peer(&road.host(1), road.router());
    let mut connection = road.router();
    connection.proposals = vec!["aes256-sha256-modp1024".to_owned()];
    peer.load(&road.config(vec![connection]));
    let (refused, record) = road.gateway.provoke("denied", || peer.initiate(CHILD));
    assert!(refused.says("NO_PROPOSAL_CHOSEN"), "{refused}");
    assert_eq!(record.reason(), "ike.no-proposal-chosen");
    let detail = record.text("detail");
    for told in [
        "No common key-exchange group: offered modp1024 (group 2); configured ecp384 (group 20)",
        "Offered: aes256-prfsha256-sha256-modp1024",
        "Configured: aes256gcm16",
        "Remedy: the device offers modp1024 (group 2) only, as Windows does by default",
    ] {
        assert!(detail.contains(told), "{told}: {detail}");
    }

    let mut connection = road.router();
    connection.children[0].esp_proposals = vec!["aes256-sha1".to_owned()];
    peer.load(&road.config(vec![connection]));
    let (refused, record) = road.gateway.provoke("denied", || peer.initiate(CHILD));
    assert!(refused.says("NO_PROPOSAL_CHOSEN"), "{refused}");
    assert_eq!(record.reason(), "ike.no-child-proposal-chosen");
    let detail = record.text("detail");
    for told in ["No common integrity algorithm: offered sha1", "Offered: aes256-sha1", "Remedy:"] {
        assert!(detail.contains(told), "{told}: {detail}");
    }
    // Its IKE SA is there, without a child.
    assert_eq!(road.sessions().len(), 1);
}

#[test]
fn ikev1_is_refused_by_name() {
    if lacks_strongswan() {
        return;
    }
    let road = Road::new();
    let mut connection = road.router();
    connection.more.push("version = 1".to_owned());
    let peer = road.peer(&road.host(1), connection);
    let refused = peer.swanctl(["--initiate", "--child", "plus", "--timeout", "2"]);
    assert!(!refused.status.success(), "{refused}");
    if peer.log().contains("IKE version 1 not supported") {
        return skip_undistributed("strongSwan with IKEv1");
    }
    assert!(peer.log().contains("initiating Main Mode IKE_SA"), "{}", peer.log());
    for reason in ["ike.drop.version", "ike.malformed.ikev1"] {
        assert!(road.gateway.count(reason) >= 1, "{reason}");
    }
}

#[test]
fn a_router_that_begins_anew_ends_what_it_had() {
    if lacks_strongswan() {
        return;
    }
    let road = Road::new();
    let hosts = [road.host(1), road.host(2)];
    let peers = hosts.each_ref().map(|host| road.connected(host, road.router()));
    // INITIAL_CONTACT came with the second.
    road.closed("ike.end.initial-contact");
    peers[0].wait_for("the first is told", |sas| sas.is_empty().then_some(()));
    road.agreed(&peers[1]);
}
