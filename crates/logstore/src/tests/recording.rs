//! Recording while nothing fails.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use connlog::{FIELDS, Traffic};
use rusqlite::Connection;

use super::*;
use crate::dayfile::DayFile;
use crate::{LogError, LogState, Unwritable};

#[test]
fn each_connection_of_many_producers_has_both_records_once() {
    const TASKS: u64 = 64;
    const EACH: u64 = 50;
    let directory = private_directory();
    let (recorder, writer) =
        Writer::start(config(directory.path(), 10_000, OnFailure::Refuse)).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let recorder = recorder.clone();
            runtime.spawn(async move {
                for number in 0..EACH {
                    let mut ticket = recorder.open(opened(task * EACH + number)).unwrap();
                    ticket.durable().await.unwrap();
                    ticket.durable().await.expect("may be asked again");
                    ticket.close("close.client", Traffic::default(), at(NOON + 1));
                }
            })
        })
        .collect();
    runtime.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
    stop(writer);

    let pairs = pairs(&all(directory.path()));
    assert_eq!(pairs.len() as u64, TASKS * EACH);
    assert!(pairs.values().all(|&pair| pair == (1, 1)));
    let figures = recorder.figures();
    assert_eq!((figures.written, figures.waiting, figures.taken), (2 * TASKS * EACH, 0, 0));
    assert_eq!(recorder.open(opened(0)).unwrap_err(), Unwritable::Stopped);
    assert_eq!(recorder.state(), LogState::Stopped);
}

#[test]
fn what_waits_while_a_commit_is_under_way_shares_the_next() {
    let directory = private_directory();
    let (recorder, writer) =
        Writer::start(config(directory.path(), 2000, OnFailure::Refuse)).unwrap();
    let other = Connection::open(directory.path().join("2026-11-22.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut tickets: Vec<_> =
        (0..1000).map(|number| recorder.open(opened(number)).unwrap()).collect();
    drop(other);
    for ticket in &mut tickets {
        block_on(ticket.durable()).unwrap();
    }
    assert_eq!(recorder.figures().written, 1000);
    assert!(recorder.figures().batches <= 2, "{:?}", recorder.figures());
    drop(tickets);
    stop(writer);
}

#[test]
fn a_dropped_ticket_is_an_abandoned_connection() {
    let directory = private_directory();
    let (recorder, writer) =
        Writer::start(config(directory.path(), 100, OnFailure::Refuse)).unwrap();
    let mut ticket = recorder.open(opened(1)).unwrap();
    ticket.facts_mut().system = Some("kmix-plus".parse().unwrap());
    let panicked = thread::spawn(move || {
        let _ticket = ticket;
        std::panic::resume_unwind(Box::new("a fault in the relay"));
    });
    panicked.join().unwrap_err();
    stop(writer);
    let records = all(directory.path());
    let [open, close] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!((open.kind(), close.kind()), ("open", "close"));
    assert_eq!(close.reason(), Some("close.abandoned"));
    assert_eq!(close.facts.system.as_ref().unwrap().as_str(), "kmix-plus");
}

#[test]
fn a_full_queue_refuses_but_every_close_record_still_fits_and_losses_are_told() {
    let directory = private_directory();
    let (recorder, writer) = Writer::start(config(directory.path(), 5, OnFailure::Refuse)).unwrap();
    // Each open connection keeps the room of its close record.
    let tickets: Vec<_> = (0..4)
        .map(|number| {
            let mut ticket = recorder.open(opened(number)).unwrap();
            block_on(ticket.durable()).unwrap();
            eventually("the room of the open record is free", || {
                (recorder.figures().taken == number + 1).then_some(())
            });
            ticket
        })
        .collect();
    assert_eq!(recorder.open(opened(9)).unwrap_err(), Unwritable::QueueFull);
    let room = recorder.shared.reserve(1).unwrap();
    recorder.denied(denied(10, "tls.no-certificate"));
    drop(room);
    for ticket in tickets {
        ticket.close("close.client", Traffic::default(), at(NOON));
    }
    stop(writer);
    let records = all(directory.path());
    assert_eq!(recorder.figures().lost, 1);
    let [lost] = of_reason(&records, "log.records-lost")[..] else { panic!("{records:?}") };
    assert!(format!("{:?}", lost.event).contains("lost=1"));
    let closed = pairs(&records).values().filter(|&&pair| pair == (1, 1)).count();
    assert_eq!(closed, 4);
}

#[test]
fn midnight_begins_a_new_file_within_one_batch() {
    let directory = private_directory();
    let midnight = NOON + 12 * 3_600_000_000;
    let hands = Hands::at(midnight - 1);
    let (recorder, writer) = Writer::start(hands.config(directory.path())).unwrap();
    let log = Log::new(directory.path().to_owned());
    let mut tail = log.tail(&Query::default(), 10).unwrap();
    for number in 0..500 {
        let time = at(midnight - 1 + i64::from(number % 2 == 0));
        let record = Record { time, ..opened(number) };
        recorder.open(record).unwrap().close("close.client", Traffic::default(), at(midnight));
    }
    stop(writer);
    let mut files: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "lock")
        .collect();
    files.sort();
    assert_eq!(files, ["2026-11-22.db", "2026-11-23.db"], "and no write-ahead logs");
    let records = all(directory.path());
    assert!(records.is_sorted_by_key(|record| record.time.unix_micros));
    assert_eq!(pairs(&records).values().filter(|&&pair| pair == (1, 1)).count(), 500);

    let mut followed = Vec::new();
    loop {
        let records = tail.poll().unwrap();
        if records.is_empty() {
            break;
        }
        followed.extend(records);
    }
    assert_eq!(followed.len(), 1000, "a tail begun before midnight sees both days");
}

#[test]
fn the_files_are_private_compact_and_plain_sqlite() {
    let directory = private_directory();
    let (recorder, writer) =
        Writer::start(config(directory.path(), 20_000, OnFailure::Refuse)).unwrap();
    for number in 0..4000 {
        let traffic =
            Traffic { bytes_in: 51_200, bytes_out: 9_437_184, packets_in: 0, packets_out: 0 };
        let ticket = recorder.open(opened(number)).unwrap();
        ticket.close("close.client", traffic, at(NOON + 73_000_000));
    }
    eventually("all is written", || (recorder.figures().waiting == 0).then_some(()));
    let file = directory.path().join("2026-11-22.db");
    for side in ["", "-wal", "-shm"] {
        let path = format!("{}{side}", file.display());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path}");
    }
    stop(writer);
    let size = fs::metadata(&file).unwrap().len();
    println!("{} bytes a record", size / 8000);
    assert!(size / 8000 <= 300, "{} bytes a record", size / 8000);
    let sqlite = Command::new("sqlite3")
        .args(["-readonly", file.to_str().unwrap()])
        .arg("SELECT count(*), sum(bytes_out) FROM records WHERE kind = 'close'; SELECT value FROM meta ORDER BY key")
        .output()
        .expect("sqlite3 is installed");
    let expected = format!("4000|{}\n2026-11-22\ngw1\n1\n", 4000_u64 * 9_437_184);
    assert_eq!(String::from_utf8(sqlite.stdout).unwrap(), expected);
}

#[test]
fn a_commit_that_came_back_after_a_failure_is_not_written_twice() {
    let directory = private_directory();
    let path = directory.path().join("2026-11-22.db");
    let (first, second, third) = (opened(1), opened(2), opened(3));
    let open = || DayFile::open(path.clone(), "gw1", "2026-11-22").unwrap();
    open().append([(1, &first), (2, &second)].into_iter()).unwrap();
    let mut file = open();
    assert_eq!(file.last_seq().unwrap(), 2);
    file.append([(1, &first), (2, &second), (3, &third)].into_iter()).unwrap();
    file.close();
    assert_eq!(all(directory.path()), [first, second, third]);
}

#[test]
fn start_says_what_is_wrong_with_the_directory() {
    let directory = private_directory();
    let config = |path: &Path| config(path, 10, OnFailure::Refuse);
    let (_recorder, writer) = Writer::start(config(directory.path())).unwrap();
    assert!(matches!(Writer::start(config(directory.path())), Err(LogError::Held { .. })));
    stop(writer);
    let (_recorder, writer) =
        Writer::start(config(directory.path())).expect("the lock ends with the writer");
    stop(writer);

    let missing = directory.path().join("missing");
    assert!(matches!(Writer::start(config(&missing)), Err(LogError::Directory { .. })));
    fs::set_permissions(directory.path(), Permissions::from_mode(0o750)).unwrap();
    let error = Writer::start(config(directory.path())).unwrap_err();
    assert!(error.to_string().contains("chmod 0700"), "{error}");

    let foreign = private_directory();
    fs::write(foreign.path().join("2026-11-22.db"), "a note to self").unwrap();
    let error = Writer::start(config(foreign.path())).unwrap_err();
    assert!(error.to_string().contains("2026-11-22.db is not a day file"), "{error}");
    assert_eq!(fs::read(foreign.path().join("2026-11-22.db")).unwrap(), b"a note to self");
}

#[test]
fn a_connection_that_outlives_the_writer_is_counted_and_told() {
    let directory = private_directory();
    let (recorder, writer) =
        Writer::start(config(directory.path(), 10, OnFailure::Refuse)).unwrap();
    let ticket = recorder.open(opened(1)).unwrap();
    let error = writer.stop(Instant::now() + Duration::from_millis(50)).unwrap_err();
    assert!(matches!(error, LogError::Unfinished { open: 1, unwritten: 0 }), "{error}");
    drop(ticket);
    let records = all(directory.path());
    assert_eq!(of_reason(&records, "log.records-lost").len(), 1);
    assert_eq!(records[0].values().len(), FIELDS.len());
}
