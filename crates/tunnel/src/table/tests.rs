//! The table of CHILD_SAs under any order of what IKE and the peer can do.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::NewChild;
use crate::testing::{child, everywhere, member, path, selectors, spis, way};

const IDENTITIES: [&str; 2] = ["pc-1", "pc-2"];

fn install(table: &mut Table, id: u64, session: u64, replaces: Option<u64>, at_once: bool) {
    let identity = IDENTITIES[session as usize % 2];
    let (new, _) = child(id, &member(session, identity), everywhere());
    table.install(NewChild { replaces, send_at_once: at_once, ..new }, 1454);
}

fn sending(table: &mut Table, id: u64) -> Option<Sending> {
    let slot = table.by_id(id)?;
    table.child(slot).map(|child| child.sending)
}

fn ends(client: &str) -> Ends {
    let (client, system) = ((client.parse().unwrap(), 9), ("192.0.2.10".parse().unwrap(), 443));
    Ends { client, system, protocol: 6 }
}

fn resolved(table: &Table, session: u64, client: &str) -> Option<u64> {
    let member = member(session, IDENTITIES[session as usize % 2]);
    table.resolve(&member, &ends(client)).map(|child| child.id)
}

/// RFC 7296 §2.8: who answers a rekeying sends by the old SA until the peer uses the new one.
#[test]
fn a_successor_waits_for_the_peer_or_for_the_end_of_the_old_one() {
    for used in [true, false] {
        let mut table = Table::new();
        install(&mut table, 1, 1, None, false);
        assert_eq!(sending(&mut table, 1), Some(Sending::Current), "it replaces none");
        install(&mut table, 2, 1, Some(1), false);
        assert_eq!(resolved(&table, 1, "10.2.0.1"), Some(1));
        if used {
            table.put_to_use(table.by_id(2).unwrap());
            assert_eq!(sending(&mut table, 1), Some(Sending::Superseded));
        }
        table.remove(1);
        assert_eq!(resolved(&table, 1, "10.2.0.1"), Some(2));
    }
}

/// Both ends rekey at once, and one of the two successors goes (RFC 7296 §2.8.1).
#[test]
fn when_a_successor_goes_the_old_one_serves_again() {
    let mut table = Table::new();
    install(&mut table, 1, 1, None, true);
    install(&mut table, 2, 1, Some(1), true);
    install(&mut table, 3, 1, Some(1), false);
    assert_eq!(resolved(&table, 1, "10.2.0.1"), Some(2));
    table.remove(2);
    assert_eq!(resolved(&table, 1, "10.2.0.1"), Some(1));
    table.remove(1);
    assert_eq!(resolved(&table, 1, "10.2.0.1"), Some(3));
}

#[test]
fn a_place_that_is_used_again_is_not_the_child_that_was_meant() {
    let mut table = Table::new();
    install(&mut table, 1, 1, None, true);
    let first = table.resolve(&member(1, "pc-2"), &ends("10.2.0.1")).unwrap();
    table.remove(1);
    install(&mut table, 2, 2, None, true);
    assert_eq!(table.by_id(2), Some(first.slot));
    assert!(table.named(first).is_none());
}

/// What another worker says twice is forgotten whole.
#[test]
fn other_workers_children_come_and_go() {
    let mut table = Table::new();
    let prefixes = |prefix: &str| vec![prefix.parse().unwrap()];
    let there = |table: &Table, client: &str| table.elsewhere(client.parse().unwrap());
    table.announce(1, 3, prefixes("10.2.0.0/16"));
    table.announce(1, 4, prefixes("10.3.0.0/16"));
    assert_eq!((there(&table, "10.2.0.1"), there(&table, "10.3.0.1")), (None, Some(4)));
    table.withdraw(1);
    assert_eq!(there(&table, "10.3.0.1"), None);
}

/// A terminal's next session carries on its flows; another terminal's does not.
#[test]
fn flows_go_on_by_the_same_terminals_next_session() {
    let mut table = Table::new();
    install(&mut table, 1, 1, None, true);
    install(&mut table, 2, 2, None, true);
    assert_eq!(resolved(&table, 1, "10.2.0.1"), Some(1));
    table.remove(1);
    assert_eq!(resolved(&table, 1, "10.2.0.1"), None);
    install(&mut table, 3, 3, None, true);
    assert_eq!(resolved(&table, 1, "10.2.0.1"), Some(3));
    assert_eq!(resolved(&table, 1, "10.9.0.1"), None, "beyond the selectors");
}

#[test]
fn what_the_selectors_hold_decides_between_children_of_one_session() {
    let mut table = Table::new();
    for (id, prefix) in [(1, "10.2.1.0/24"), (2, "10.2.2.0/24")] {
        let (new, _) = child(id, &member(1, "pc-2"), selectors(&[prefix], &["0.0.0.0/0"]));
        table.install(new, 1454);
    }
    assert_eq!(resolved(&table, 1, "10.2.1.9"), Some(1));
    assert_eq!(resolved(&table, 1, "10.2.2.9"), Some(2));
    assert_eq!(resolved(&table, 1, "10.2.3.9"), None);
}

#[derive(Clone, Debug)]
enum Step {
    /// In this session, of the how manieth of its children a successor, and whether sent by at once.
    Install(u64, Option<usize>, bool),
    End(usize),
    Use(usize),
    Redirect(u64, u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..3_u64, proptest::option::of(0..9_usize), any::<bool>())
            .prop_map(|(session, replaces, at_once)| Step::Install(session, replaces, at_once)),
        5 => (0..99_usize).prop_map(Step::End),
        2 => (0..99_usize).prop_map(Step::Use),
        1 => (0..3_u64, 1..9_u16).prop_map(|(session, port)| Step::Redirect(session, port)),
    ];
    prop::collection::vec(step, 0..60)
}

/// What is known of a child.
#[derive(Clone, Copy, Debug)]
struct Known {
    session: u64,
    /// The first of those that replaced each other.
    line: u64,
    retired: bool,
}

type All = BTreeMap<u64, Known>;

fn check(table: &mut Table, all: &All) {
    assert_eq!(table.len(), all.len());
    assert_eq!((table.by_spi.len(), table.by_id.len()), (all.len(), all.len()));
    assert_eq!(table.by_destination.len(), all.len());
    for session in 0..3 {
        let ids = table.siblings(session).into_iter().map(|slot| table.child(slot).unwrap().id);
        let of_session = all.iter().filter(|(_, known)| known.session == session);
        assert!(ids.eq(of_session.clone().map(|(id, _)| *id)), "in the order in which they came");
        assert_eq!(table.has_session(session), of_session.count() > 0);
        let same = |known: &&Known| known.session % 2 == session % 2 && !known.retired;
        let any = all.values().filter(same).count() > 0;
        assert_eq!(resolved(table, session, "10.2.0.1").is_some(), any, "no gap");
    }
    let mut routed: Vec<u64> = table.routes.lookup("10.2.0.1".parse().unwrap()).collect();
    routed.sort_unstable();
    assert!(routed.iter().eq(all.keys()));
    for (&id, known) in all {
        let slot = table.by_id(id).unwrap();
        assert_eq!(table.by_spi(spis(id).0), Some(slot));
        let child = table.child(slot).unwrap();
        assert_eq!((child.id, child.member.session), (id, known.session));
        assert!(!known.retired || child.sending == Sending::Superseded);
        let remote = child.way.path.remote.ip();
        assert_eq!(table.by_destination(remote, spis(id).1), Some(slot));
        let mut in_line =
            all.iter().filter(|(_, other)| other.line == known.line).map(|(id, _)| *id);
        let current = in_line.any(|id| sending(table, id) == Some(Sending::Current));
        assert!(current || known.retired, "one of every line is in use");
    }
}

/// As a gateway does it: one that has a successor stays for what is on its way.
fn end(table: &mut Table, all: &mut All, id: u64) {
    let Known { session, retired, .. } = all[&id];
    if table.retire(id).is_some() {
        assert!(!retired);
        all.entry(id).and_modify(|known| known.retired = true);
        return;
    }
    assert_eq!(table.remove(id).map(|child| child.id), Some(id));
    assert!(table.remove(id).is_none());
    all.remove(&id);
    for retired in table.only_retired(session) {
        table.remove(retired);
        assert!(all.remove(&retired).unwrap().retired);
    }
}

proptest! {
    #[test]
    fn every_line_of_children_always_has_one_in_use(steps in steps()) {
        let (mut table, mut all) = (Table::new(), All::new());
        for (id, step) in (1..).zip(steps) {
            let nth = |at: usize| all.keys().copied().nth(at % all.len().max(1));
            match step {
                Step::Install(session, replaces, at_once) => {
                    let own = |known: &Known| known.session == session && !known.retired;
                    let mut own = all.iter().filter(|(_, known)| own(known));
                    let replaces = replaces.and_then(|at| own.nth(at));
                    let line = replaces.map_or(id, |(_, known)| known.line);
                    install(&mut table, id, session, replaces.map(|(id, _)| *id), at_once);
                    all.insert(id, Known { session, line, retired: false });
                }
                Step::End(at) => if let Some(id) = nth(at) {
                    end(&mut table, &mut all, id);
                },
                Step::Use(at) => if let Some(slot) = nth(at).and_then(|id| table.by_id(id)) {
                    table.put_to_use(slot);
                    prop_assert!(!table.child(slot).unwrap().is_waiting());
                },
                Step::Redirect(session, port) => {
                    let mut way = Way { path: path(port), ..way() };
                    way.path.remote.set_ip(format!("198.51.100.{port}").parse().unwrap());
                    table.redirect(session, way, 1454);
                    for slot in table.siblings(session) {
                        prop_assert_eq!(table.child(slot).unwrap().way, way);
                    }
                }
            }
            check(&mut table, &all);
        }
        while let Some((&id, _)) = all.first_key_value() {
            end(&mut table, &mut all, id);
        }
        prop_assert!(table.sessions.is_empty() && table.by_destination.is_empty());
    }
}
