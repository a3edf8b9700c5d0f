//! A store that fails, and comes back.

use std::env;
use std::fs;
use std::process::Command;
use std::time::Duration;

use connlog::Traffic;
use rusqlite::Connection;

use super::*;
use crate::{Cause, LogState, Ticket, Unwritable};

/// A file system of its own, of one mebibyte; gone when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None`, and says so, where mounting is not permitted; in CI it must be.
    fn mount() -> Option<Self> {
        let directory = private_directory();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs"])
            .arg(directory.path())
            .output();
        if mount.is_ok_and(|output| output.status.success()) {
            return Some(Self(directory));
        }
        assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "CI must be able to mount");
        println!("NOT TESTED: a full disk; mounting a tmpfs needs root");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn fill(&self) {
        let mut size = 1 << 20;
        while size >= 512 {
            let path = self.path().join(format!("ballast-{size}"));
            if fs::write(&path, vec![0; size]).is_err() {
                fs::remove_file(&path).unwrap();
                size /= 2;
                continue;
            }
            fs::rename(&path, self.path().join(format!("kept-{size}"))).unwrap();
            size /= 2;
        }
    }

    fn free(&self) {
        for entry in fs::read_dir(self.path()).unwrap().map(Result::unwrap) {
            if entry.file_name().to_str().unwrap().starts_with("kept-") {
                fs::remove_file(entry.path()).unwrap();
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The lazy one succeeds whoever still looks at it.
        Command::new("umount").arg("-l").arg(self.path()).status().unwrap();
    }
}

/// Opens connections until the disk is full; gives those acknowledged, and the rest.
fn open_until_full(recorder: &crate::Recorder) -> (Vec<Ticket>, Vec<Ticket>) {
    let (mut durable, mut refused) = (Vec::new(), Vec::new());
    for number in 0.. {
        match recorder.open(opened(number)) {
            Ok(mut ticket) => match block_on(ticket.durable()) {
                Ok(()) => durable.push(ticket),
                Err(error) => {
                    assert_eq!(error, Unwritable::Storage);
                    refused.push(ticket);
                }
            },
            Err(error) => {
                assert_eq!(error, Unwritable::Storage);
                break;
            }
        }
    }
    (durable, refused)
}

#[test]
fn a_full_disk_refuses_and_service_resumes_with_nothing_missing() {
    let Some(disk) = SmallDisk::mount() else { return };
    let (recorder, writer) =
        Writer::start(config(disk.path(), 100_000, OnFailure::Refuse)).unwrap();
    disk.fill();
    let (durable, refused) = open_until_full(&recorder);
    assert!(!refused.is_empty());
    // The cause stays the same when writing is tried again.
    for _ in 0..50 {
        let state = recorder.state();
        assert!(matches!(state, LogState::Failing { cause: Cause::DiskFull, .. }), "{state:?}");
        std::thread::sleep(Duration::from_millis(20));
    }

    let ids = |tickets: &[Ticket]| tickets.iter().map(Ticket::connection).collect::<Vec<_>>();
    let (durable_ids, refused_ids) = (ids(&durable), ids(&refused));
    for ticket in durable.into_iter().chain(refused) {
        ticket.close("close.client", Traffic::default(), at(NOON));
    }
    recorder.denied(denied(u64::MAX, "tls.no-certificate"));
    disk.free();
    eventually("writing again", || (recorder.state() == LogState::Writing).then_some(()));
    block_on(recorder.open(opened(1_000_000)).unwrap().durable()).unwrap();
    stop(writer);

    let records = all(disk.path());
    let pairs = pairs(&records);
    for id in durable_ids.iter().chain(&refused_ids) {
        assert_eq!(pairs.get(id), Some(&(1, 1)), "{id}");
    }
    assert_eq!(of_reason(&records, "tls.no-certificate").len(), 1);
    let [regained] = of_reason(&records, "log.regained")[..] else { panic!("no record of it") };
    assert!(format!("{:?}", regained.event).contains("lost=0 cause=disk-full"), "{regained:?}");
}

#[test]
fn a_full_disk_admits_if_so_configured_and_the_lost_are_counted() {
    let Some(disk) = SmallDisk::mount() else { return };
    let (recorder, writer) = Writer::start(config(disk.path(), 10, OnFailure::Admit)).unwrap();
    disk.fill();
    let mut tickets = Vec::new();
    for number in 0.. {
        let mut ticket = recorder.open(opened(number)).expect("never refused");
        block_on(ticket.durable()).expect("at once");
        tickets.push(ticket);
        let figures = recorder.figures();
        if figures.lost > 0 && matches!(recorder.state(), LogState::Failing { .. }) {
            break;
        }
        // Those that were written make room again.
        if !matches!(recorder.state(), LogState::Failing { .. }) {
            tickets.clear();
        }
    }
    disk.free();
    eventually("writing again", || (recorder.state() == LogState::Writing).then_some(()));
    drop(tickets);
    stop(writer);
    let records = all(disk.path());
    let told = |reason| -> u64 {
        let details = of_reason(&records, reason).into_iter().map(|r| format!("{:?}", r.event));
        let lost = details.map(|d| d.split_once("lost=").unwrap().1.to_owned());
        lost.map(|d| d.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse::<u64>().unwrap())
            .sum()
    };
    let lost = recorder.figures().lost;
    assert!(lost > 0);
    assert_eq!(told("log.regained") + told("log.records-lost"), lost);
}

#[test]
fn a_file_held_by_another_program_shows_as_slow_then_as_failing_then_passes() {
    let directory = private_directory();
    let (recorder, writer) =
        Writer::start(config(directory.path(), 100, OnFailure::Refuse)).unwrap();
    let other = Connection::open(directory.path().join("2026-11-22.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut ticket = recorder.open(opened(1)).unwrap();
    let waited =
        block_on(async { tokio::time::timeout(Duration::from_millis(10), ticket.durable()).await });
    waited.expect_err("not on disk yet");
    eventually("slow", || matches!(recorder.state(), LogState::Slow { .. }).then_some(()));
    let second = recorder.open(opened(2)).expect("slow refuses nobody");
    assert_eq!(block_on(ticket.durable()), Err(Unwritable::Storage));
    let state = recorder.state();
    assert!(matches!(state, LogState::Failing { cause: Cause::Busy, .. }), "{state:?}");
    drop(other);
    eventually("writing again", || {
        matches!(recorder.state(), LogState::Writing | LogState::Slow { .. }).then_some(())
    });
    ticket.close("log.storage-failed", Traffic::default(), at(NOON));
    second.close("close.client", Traffic::default(), at(NOON));
    stop(writer);
    let records = all(directory.path());
    assert_eq!(pairs(&records).values().filter(|&&pair| pair == (1, 1)).count(), 2);
}
