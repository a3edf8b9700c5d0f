//! A peer that has the keys of its tunnel in its hand: our IKE begins, scapy does the ESP.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use ike_negotiation::ChildProposal;
use sekisho_tests::initiator::{self, Initiator, Keys, Plan};
use sekisho_tests::netns::Namespace;
use sekisho_tests::program;
use sekisho_tests::road::{KEY, LAN, PLUS, ROUTER, ip};
use sekisho_tests::site::IPSEC;
use serde_json::{Value, json};

use crate::centre::{CLIENT, Centre, PLUS_HOST};

/// Debian's, which has its scapy.
const PYTHON: &str = "/usr/bin/python3";

/// `H1/rtx` without strongSwan.
pub(crate) struct Hand {
    process: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    pub(crate) child: initiator::Child,
    _initiator: Initiator,
    _namespace: Namespace,
}

/// With what it sends.
pub(crate) struct Suite {
    /// As `swanctl.conf` has it.
    pub(crate) proposal: &'static str,
    /// Cipher and integrity check, as scapy calls them.
    pub(crate) names: (&'static str, &'static str),
}

pub(crate) const GCM: Suite = Suite { proposal: "aes256gcm16", names: ("AES-GCM", "NULL") };

impl Hand {
    /// Establishes the tunnel, between these outer addresses.
    pub(crate) fn begin(centre: &Centre, [local, remote]: [&str; 2], suite: &Suite) -> Self {
        let namespace = centre.road.host(1);
        let mut plan = Plan::by_key(ROUTER, IPSEC, KEY);
        (plan.from, plan.to) = (vec![ip(local)], ip(remote));
        plan.children = vec![(LAN, PLUS)];
        let proposal: ChildProposal = suite.proposal.parse().unwrap();
        plan.config.child_proposals = vec![proposal];
        let initiator = Initiator::begin(&namespace, plan);
        let child = initiator.wait_for("a child", |seen| seen.children.values().next().cloned());
        let keys =
            |keys: &Keys| json!({ "encryption": keys.encryption, "integrity": keys.integrity });
        let sas = json!({
            "local": local, "remote": remote, "client": CLIENT, "system": PLUS_HOST,
            "cipher": suite.names.0, "integrity": suite.names.1,
            "esn": suite.proposal.ends_with("-esn"),
            "spi_in": child.spi_in, "keys_in": keys(&child.keys_in),
            "spi_out": child.spi_out, "keys_out": keys(&child.keys_out),
        });
        Self::start(namespace, initiator, child, &sas)
    }

    fn start(
        namespace: Namespace,
        initiator: Initiator,
        child: initiator::Child,
        sas: &Value,
    ) -> Self {
        let mut python = namespace.command(PYTHON);
        let piped = python.args(["-c", include_str!("hand.py")]).stdin(Stdio::piped());
        let mut process = piped.stdout(Stdio::piped()).spawn().unwrap();
        let (orders, answers) = (process.stdin.take(), process.stdout.take().unwrap());
        let answers = BufReader::new(answers);
        let (_initiator, _namespace) = (initiator, namespace);
        let mut hand = Self { process, orders, answers, child, _initiator, _namespace };
        hand.say(&sas.to_string());
        hand
    }

    fn say(&mut self, line: &str) {
        writeln!(self.orders.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Sends the packet of this name; the text that comes back, or `sent`.
    pub(crate) fn send(&mut self, name: &str) -> String {
        self.say(name);
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert!(answer.ends_with('\n'), "{name}: scapy failed, or nothing came back");
        answer.trim().to_owned()
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        // The end of its input is its end.
        self.orders = None;
        let _ = self.process.wait();
    }
}

/// Whether this machine lacks scapy; then the running test should return.
pub(crate) fn lacks_scapy() -> bool {
    const SCAPY: &str = "/usr/lib/python3/dist-packages/scapy/layers/ipsec.py";
    const CRYPTOGRAPHY: &str = "/usr/lib/python3/dist-packages/cryptography/__init__.py";
    [PYTHON, SCAPY, CRYPTOGRAPHY].into_iter().any(program::lacks_file)
}
