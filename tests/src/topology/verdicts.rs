//! What came of an attempt: by the record, by the client's account, and by what the systems saw.

use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use demo::report::Row;
use demo::systems::Kind;
use jiff::Timestamp;

use super::Topology;
use super::clients::Told;
use crate::record::Record;

/// The verdict on what may pass.
pub const PERMITTED: &str = "permitted";
/// What becomes of a packet that never comes before the gateway: no system sees it, and nothing is
/// on record.
pub const DROPPED: &str = "dropped";

/// How long a record may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long something that must not happen is waited for.
const SILENCE: Duration = Duration::from_millis(300);

/// Something that is tried.
pub(super) struct Attempt<'a> {
    /// In Japanese and English.
    pub(super) what: String,
    /// As the record has it.
    pub(super) road: &'static str,
    /// Whose attempt it is; nobody's if empty.
    pub(super) institution: &'static str,
    /// The system that it is for, if that gets as far as the record.
    pub(super) system: Option<Kind>,
    /// [`PERMITTED`], [`DROPPED`], or the code of a reason.
    pub(super) expected: &'static str,
    /// Whether the client gets what it came for.
    pub(super) succeeds: bool,
    /// What it leaves on record.
    pub(super) trace: Trace,
    /// Does it.
    pub(super) act: Box<dyn Fn() -> Told + 'a>,
}

/// How the record of an attempt is known among others.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trace {
    /// A flow from there to there; port 0 for ICMP.
    Flow(IpAddr, SocketAddr),
    /// An IKE session or a child of one.
    Session,
    /// A TLS connection from there.
    Connection(IpAddr),
}

/// An attempt and its outcome.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Its row of the table.
    pub row: Row,
    /// The road, as the record has it.
    pub road: &'static str,
    /// Whose it was; nobody's if empty.
    pub institution: &'static str,
    /// The system that it was for, if that got as far as the record.
    pub system: Option<Kind>,
    /// What is on record of its beginning.
    pub record: Option<Record>,
}

impl Attempt<'_> {
    /// Makes the attempt and waits for its record.
    pub(super) fn judge(self, topology: &Topology) -> Judged {
        let (since, seen) = (Timestamp::now(), topology.seen.packets().len());
        let Told { satisfied, said } = (self.act)();
        let record = self.record(topology, since);
        let passed = self.passed(topology, seen);
        let as_it_should = satisfied == self.succeeds && passed == self.passes();
        let got = match &record {
            Some(record) if record.is("open") => PERMITTED,
            Some(record) => record.reason(),
            None if passed || satisfied => "passed without a record",
            None => DROPPED,
        };
        Judged {
            row: Row {
                attempt: self.what,
                expected: self.expected,
                got: got.to_owned(),
                client_agrees: as_it_should,
                said,
            },
            road: self.road,
            institution: self.institution,
            system: self.system,
            record,
        }
    }

    /// Whether packets of it come out to the systems. What a TLS connection brings comes from the
    /// gateway itself.
    fn passes(&self) -> bool {
        self.expected == PERMITTED && matches!(self.trace, Trace::Flow(..))
    }

    /// Whether they did, after those that were seen before.
    fn passed(&self, topology: &Topology, seen: usize) -> bool {
        let patience = if self.passes() { PATIENCE } else { Duration::ZERO };
        let begin = Instant::now();
        loop {
            let packets = topology.seen.packets();
            let passed = packets[seen..].iter().any(|packet| self.trace.is_of(packet));
            if passed || begin.elapsed() >= patience {
                return passed;
            }
            thread::sleep(Duration::from_millis(30));
        }
    }

    fn record(&self, topology: &Topology, since: Timestamp) -> Option<Record> {
        let patience = if self.expected == DROPPED { SILENCE } else { PATIENCE };
        let begin = Instant::now();
        loop {
            let found = since_then(topology, since)
                .into_iter()
                .find(|record| (record.is("open") || record.is("denied")) && self.left(record));
            if found.is_some() || begin.elapsed() > patience {
                return found;
            }
            thread::sleep(Duration::from_millis(30));
        }
    }

    fn left(&self, record: &Record) -> bool {
        if self.expected != DROPPED && record.text("network") != self.road {
            return false;
        }
        match self.trace {
            Trace::Flow(from, to) => is_flow(record) && is_between(record, from, to),
            Trace::Session => !is_flow(record),
            Trace::Connection(from) => record.text("source") == from.to_string(),
        }
    }
}

/// Everything on record from a moment on.
pub(super) fn since_then(topology: &Topology, since: Timestamp) -> Vec<Record> {
    let text = topology.gateway.sekisho(&format!("log query --json --since {since}"));
    text.lines().map(Record::parse).collect()
}

/// Whether a record is of packets, and not of the session that they come by.
pub fn is_flow(record: &Record) -> bool {
    !record.text("inner_destination").is_empty()
}

fn is_between(record: &Record, from: IpAddr, to: SocketAddr) -> bool {
    record.text("inner_source") == from.to_string()
        && record.text("inner_destination") == to.ip().to_string()
        && record.number("inner_destination_port") == i64::from(to.port())
}

impl Trace {
    /// Whether an IPv4 packet belongs to it.
    fn is_of(self, packet: &[u8]) -> bool {
        let (Self::Flow(IpAddr::V4(from), to), Some(ends)) = (self, packet.get(12..20)) else {
            return false;
        };
        let IpAddr::V4(address) = to.ip() else { return false };
        // RFC 791, section 3.1: the header's length in words; then TCP's two ports.
        let ports = usize::from(packet[0] & 0xf) * 4;
        let port = packet.get(ports + 2..ports + 4);
        ends == [from.octets(), address.octets()].concat()
            && (to.port() == 0 || port.is_some_and(|port| port == to.port().to_be_bytes()))
    }
}
