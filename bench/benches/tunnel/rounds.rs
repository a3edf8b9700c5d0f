//! Rounds, in which all take turns.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::Duration;

use crate::flood::Flood;
use crate::iperf::{Direction, Iperf};
use crate::latency::{self, RoundTrips};
use crate::measures::{ADDED, Numbers};
use crate::options::Options;
use crate::peers::Peer;
use crate::road::Road;
use crate::usage::{self, Used};

/// One who takes part, or would have.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    /// What it is, or why it is not measured.
    pub(crate) version: Result<String, String>,
    /// What each round gave.
    pub(crate) rounds: Vec<Result<Numbers, String>>,
}

/// Measures all who are there and wanted.
pub(crate) fn run(options: &Options, peers: Vec<Box<dyn Peer>>) -> Vec<Subject> {
    let wanted = peers.into_iter().filter(|peer| options.wants(peer.name()));
    let (peers, mut subjects): (Vec<_>, Vec<_>) = wanted
        .map(|peer| {
            let (name, version) = (peer.name(), attempt(|| peer.version()).flatten());
            (peer, Subject { name, version, rounds: Vec::new() })
        })
        .unzip();
    for number in 1..=options.rounds {
        for (peer, subject) in peers.iter().zip(&mut subjects) {
            if subject.version.is_ok() {
                eprintln!("round {number} of {}: {}", options.rounds, subject.name);
                let round = attempt(|| measure(peer.as_ref(), options.length()));
                subject.rounds.push(round);
            }
        }
    }
    add_differences(&mut subjects);
    subjects
}

impl Subject {
    /// A number of each round that gave it.
    pub(crate) fn numbers(&self, key: &str) -> Vec<f64> {
        let numbers = self.rounds.iter().filter_map(|round| round.as_ref().ok()?.get(key).copied());
        numbers.collect()
    }

    /// Of the rounds.
    pub(crate) fn median(&self, key: &str) -> Option<f64> {
        median(self.numbers(key))
    }

    /// Each round of this one with the same round of another.
    pub(crate) fn rounds_beside<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = (&'a Numbers, &'a Numbers)> {
        let both = self.rounds.iter().zip(&other.rounds);
        both.filter_map(|(own, others)| Some((own.as_ref().ok()?, others.as_ref().ok()?)))
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// A peer that fails does not end the others' rounds.
fn attempt<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(act)).map_err(|cause| said(cause.as_ref()))
}

fn said(cause: &(dyn Any + Send)) -> String {
    let literal = || cause.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let said = cause.downcast_ref::<String>().cloned().or_else(literal);
    said.unwrap_or_else(|| "it failed".to_owned())
}

fn measure(peer: &dyn Peer, length: Duration) -> Numbers {
    let road = Road::new();
    let _running = peer.start(&road);
    road.wait_until_open();
    let iperf = Iperf::new(&road);
    let gateways = road.gateway_processes();
    let mut numbers = Numbers::new();
    let light = latency::measure(&road, length);
    put_round_trips(&mut numbers, ["rtt-light-p50", "rtt-light-p99"], &light);
    for (direction, keys) in [
        (Direction::Up, ["tcp-up-1", "cpu-gateways-up", "cpu-machine-up", "tcp-up-4"]),
        (Direction::Down, ["tcp-down-1", "cpu-gateways-down", "cpu-machine-down", "tcp-down-4"]),
    ] {
        transfer(&mut numbers, keys, &iperf, direction, &gateways, length);
    }
    let loaded = under_load(&road, &iperf, length);
    put_round_trips(&mut numbers, ["rtt-loaded-p50", "rtt-loaded-p99"], &loaded);
    let memory = || (!gateways.is_empty()).then(|| usage::memory(&gateways));
    let before = memory();
    floods(&mut numbers, &road, length);
    for (key, octets) in [("memory", before), ("memory-overload", memory())] {
        numbers.extend(octets.map(|octets| (key, octets)));
    }
    numbers
}

/// One stream, and what it costs; then four.
fn transfer(
    numbers: &mut Numbers,
    [one, of_gateways, of_machine, four]: [&'static str; 4],
    iperf: &Iperf,
    direction: Direction,
    gateways: &[u32],
    length: Duration,
) {
    let before = Used::so_far(gateways);
    let transfer = iperf.transfer(direction, 1, length);
    let used = Used::so_far(gateways).since(before);
    let gigabytes = transfer.octets / 1e9;
    numbers.insert(one, transfer.rate);
    if !gateways.is_empty() {
        numbers.insert(of_gateways, used.gateways.as_secs_f64() / gigabytes);
    }
    numbers.insert(of_machine, used.machine.as_secs_f64() / gigabytes);
    numbers.insert(four, iperf.transfer(direction, 4, length).rate);
}

fn under_load(road: &Road, iperf: &Iperf, length: Duration) -> RoundTrips {
    /// Before and after, so that there is load all the time.
    const MARGIN: Duration = Duration::from_secs(1);
    thread::scope(|scope| {
        let load = scope.spawn(|| iperf.transfer(Direction::Up, 1, length + 2 * MARGIN));
        thread::sleep(MARGIN);
        let round_trips = latency::measure(road, length);
        load.join().unwrap();
        round_trips
    })
}

fn floods(numbers: &mut Numbers, road: &Road, length: Duration) {
    let usual = Flood { packet: 64, joined: false, unlimited: false };
    let small = usual.run(road, length);
    numbers.insert("udp-64", small.rate);
    numbers.insert("udp-64-lost", small.lost);
    numbers.insert("udp-64-late", small.late);
    let large = Flood { packet: 1400, ..usual }.run(road, length);
    numbers.insert("udp-1400", large.rate);
    numbers.insert("udp-1400-lost", large.lost);
    numbers.insert("udp-1400-late", large.late);
    let joined = Flood { joined: true, ..usual }.run(road, length);
    numbers.insert("udp-64-joined", joined.rate);
    numbers.insert("udp-64-joined-lost", joined.lost);
    let overload = Flood { unlimited: true, ..usual }.run(road, length);
    numbers.insert("udp-64-overload", overload.rate);
    numbers.insert("udp-64-overload-lost", overload.lost);
}

fn put_round_trips(numbers: &mut Numbers, keys: [&'static str; 2], times: &RoundTrips) {
    for (key, time) in keys.into_iter().zip([times.median, times.p99]) {
        numbers.insert(key, time.as_secs_f64());
    }
}

/// What each tunnel adds to plain forwarding, of the same round.
fn add_differences(subjects: &mut [Subject]) {
    let Some((plain, tunnels)) = subjects.split_first_mut() else { return };
    for tunnel in tunnels {
        for (own, plain) in tunnel.rounds.iter_mut().zip(&plain.rounds) {
            let (Ok(own), Ok(plain)) = (own, plain) else { continue };
            for (added, of) in ADDED {
                own.insert(added, own[of] - plain[of]);
            }
        }
    }
}
