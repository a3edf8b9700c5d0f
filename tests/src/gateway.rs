//! A running gateway.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::netns::Namespace;
use crate::record::Record;
use crate::site::Site;
use crate::{PATIENCE, program, until};

/// Where the gateway's diagnostics go.
const STDERR: &str = "stderr";

/// A `sekisho run`. Stopped when dropped.
#[derive(Debug)]
pub struct Gateway {
    /// Its directory.
    pub site: Site,
    process: Child,
    starts: usize,
    addresses: Vec<SocketAddr>,
    namespace: Option<Namespace>,
}

impl Gateway {
    /// Starts what is configured at `site`, in a namespace if one is given, and waits until it
    /// serves.
    pub(crate) fn start(site: Site, namespace: Option<Namespace>) -> Self {
        let (process, addresses) = (spawn(&site, namespace.as_ref()), Vec::new());
        let mut gateway = Self { site, process, starts: 1, addresses, namespace };
        gateway.wait_until_serving();
        gateway
    }

    /// Starts it anew at the same site, once it has ended.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start_again(&mut self) {
        self.process = spawn(&self.site, self.namespace.as_ref());
        self.starts += 1;
        self.wait_until_serving();
    }

    fn wait_until_serving(&mut self) {
        self.addresses = until("the gateway serves", || {
            let stderr = self.stderr();
            if let Some(status) = self.process.try_wait().unwrap() {
                panic!("the gateway ended at once, {status}:\n{stderr}");
            }
            let serving = stderr.lines().any(|line| line.ends_with(" serving"));
            let lines = stderr.lines().filter_map(|line| line.split_once("listening address="));
            serving.then(|| lines.map(|(_, address)| address.parse().unwrap()).collect())
        });
        until("the start is on record", || {
            let started = |record: &Record| record.reason() == "gateway.started";
            let starts = self.records().into_iter().filter(started).count();
            (starts == self.starts).then_some(())
        });
    }

    /// Where listener number `index` listens.
    pub fn address(&self, index: usize) -> SocketAddr {
        self.addresses[index]
    }

    /// The usual listener for every system, by server name.
    pub fn named(&self) -> SocketAddr {
        self.address(0)
    }

    /// The usual listener of `enkaku-dokuei`.
    pub fn bound(&self) -> SocketAddr {
        self.address(1)
    }

    /// What it has said so far.
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.site.path(STDERR)).unwrap()
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it is running");
    }

    /// Waits until it has ended by itself or by a signal.
    pub fn ended(&mut self) -> ExitStatus {
        until("the gateway ends", || self.process.try_wait().unwrap())
    }

    /// Stops it in good order: everything is on record afterwards.
    ///
    /// # Panics
    ///
    /// When it does not end well.
    pub fn stop(&mut self) {
        self.signal(Signal::TERM);
        let status = self.ended();
        assert!(status.success(), "{status}\n{}", self.stderr());
    }

    /// Runs a `sekisho` command beside it, given as words.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn sekisho(&self, words: &str) -> String {
        self.site.sekisho(words.split(' ')).expect_success()
    }

    /// The same for arguments with spaces.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn sekisho_with<A: AsRef<OsStr>>(&self, arguments: &[A]) -> String {
        self.site.sekisho(arguments).expect_success()
    }

    /// What it says of itself.
    ///
    /// # Panics
    ///
    /// When it does not answer.
    pub fn status(&self) -> Value {
        serde_json::from_str(&self.sekisho("status --json")).unwrap()
    }

    /// How often it has counted a reason.
    pub fn count(&self, reason: &str) -> u64 {
        self.status()["counts"][reason].as_u64().unwrap_or(0)
    }

    /// Waits until so many connections are live, handshakes included.
    pub fn wait_for_connections(&self, count: u64) {
        until("the number of connections", || {
            (self.status()["connections"].as_u64() == Some(count)).then_some(())
        });
    }

    /// Everything on record, in the order it was written.
    pub fn records(&self) -> Vec<Record> {
        self.sekisho("log query --json").lines().map(Record::parse).collect()
    }

    /// Waits for the first record that fits.
    ///
    /// # Panics
    ///
    /// When none comes; with all there are.
    pub fn record(&self, fits: impl Fn(&Record) -> bool) -> Record {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let records = self.records();
            if let Some(found) = records.iter().find(|record| fits(record)) {
                return found.clone();
            }
            assert!(Instant::now() < deadline, "no such record among {records:#?}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for the close record of the connection from `source`.
    pub fn closed(&self, source: SocketAddr) -> Record {
        self.record(|record| record.is("close") && is_from(record, source))
    }

    /// Waits for the refusal of the connection from `source`.
    pub fn denied(&self, source: SocketAddr) -> Record {
        self.record(|record| record.is("denied") && is_from(record, source))
    }

    /// Does something and waits for the record of this kind that it leaves.
    pub fn provoke<T>(&self, kind: &str, act: impl FnOnce() -> T) -> (T, Record) {
        let before = self.records().iter().filter(|record| record.is(kind)).count();
        let outcome = act();
        let record = until("a record is left", || {
            self.records().into_iter().filter(|record| record.is(kind)).nth(before)
        });
        (outcome, record)
    }
}

fn is_from(record: &Record, source: SocketAddr) -> bool {
    record.number("source_port") == i64::from(source.port())
        && record.text("source") == source.ip().to_string()
}

fn spawn(site: &Site, namespace: Option<&Namespace>) -> Child {
    let stderr = File::create(site.path(STDERR)).unwrap();
    let mut command = match namespace {
        Some(namespace) => namespace.unbounded(program::sekisho()),
        None => Command::new(program::sekisho()),
    };
    command
        .arg("--config")
        .arg(site.path(crate::site::CONFIG))
        .arg("run")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .expect("the gateway starts")
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.end();
        let stderr = self.stderr();
        if thread::panicking() {
            eprintln!("the gateway said:\n{stderr}");
        } else {
            assert!(!stderr.contains("panicked"), "{stderr}");
        }
    }
}

impl Gateway {
    /// Ends it, if it has not ended yet: a second SIGTERM cuts the drain short.
    fn end(&mut self) {
        for (signal, patience) in
            [(Signal::TERM, 500), (Signal::TERM, 10_000), (Signal::KILL, 10_000)]
        {
            if matches!(self.process.try_wait(), Ok(None)) {
                self.signal(signal);
            }
            for _ in 0..patience / 10 {
                if !matches!(self.process.try_wait(), Ok(None)) {
                    return;
                }
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}
