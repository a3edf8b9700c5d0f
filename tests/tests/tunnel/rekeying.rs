//! New keys every second, under load, without a lost packet.

use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant};

use sekisho_tests::road::{CHILD, Options, ip, seconds};
use sekisho_tests::strongswan::lacks_strongswan;

use crate::centre::{CLIENT, Centre, PLUS_HOST, at};
use crate::traffic::{NEWS, TCP, Transfer, UDP, numbered};

const MIB: u64 = 1 << 20;
const TIME: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);

/// The site carries as much TCP as it can, the terminal numbered datagrams. Gateway and peers rekey
/// in turn.
#[test]
fn nothing_is_lost_between_the_keys() {
    if lacks_strongswan() {
        return;
    }
    let options = Options { ipsec: "child_lifetime = \"2s\"", ..Options::default() };
    let centre = Centre::start(options);
    let site = centre.site();
    let terminal = centre.terminal("H1/pc-1", 2);
    let begin = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| {
            while begin.elapsed() < TIME {
                Transfer::both(8 * MIB).run(&site.client, ip(CLIENT), at(PLUS_HOST, TCP));
            }
        });
        scope.spawn(|| {
            let rhythm = (Duration::from_millis(2), TIME);
            let (from, to) = (terminal.address(), at(PLUS_HOST, UDP));
            let (sent, lost) = numbered(&terminal.host, from, to, rhythm);
            assert_eq!(lost, 0, "of {sent}");
        });
        while begin.elapsed() < TIME {
            thread::sleep(SECOND);
            // Not while the gateway is at it; then that is as good.
            let _ = [site.peer(), &terminal.peer].map(|peer| peer.rekey(CHILD));
        }
    });
    let rekeyed = centre.count("ike.end.rekeyed");
    assert!(rekeyed >= 10, "rekeyed {rekeyed} times only");
}

/// A client that only listens says nothing by the new SA; what its system sends comes all the same,
/// whichever workers the SAs belong to.
#[test]
fn a_system_goes_on_while_its_client_is_silent() {
    if lacks_strongswan() {
        return;
    }
    let centre = Centre::new();
    let site = centre.site();
    let bind = |address: &str| UdpSocket::bind((ip(address), 0)).unwrap();
    let client = site.client.within(|| bind(CLIENT));
    client.set_read_timeout(seconds(2)).unwrap();
    let news = at(PLUS_HOST, NEWS);
    let system = centre.plus.within(|| UdpSocket::bind(news)).unwrap();
    client.send_to(b"subscribe", news).unwrap();
    let mut octets = [0; 100];
    let (_, subscriber) = system.recv_from(&mut octets).unwrap();
    for number in 0_u8..6 {
        site.peer().rekey(CHILD).expect_success();
        centre.road.agreed(site.peer());
        system.send_to(&[number], subscriber).unwrap();
        let came = client.recv(&mut octets).map(|length| octets[..length].to_vec());
        assert_eq!(came.ok(), Some(vec![number]), "after {} rekeyings", number + 1);
    }
}
