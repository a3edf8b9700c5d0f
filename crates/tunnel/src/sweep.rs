//! Flows that end without a packet of theirs, and all flows as operators see them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reason::Reason as _;

use crate::flow::{Flow, FlowKey, Road, Traffic};
use crate::flows::FlowRef;
use crate::forwarder::{Forwarder, Now};
use crate::ledger::Ending;
use crate::{Conversation, Ledger};

/// Flows looked at between two turns of packets.
const SLICE: u32 = 1024;

/// A flow as operators see it.
#[derive(Clone, Copy, Debug)]
pub struct FlowView {
    /// Its entry in the ledger.
    pub entry: u32,
    /// Between whom.
    pub conversation: Conversation,
    /// Since its last packet, in whole seconds.
    pub idle: Duration,
    /// What it has carried.
    pub traffic: Traffic,
}

impl<L: Ledger> Forwarder<L> {
    /// Every flow.
    pub fn flows(&self, now: Instant) -> impl Iterator<Item = FlowView> + '_ {
        let seconds = self.seconds(now);
        (0..self.flows.places()).filter_map(move |place| {
            let (_, key, flow, seen) = self.flows.place(place)?;
            Some(FlowView {
                entry: flow.entry,
                conversation: (&key.ends()).into(),
                idle: Duration::from_secs(seconds.saturating_sub(seen).into()),
                traffic: flow.traffic,
            })
        })
    }

    /// Ends the flow of this entry, for the reason of this code; says whether it was there.
    pub fn end_flow(&mut self, entry: u32, reason: &'static str) -> bool {
        let at = self.flows_where(|flow| flow.entry == entry);
        if let Some(&at) = at.first() {
            self.end(at, reason);
        }
        !at.is_empty()
    }

    /// Ends every flow, as the gateway stops.
    pub fn finish(&mut self) {
        for at in self.flows_where(|_| true) {
            self.end(at, Ending::Stopped.code());
        }
    }

    /// Judges a part of all flows, while that goes on.
    pub(crate) fn sweep(&mut self, now: Now) {
        let Some(next) = self.sweeping else { return };
        let end = self.flows.places().min(next.saturating_add(SLICE));
        for place in next..end {
            if let Some((at, key, ..)) = self.flows.place(place) {
                let key = *key;
                // Why it ended, the ledger is told.
                let _ = self.judge_again(now, at, &key);
            }
        }
        self.sweeping = (end < self.flows.places()).then_some(end);
    }

    /// Ends a part of the flows that were silent for too long.
    pub(crate) fn expire(&mut self, now: Instant) {
        let seconds = self.seconds(now);
        self.expiring = false;
        for _ in 0..SLICE {
            let Some(flow) = self.flows.expire(seconds) else { return };
            self.ledger.closed(flow.entry, flow.course.ending().code(), flow.traffic);
        }
        self.expiring = true;
    }

    /// Ends flows to whose terminal nothing leads.
    pub(crate) fn end_lost(&mut self, now: Instant) {
        // When a line fails, thousands are lost at once: all flows are looked at once.
        let mut gone = HashSet::new();
        while let Some(&(until, session)) = self.orphans.front()
            && until <= now
        {
            self.orphans.pop_front();
            if !self.table.has_session(session) {
                gone.insert(session);
            }
        }
        if !gone.is_empty() {
            self.end_orphans(&gone);
        }
    }

    /// The terminal's next session may have them already, though no packet has come by it.
    fn end_orphans(&mut self, gone: &HashSet<u64>) {
        for at in self.flows_where(|flow| gone.contains(&flow.session)) {
            let Some(ends) = self.flows.key(at).map(FlowKey::ends) else { continue };
            let Some(flow) = self.flows.at_mut(at) else { continue };
            let Road::Tunnel { member, child } = &mut flow.road else { continue };
            let next = self.table.resolve(member, &ends);
            let heir = next.and_then(|next| Some((next, self.table.named(next)?)));
            match heir {
                Some((next, heir)) => {
                    (*member, *child) = (Arc::clone(&heir.member), next);
                    flow.session = member.session;
                }
                None => self.end(at, Ending::PeerGone.code()),
            }
        }
    }

    fn flows_where(&self, wanted: impl Fn(&Flow) -> bool) -> Vec<FlowRef> {
        let all = (0..self.flows.places()).filter_map(|place| self.flows.place(place));
        all.filter(|(_, _, flow, _)| wanted(flow)).map(|(at, ..)| at).collect()
    }
}
