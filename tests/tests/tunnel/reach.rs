//! Who reaches what through a tunnel, and what is refused.

use std::env;
use std::thread;

use sekisho_tests::road::{BASIC, ip};
use sekisho_tests::strongswan::{Sa, lacks_strongswan};

use crate::centre::{
    BASIC_HOST, CLIENT, Centre, OTHER_HOST, PLUS_HOST, PLUS_HOST_V6, UNSERVED, at, child,
};
use crate::traffic::{Service, TCP, Transfer, UDP, connects, echoes};

const MIB: u64 = 1 << 20;
/// How much goes each way in the long transfers, in MiB, if not [`LENGTH`].
const GIVEN: &str = "SEKISHO_TUNNEL_MIB";
const LENGTH: u64 = 256;

#[test]
fn a_site_and_a_terminal_reach_their_systems() {
    if lacks_strongswan() {
        return;
    }
    let centre = Centre::new();
    let mut connection = centre.road.router();
    connection.children.push(child("basic", BASIC));
    let site = centre.site_by(connection);
    site.peer().initiate(Sa::Child("basic")).expect_success();
    let terminal = centre.terminal("C1/pc-1", 2);
    let [v4, v6] = terminal.addresses[..] else { panic!("{:?}", terminal.addresses) };
    for (client, from, to) in [
        (&site.client, ip(CLIENT), PLUS_HOST),
        (&site.client, ip(CLIENT), BASIC_HOST),
        (&terminal.host, v4, PLUS_HOST),
        (&terminal.host, v6, PLUS_HOST_V6),
    ] {
        assert!(client.reaches(from, ip(to)), "{from} to {to}: ICMP echo");
        assert!(echoes(client, from, at(to, UDP), 1000), "{from} to {to}: UDP");
        Transfer::both(MIB).run(client, from, at(to, TCP));
        centre.counts("policy.port-not-served", || {
            assert!(!connects(client, from, at(to, UNSERVED)), "{from} to {to}");
        });
    }
    // What is beyond the tunnel's selectors does not go through it at all.
    assert!(!connects(&terminal.host, v4, at(BASIC_HOST, TCP)));
    assert!(!connects(&site.client, ip(CLIENT), at(OTHER_HOST, TCP)));
}

/// Both directions at once.
#[test]
fn many_octets() {
    if lacks_strongswan() {
        return;
    }
    let given = env::var(GIVEN).ok().map(|text| text.parse().unwrap());
    let octets = given.unwrap_or(LENGTH) * MIB;
    let centre = Centre::new();
    let site = centre.site();
    thread::scope(|scope| {
        for transfer in [Transfer { up: octets, down: 0 }, Transfer { up: 0, down: octets }] {
            let client = &site.client;
            scope.spawn(move || transfer.run(client, ip(CLIENT), at(PLUS_HOST, TCP)));
        }
    });
    let session = &centre.road.sessions()[0];
    site.peer().terminate(Sa::Ike("road")).expect_success();
    let closed = centre.road.gateway.record(|record| record.is("close"));
    for direction in ["bytes_in", "bytes_out"] {
        let carried = u64::try_from(closed.number(direction)).unwrap();
        assert!((octets..octets * 9 / 8).contains(&carried), "{direction} {carried}, {session}");
    }
}

/// Only tunnels begin conversations.
#[test]
fn a_system_begins_nothing() {
    if lacks_strongswan() {
        return;
    }
    let centre = Centre::new();
    let site = centre.site();
    let _services =
        [Service::tcp(&site.client, ip(CLIENT), TCP), Service::udp(&site.client, ip(CLIENT), UDP)];
    for (host, from) in [(&centre.plus, PLUS_HOST), (&centre.other, OTHER_HOST)] {
        let from = ip(from);
        let refused = |reason, act: &dyn Fn() -> bool| {
            centre.counts(reason, || assert!(!act(), "{from}"));
        };
        refused("tunnel.no-flow", &|| connects(host, from, at(CLIENT, TCP)));
        refused("tunnel.no-flow", &|| echoes(host, from, at(CLIENT, UDP), 100));
        refused("tunnel.icmp-unrelated", &|| host.reaches(from, ip(CLIENT)));
    }
    // The client itself may, to the very host that may not.
    assert!(echoes(&site.client, ip(CLIENT), at(PLUS_HOST, UDP), 100));
}

/// Though both lead to the gateway, and are of one institution.
#[test]
fn a_tunnel_reaches_no_tunnel() {
    if lacks_strongswan() {
        return;
    }
    let centre = Centre::new();
    let site = centre.site();
    let terminal = centre.terminal("H1/pc-1", 2);
    let _service = Service::udp(&terminal.host, terminal.address(), UDP);
    let to = &terminal.address().to_string();
    assert!(!echoes(&site.client, ip(CLIENT), at(to, UDP), 100));
    assert!(!site.client.reaches(ip(CLIENT), terminal.address()));
}

/// Also by its address among a system's, at a port that the system serves.
#[test]
fn the_gateway_itself_is_out_of_reach() {
    if lacks_strongswan() {
        return;
    }
    const GATEWAY: &str = "10.20.3.1";
    let centre = Centre::new();
    let site = centre.site();
    let _service = Service::tcp(&centre.road.centre, ip(GATEWAY), TCP);
    assert!(!connects(&site.client, ip(CLIENT), at(GATEWAY, TCP)));
    assert!(!site.client.reaches(ip(CLIENT), ip(GATEWAY)));
}
