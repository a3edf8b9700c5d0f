//! kill -9 at full speed.

use std::collections::HashSet;
use std::env;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use connlog::Traffic;

use super::*;

const DIRECTORY: &str = "LOGSTORE_TEST_DIRECTORY";
const THREADS: u64 = 8;

/// Runs in the child process of the test below: prints each connection's id once its
/// open record is said to be on disk, until killed.
#[test]
#[ignore = "is the child process of another test"]
fn child() {
    let Some(directory) = env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let (recorder, _writer) = Writer::start(config(&directory, 10_000, OnFailure::Refuse)).unwrap();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let recorder = recorder.clone();
            thread::spawn(move || {
                for number in 0.. {
                    let mut ticket = recorder.open(opened(number * THREADS + thread)).unwrap();
                    block_on(ticket.durable()).unwrap();
                    println!("id {}", ticket.connection());
                    ticket.close("close.client", Traffic::default(), at(NOON));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let directory = private_directory();
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "tests::killed::child", "--ignored", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = HashSet::new();
    // The harness prints the test's name on the line of the first id.
    let id = |line: String| line.rsplit_once("id ").map(|(_, id)| id.to_owned());
    while acknowledged.len() < 2000 {
        let line = lines.next().expect("the child lives").unwrap();
        acknowledged.extend(id(line));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // The last line may have been cut short.
    let whole = lines.map_while(Result::ok).filter_map(id).filter(|id| id.len() == 36);
    acknowledged.extend(whole);

    let survived = |records: &[Record]| {
        let ids: HashSet<_> = records.iter().map(|r| r.connection.to_string()).collect();
        assert_eq!(acknowledged.difference(&ids).count(), 0, "of {}", acknowledged.len());
    };
    survived(&all(directory.path()));
    let (_recorder, writer) =
        Writer::start(config(directory.path(), 10, OnFailure::Refuse)).expect("no repair by hand");
    stop(writer);
    let records = all(directory.path());
    survived(&records);
    assert!(pairs(&records).values().all(|&(open, close)| open == 1 && close <= 1));
}
