//! The end of the gateway: by its own will or by force, nothing comes out in the clear.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sekisho_tests::capture::Capture;
use sekisho_tests::road::{CHILD, Road, ip};
use sekisho_tests::strongswan::lacks_strongswan;

use crate::centre::{CLIENT, Centre, PLUS_HOST, Site, at};
use crate::traffic::{TCP, Transfer, UDP, echoes, numbered};

const MIB: u64 = 1 << 20;

/// What a system sends. (What the site sends in the clear without a tunnel is its router's to mind.)
fn is_of_a_system(packet: &[u8]) -> bool {
    packet[0] >> 4 == 4 && packet[12..14] == [10, 20]
}

/// What systems send to the site has no way.
fn nothing_leaves(centre: &Centre) {
    let plus = &centre.plus;
    plus.within(|| {
        let socket = std::net::UdpSocket::bind((ip(PLUS_HOST), 0)).unwrap();
        let send = |_| drop(socket.send_to(b"in the clear", (CLIENT, 1)));
        (0..20).for_each(send);
    });
    assert!(!plus.reaches(ip(PLUS_HOST), ip(CLIENT)));
}

fn blackholes(road: &Road) -> String {
    road.centre.ip("route show table 4500")
}

#[test]
fn a_killed_gateway_leaves_black_holes() {
    if lacks_strongswan() {
        return;
    }
    let mut centre = Centre::new();
    let clear = Capture::begin(&centre.road.internet, is_of_a_system);
    let site = centre.site();
    Transfer::both(MIB).run(&site.client, ip(CLIENT), at(PLUS_HOST, TCP));
    let rhythm = (Duration::from_millis(1), Duration::from_secs(2));
    thread::scope(|scope| {
        scope.spawn(|| numbered(&site.client, ip(CLIENT), at(PLUS_HOST, UDP), rhythm));
        thread::sleep(Duration::from_millis(500));
        centre.road.gateway.signal(Signal::KILL);
    });
    centre.road.gateway.ended();
    assert!(blackholes(&centre.road).contains("blackhole 10.1.0.0/16"));
    nothing_leaves(&centre);

    // It starts over what was left.
    centre.road.gateway.start_again();
    restored(&site);
    Transfer::both(MIB).run(&site.client, ip(CLIENT), at(PLUS_HOST, TCP));
    assert_eq!(clear.packets(), Vec::<Vec<u8>>::new());
}

/// Without its device it would carry nothing, and wait for it in vain: the service manager starts
/// it anew.
#[test]
fn a_gateway_whose_device_is_removed_ends() {
    let mut road = Road::new();
    road.centre.ip("link delete sekisho0");
    assert!(!road.gateway.ended().success());
    assert!(road.gateway.stderr().contains("has removed a TUN device"));
    assert!(blackholes(&road).contains("blackhole 10.1.0.0/16"));
    road.gateway.start_again();
}

#[test]
fn a_stopped_gateway_ends_at_once() {
    if lacks_strongswan() {
        return;
    }
    let mut centre = Centre::new();
    let clear = Capture::begin(&centre.road.internet, is_of_a_system);
    let site = centre.site();
    let rhythm = (Duration::from_micros(200), Duration::from_secs(4));
    thread::scope(|scope| {
        scope.spawn(|| numbered(&site.client, ip(CLIENT), at(PLUS_HOST, UDP), rhythm));
        thread::sleep(Duration::from_secs(1));
        let begin = Instant::now();
        centre.road.gateway.stop();
        assert!(begin.elapsed() < Duration::from_secs(4), "took {:?}", begin.elapsed());
    });
    nothing_leaves(&centre);
    centre.road.gateway.start_again();
    site.peer().initiate(CHILD).expect_success();
    assert!(echoes(&site.client, ip(CLIENT), at(PLUS_HOST, UDP), 100));
    assert_eq!(clear.packets(), Vec::<Vec<u8>>::new());
}

/// The peer does not know yet that the gateway it had is gone.
fn restored(site: &Site) {
    let _ = site.peer().swanctl(["--terminate", "--ike", "road", "--force"]);
    site.peer().initiate(CHILD).expect_success();
}
