//! Virtual addresses and name servers (RFC 7296, section 3.15).

use std::net::IpAddr;

use sekisho_tests::strongswan::{Connection, Strongswan, lacks_strongswan};

use crate::road::{CHILD, Options, PLUS, PLUS_V6, ROAD, Road, children, ip, texts};

/// Two addresses of each family.
const POOL: &str = "addresses = [\"10.99.0.0/30\", \"fd00:99::/126\"]\n\
                    dns = [\"10.20.3.53\", \"fd00:20:3::53\"]";

fn asking(road: &Road, terminal: &str, families: &[&str]) -> Connection {
    let mut connection = road.terminal(terminal);
    connection.vips = families.iter().map(|any| ip(any)).collect();
    let child = &mut connection.children[0];
    child.local_ts = Vec::new();
    child.remote_ts = vec![PLUS.to_owned(), PLUS_V6.to_owned()];
    connection
}

/// The addresses that both ends say the peer has.
fn leased(road: &Road, peer: &Strongswan) -> Vec<IpAddr> {
    let (sa, session) = road.agreed(peer);
    let ours: Vec<IpAddr> = texts(&session["addresses"]).into_iter().map(ip).collect();
    assert_eq!(ours, sa.virtual_addresses);
    ours
}

#[test]
fn both_families_and_their_name_servers() {
    if lacks_strongswan() {
        return;
    }
    let road = Road::start(Options { pool: POOL, ..Options::default() });
    let peer = road.connected(&road.host(1), asking(&road, "H1/pc-1", &["0.0.0.0", "::"]));
    assert_eq!(leased(&road, &peer), [ip("10.99.0.1"), ip("fd00:99::1")]);
    let (sa, session) = road.agreed(&peer);
    let own = ["10.99.0.1/32", "fd00:99::1/128"];
    assert_eq!(sa.children[0].local_ts, own);
    assert_eq!(texts(&children(&session)[0]["remote"]), own);
    for server in ["10.20.3.53", "fd00:20:3::53"] {
        let told = format!("installing DNS server {server} ");
        assert!(peer.log().contains(&told), "{}", peer.log());
    }
    let established = road.noted("ike.sa-established");
    assert!(established.text("detail").contains("virtual address 10.99.0.1 fd00:99::1"));
}

#[test]
fn an_address_follows_its_terminal_until_another_needs_it() {
    if lacks_strongswan() {
        return;
    }
    let road = Road::start(Options { pool: POOL, ..Options::default() });
    let peers = ["H1/pc-1", "H1/ct-1", "H1/old-1"].map(|terminal| {
        let number = terminal.as_bytes()[3];
        road.peer(&road.host(number), asking(&road, terminal, &["0.0.0.0"]))
    });
    let [pc, ct, old] = &peers;
    let connect = |peer: &Strongswan| peer.initiate(CHILD);
    let leave = |peer: &Strongswan| {
        peer.terminate(ROAD).expect_success();
        road.is_empty();
    };
    connect(pc).expect_success();
    assert_eq!(leased(&road, pc), [ip("10.99.0.1")]);
    leave(pc);
    connect(ct).expect_success();
    assert_eq!(leased(&road, ct), [ip("10.99.0.2")], "the first is kept for who had it");
    leave(ct);
    connect(pc).expect_success();
    assert_eq!(leased(&road, pc), [ip("10.99.0.1")]);
    connect(ct).expect_success();

    // Two addresses, two terminals.
    let refused = connect(old);
    assert!(!refused.status.success(), "{refused}");
    assert!(old.log().contains("INTERNAL_ADDRESS_FAILURE"), "{}", old.log());
    let record = road.denied("ike.internal-address-failure");
    assert_eq!(record.way(), ["H1", "old-1", ""]);
    old.terminate(ROAD).expect_success();

    pc.terminate(ROAD).expect_success();
    connect(old).expect_success();
    assert_eq!(old.settled().virtual_addresses, [ip("10.99.0.1")]);
    assert!(!connect(pc).status.success(), "whoever is there keeps it");
}
