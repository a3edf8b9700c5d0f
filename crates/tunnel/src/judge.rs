//! Whether a flow may be, and by which SA it goes on.

use std::net::IpAddr;
use std::sync::Arc;

use packet::Headers;
use policy::{Request, Target, Transport};

use crate::child::ChildRef;
use crate::flow::{Flow, FlowKey, Traffic, protocol};
use crate::flows::FlowRef;
use crate::forwarder::{Forwarder, Now};
use crate::selector::Ends;
use crate::{Discard, Dropped, Member};

impl Forwarder {
    /// Lets a flow go on that a packet of `member`'s belongs to, or begin.
    pub(crate) fn admit(&mut self, now: Now, slot: u32, key: &FlowKey) -> Result<FlowRef, Discard> {
        let found = self.find(self.last_in, key);
        let Some(child) = self.table.child(slot) else { return Err(Dropped::UnknownSpi.into()) };
        let session = child.member.session;
        if let Some(at) = found
            && self.flows.at(at).is_some_and(|flow| flow.session == session)
        {
            self.judge_again(now, at, key)?;
            return Ok(at);
        }
        let (member, via) = (Arc::clone(&child.member), ChildRef { slot, id: child.id });
        if let Some(at) = found {
            self.take_over(at, &member)?;
        }
        self.begin(now, key, member, via)
    }

    /// A flow of the same name is there, of another session. It is given up to its own
    /// terminal's next session, and to anybody when no SA leads to its terminal any more.
    fn take_over(&mut self, at: FlowRef, by: &Member) -> Result<(), Dropped> {
        let alive = self.flows.at(at).is_some_and(|flow| {
            flow.member.credential != by.credential && self.table.has_session(flow.session)
        });
        if alive {
            return Err(Dropped::FlowOfAnother);
        }
        if let Some(flow) = self.flows.remove(at) {
            self.forget(&flow);
        }
        Ok(())
    }

    fn begin(
        &mut self,
        now: Now,
        key: &FlowKey,
        member: Arc<Member>,
        child: ChildRef,
    ) -> Result<FlowRef, Discard> {
        let recheck_at = self.ask(now, &member, &key.ends())?;
        let session = member.session;
        let most = self.settings.flows_per_session;
        match self.table.session(session) {
            Some(session) if session.flows < most => session.flows += 1,
            Some(_) => return Err(Dropped::FlowLimit.into()),
            None => return Err(Dropped::NoSa.into()),
        }
        let flow = Flow {
            member,
            session,
            child,
            epoch: self.epoch,
            recheck_at,
            traffic: Traffic::default(),
        };
        let (at, evicted) = self.flows.insert(*key, flow, self.seconds(now.instant));
        if let Some(evicted) = evicted {
            self.forget(&evicted);
        }
        Ok(at)
    }

    /// Asks the policy again when it, or time, may have changed the answer. A flow that lost its
    /// permit is forgotten.
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
        let member = Arc::clone(&flow.member);
        match self.ask(now, &member, &key.ends()) {
            Ok(recheck_at) => {
                if let Some(flow) = self.flows.at_mut(at) {
                    (flow.epoch, flow.recheck_at) = (self.epoch, recheck_at);
                }
                Ok(())
            }
            Err(discard) => {
                if let Some(flow) = self.flows.remove(at) {
                    self.forget(&flow);
                }
                Err(discard)
            }
        }
    }

    /// Asks the policy; says until when time alone does not change the answer, in seconds since
    /// 1970.
    fn ask(&self, now: Now, member: &Member, ends: &Ends) -> Result<i64, Discard> {
        let (address, port) = ends.system;
        if self.own.contains(&address) {
            return Err(Dropped::GatewayItself.into());
        }
        let (transport, port) = match ends.protocol {
            protocol::TCP => (Transport::Tcp, port),
            protocol::UDP => (Transport::Udp, port),
            protocol::ICMP | protocol::ICMPV6 => (Transport::Icmp, 0),
            _ => return Err(Dropped::Protocol.into()),
        };
        let target = Target::Address { address, transport, port };
        let request = Request { caller: member.caller(), target, now: now.unix };
        let permit = self.policy.authorize(&request).map_err(|denied| denied.reason)?;
        Ok(permit.recheck_at().unwrap_or(i64::MAX))
    }

    /// By which child a flow's packets go to its client.
    pub(crate) fn way_out(
        &mut self,
        at: FlowRef,
        ends: impl FnOnce() -> Ends,
    ) -> Result<u32, Dropped> {
        let Some(flow) = self.flows.at(at) else { return Err(Dropped::NoFlow) };
        let usable = self.table.named(flow.child).is_some_and(|child| child.is_current());
        if usable {
            return Ok(flow.child.slot);
        }
        let member = Arc::clone(&flow.member);
        let child = self.table.resolve(&member, &ends()).ok_or(Dropped::NoSa)?;
        if let Some(flow) = self.flows.at_mut(at) {
            flow.child = child;
        }
        Ok(child.slot)
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
