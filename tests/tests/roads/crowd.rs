//! A hundred thousand flows of one institution beside one flow of another.

use std::ops::Range;
use std::time::{Duration, Instant};

use packet::Tcp;
use sekisho_tests::forge::{Forger, tcp, udp};
use sekisho_tests::netns::lacks_namespaces;
use sekisho_tests::until;

use crate::hospitals::{C1, H1, Hospitals, PLUS, TCP, UDP, at};
use crate::traffic::{Conversation, Told, echoes};

const FLOWS: u32 = 100_000;
/// Flows begun between two proofs that none has been lost on the way: the crowd comes as fast as
/// the gateway takes it.
const BURST: u32 = 100;
/// Of the settings below: flows that one institution may have.
const SHARE: usize = 15_000;
/// Flows of one address of the crowd.
const EACH: u32 = 10_000;
/// Memory for them and for what the log has to write, in KiB.
const ROOM: u64 = 256 << 10;

/// Beyond its share, an institution gets nothing, and that is folded on record. Would catch flows
/// that cost more the more there are, one institution taking another's places, and a table or log
/// without bounds.
#[test]
fn one_institutions_crowd_is_not_anothers_loss() {
    if lacks_namespaces() {
        return;
    }
    let mut hospitals = Hospitals::with(
        "[data_plane]\nworkers = 1\nflows = 20_000\nflows_per_institution = 15_000\n\
         flow_rate = 1_000_000",
    );
    let talk = Conversation::udp(&hospitals.c1, C1[0], at(PLUS[0], UDP));
    until("there is something to compare with", || (talk.told().trips.len() > 200).then_some(()));
    let (alone, memory) = (talk.told().trips, hospitals.memory());
    let begin = Instant::now();
    crowd(&hospitals, 0..FLOWS / 10);
    let few = talk.told().trips.split_off(alone.len());
    crowd(&hospitals, FLOWS / 10..FLOWS);
    let Told { mut trips, lost } = talk.told();
    let many = trips.split_off(alone.len() + few.len());
    let grown = hospitals.memory().saturating_sub(memory);
    let windows = 2 + begin.elapsed().as_secs() / 10;
    assert!(grown < ROOM, "{grown} KiB");
    assert_eq!(lost, 0);
    let [alone, few, many] = [alone, few, many].map(middle);
    println!("{alone:?} alone, {few:?} beside few, {many:?} beside many; {grown} KiB for them");
    assert!(few < 100 * alone && many < 10 * few, "{alone:?}, {few:?}, {many:?}");
    drop(talk);
    hospitals.road.gateway.stop();
    let denied = hospitals.records("denied");
    assert!(denied.iter().all(|record| record.reason() == "tunnel.flow-limit"), "{denied:?}");
    let attempts: i64 = denied.iter().map(|record| record.number("attempts")).sum();
    let (attempts, begun) = (usize::try_from(attempts).unwrap(), usize::try_from(FLOWS).unwrap());
    let opened = hospitals.records("open").len();
    assert!(opened >= SHARE && attempts + opened >= begun, "{attempts} and {opened}");
    // Of each address and port at the system, the first, and one for the rest.
    let due = u64::from(FLOWS / EACH) * 2 * 2 * windows;
    assert!(denied.len() as u64 <= due, "{} records of {attempts} denials", denied.len());
    assert_eq!(hospitals.records("close").len(), opened);
}

/// When the table is full, whoever has most gives way: a flow of the crowd's own.
#[test]
fn who_has_most_gives_way() {
    if lacks_namespaces() {
        return;
    }
    let mut hospitals =
        Hospitals::with("[data_plane]\nworkers = 1\nflows = 2_000\nflows_per_institution = 30_000");
    let talk = Conversation::udp(&hospitals.c1, C1[0], at(PLUS[0], UDP));
    let forger = Forger::new(&hospitals.h1);
    for number in 0..6_000_u16 {
        let from = at("10.50.1.1", 10_000 + number);
        assert!(forger.send(&udp(from, at(PLUS[0], UDP), b"one of many")));
        if number % 100 == 0 {
            assert!(echoes(&hospitals.h1, H1[0], at(PLUS[0], UDP)));
        }
    }
    talk.goes_on();
    assert_eq!(talk.told().lost, 0);
    hospitals.road.gateway.stop();
    let closed = hospitals.records("close");
    let evicted = closed.iter().filter(|record| record.reason() == "flow.evicted");
    let evicted: Vec<_> = evicted.map(|record| record.text("institution")).collect();
    assert!(evicted.len() >= 4_000, "{}", evicted.len());
    assert!(evicted.iter().all(|institution| *institution == "H1"));
}

/// SYNs and datagrams in turn, each of a flow of its own.
fn crowd(hospitals: &Hospitals, numbers: Range<u32>) {
    let forger = Forger::new(&hospitals.h1);
    for number in numbers {
        let [_, _, third, fourth] = (number / EACH).to_be_bytes();
        let from = at(&format!("10.50.{third}.{fourth}"), 10_000 + (number % EACH) as u16);
        let packet = match number % 2 {
            0 => udp(from, at(PLUS[0], UDP), b"one of many"),
            _ => tcp(from, at(PLUS[0], TCP), Tcp::SYN),
        };
        assert!(forger.send(&packet));
        if number % BURST == 0 {
            // Whoever has reached the limit begins nothing; C1 sees that the gateway goes on.
            assert!(echoes(&hospitals.c1, C1[0], at(PLUS[0], UDP)), "after {number}");
        }
    }
}

fn middle(mut trips: Vec<Duration>) -> Duration {
    trips.sort_unstable();
    trips[trips.len() / 2]
}
