//! Tests of the whole log: recorders in front, SQLite files behind.

mod failure;
mod killed;
mod queries;
mod recording;

use std::collections::HashMap;
use std::fs::Permissions;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use connlog::{ClockState, ConnectionId, Credential, Event, Facts, Negotiated, Record, Timestamp};
use policy::Network;

use crate::{Config, Log, OnFailure, Query, Writer};

/// 2026-11-22T12:00:00 in Japan.
const NOON: i64 = 1_795_316_400_000_000;

fn at(unix_micros: i64) -> Timestamp {
    Timestamp { unix_micros, offset_minutes: 540, clock: ClockState::Unknown }
}

/// A clock that stands still until moved.
#[derive(Clone)]
struct Hands(Arc<AtomicI64>);

impl Hands {
    fn at(micros: i64) -> Self {
        Self(Arc::new(AtomicI64::new(micros)))
    }

    fn config(&self, directory: &Path) -> Config {
        let hands = self.clone();
        let clock = Arc::new(move || at(hands.0.load(Ordering::Relaxed)));
        Config::new(directory.to_owned(), "gw1".into(), clock)
    }
}

fn private_directory() -> tempfile::TempDir {
    let private = Permissions::from_mode(0o700);
    tempfile::Builder::new().permissions(private).tempdir().unwrap()
}

fn config(directory: &Path, capacity: u32, on_failure: OnFailure) -> Config {
    Config { capacity, on_failure, ..Hands::at(NOON).config(directory) }
}

/// An open record as a TLS connection has it.
fn opened(number: u64) -> Record {
    let mut random = [0x5a; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    Record {
        connection: ConnectionId::new(NOON, random),
        time: at(NOON),
        gateway: "gw1".into(),
        event: Event::Opened,
        facts: Facts {
            network: Some(Network::Tls),
            source: Some("198.51.100.207:50123".parse().unwrap()),
            local: Some("203.0.113.10:443".parse().unwrap()),
            institution: Some("3710001".parse().unwrap()),
            terminal: Some("3710001/ct-1".parse().unwrap()),
            credential: Some(Credential::Certificate {
                serial: "4f1c9a02b7de5518".into(),
                issuer: "CN=Sekisho Issuing CA,O=Example".into(),
                claimed: Some("3710001/ct-1".into()),
            }),
            system: Some("enkaku-dokuei".parse().unwrap()),
            requested: Some("dokuei.example.jp".into()),
            negotiated: Some(Negotiated {
                version: "TLSv1.3".into(),
                suite: "TLS13_AES_256_GCM_SHA384".into(),
                group: "X25519".into(),
            }),
            generation: Some(7),
            ..Facts::default()
        },
    }
}

fn denied(number: u64, reason: &'static str) -> Record {
    let event = Event::Denied { reason: reason.into(), attempts: 1, detail: None };
    Record { event, ..opened(number) }
}

fn stop(writer: Writer) {
    writer.stop(soon()).unwrap();
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn all(directory: &Path) -> Vec<Record> {
    let log = Log::new(directory.to_owned());
    log.records(&Query::default()).unwrap().collect::<Result<_, _>>().unwrap()
}

fn of_reason<'r>(records: &'r [Record], reason: &str) -> Vec<&'r Record> {
    records.iter().filter(|record| record.reason() == Some(reason)).collect()
}

/// How many open and close records each connection has.
fn pairs(records: &[Record]) -> HashMap<ConnectionId, (u32, u32)> {
    let mut pairs = HashMap::new();
    for record in records {
        let (open, close) = pairs.entry(record.connection).or_insert((0, 0));
        match record.event {
            Event::Opened => *open += 1,
            Event::Closed { .. } => *close += 1,
            Event::Denied { .. } | Event::Control { .. } => {}
        }
    }
    pairs
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// Tries until `probe` gives something, for at most ten seconds.
fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = soon();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
