//! What is recorded, by the IKE thread alone.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use connlog::{ConnectionId, Event, Facts, Record, Refusals, Timestamp, Verdict};
use logstore::{Recorder, Ticket, Unwritable, fresh_id};
use policy::{Network, UtcOffset};
use reason::Reason as _;

use crate::{Milestone, facts};

/// Writes the road's records; a source's flood of refusals is folded.
#[derive(Debug)]
pub(crate) struct Journal {
    gateway: Arc<str>,
    offset: UtcOffset,
    recorder: Recorder,
    refusals: Refusals<IpAddr, &'static str>,
    /// Where the time of `refusals` begins.
    epoch: Instant,
}

impl Journal {
    pub(crate) fn new(gateway: Arc<str>, offset: UtcOffset, recorder: Recorder) -> Self {
        Self { gateway, offset, recorder, refusals: Refusals::default(), epoch: Instant::now() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        logstore::now(self.offset)
    }

    /// An id for what begins now.
    pub(crate) fn fresh_id(&self) -> ConnectionId {
        fresh_id(self.now())
    }

    /// Records that a peer is let in.
    pub(crate) fn open(&self, id: ConnectionId, facts: Facts) -> Result<Ticket, Unwritable> {
        self.recorder.open(self.record(id, Event::Opened, facts))
    }

    /// Records what happened to a peer that was let in.
    pub(crate) fn note(&self, id: ConnectionId, facts: &Facts, what: Milestone, detail: &str) {
        let detail = (!detail.is_empty()).then(|| facts::detail(detail));
        let event = Event::Control { reason: what.code().into(), detail };
        self.recorder.control(self.record(id, event, facts.clone()));
    }

    /// Records a refusal.
    pub(crate) fn reject(
        &mut self,
        id: ConnectionId,
        facts: Facts,
        code: &'static str,
        detail: Option<Arc<str>>,
    ) {
        let source = facts.source.map_or(Ipv6Addr::UNSPECIFIED.into(), |source| group(source.ip()));
        if self.refusals.note(source, code, self.elapsed()) == Verdict::Record {
            self.denied(id, facts, code, 1, detail);
        }
    }

    /// Writes the records that stand for folded refusals whose window has ended; when `all`, also
    /// those whose window has not.
    pub(crate) fn record_folded(&mut self, all: bool) {
        let until = if all { u64::MAX } else { self.elapsed() };
        for (source, code, attempts) in self.refusals.drain(until) {
            let facts = Facts {
                network: Some(Network::Ipsec),
                source: source.map(|address| SocketAddr::new(address, 0)),
                ..Facts::default()
            };
            self.denied(self.fresh_id(), facts, code, attempts, None);
        }
    }

    fn denied(
        &self,
        id: ConnectionId,
        facts: Facts,
        code: &'static str,
        attempts: u64,
        detail: Option<Arc<str>>,
    ) {
        let event = Event::Denied { reason: code.into(), attempts, detail };
        self.recorder.denied(self.record(id, event, facts));
    }

    fn record(&self, connection: ConnectionId, event: Event, facts: Facts) -> Record {
        Record { connection, time: self.now(), gateway: Arc::clone(&self.gateway), event, facts }
    }

    /// Microseconds on a clock that is never set back.
    fn elapsed(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Who counts as one source: an IPv4 address, or an IPv6 /64, which one customer has.
fn group(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX)).into(),
    }
}
