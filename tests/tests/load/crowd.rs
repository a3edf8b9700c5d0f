//! Many connections that do nothing, as DICOM and HL7 clients hold them for days.

use std::thread;

use demo::systems::Kind;
use sekisho_tests::client::{Client, Connection};
use sekisho_tests::gateway::Gateway;
use sekisho_tests::setup::Setup;
use sekisho_tests::systems;

const CROWD: usize = 2000;
/// So many arrive at once.
const CLIENTS: usize = 8;

#[test]
fn two_thousand_idle_connections_are_held_while_others_are_served() {
    let setup = Setup::new().upstream(Kind::KmixPlus, systems::echo());
    let gateway = setup.drain_timeout("10s").start();
    let client = Client::of(&gateway.site, "H1/pc-1");
    let newcomer = Client::of(&gateway.site, "C1/pc-1");
    let mut first = newcomer.converse(gateway.named());
    let before = resident_kib(&gateway);

    let gather = || -> Vec<Connection> {
        (0..CROWD / CLIENTS).map(|_| client.converse(gateway.named())).collect()
    };
    let mut crowd: Vec<Connection> = thread::scope(|threads| {
        let gathering: Vec<_> = (0..CLIENTS).map(|_| threads.spawn(gather)).collect();
        gathering.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    gateway.wait_for_connections(CROWD as u64 + 1);
    let each = (resident_kib(&gateway) - before) / CROWD as u64;
    eprintln!("{CROWD} idle connections: {each} KiB each");
    assert!(each < 200, "{each} KiB each");

    first.echo(b"still here").unwrap();
    (0..10).for_each(|_| drop(newcomer.converse(gateway.named())));
    crowd.iter_mut().step_by(97).for_each(|connection| connection.echo(b"awake").unwrap());
    drop(crowd);
    gateway.wait_for_connections(1);
    let records = gateway.records();
    let closes = records.iter().filter(|record| record.is("close")).count();
    assert_eq!(closes, CROWD + 10);
}

/// Memory of the gateway's process, as the kernel counts it.
fn resident_kib(gateway: &Gateway) -> u64 {
    let status = format!("/proc/{}/status", gateway.pid().as_raw_nonzero());
    let status = std::fs::read_to_string(status).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
