//! How a gateway stops.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use demo::systems::Kind;
use rustix::process::Signal;
use sekisho_tests::client::Client;
use sekisho_tests::gateway::Gateway;
use sekisho_tests::setup::Setup;
use sekisho_tests::systems::{self, scripted};
use sekisho_tests::until;

fn draining(gateway: &Gateway) {
    gateway.signal(Signal::TERM);
    until("it no longer listens", || TcpStream::connect(gateway.named()).is_err().then_some(()));
}

#[test]
fn a_live_transfer_finishes_and_newcomers_are_refused() {
    const ALL: usize = 4 << 20;
    let (go_on, told) = channel();
    let system = scripted(move |mut stream| {
        stream.write_all(&vec![b'x'; ALL / 2]).unwrap();
        told.recv().unwrap();
        stream.write_all(&vec![b'x'; ALL / 2]).unwrap();
    });
    let setup = Setup::new().upstream(Kind::KmixPlus, system.address).drain_timeout("60s");
    let mut gateway = setup.start();
    let mut connection = Client::of(&gateway.site, "H1/pc-1").connect(gateway.named());
    let mut half = vec![0; ALL / 2];
    connection.tls.read_exact(&mut half).unwrap();

    draining(&gateway);
    go_on.send(()).unwrap();
    assert_eq!(connection.rest().unwrap().len(), ALL / 2);
    connection.finish();
    system.finish();
    assert!(gateway.ended().success());
    let close = gateway.closed(connection.local());
    assert_eq!((close.reason(), close.number("bytes_out")), ("close.system", ALL as i64));
    assert_eq!(gateway.records().last().unwrap().reason(), "gateway.stopped");
}

/// Ends a gateway with a live connection that would go on for ever.
fn ends_live_connections(drain_timeout: &str, second_signal: bool) {
    let setup = Setup::new().upstream(Kind::KmixPlus, systems::echo());
    let mut gateway = setup.drain_timeout(drain_timeout).start();
    let mut connection = Client::of(&gateway.site, "H1/pc-1").converse(gateway.named());
    let silent = connection.tls.sock.local_addr().unwrap();
    draining(&gateway);
    connection.echo(b"still here").unwrap();
    if second_signal {
        gateway.signal(Signal::TERM);
    }
    let begun = Instant::now();
    assert!(connection.rest().unwrap().is_empty(), "the client is told in good order");
    assert!(gateway.ended().success());
    assert!(begun.elapsed() < Duration::from_secs(20));
    let close = gateway.closed(silent);
    assert_eq!((close.reason(), close.number("bytes_in")), ("close.gateway-stopped", 15));
}

#[test]
fn a_second_signal_ends_at_once() {
    ends_live_connections("60s", true);
}

#[test]
fn the_drain_time_out_ends_what_is_left() {
    ends_live_connections("4s", false);
}
