//! The records of a worker's flows.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use connlog::{
    ConnectionId, Denials, Event, Facts, Folded, Record, Timestamp, Traffic as Carried, Verdict,
};
use logstore::{Claim, Recorder, fresh_id};
use policy::UtcOffset;
use slab::Slab;
use tunnel::{Conversation, Ledger, Opening, Party, Refusal, Traffic};

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
pub(crate) struct Entry {
    pub(crate) id: ConnectionId,
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub(crate) started: i64,
    pub(crate) facts: Facts,
    claim: Claim,
}

impl Journal {
    pub(crate) fn new(to: Recording) -> Self {
        let (entries, denials) = (Slab::new(), Denials::default());
        Self { to, entries, denials, epoch: Instant::now() }
    }

    pub(crate) fn entry(&self, entry: u32) -> Option<&Entry> {
        self.entries.get(entry as usize)
    }

    /// The entry of this flow.
    pub(crate) fn find(&self, id: ConnectionId) -> Option<u32> {
        self.entries.iter().find(|(_, entry)| entry.id == id).map(|(at, _)| at as u32)
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
        let entry = Entry { id, started: now.unix_micros, facts, claim };
        Some(self.entries.insert(entry) as u32)
    }

    fn closed(&mut self, entry: u32, reason: &'static str, traffic: Traffic) {
        let Some(Entry { id, started, facts, claim }) = self.entries.try_remove(entry as usize)
        else {
            return;
        };
        let traffic = Carried {
            bytes_in: traffic.octets_in,
            bytes_out: traffic.octets_out,
            packets_in: traffic.packets_in,
            packets_out: traffic.packets_out,
        };
        let event = Event::Closed { reason: reason.into(), started, traffic };
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
