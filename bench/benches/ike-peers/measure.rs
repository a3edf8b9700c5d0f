//! What is measured of both responders, side by side.

use std::fs;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bench::figures::Figure;
use bench::{cpu, memory};
use sekisho_tests::netns::Namespace;
use sekisho_tests::program::{self, Server};
use sekisho_tests::strongswan::Strongswan;

use crate::load::{Held, Load, Wish};
use crate::network::{GATEWAY, Network, STRONGSWAN};
use crate::pki_files::{Files, Keys};
use crate::wanted::{KEY_EXCHANGES, child, config};
use crate::{gateway, strongswan};

/// Rounds of which the median counts.
const ROUNDS: usize = 5;
/// Handshakes of a round.
const HANDSHAKES: usize = 2000;
/// Before anything is measured: caches are filled, and heaps have grown.
const WARM_UP: usize = 500;
/// Sessions held at the same time.
const HELD: usize = 10_000;
/// For what a responder does when it has answered.
const SETTLE: Duration = Duration::from_millis(300);

/// Both responders with keys of one algorithm, and the terminals.
pub(crate) struct Stage {
    keys: Keys,
    load: Load,
    subjects: [Subject; 3],
    _running: (Server, Strongswan, Network, Files),
}

/// Who is measured, and with what sessions.
#[derive(Clone, Copy)]
struct Subject {
    name: &'static str,
    address: IpAddr,
    process: u32,
    with_child: bool,
}

impl Stage {
    pub(crate) fn new(keys: Keys) -> Self {
        let files = Files::make(keys, &gateway::configuration());
        let network = Network::new();
        let load = Load::new(&files, &network);
        let gateway = gateway::start(&files, &network.gateway);
        let strongswan = strongswan::start(&files, &network.strongswan);
        let subject =
            |name, address, process, with_child| Subject { name, address, process, with_child };
        let sekisho = process(&network.gateway, "sekisho");
        let charon = process(&network.strongswan, "charon-systemd");
        let subjects = [
            subject("sekisho", GATEWAY, sekisho, false),
            subject("strongswan", STRONGSWAN, charon, false),
            subject("sekisho-with-child", GATEWAY, sekisho, true),
        ];
        Self { keys, load, subjects, _running: (gateway, strongswan, network, files) }
    }

    pub(crate) fn measure(mut self) -> Vec<Figure> {
        for subject in self.subjects {
            let held = self.begin(subject, "ecp384", WARM_UP);
            self.load.end(&held);
        }
        // First, while no heap has gaps.
        let mut figures = self.hold();
        figures.extend(KEY_EXCHANGES.into_iter().flat_map(|key_exchange| self.rate(key_exchange)));
        figures
    }

    /// CPU time of a handshake, and its ratio to the gateway's of the same round.
    fn rate(&mut self, key_exchange: &'static str) -> Vec<Figure> {
        let mut rounds: Vec<[f64; 3]> = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(self.subjects.map(|subject| self.round(subject, key_exchange)));
        }
        let group = format!("ike-peers/{}-{key_exchange}", self.keys.name());
        let mut figures = Vec::new();
        for (index, subject) in self.subjects.iter().enumerate() {
            let name = format!("{group}/{}", subject.name);
            let value = median(rounds.iter().map(|round| round[index]));
            figures.push(Figure { name: name.clone(), value, unit: "ns" });
            if index > 0 {
                let value = median(rounds.iter().map(|round| round[index] / round[0]));
                figures.push(Figure { name: format!("{name} : sekisho"), value, unit: "" });
            }
        }
        figures
    }

    fn round(&mut self, subject: Subject, key_exchange: &str) -> f64 {
        thread::sleep(SETTLE);
        let before = cpu::of_process(subject.process);
        let held = self.begin(subject, key_exchange, HANDSHAKES);
        thread::sleep(SETTLE);
        let used = cpu::of_process(subject.process) - before;
        self.load.end(&held);
        used.as_nanos() as f64 / HANDSHAKES as f64
    }

    /// Memory of a session, while both hold theirs.
    fn hold(&mut self) -> Vec<Figure> {
        let [_, strongswan, sekisho] = self.subjects;
        let group = format!("ike-peers/{}-memory", self.keys.name());
        let held = [sekisho, strongswan].map(|subject| {
            let before = memory::of_process(subject.process);
            let held = self.begin(subject, "ecp384", HELD);
            thread::sleep(SETTLE);
            let growth = memory::of_process(subject.process).saturating_sub(before);
            let value = growth as f64 / HELD as f64;
            (held, Figure { name: format!("{group}/{}", subject.name), value, unit: "B" })
        });
        held.map(|(held, figure)| {
            self.load.end(&held);
            figure
        })
        .into()
    }

    fn begin(&mut self, subject: Subject, key_exchange: &str, sessions: usize) -> Vec<Held> {
        let wish = Wish {
            responder: subject.address,
            config: Arc::new(config(key_exchange)),
            child: subject.with_child.then(child),
        };
        self.load.begin(&wish, sessions)
    }
}

/// The only process of this name in a namespace.
fn process(namespace: &Namespace, name: &str) -> u32 {
    let all = program::run("ip", ["netns", "pids", namespace.name()]).expect_success();
    let called = |id: &&str| {
        let called = fs::read_to_string(format!("/proc/{id}/comm"));
        called.is_ok_and(|called| called.trim_end() == name)
    };
    all.lines().find(called).and_then(|id| id.parse().ok()).unwrap()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
