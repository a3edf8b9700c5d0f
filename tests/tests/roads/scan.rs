//! A scan of the systems' network: every packet is counted, few are recorded, none passes.

use std::collections::BTreeSet;
use std::time::Instant;

use packet::Tcp;
use sekisho_tests::capture::Capture;
use sekisho_tests::forge::{Forger, ends, tcp, udp};
use sekisho_tests::netns::lacks_namespaces;
use sekisho_tests::record::Record;

use crate::hospitals::{H1, Hospitals, PLUS, TCP, UDP, at};
use crate::traffic::echoes;

/// Whoever scans, by this port.
const SCANNER: u16 = 4242;
/// Who is registered nowhere, behind the same link.
const STRANGER: &str = "10.70.0.1";
/// Packets between two proofs that nothing has been lost on the way.
const BURST: usize = 200;
/// Memory that the gateway may take for it, in KiB.
const ROOM: u64 = 32 << 10;
/// A worker tells apart fifty targets of a source and reason in ten seconds, and tells of each twice
/// at most; and once of the rest.
const PER_WINDOW: usize = 2 * 50 + 1;

/// Would catch a scan that fills the log or the memory, that is counted only in part, or that finds
/// what is served by more than its being served.
#[test]
fn a_scan_is_counted_whole_and_recorded_in_part() {
    if lacks_namespaces() {
        return;
    }
    let mut hospitals = Hospitals::with("[data_plane]\nworkers = 1");
    let Hospitals { h1, plus, .. } = &hospitals;
    let scanned =
        Capture::begin(plus, |packet| ends(packet).is_some_and(|(from, _)| from.port() == SCANNER));
    let forger = Forger::new(h1);
    assert!(echoes(h1, H1[0], at(PLUS[0], UDP)));
    let before = hospitals.memory();
    let begin = Instant::now();
    let mut sent = [0_u64; 2];
    for (source, address, count) in
        [(H1[0], "10.20.3.10", 0), (H1[0], "10.20.3.77", 0), (STRANGER, "10.20.3.10", 1)]
    {
        for (number, port) in (1..=u16::MAX).enumerate() {
            if source == H1[0] && port == TCP && address != PLUS[0] {
                continue;
            }
            let probe = tcp(at(source, SCANNER), at(address, port), Tcp::SYN);
            assert!(forger.send(&probe));
            sent[count] += u64::from(source != H1[0] || port != TCP);
            if number % BURST == 0 {
                assert!(echoes(h1, H1[0], at(PLUS[0], UDP)), "the gateway goes on");
            }
        }
    }
    assert!(echoes(h1, H1[0], at(PLUS[0], UDP)));
    let windows = 1 + usize::try_from(begin.elapsed().as_secs()).unwrap() / 10;
    let grown = hospitals.memory().saturating_sub(before);
    assert!(grown < ROOM, "{grown} KiB");

    hospitals.road.gateway.stop();
    let denied = hospitals.records("denied");
    for (who, reason, sent) in [
        (H1[0], "policy.port-not-served", sent[0]),
        (STRANGER, "policy.source-not-registered", sent[1]),
    ] {
        let of = |record: &&Record| record.text("inner_source") == who;
        let records: Vec<_> = denied.iter().filter(of).collect();
        let attempts: i64 = records.iter().map(|record| record.number("attempts")).sum();
        assert_eq!(u64::try_from(attempts).unwrap(), sent, "by {who}");
        assert!(records.iter().all(|record| record.reason() == reason), "{records:?}");
        assert!(records.len() <= (windows + 1) * PER_WINDOW, "{} records", records.len());
    }
    let opened = hospitals.records("open");
    let by_scanner =
        opened.iter().filter(|record| record.number("inner_source_port") == i64::from(SCANNER));
    assert_eq!(by_scanner.count(), 1, "of the port that is served");
    let arrived: BTreeSet<_> = scanned.packets().iter().filter_map(|packet| ends(packet)).collect();
    assert_eq!(arrived, BTreeSet::from([(at(H1[0], SCANNER), at(PLUS[0], TCP))]));
}

/// Would catch memory, or a log, that grows with the number of sources, which anybody may invent.
#[test]
fn sources_without_number_are_counted_together() {
    const SOURCES: u16 = 30_000;
    /// For one reason, of one worker, in ten seconds.
    const RECORDED: usize = 1000;
    if lacks_namespaces() {
        return;
    }
    let mut hospitals = Hospitals::with("[data_plane]\nworkers = 1");
    let forger = Forger::new(&hospitals.h1);
    let (before, begin) = (hospitals.memory(), Instant::now());
    for number in 0..SOURCES {
        let [high, low] = number.to_be_bytes();
        let source = at(&format!("10.70.{high}.{low}"), SCANNER);
        assert!(forger.send(&udp(source, at(PLUS[0], UDP), b"whoever")));
        if usize::from(number) % BURST == 0 {
            assert!(echoes(&hospitals.h1, H1[0], at(PLUS[0], UDP)), "the gateway goes on");
        }
    }
    assert!(echoes(&hospitals.h1, H1[0], at(PLUS[0], UDP)));
    let grown = hospitals.memory().saturating_sub(before);
    assert!(grown < ROOM, "{grown} KiB");
    hospitals.road.gateway.stop();
    let mut denied = hospitals.road.gateway.records();
    denied.retain(|record| record.reason() == "policy.source-not-registered");
    let attempts: i64 = denied.iter().map(|record| record.number("attempts")).sum();
    assert_eq!(attempts, i64::from(SOURCES));
    let windows = 1 + usize::try_from(begin.elapsed().as_secs()).unwrap() / 10;
    assert!(denied.len() <= windows * (RECORDED + 1), "{} records", denied.len());
}
