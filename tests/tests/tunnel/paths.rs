//! Peers that move, share an address, and lie at the end of bad lines.

use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

use sekisho_tests::capture::Capture;
use sekisho_tests::netns::Namespace;
use sekisho_tests::road::{Road, behind, ip};
use sekisho_tests::strongswan::lacks_strongswan;
use sekisho_tests::until;

use crate::centre::{CLIENT, Centre, PLUS_HOST, at};
use crate::relay::Relay;
use crate::traffic::{TCP, Transfer, UDP, echoes};

const MIB: u64 = 1 << 20;

fn remotes(road: &Road) -> Vec<String> {
    let sessions = road.sessions();
    sessions.iter().map(|session| session["remote"].as_str().unwrap().to_owned()).collect()
}

/// While the terminal sends: one that only listens is lost to anybody until it says something.
#[test]
fn a_transfer_outlives_its_mapping() {
    if lacks_strongswan() {
        return;
    }
    let centre = Centre::new();
    let terminal = centre.terminal("H1/pc-1", 2);
    let before = remotes(&centre.road);
    thread::scope(|scope| {
        let long = Transfer { up: 192 * MIB, down: MIB };
        let to = at(PLUS_HOST, TCP);
        let terminal = &terminal;
        let transfer = scope.spawn(move || long.run(&terminal.host, terminal.address(), to));
        for _ in 0..3 {
            thread::sleep(Duration::from_millis(300));
            terminal.translator.as_ref().unwrap().rebind();
        }
        assert!(!transfer.is_finished(), "rebound too late");
        transfer.join().unwrap();
    });
    until("the new address is known", || (remotes(&centre.road) != before).then_some(()));
}

/// Whoever repeats a peer's packet from elsewhere draws nothing there.
#[test]
fn a_repeated_packet_moves_nobody() {
    if lacks_strongswan() {
        return;
    }
    let centre = Centre::new();
    let terminal = centre.terminal("H1/pc-1", 2);
    let from = terminal.address();
    // ESP in UDP to port 4500.
    let is_esp =
        |packet: &[u8]| packet.len() > 100 && packet[9] == 17 && packet[22..24] == [17, 148];
    let capture = Capture::begin(&centre.road.centre, is_esp);
    assert!(echoes(&terminal.host, from, at(PLUS_HOST, UDP), 100));
    let packet = until("the packet was seen", || capture.packets().pop());
    let before = remotes(&centre.road);
    let stranger = centre.road.host(3);
    let socket = stranger.within(|| UdpSocket::bind("198.18.3.2:4500")).unwrap();
    let repeat = |octets: &[u8]| {
        socket.send_to(octets, "192.0.2.1:4500").unwrap();
    };
    centre.counts("esp.replayed", || repeat(&packet[28..]));
    let mut forged = packet[28..].to_vec();
    // A later sequence number, which the key does not vouch for.
    forged[6] += 1;
    centre.counts("esp.not-authentic", || repeat(&forged));
    assert!(echoes(&terminal.host, from, at(PLUS_HOST, UDP), 100));
    assert_eq!(remotes(&centre.road), before);
}

#[test]
fn two_terminals_behind_one_translator() {
    if lacks_strongswan() {
        return;
    }
    let centre = Centre::new();
    let home = Namespace::router("home");
    centre.road.join(&home, "wan", 2);
    let _translator = home.translate("wan");
    let terminals = [("H1/pc-1", 1), ("H1/ct-1", 2)]
        .map(|(name, number)| centre.terminal_at(name, behind(&home, number), None));
    thread::scope(|scope| {
        for terminal in &terminals {
            scope.spawn(|| {
                let to = at(PLUS_HOST, TCP);
                Transfer::both(8 * MIB).run(&terminal.host, terminal.address(), to);
            });
        }
    });
}

/// One packet in a hundred is lost, others come twice or late.
#[test]
fn a_bad_line() {
    if lacks_strongswan() {
        return;
    }
    let centre = Centre::new();
    let between = centre.road.host(9);
    let relay = Relay::start(&between, ip("198.18.9.2"), ip("192.0.2.1"));
    let mut connection = centre.road.router();
    connection.remote_addrs = vec![ip("198.18.9.2")];
    let site = centre.site_by(connection);
    Transfer::both(2 * MIB).run(&site.client, ip(CLIENT), at(PLUS_HOST, TCP));
    assert!(centre.count("esp.replayed") > 0, "packets came twice");
    assert!(relay.lost() > 10, "packets were lost");
}
