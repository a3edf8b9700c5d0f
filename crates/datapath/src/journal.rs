//! The records of a worker's flows.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use connlog::{
    ConnectionId, Denials, Dismissal, Event, Facts, Folded, Record, Timestamp, Traffic as Carried,
    Verdict,
};
use logstore::{Claim, Recorder, fresh_id};
use policy::UtcOffset;
use slab::Slab;
use tunnel::{Conversation, FlowView, Ledger, Opening, Party, Refusal, Traffic};

use crate::FlowStatus;

/// Where records go, and what all of them say.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The gateway's name.
    pub gateway: Arc<str>,
    /// Of local time.
    pub offset: UtcOffset,
    /// The log.
    pub recorder: Recorder,
}

/// Keeps what the close record of each flow will say, and folds refusals.
#[derive(Debug)]
pub(crate) struct Journal {
    to: Recording,
    entries: Slab<Entry>,
    denials: Denials<IpAddr, &'static str, Conversation, Facts>,
    /// Where the time of `denials` begins.
    epoch: Instant,
}

/// A flow that is open on record.
#[derive(Debug)]
struct Entry {
    id: ConnectionId,
    /// Microseconds since 1970-01-01T00:00:00Z.
    started: i64,
    facts: Facts,
    claim: Claim,
    /// Of its end, by whose order.
    detail: Option<Arc<str>>,
}

impl Journal {
    pub(crate) fn new(to: Recording) -> Self {
        let (entries, denials) = (Slab::new(), Denials::default());
        Self { to, entries, denials, epoch: Instant::now() }
    }

    /// A flow as operators see it.
    pub(crate) fn show(&self, view: &FlowView) -> Option<FlowStatus> {
        let Entry { id, started, facts, .. } = self.entries.get(view.entry as usize)?;
        Some(FlowStatus {
            connection: *id,
            started: *started,
            facts: facts.clone(),
            idle: view.idle,
            traffic: view.traffic,
        })
    }

    /// The entry of this flow, whose close record says by whom it was ended.
    pub(crate) fn dismiss(&mut self, id: ConnectionId, by: &Dismissal) -> Option<u32> {
        let (at, entry) = self.entries.iter_mut().find(|(_, entry)| entry.id == id)?;
        entry.detail = Some(by.detail());
        Some(at as u32)
    }

    /// Writes the records that stand for folded refusals whose window has ended; when `all`, also
    /// those whose window has not.
    pub(crate) fn record_folded(&mut self, all: bool) {
        let until = if all { u64::MAX } else { self.elapsed() };
        for Folded { reason, about, target, attempts } in self.denials.drain(until) {
            let mut facts = about.unwrap_or_default();
            facts.inner_destination = target.map(|target| target.system);
            facts.protocol = target.and_then(|target| target.transport);
            if target.is_none() {
                facts.system = None;
            }
            self.deny(facts, reason, attempts);
        }
    }

    fn deny(&self, facts: Facts, reason: &'static str, attempts: u64) {
        let event = Event::Denied { reason: reason.into(), attempts, detail: None };
        let now = self.now();
        self.to.recorder.denied(self.record(fresh_id(now), now, event, facts));
    }

    fn record(
        &self,
        connection: ConnectionId,
        time: Timestamp,
        event: Event,
        facts: Facts,
    ) -> Record {
        Record { connection, time, gateway: Arc::clone(&self.to.gateway), event, facts }
    }

    fn now(&self) -> Timestamp {
        logstore::now(self.to.offset)
    }

    /// Microseconds on a clock that is never set back.
    fn elapsed(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Ledger for Journal {
    fn opened(&mut self, opening: &Opening<'_>) -> Option<u32> {
        let permit = opening.permit;
        let facts = Facts {
            institution: Some(permit.institution().clone()),
            terminal: permit.terminal().cloned(),
            system: Some(permit.system().clone()),
            generation: Some(permit.generation()),
            ..facts(&opening.party, &opening.conversation)
        };
        let now = self.now();
        let id = fresh_id(now);
        let record = self.record(id, now, Event::Opened, facts.clone());
        let claim = self.to.recorder.begin(record).ok()?;
        let entry = Entry { id, started: now.unix_micros, facts, claim, detail: None };
        Some(self.entries.insert(entry) as u32)
    }

    fn closed(&mut self, entry: u32, reason: &'static str, traffic: Traffic) {
        let Some(entry) = self.entries.try_remove(entry as usize) else { return };
        let Entry { id, started, facts, claim, detail } = entry;
        let traffic = Carried {
            bytes_in: traffic.octets_in,
            bytes_out: traffic.octets_out,
            packets_in: traffic.packets_in,
            packets_out: traffic.packets_out,
        };
        let event = Event::Closed { reason: reason.into(), started, traffic, detail };
        self.to.recorder.end(claim, self.record(id, self.now(), event, facts));
    }

    fn refused(&mut self, refusal: &Refusal<'_>) {
        let (reason, target) = (refusal.reason.code(), refusal.conversation);
        let about = || {
            let denied = refusal.denied;
            Facts {
                institution: denied.and_then(|denied| denied.institution.clone()),
                terminal: denied.and_then(|denied| denied.terminal.clone()),
                system: denied.and_then(|denied| denied.system.clone()),
                generation: Some(refusal.generation),
                ..facts(&refusal.party, &refusal.conversation)
            }
        };
        // Ports of the client say nothing of the target.
        let told_apart = Conversation { client: (target.client.ip(), 0).into(), ..target };
        let now = self.elapsed();
        if self.denials.note((target.client.ip(), reason, told_apart), now, about)
            == Verdict::Record
        {
            self.deny(about(), reason, 1);
        }
    }
}

/// What a record says of a flow, but for the policy's part.
fn facts(party: &Party<'_>, conversation: &Conversation) -> Facts {
    let (source, local, credential) = match party {
        Party::IpVpn => (conversation.client, None, None),
        Party::Tunnel { member, path } => {
            (path.remote, Some(path.local), Some(member.recorded.clone()))
        }
    };
    Facts {
        network: Some(party.network()),
        source: Some(source),
        local,
        inner_source: Some(conversation.client),
        inner_destination: Some(conversation.system),
        protocol: conversation.transport,
        credential,
        ..Facts::default()
    }
}
