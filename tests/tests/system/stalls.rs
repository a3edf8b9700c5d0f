//! Clients that stall, send piece by piece, come in crowds, or speak no TLS.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::Duration;

use demo::systems::Kind;
use rustls::ClientConnection;
use sekisho_tests::client::{Client, ONLY_12, ONLY_13, Versions, dial, reset};
use sekisho_tests::gateway::Gateway;
use sekisho_tests::setup::Setup;
use sekisho_tests::site::PLUS;
use sekisho_tests::{systems, until};

const HERE: std::net::IpAddr = std::net::IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Where a client stops.
#[derive(Clone, Copy, Debug)]
enum Stall {
    BeforeHello,
    InHello,
    AfterHello,
    InCertificate,
    BeforeFinished,
}

/// Goes as far as `stall` says; the socket stays open.
fn stall(gateway: &Gateway, versions: Versions, stall: Stall) -> TcpStream {
    let client = Client::offering(&gateway.site, "H1/pc-1", versions);
    let mut tcp = client.dial(gateway.named());
    let mut session = client.session();
    let hello = outgoing(&mut session);
    let (first, second) = match stall {
        Stall::BeforeHello => return tcp,
        Stall::InHello => {
            tcp.write_all(&hello[..hello.len() / 2]).unwrap();
            return tcp;
        }
        Stall::AfterHello => {
            tcp.write_all(&hello).unwrap();
            return tcp;
        }
        // Where the certificate is, in the middle; of the last message, Finished, the end.
        Stall::InCertificate => (hello, 0.3),
        Stall::BeforeFinished => (hello, 1.0),
    };
    tcp.write_all(&first).unwrap();
    while !session.wants_write() {
        session.read_tls(&mut tcp).unwrap();
        session.process_new_packets().unwrap();
    }
    let flight = outgoing(&mut session);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let cut = ((flight.len() as f64 * second) as usize).min(flight.len() - 1);
    tcp.write_all(&flight[..cut]).unwrap();
    tcp
}

/// What the client's side of TLS has to send.
fn outgoing(session: &mut ClientConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while session.wants_write() {
        session.write_tls(&mut bytes).unwrap();
    }
    bytes
}

#[test]
fn whoever_stalls_is_dropped_at_the_deadline_and_named() {
    let gateway = Setup::new().tls("setup_timeout = \"2s\"").start();
    let hello = [Stall::BeforeHello, Stall::InHello];
    let handshake = [Stall::AfterHello, Stall::InCertificate, Stall::BeforeFinished];
    let mut stalled = Vec::new();
    for versions in [ONLY_12, ONLY_13] {
        let hello = hello.map(|stall| (stall, "tls.client-hello-timeout"));
        let handshake = handshake.map(|stall| (stall, "tls.handshake-timeout"));
        for (at, reason) in hello.into_iter().chain(handshake) {
            stalled.push((stall(&gateway, versions, at), at, reason));
        }
    }
    for (mut tcp, at, reason) in stalled {
        let source = tcp.local_addr().unwrap();
        // Whatever it is told, the connection ends.
        let _ = tcp.read_to_end(&mut Vec::new());
        let record = gateway.denied(source);
        assert_eq!(record.reason(), reason, "{at:?}");
        if reason == "tls.handshake-timeout" {
            assert_eq!(record.text("system"), "kmix-plus", "{at:?} {record:?}");
        }
    }
    gateway.wait_for_connections(0);
}

#[test]
fn a_client_hello_in_pieces_leads_to_the_right_system() {
    let (basic, plus) = (systems::echo(), systems::nobody());
    let setup = Setup::new().upstream(Kind::KmixRBasic, basic).upstream(Kind::KmixPlus, plus);
    let gateway = setup.start();
    let client = Client::of(&gateway.site, "H1/pc-1").asking_for("basic.kmix-r.example");

    // One byte a packet.
    let mut connection = client.begin(gateway.named());
    let hello = outgoing(&mut connection.tls.conn);
    for byte in hello {
        connection.tls.sock.write_all(&[byte]).unwrap();
        thread::sleep(Duration::from_millis(1));
    }
    connection.echo(b"hello").unwrap();

    // A few bytes a record.
    let client = client.with(|config| config.max_fragment_size = Some(32 + 5));
    client.converse(gateway.named());
    let requested = |record: &sekisho_tests::record::Record| {
        record.is("open") && record.text("requested") == "basic.kmix-r.example"
    };
    assert_eq!(gateway.records().iter().filter(|record| requested(record)).count(), 2);
}

#[test]
fn what_is_no_tls_is_named() {
    let gateway = Setup::new().start();
    for (bytes, reason) in [
        (&b"GET / HTTP/1.1\r\nHost: plus.kmix-r.example\r\n\r\n"[..], "tls.malformed"),
        // A DICOM A-ASSOCIATE-RQ, and a TLS record that is longer than allowed.
        (b"\x01\x00\x00\x00\x00\xd1\x00\x01\x00\x00ANY-SCP         ", "tls.malformed"),
        (b"\x16\x03\x01\xff\xff\x01\x00\x00", "tls.malformed"),
        (b"", "tls.closed-before-hello"),
        (b"\x16\x03\x01", "tls.closed-in-handshake"),
    ] {
        let mut tcp = dial(HERE, gateway.named());
        let source = tcp.local_addr().unwrap();
        tcp.write_all(bytes).unwrap();
        drop(tcp);
        assert_eq!(gateway.denied(source).reason(), reason, "{bytes:x?}");
    }
    let tcp = dial(HERE, gateway.named());
    let source = tcp.local_addr().unwrap();
    reset(tcp);
    assert_eq!(gateway.denied(source).reason(), "tls.closed-before-hello");
}

/// No connection that a test holds is dropped meanwhile.
fn patient() -> Setup {
    Setup::new().tls("setup_timeout = \"60s\"")
}

/// Opens connections that say nothing.
fn silent(gateway: &Gateway, source: Ipv4Addr, count: usize) -> Vec<TcpStream> {
    let before = gateway.status()["connections"].as_u64().unwrap();
    let held = (0..count).map(|_| dial(source.into(), gateway.named())).collect();
    gateway.wait_for_connections(before + count as u64);
    held
}

fn assert_next_is_refused(gateway: &Gateway, source: Ipv4Addr, reason: &str) {
    let mut tcp = dial(source.into(), gateway.named());
    let from = tcp.local_addr().unwrap();
    let _ = tcp.read_to_end(&mut Vec::new());
    assert_eq!(gateway.denied(from).reason(), reason);
}

const ONE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 21);
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 22);

#[test]
fn handshakes_are_limited_by_source_and_in_all() {
    let setup = patient().limit("handshakes_per_source = 3").limit("handshakes = 5");
    let gateway = setup.start();
    let first = silent(&gateway, ONE, 3);
    assert_next_is_refused(&gateway, ONE, "tls.too-many-handshakes-from-source");
    let _second = silent(&gateway, OTHER, 2);
    assert_next_is_refused(&gateway, OTHER, "tls.too-many-handshakes");
    drop(first);
    // Who had a place has left it.
    gateway.wait_for_connections(2);
    let _third = silent(&gateway, ONE, 3);
}

#[test]
fn connections_are_limited_by_source_and_in_all() {
    let setup = patient().upstream(Kind::KmixPlus, systems::echo());
    let setup = setup.limit("connections_per_source = 2").limit("connections = 3");
    let gateway = setup.start();
    let client = Client::of(&gateway.site, "H1/pc-1");
    let (of_one, of_other) = (client.clone().coming_from(ONE), client.coming_from(OTHER));
    let first = of_one.converse(gateway.named());
    let _second = of_one.converse(gateway.named());
    assert_next_is_refused(&gateway, ONE, "tls.too-many-connections-from-source");
    let _third = of_other.converse(gateway.named());
    assert_next_is_refused(&gateway, OTHER, "tls.too-many-connections");
    drop(first);
    gateway.wait_for_connections(2);
    of_other.converse(gateway.named());
}

#[test]
fn a_flood_leaves_few_records_that_add_up_to_the_whole() {
    const FLOOD: usize = 600;
    let setup = Setup::new().upstream(Kind::KmixPlus, systems::echo());
    let mut gateway = setup.start();
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for _ in 0..FLOOD / 4 {
                    let mut tcp = dial(ONE.into(), gateway.named());
                    tcp.write_all(b"junk junk junk").unwrap();
                    let _ = tcp.read(&mut [0; 16]);
                }
            });
        }
    });
    // Others are served and recorded meanwhile.
    let (_, record) =
        gateway.provoke("open", || Client::of(&gateway.site, "H1/pc-1").converse(gateway.named()));
    assert_eq!(record.text("requested"), PLUS);
    until("all are counted", || (count(&gateway) == FLOOD as u64).then_some(()));
    gateway.stop();
    let records = gateway.records();
    let denied: Vec<_> = records.iter().filter(|record| record.is("denied")).collect();
    let attempts: i64 = denied.iter().map(|record| record.number("attempts")).sum();
    assert_eq!(attempts, FLOOD as i64);
    assert!(denied.len() < FLOOD / 2, "{} records", denied.len());
    assert!(denied.iter().all(|record| record.text("source") == ONE.to_string()));
}

fn count(gateway: &Gateway) -> u64 {
    let limited = gateway.count("tls.too-many-handshakes-from-source");
    gateway.count("tls.malformed") + limited
}
