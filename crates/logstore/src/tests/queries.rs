//! Queries against plain filters over the same records.

use std::fs;

use connlog::Traffic;
use ipnet::IpNet;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::{Kind, LogError, Verdict};

const HOUR: i64 = 3_600_000_000;
const INSTITUTIONS: &[&str] = &["H1", "H_", "H12"];
const TERMINALS: &[&str] = &["pc", "pc-1", "1"];
const SYSTEMS: &[&str] = &["karte", "dokuei"];
const SOURCES: &[&str] = &["192.0.2.1", "192.0.2.129", "10.0.0.1", "2001:db8::1"];
const PEERS: &[&str] = &["192.0.2.0/24", "192.0.2.128/25", "10.0.0.1/32", "2001:db8::/32"];
const REASONS: &[&str] = &["close.client", "tls.no-certificate"];

fn events() -> impl Strategy<Value = Event> {
    let reason = || select(REASONS).prop_map(Into::into);
    prop_oneof![
        Just(Event::Opened),
        reason().prop_map(|reason| Event::Closed {
            reason,
            detail: None,
            started: NOON,
            traffic: Traffic::default()
        }),
        reason().prop_map(|reason| Event::Denied { reason, attempts: 1, detail: None }),
        reason().prop_map(|reason| Event::Control { reason, detail: None }),
    ]
}

fn times() -> impl Strategy<Value = i64> {
    (-40..40_i64).prop_map(|hours| NOON + hours * HOUR)
}

fn records() -> impl Strategy<Value = Record> {
    let known = (select(INSTITUTIONS), select(TERMINALS), select(SYSTEMS), any::<bool>());
    let claimed = (select(INSTITUTIONS), select(TERMINALS), any::<bool>());
    let from = (select(SOURCES), any::<bool>(), select(Network::ALL));
    let time = (times(), prop_oneof![Just(540_i16), Just(0), Just(-720)]);
    (events(), known, claimed, from, time, 0..20_u64).prop_map(
        |(event, known, claimed, from, time, number)| {
            let claimed = claimed.2.then(|| format!("{}/{}", claimed.0, claimed.1).into());
            let (institution, terminal, system, is_known) = known;
            let source =
                Some(format!("[{}]:1", from.0).parse().or(format!("{}:1", from.0).parse()));
            let source = source.map(Result::unwrap);
            let facts = Facts {
                network: Some(from.2),
                source: source.filter(|_| from.1),
                inner_source: source.filter(|_| !from.1),
                institution: is_known.then(|| institution.parse().unwrap()),
                terminal: is_known.then(|| format!("{institution}/{terminal}").parse().unwrap()),
                credential: Some(Credential::Certificate {
                    serial: "01".into(),
                    issuer: "CN=CA".into(),
                    claimed,
                }),
                system: is_known.then(|| system.parse().unwrap()),
                ..Facts::default()
            };
            let time = Timestamp { offset_minutes: time.1, ..at(time.0) };
            Record { event, facts, time, ..opened(number) }
        },
    )
}

fn queries() -> impl Strategy<Value = Query> {
    use prop::option::weighted;
    let kinds = vec![Kind::Open, Kind::Close, Kind::Denied, Kind::Control];
    let verdicts = vec![Verdict::Permitted, Verdict::Denied, Verdict::Control];
    let whom = (
        weighted(0.2, select(INSTITUTIONS).prop_map(|code| code.parse().unwrap())),
        weighted(0.2, select(TERMINALS).prop_map(|id| id.parse().unwrap())),
        weighted(0.2, select(SYSTEMS).prop_map(|id| id.parse().unwrap())),
        weighted(0.2, select(Network::ALL)),
        weighted(0.2, select(PEERS).prop_map(|net| net.parse::<IpNet>().unwrap())),
    );
    let what = (
        weighted(0.2, select(verdicts)),
        weighted(0.2, select(kinds)),
        weighted(0.2, select(REASONS).prop_map(str::to_owned)),
        weighted(0.2, (0..20_u64).prop_map(|number| opened(number).connection)),
    );
    let which = (weighted(0.3, times()), weighted(0.3, times()), weighted(0.3, 0..30_u64));
    (whom, what, which, any::<bool>()).prop_map(|(whom, what, which, newest_first)| Query {
        since: which.0,
        until: which.1,
        institution: whom.0,
        terminal: whom.1,
        system: whom.2,
        network: whom.3,
        peer: whom.4,
        verdict: what.0,
        kind: what.1,
        reason: what.2,
        connection: what.3,
        limit: which.2,
        newest_first,
    })
}

fn claimed(record: &Record) -> Option<(&str, &str)> {
    match (&record.event, &record.facts.credential) {
        (Event::Denied { .. }, Some(Credential::Certificate { claimed: Some(claimed), .. })) => {
            claimed.split_once('/')
        }
        _ => None,
    }
}

fn matches(query: &Query, record: &Record) -> bool {
    let facts = &record.facts;
    let sources = [facts.source, facts.inner_source].into_iter().flatten();
    let verdict = match record.event {
        Event::Opened | Event::Closed { .. } => Verdict::Permitted,
        Event::Denied { .. } => Verdict::Denied,
        Event::Control { .. } => Verdict::Control,
    };
    query.since.is_none_or(|since| record.time.unix_micros >= since)
        && query.until.is_none_or(|until| record.time.unix_micros < until)
        && query.institution.as_ref().is_none_or(|code| {
            facts.institution.as_ref() == Some(code)
                || claimed(record).is_some_and(|(institution, _)| institution == code.as_str())
        })
        && query.terminal.as_ref().is_none_or(|id| {
            facts.terminal.as_ref().is_some_and(|name| name.terminal == *id)
                || claimed(record).is_some_and(|(_, terminal)| terminal == id.as_str())
        })
        && query.system.as_ref().is_none_or(|id| facts.system.as_ref() == Some(id))
        && query.network.is_none_or(|network| facts.network == Some(network))
        && query.peer.is_none_or(|net| sources.clone().any(|source| net.contains(&source.ip())))
        && query.verdict.is_none_or(|wanted| verdict == wanted)
        && query.kind.is_none_or(|kind| kind.as_str() == record.kind())
        && query.reason.as_ref().is_none_or(|reason| record.reason() == Some(reason))
        && query.connection.is_none_or(|connection| record.connection == connection)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_query_gives_what_a_plain_filter_gives(
        mut written in prop::collection::vec(records(), 0..120),
        queries in prop::collection::vec(queries(), 40),
    ) {
        let directory = private_directory();
        let (recorder, writer) =
            Writer::start(config(directory.path(), 1000, OnFailure::Refuse)).unwrap();
        for record in &written {
            recorder.control(record.clone());
        }
        eventually("all is written", || (recorder.figures().waiting == 0).then_some(()));
        let log = Log::new(directory.path().to_owned());
        // The order of the log: by local day, then as they came.
        written.sort_by_key(|record| crate::day::of(&record.time));
        for query in queries {
            let mut expected: Vec<_> =
                written.iter().filter(|record| matches(&query, record)).cloned().collect();
            let tail = log.tail(&query, 7).unwrap().poll().unwrap();
            prop_assert_eq!(&tail[..], &expected[expected.len().saturating_sub(7)..]);
            if query.newest_first {
                expected.reverse();
            }
            expected.truncate(query.limit.map_or(usize::MAX, |limit| limit as usize));
            let found: Vec<_> = log.records(&query).unwrap().map(Result::unwrap).collect();
            prop_assert_eq!(found, expected, "{:?}", query);
        }
        stop(writer);
    }
}

#[test]
fn long_answers_come_in_pages_and_a_tail_sees_what_is_committed() {
    let directory = private_directory();
    let (recorder, writer) =
        Writer::start(config(directory.path(), 10_000, OnFailure::Refuse)).unwrap();
    let log = Log::new(directory.path().to_owned());
    let peer = Query { peer: Some("198.51.100.0/24".parse().unwrap()), ..Query::default() };
    for number in 0..2500 {
        recorder.denied(denied(number, "tls.no-certificate"));
    }
    eventually("all is written", || (recorder.figures().waiting == 0).then_some(()));
    for query in [Query::default(), peer.clone(), Query { newest_first: true, ..peer.clone() }] {
        let mut found: Vec<_> = log.records(&query).unwrap().map(Result::unwrap).collect();
        if query.newest_first {
            found.reverse();
        }
        let numbers: Vec<_> = (0..2500).map(|n| opened(n).connection).collect();
        assert_eq!(found.iter().map(|r| r.connection).collect::<Vec<_>>(), numbers);
    }
    let wanted = Query { reason: Some("tls.expired".to_owned()), ..peer };
    let mut tail = log.tail(&wanted, 10).unwrap();
    assert!(tail.poll().unwrap().is_empty());
    for number in 0..1500 {
        recorder.denied(denied(number, "tls.no-certificate"));
        recorder.denied(denied(number, "tls.expired"));
    }
    let mut seen = Vec::new();
    eventually("the tail has seen them all", || {
        seen.extend(tail.poll().unwrap());
        (seen.len() >= 1500).then_some(())
    });
    assert_eq!(seen.len(), 1500);
    assert!(seen.is_sorted_by_key(|record| record.connection));
    stop(writer);
}

#[test]
fn an_empty_directory_has_no_records_and_a_foreign_file_is_named() {
    let directory = private_directory();
    assert!(all(directory.path()).is_empty());
    fs::write(directory.path().join("notes.txt"), "not looked at").unwrap();
    fs::write(directory.path().join("2026-11-20.db"), "").unwrap();
    assert!(all(directory.path()).is_empty(), "a file whose tables are still to come");

    let path = directory.path().join("2026-11-21.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE records (seq)").unwrap();
    let log = Log::new(directory.path().to_owned());
    let error = log.records(&Query::default()).unwrap().next().unwrap().unwrap_err();
    assert!(matches!(&error, LogError::Foreign { path: named } if *named == path), "{error}");
    let tomorrow = Query { since: Some(NOON + 48 * HOUR), ..Query::default() };
    assert!(log.records(&tomorrow).unwrap().next().is_none(), "days that cannot match stay shut");
}
