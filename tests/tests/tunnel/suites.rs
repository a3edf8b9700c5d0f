//! Every cipher, and every pair of families, with strongSwan's ESP at the other end.

use sekisho_tests::road::{CHILD, LAN, Options, PLUS, PLUS_V6, ROAD, children, ip};
use sekisho_tests::strongswan::lacks_strongswan;

use crate::centre::{CLIENT, Centre, PLUS_HOST, PLUS_HOST_V6, Site, at};
use crate::traffic::{TCP, Transfer, UDP, echoes, passes};

const MIB: u64 = 1 << 20;
/// The site's network in IPv6, and its client.
const LAN_V6: &str = "fd00:1:5::/64";
const CLIENT_V6: &str = "fd00:1:5::10";

#[test]
fn every_cipher() {
    if lacks_strongswan() {
        return;
    }
    let centre = Centre::new();
    let suites = [
        "aes128gcm16",
        "aes256gcm16",
        "chacha20poly1305",
        "aes128-sha256",
        "aes256-sha384",
        "aes256-sha512",
    ];
    let mut connection = centre.road.router();
    let mut site = Site::joined(&centre);
    site.peer = Some(centre.road.peer(&site.router, connection.clone()));
    for suite in suites {
        connection.children[0].esp_proposals = vec![suite.to_owned()];
        site.peer().load(&centre.road.config(vec![connection.clone()]));
        site.peer().initiate(CHILD).expect_success();
        let (_, session) = centre.road.agreed(site.peer());
        assert_eq!(children(&session)[0]["suite"], suite);
        Transfer::both(4 * MIB).run(&site.client, ip(CLIENT), at(PLUS_HOST, TCP));
        // Every length of padding.
        for octets in 1..=17 {
            let echoed = echoes(&site.client, ip(CLIENT), at(PLUS_HOST, UDP), octets);
            assert!(echoed, "{suite}: {octets} octets");
        }
        site.peer().terminate(ROAD).expect_success();
        centre.road.is_empty();
    }
}

#[test]
fn both_families_inside_and_outside() {
    if lacks_strongswan() {
        return;
    }
    let prepare = |site: &sekisho_tests::site::Site| {
        let line = "institution change H1 --inner-prefixes 10.1.0.0/16,fd00:1::/32";
        site.sekisho(line.split(' ')).expect_success();
    };
    let centre = Centre::start(Options { prepare, ..Options::default() });
    let mut site = Site::joined(&centre);
    for gateway in ["192.0.2.1", "2001:db8::1"] {
        let mut connection = centre.road.router();
        connection.remote_addrs = vec![ip(gateway)];
        connection.children[0].local_ts = vec![LAN.to_owned(), LAN_V6.to_owned()];
        connection.children[0].remote_ts = vec![PLUS.to_owned(), PLUS_V6.to_owned()];
        // The previous one has ended before the next begins.
        site.peer = None;
        site.peer = Some(centre.road.connected(&site.router, connection));
        for (from, to) in [(CLIENT, PLUS_HOST), (CLIENT_V6, PLUS_HOST_V6)] {
            assert!(site.client.reaches(ip(from), ip(to)), "{gateway}: {from} echoes");
            assert!(passes(&site.client, ip(from), at(to, UDP), 4000), "{gateway}: {from} UDP");
            Transfer::both(4 * MIB).run(&site.client, ip(from), at(to, TCP));
        }
    }
}
