//! A gateway killed under load: whatever a client was given is on record.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use demo::systems::Kind;
use rustix::process::Signal;
use sekisho_tests::client::{Client, Connection};
use sekisho_tests::gateway::Gateway;
use sekisho_tests::setup::Setup;
use sekisho_tests::{systems, until};

const CLIENTS: usize = 8;
/// Answers before the end comes.
const ENOUGH: usize = 200;

#[test]
fn every_answered_connection_is_on_record_after_kill_9() {
    let setup = Setup::new().upstream(Kind::KmixPlus, systems::echo());
    let mut gateway = setup.start();
    for _ in 0..3 {
        let answered = kill_under_load(&gateway);
        assert!(!gateway.ended().success());
        // Nothing has been repaired yet.
        let opened = opened(&gateway);
        let lost: Vec<_> = answered.difference(&opened).collect();
        assert!(lost.is_empty(), "{} of {}: {lost:?}", lost.len(), answered.len());
        gateway.start_again();
        Client::of(&gateway.site, "H1/pc-1").converse(gateway.named());
    }
    gateway.stop();
    let starts = gateway.records();
    let starts = starts.iter().filter(|record| record.reason() == "gateway.started").count();
    assert_eq!(starts, 4);
}

/// Kills the gateway while clients come and go; those who had an answer.
fn kill_under_load(gateway: &Gateway) -> HashSet<SocketAddr> {
    let answered = Mutex::new(HashSet::new());
    let over = AtomicBool::new(false);
    let client = Client::of(&gateway.site, "H1/pc-1");
    thread::scope(|threads| {
        for _ in 0..CLIENTS {
            threads.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    if let Some(connection) = answer(&client, gateway.named()) {
                        answered.lock().unwrap().insert(connection.local());
                    }
                }
            });
        }
        until("enough are answered", || (answered.lock().unwrap().len() >= ENOUGH).then_some(()));
        gateway.signal(Signal::KILL);
        thread::sleep(Duration::from_millis(100));
        over.store(true, Ordering::Relaxed);
    });
    answered.into_inner().unwrap()
}

/// One connection, if the gateway is still there to answer.
fn answer(client: &Client, to: SocketAddr) -> Option<Connection> {
    let mut connection = client.try_begin(to).ok()?;
    connection.echo(b"hello").ok()?;
    Some(connection)
}

fn opened(gateway: &Gateway) -> HashSet<SocketAddr> {
    let records = gateway.records();
    let opens = records.iter().filter(|record| record.is("open"));
    opens
        .map(|record| {
            let port = u16::try_from(record.number("source_port")).unwrap();
            SocketAddr::new(record.text("source").parse().unwrap(), port)
        })
        .collect()
}
