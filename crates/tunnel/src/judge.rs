//! Whether a flow may be, and by which SA it goes on.

use std::net::IpAddr;
use std::sync::Arc;

use packet::Headers;
use policy::{Caller, Denied, Permit, Request, Target, Transport};
use reason::Reason as _;

use crate::child::ChildRef;
use crate::course::{Course, Toward};
use crate::flow::{Flow, FlowKey, NO_SESSION, Road, Traffic};
use crate::flows::FlowRef;
use crate::forwarder::{Forwarder, Now};
use crate::ledger::{Ending, transport};
use crate::selector::Ends;
use crate::{Discard, Dropped, Ledger, Opening, Party, Refusal};

/// Who sent a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sender {
    /// Somebody on the IP-VPN.
    IpVpn,
    /// The peer of the SA in this place.
    Peer(u32),
}

/// What the policy said no to, and why.
pub(crate) struct No {
    discard: Discard,
    denied: Option<Denied>,
}

impl<L: Ledger> Forwarder<L> {
    /// Lets a flow go on that a packet belongs to, or begin.
    pub(crate) fn admit(
        &mut self,
        now: Now,
        sender: Sender,
        key: &FlowKey,
        headers: &Headers,
    ) -> Result<FlowRef, Discard> {
        let session = self.session_of(sender)?;
        let Some(at) = self.find(self.last_in, key) else {
            return self.begin(now, sender, key, headers);
        };
        let Some(flow) = self.flows.at(at) else { return Err(Dropped::NoFlow.into()) };
        if flow.session != session && !self.take_over(at, sender, headers)? {
            return self.begin(now, sender, key, headers);
        }
        let over = self.flows.at(at).filter(|flow| flow.course.is_over());
        if let Some(ending) = over.map(|flow| flow.course.ending())
            && Course::may_begin(&headers.transport)
        {
            self.end(at, ending.code());
            return self.begin(now, sender, key, headers);
        }
        self.judge_again(now, at, key)?;
        Ok(at)
    }

    pub(crate) fn session_of(&mut self, sender: Sender) -> Result<u64, Dropped> {
        match sender {
            Sender::IpVpn => Ok(NO_SESSION),
            Sender::Peer(slot) => {
                self.table.child(slot).map(|child| child.member.session).ok_or(Dropped::UnknownSpi)
            }
        }
    }

    /// A flow of the same name is there, of another session. Its own terminal's next session goes
    /// on with it; to anybody else it is given up when no SA leads to its terminal any more. Says
    /// whether it is there still.
    fn take_over(
        &mut self,
        at: FlowRef,
        sender: Sender,
        headers: &Headers,
    ) -> Result<bool, Discard> {
        let Some(flow) = self.flows.at_mut(at) else { return Ok(false) };
        let alive = match (&mut flow.road, sender) {
            (Road::Tunnel { member, child }, Sender::Peer(slot)) => {
                let next =
                    self.table.child(slot).filter(|c| c.member.credential == member.credential);
                if let Some(next) = next {
                    (*member, *child) = (Arc::clone(&next.member), ChildRef { slot, id: next.id });
                    flow.session = member.session;
                    return Ok(true);
                }
                self.table.has_session(flow.session)
            }
            (Road::Tunnel { .. }, Sender::IpVpn) => self.table.has_session(flow.session),
            (Road::IpVpn, _) => true,
        };
        if alive {
            return Err(self.refuse(sender, &Ends::of(headers), Dropped::FlowOfAnother.into()));
        }
        self.end(at, Ending::PeerGone.code());
        Ok(false)
    }

    fn begin(
        &mut self,
        now: Now,
        sender: Sender,
        key: &FlowKey,
        headers: &Headers,
    ) -> Result<FlowRef, Discard> {
        let ends = key.ends();
        let (road, session, path) = match sender {
            Sender::IpVpn => (Road::IpVpn, NO_SESSION, None),
            Sender::Peer(slot) => {
                let child = self.table.child(slot).ok_or(Dropped::UnknownSpi)?;
                let (member, session) = (Arc::clone(&child.member), child.member.session);
                let (path, child) = (child.way.path, ChildRef { slot, id: child.id });
                (Road::Tunnel { member, child }, session, Some(path))
            }
        };
        let permit = match self.ask(now, &road, &ends) {
            Ok(permit) => permit,
            Err(No { discard, denied }) => {
                self.note_refusal(sender, &ends, discard, denied.as_ref());
                return Err(discard);
            }
        };
        if !Course::may_begin(&headers.transport) {
            self.note_reset(sender, headers);
            return Err(self.refuse(sender, &ends, Dropped::MidStream.into()));
        }
        if self.flows.of(permit.institution()) >= self.settings.flows_per_institution {
            return Err(self.refuse(sender, &ends, Dropped::FlowLimit.into()));
        }
        let begun = self.begun.entry(permit.institution().clone()).or_default();
        *begun = begun.saturating_add(1);
        if *begun > self.settings.flow_rate {
            return Err(self.refuse(sender, &ends, Dropped::FlowRate.into()));
        }
        let party = match (&road, path) {
            (Road::Tunnel { member, .. }, Some(path)) => Party::Tunnel { member, path },
            (Road::Tunnel { .. } | Road::IpVpn, _) => Party::IpVpn,
        };
        let opening = Opening { party, permit: &permit, conversation: (&ends).into() };
        let entry = self.ledger.opened(&opening).ok_or(Dropped::Unrecorded)?;
        let flow = Flow {
            road,
            session,
            epoch: self.epoch,
            recheck_at: permit.recheck_at().unwrap_or(i64::MAX),
            traffic: Traffic::default(),
            course: Course::default(),
            entry,
            permit,
        };
        let seconds = self.seconds(now.instant);
        let (at, evicted) = self.flows.insert(*key, flow, seconds);
        if let Some(evicted) = evicted {
            self.ledger.closed(evicted.entry, Ending::Evicted.code(), evicted.traffic);
        }
        Ok(at)
    }

    /// Asks the policy again when it, or time, may have changed the answer. A flow that lost its
    /// permit ends.
    pub(crate) fn judge_again(
        &mut self,
        now: Now,
        at: FlowRef,
        key: &FlowKey,
    ) -> Result<(), Discard> {
        let Some(flow) = self.flows.at(at) else { return Err(Dropped::NoFlow.into()) };
        if flow.epoch == self.epoch && now.unix < flow.recheck_at {
            return Ok(());
        }
        match self.ask(now, &flow.road, &key.ends()) {
            Ok(permit) if permit.is_as(&flow.permit) => {
                if let Some(flow) = self.flows.at_mut(at) {
                    flow.epoch = self.epoch;
                    flow.recheck_at = permit.recheck_at().unwrap_or(i64::MAX);
                }
                Ok(())
            }
            // Its records would name the wrong one.
            Ok(_) => {
                self.end(at, Ending::Reassigned.code());
                Err(Dropped::NoFlow.into())
            }
            Err(No { discard, .. }) => {
                self.end(at, discard.code());
                Err(discard)
            }
        }
    }

    /// Asks the policy.
    fn ask(&self, now: Now, road: &Road, ends: &Ends) -> Result<Permit, No> {
        let no = |dropped: Dropped| No { discard: dropped.into(), denied: None };
        let (address, port) = ends.system;
        if self.own.contains(&address) {
            return Err(no(Dropped::GatewayItself));
        }
        let transport = transport(ends.protocol).ok_or_else(|| no(Dropped::Protocol))?;
        let port = if transport == Transport::Icmp { 0 } else { port };
        let caller = match road {
            Road::IpVpn => Caller::IpVpn(ends.client.0),
            Road::Tunnel { member, .. } => member.caller(),
        };
        let target = Target::Address { address, transport, port };
        let request = Request { caller, target, now: now.unix };
        let denied = |denied: Denied| No { discard: denied.reason.into(), denied: Some(denied) };
        self.policy.authorize(&request).map_err(denied)
    }

    /// A packet of a flow goes on: it counts, and may change how long the flow is remembered.
    pub(crate) fn carry(
        &mut self,
        now: Now,
        at: FlowRef,
        toward: Toward,
        (headers, packets): (&Headers, u64),
    ) {
        let seconds = self.seconds(now.instant);
        let Some(flow) = self.flows.touch(at, seconds) else { return };
        let octets = headers.len() as u64;
        match toward {
            Toward::System => {
                flow.traffic.packets_in += packets;
                flow.traffic.octets_in += octets;
            }
            Toward::Client => {
                flow.traffic.packets_out += packets;
                flow.traffic.octets_out += octets;
            }
        }
        if flow.course.note(toward, &headers.transport) {
            self.flows.repace(at);
        }
    }

    /// A flow is over.
    pub(crate) fn end(&mut self, at: FlowRef, reason: &'static str) {
        if let Some(flow) = self.flows.remove(at) {
            self.ledger.closed(flow.entry, reason, flow.traffic);
        }
    }

    /// Records that a packet which would begin something is refused.
    pub(crate) fn refuse(&mut self, sender: Sender, ends: &Ends, discard: Discard) -> Discard {
        self.note_refusal(sender, ends, discard, None);
        discard
    }

    fn note_refusal(
        &mut self,
        sender: Sender,
        ends: &Ends,
        reason: Discard,
        denied: Option<&Denied>,
    ) {
        let Self { table, ledger, policy, .. } = self;
        let party = match sender {
            Sender::IpVpn => Party::IpVpn,
            Sender::Peer(slot) => match table.child(slot) {
                Some(child) => Party::Tunnel { member: &child.member, path: child.way.path },
                None => return,
            },
        };
        let (conversation, generation) = (ends.into(), policy.generation());
        ledger.refused(&Refusal { party, conversation, reason, denied, generation });
    }

    /// By which child a flow's packets go to its client; `None` when it is on the IP-VPN.
    pub(crate) fn way_out(
        &mut self,
        at: FlowRef,
        ends: impl FnOnce() -> Ends,
    ) -> Result<Option<u32>, Dropped> {
        let Some(flow) = self.flows.at_mut(at) else { return Err(Dropped::NoFlow) };
        let Road::Tunnel { member, child } = &mut flow.road else { return Ok(None) };
        let usable = self.table.named(*child).is_some_and(|child| child.is_current());
        if !usable {
            *child = self.table.resolve(member, &ends()).ok_or(Dropped::NoSa)?;
        }
        Ok(Some(child.slot))
    }
}

/// The ends of a flow of which a packet comes from the system.
pub(crate) fn ends_of_answer(headers: &Headers) -> Ends {
    let Ends { client, system, protocol } = Ends::of(headers);
    Ends { client: system, system: client, protocol }
}

/// The ends of a flow, its ports unseen: of an ICMP error about it.
pub(crate) fn ends_between(client: IpAddr, system: IpAddr, protocol: u8) -> Ends {
    Ends { client: (client, 0), system: (system, 0), protocol }
}

#[cfg(test)]
mod tests;
