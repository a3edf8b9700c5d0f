//! The policy changes while everybody talks: who lost the permit ends, and nobody else notices.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use sekisho_tests::netns::lacks_namespaces;
use sekisho_tests::record::Record;
use sekisho_tests::strongswan::lacks_strongswan;
use sekisho_tests::until;

use crate::hospitals::{BASIC, C1, H1, Hospitals, PLUS, SITE, TCP, UDP, at};
use crate::traffic::{Conversation, connects};

/// A change takes effect within a second of being made, in microseconds.
const SOON: i64 = 1_000_000;
const STOPPED: &str = "policy.institution-stopped";

fn unix_micros() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros().try_into().unwrap()
}

/// Several flows of both protocols and both versions of IP.
fn of_h1(hospitals: &Hospitals) -> Vec<Conversation> {
    let h1 = &hospitals.h1;
    let places = [(H1[0], PLUS[0]), (H1[1], PLUS[1]), (H1[0], BASIC)];
    let both = |(from, to)| {
        [Conversation::udp(h1, from, at(to, UDP)), Conversation::tcp(h1, from, at(to, TCP))]
    };
    places.into_iter().flat_map(both).collect()
}

fn of_c1(hospitals: &Hospitals) -> Vec<Conversation> {
    let c1 = &hospitals.c1;
    let both = |(from, to)| {
        [Conversation::udp(c1, from, at(to, UDP)), Conversation::tcp(c1, from, at(to, TCP))]
    };
    C1.into_iter().zip(PLUS).flat_map(both).collect()
}

/// Whose the flow of a record was.
fn client(record: &Record) -> (String, i64) {
    (record.text("inner_source").to_owned(), record.number("inner_source_port"))
}

fn clients(talks: &[Conversation]) -> BTreeSet<(String, i64)> {
    let client = |talk: &Conversation| (talk.local.ip().to_string(), i64::from(talk.local.port()));
    talks.iter().map(client).collect()
}

/// Would catch flows that outlive their permit until a packet of theirs, or a sweep, comes; and
/// flows of others that are ended, judged as lost, or held up by the change.
#[test]
fn a_suspension_ends_exactly_the_institutions_flows() {
    if lacks_strongswan() {
        return;
    }
    let hospitals = Hospitals::new();
    let site = hospitals.site();
    let mut of_h1 = of_h1(&hospitals);
    of_h1.push(Conversation::udp(&site.client, SITE, at(PLUS[0], UDP)));
    of_h1.push(Conversation::tcp(&site.client, SITE, at(PLUS[0], TCP)));
    let of_c1 = of_c1(&hospitals);
    of_h1.iter().chain(&of_c1).for_each(Conversation::goes_on);
    assert!(hospitals.records("close").is_empty());

    // The clinic; the hospital has flows on both roads.
    hospitals.road.gateway.sekisho("institution suspend C1");
    let over = ended(&hospitals, &clients(&of_c1), unix_micros() + SOON);
    assert!(over.iter().all(|record| record.reason() == STOPPED), "{over:#?}");
    of_h1.iter().for_each(Conversation::goes_on);
    assert!(of_h1.iter().all(|talk| talk.told().lost == 0), "{of_h1:?}");

    // It may again, and the hospital not: on neither road.
    hospitals.road.gateway.sekisho("institution resume C1");
    until("the clinic may connect", || {
        connects(&hospitals.c1, C1[0], at(PLUS[0], TCP)).then_some(())
    });
    let again = self::of_c1(&hospitals);
    let known = hospitals.records("close").len();
    hospitals.road.gateway.sekisho("institution suspend H1");
    let soon = unix_micros() + SOON;
    ended(&hospitals, &clients(&of_h1), soon);
    let closed = hospitals.records("close").split_off(known);
    let of_h1: Vec<_> = closed.iter().filter(|record| record.text("institution") == "H1").collect();
    assert!(of_h1.iter().all(|record| record.reason() == STOPPED), "{of_h1:#?}");
    again.iter().for_each(Conversation::goes_on);
    assert!(again.iter().all(|talk| talk.told().lost == 0), "{again:?}");
}

/// Waits until flows of all these clients are closed, which must be before `soon`, and no other's.
fn ended(hospitals: &Hospitals, clients: &BTreeSet<(String, i64)>, soon: i64) -> Vec<Record> {
    let closed = until("every flow is closed", || {
        let mut closed = hospitals.records("close");
        closed.retain(|record| record.reason() == STOPPED);
        closed.retain(|record| clients.contains(&client(record)));
        (closed.len() >= clients.len()).then_some(closed)
    });
    let of: BTreeSet<_> = closed.iter().map(client).collect();
    assert_eq!(of, *clients);
    let late: Vec<_> = closed.iter().filter(|record| record.number("time") > soon).collect();
    assert!(late.is_empty(), "{late:#?}");
    closed
}

/// Would catch an order that ends more than it names, or whose end is not on record as an order's.
#[test]
fn an_operator_ends_exactly_one_flow() {
    if lacks_namespaces() {
        return;
    }
    let hospitals = Hospitals::new();
    let (mut of_h1, of_c1) = (of_h1(&hospitals), of_c1(&hospitals));
    let meant = of_h1.remove(1);
    let client = meant.local.to_string();
    let listed = hospitals.sessions("--road ip-vpn --institution H1");
    assert_eq!(listed.len(), of_h1.len() + 1, "{listed:#?}");
    let session = listed.iter().find(|session| session["source"] == *client).unwrap();
    let id = session["id"].as_str().unwrap();
    hospitals.road.gateway.sekisho(&format!("sessions end {id} --reason stolen"));
    until("it has ended", || (meant.told().lost > 0).then_some(()));
    of_h1.iter().chain(&of_c1).for_each(Conversation::goes_on);
    let closed = until("its end is on record", || {
        let closed = hospitals.records("close");
        (!closed.is_empty()).then_some(closed)
    });
    let [closed] = &closed[..] else { panic!("{closed:#?}") };
    assert_eq!((closed.reason(), closed.text("connection")), ("close.operator", id));
    assert!(closed.text("detail").contains("stolen"), "{closed:?}");
    assert!(of_h1.iter().chain(&of_c1).all(|talk| talk.told().lost == 0));
}
