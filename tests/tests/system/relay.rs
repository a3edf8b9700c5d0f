//! What goes through a permitted connection, how it ends, and what the record says of it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use demo::systems::Kind;
use sekisho_tests::client::{Client, Connection, ONLY_12, ONLY_13, reset};
use sekisho_tests::gateway::Gateway;
use sekisho_tests::record::Record;
use sekisho_tests::setup::Setup;
use sekisho_tests::systems::{self, Overwhelmed, Scripted, scripted};

/// A gateway in front of one connection's system.
fn before<T: Send + 'static>(
    script: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (Gateway, Scripted<T>) {
    let system = scripted(script);
    let gateway = Setup::new().upstream(Kind::KmixPlus, system.address).start();
    (gateway, system)
}

fn connect(gateway: &Gateway) -> Connection {
    Client::of(&gateway.site, "H1/pc-1").connect(gateway.named())
}

fn assert_closed(record: &Record, reason: &str, bytes_in: usize, bytes_out: usize) {
    let counted = (record.number("bytes_in"), record.number("bytes_out"));
    let sent = (i64::try_from(bytes_in).unwrap(), i64::try_from(bytes_out).unwrap());
    assert_eq!((record.reason(), counted), (reason, sent), "{record:?}");
    assert!(record.number("started") <= record.number("time"), "{record:?}");
}

/// Reads until the other side has finished.
fn all(mut stream: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_client_that_has_finished_still_receives() {
    for versions in [ONLY_12, ONLY_13] {
        let (gateway, system) = before(|mut stream| {
            let question = all(&stream);
            stream.write_all(&[b'a'; 100_000]).unwrap();
            question
        });
        let client = Client::offering(&gateway.site, "H1/pc-1", versions);
        let mut connection = client.connect(gateway.named());
        connection.tls.write_all(b"question").unwrap();
        connection.finish();
        assert_eq!(connection.rest().unwrap(), [b'a'; 100_000]);
        assert_eq!(system.finish(), b"question");
        assert_closed(&gateway.closed(connection.local()), "close.client", 8, 100_000);
    }
}

#[test]
fn a_system_that_has_finished_still_receives() {
    for versions in [ONLY_12, ONLY_13] {
        let (gateway, system) = before(|mut stream| {
            stream.write_all(b"greeting").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            all(&stream)
        });
        let client = Client::offering(&gateway.site, "H1/pc-1", versions);
        let mut connection = client.connect(gateway.named());
        assert_eq!(connection.rest().unwrap(), b"greeting");
        connection.tls.write_all(&[b'q'; 100_000]).unwrap();
        connection.finish();
        assert_eq!(system.finish(), [b'q'; 100_000]);
        assert_closed(&gateway.closed(connection.local()), "close.system", 100_000, 8);
    }
}

#[test]
fn a_connection_ends_when_nothing_has_moved_for_the_idle_time_out() {
    let setup = Setup::new().upstream(Kind::KmixPlus, systems::echo());
    let gateway = setup.tls("idle_timeout = \"2s\"").start();
    let client = Client::of(&gateway.site, "H1/pc-1");
    let mut silent = client.converse(gateway.named());
    let mut busy = client.converse(gateway.named());
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(4) {
        busy.echo(b"tick").unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(silent.rest().unwrap().is_empty());
    let record = gateway.closed(silent.local());
    assert_closed(&record, "close.idle", 5, 5);
    let lived = record.number("time") - record.number("started");
    assert!((2_000_000..6_000_000).contains(&lived), "{lived} µs");
}

#[test]
fn a_system_that_cannot_be_had_is_named_in_the_close_record() {
    let overwhelmed = Overwhelmed::new();
    for (upstream, reason) in [
        (systems::nobody().to_string(), "close.system-refused"),
        // TCP has no way to a multicast address (ENETUNREACH).
        ("224.0.0.1:9".to_owned(), "close.system-unreachable"),
        (overwhelmed.address().to_string(), "close.system-timeout"),
    ] {
        let setup = Setup::new().upstream(Kind::KmixPlus, upstream);
        let gateway = setup.tls("setup_timeout = \"2s\"").start();
        let mut connection = connect(&gateway);
        // The client is told, in an orderly way or not, and soon.
        let _ = connection.rest();
        let record = gateway.closed(connection.local());
        assert_closed(&record, reason, 0, 0);
        assert_eq!(record.way(), ["H1", "pc-1", "kmix-plus"]);
    }
}

#[test]
fn a_system_that_dies_in_the_middle_is_not_taken_for_one_that_has_finished() {
    let (gateway, system) = before(|mut stream| {
        stream.read_exact(&mut [0; 5]).unwrap();
        stream.write_all(b"half of the ans").unwrap();
        std::thread::sleep(Duration::from_millis(300));
        reset(stream);
    });
    let mut connection = connect(&gateway);
    connection.tls.write_all(b"hello").unwrap();
    let _ = connection.rest();
    system.finish();
    assert_closed(&gateway.closed(connection.local()), "close.system-reset", 5, 15);
}

#[test]
fn a_client_whose_connection_breaks_is_told_from_one_that_has_finished() {
    let (gateway, system) = before(|mut stream| {
        stream.read_exact(&mut [0; 5]).unwrap();
        stream.write_all(b"received").unwrap();
        stream.read_to_end(&mut Vec::new())
    });
    let mut connection = connect(&gateway);
    let source = connection.local();
    connection.tls.write_all(b"hello").unwrap();
    connection.tls.read_exact(&mut [0; 8]).unwrap();
    connection.reset();
    assert_closed(&gateway.closed(source), "close.client-reset", 5, 8);
    system.finish().expect_err("the system must not take it for the whole");
}

#[test]
fn a_client_without_close_notify_is_told_from_one_that_has_finished() {
    let (gateway, system) = before(|mut stream| {
        stream.read_exact(&mut [0; 5]).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        // The answer that was under way still goes out.
        stream.write_all(b"answer").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        stream.read_to_end(&mut Vec::new())
    });
    let mut connection = connect(&gateway);
    connection.tls.write_all(b"hello").unwrap();
    connection.tls.sock.shutdown(Shutdown::Write).unwrap();
    assert_eq!(connection.rest().unwrap(), b"answer");
    assert_closed(&gateway.closed(connection.local()), "close.client-truncated", 5, 6);
    system.finish().expect_err("the system must not take it for the whole");
}

#[test]
fn a_client_that_vanishes_without_close_notify_does_not_hold_its_place() {
    let system = scripted(|mut stream| stream.read_to_end(&mut Vec::new()));
    let setup = Setup::new().upstream(Kind::KmixPlus, system.address);
    let gateway = setup.tls("idle_timeout = \"2s\"").start();
    let mut connection = connect(&gateway);
    let source = connection.local();
    connection.tls.write_all(b"hello").unwrap();
    connection.vanish();
    assert_closed(&gateway.closed(source), "close.client-truncated", 5, 0);
    system.finish().expect_err("the system must not take it for the whole");
}

#[test]
fn a_slow_reader_slows_the_other_side_and_loses_nothing() {
    const ALL: usize = 8 << 20;
    let (gateway, system) = before(|mut stream| stream.write_all(&vec![b'x'; ALL]).unwrap());
    let mut connection = connect(&gateway);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(connection.rest().unwrap().len(), ALL);
    connection.finish();
    system.finish();
    assert_closed(&gateway.closed(connection.local()), "close.system", 0, ALL);
}
