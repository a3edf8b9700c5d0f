//! What we ask of the peer: one request at a time, in the order in which it came up.

use crypto::dh::Group;
use ike_negotiation::{KeyExchange, offer_child};
use ike_wire::{Delete, ExchangeType, Notify, NotifyType, Payload, Payloads, Protocol, Spi};

use super::{Awaiting, Established, Outcome, Retiring, Sa, Task, Which};
use crate::path::{Nat, Path, hash};
use crate::sa::Inner;
use crate::session::child::ChildState;
use crate::session::context::Context;
use crate::session::offer::{ChildPlan, first_group};
use crate::{Dropped, Ending};

impl Established {
    /// Begins what is due while nothing is awaited.
    pub(super) fn go_on(&mut self, cx: &mut Context<'_>) -> Outcome {
        while self.current.outbound.is_idle() && self.candidate.is_none() {
            let Some(task) = self.tasks.pop_front() else { break };
            if self.start(cx, task).is_err() {
                cx.out.counters.dropped.count(Dropped::Internal);
            }
        }
        Outcome::Alive
    }

    fn start(&mut self, cx: &mut Context<'_>, task: Task) -> Result<(), Dropped> {
        match task {
            Task::RekeyIke => self.ask_for_ike(cx),
            Task::NewChild(plan) => self.ask_for_child(cx, None, *plan, preferred_group(cx)),
            Task::RekeyChild { id, with_key_exchange } => {
                let Some(child) = self.children.find(id) else { return Ok(()) };
                if !matches!(child.state, ChildState::Live) {
                    return Ok(());
                }
                let plan = ChildPlan { local: child.local.clone(), remote: child.remote.clone() };
                let group = child.suite.group.or_else(|| preferred_group(cx));
                self.ask_for_child(cx, Some(id), plan, group.filter(|_| with_key_exchange))
            }
            Task::DeleteChild(id) => {
                let Some(child) = self.children.find(id) else { return Ok(()) };
                let spis = vec![child.spi_in];
                let delete = Payload::Delete(Delete { protocol: Protocol::Esp, spis });
                let datagrams = self.ask(cx, ExchangeType::INFORMATIONAL, &[delete])?;
                self.await_response(cx, datagrams, Awaiting::DeleteChild(id));
                Ok(())
            }
            Task::Liveness => {
                let datagrams = self.ask(cx, ExchangeType::INFORMATIONAL, &[])?;
                self.await_response(cx, datagrams, Awaiting::Liveness);
                Ok(())
            }
            Task::Addresses => self.announce_addresses(cx),
        }
    }

    /// Seals a request on the current IKE SA and sends it.
    pub(super) fn ask(
        &mut self,
        cx: &mut Context<'_>,
        exchange: ExchangeType,
        payloads: &[Payload<'_>],
    ) -> Result<Vec<Vec<u8>>, Dropped> {
        let sealed = self.current.request(exchange, payloads).map_err(|_| Dropped::Internal)?;
        cx.out.send(self.peer.path, &sealed.datagrams);
        Ok(sealed.datagrams)
    }

    pub(super) fn await_response(
        &mut self,
        cx: &Context<'_>,
        datagrams: Vec<Vec<u8>>,
        awaiting: Awaiting,
    ) {
        let timers = &cx.config.timers;
        self.current.outbound.begin(cx.now.instant, timers, datagrams, awaiting);
    }

    pub(super) fn handle_response(
        &mut self,
        cx: &mut Context<'_>,
        which: Which,
        inner: &Inner,
    ) -> Result<Outcome, Dropped> {
        let awaiting = self.sa(which).and_then(|sa| sa.outbound.finish());
        let payloads = match inner.payloads() {
            Ok(payloads) => payloads,
            Err(malformed) => {
                cx.out.counters.malformed.count(malformed.reason());
                self.abandon(cx, awaiting);
                return Ok(self.finish_session(cx, Ending::Protocol));
            }
        };
        match awaiting.ok_or(Dropped::NotAwaited)? {
            Awaiting::Setup => Err(Dropped::OutOfState),
            Awaiting::Child(attempt) => Ok(self.finish_child(cx, *attempt, &payloads)),
            Awaiting::Ike(attempt) => Ok(self.finish_ike(cx, *attempt, &payloads)),
            Awaiting::FollowUp(follow_up) => Ok(self.finish_follow_up(cx, *follow_up, &payloads)),
            Awaiting::DeleteChild(id) => {
                let ending = match self.children.find(id).map(|child| &child.state) {
                    Some(ChildState::Deleting(ending)) => *ending,
                    _ => Ending::Ordered,
                };
                self.children.remove(cx, self.id, id, ending);
                Ok(Outcome::Alive)
            }
            Awaiting::DeleteIke => {
                if let Which::Retiring(index) = which {
                    let retired = self.retiring.swap_remove(index);
                    cx.spis.release_ike(retired.sa.local_spi());
                }
                Ok(Outcome::Alive)
            }
            Awaiting::Liveness => Ok(Outcome::Alive),
            Awaiting::Addresses => {
                self.addresses_announced(cx, &payloads);
                Ok(Outcome::Alive)
            }
        }
    }

    /// Gives back what a request that nobody awaits any more had reserved.
    pub(super) fn abandon(&mut self, cx: &mut Context<'_>, awaiting: Option<Awaiting>) {
        match awaiting {
            Some(Awaiting::Child(attempt)) => cx.spis.release_esp(attempt.spi_in),
            Some(Awaiting::Ike(attempt)) => cx.spis.release_ike(attempt.spi),
            Some(Awaiting::FollowUp(follow_up)) => follow_up.release(cx),
            Some(
                Awaiting::Setup
                | Awaiting::DeleteChild(_)
                | Awaiting::DeleteIke
                | Awaiting::Liveness
                | Awaiting::Addresses,
            )
            | None => {}
        }
    }

    /// Makes `new` the current IKE SA; the old one is kept for a while.
    pub(super) fn succeed(&mut self, cx: &mut Context<'_>, new: Sa) -> usize {
        let suite = new.suite.clone();
        let old = std::mem::replace(&mut self.current, new);
        let timers = &cx.config.timers;
        let now = cx.now.instant;
        (self.rekey_at, self.expires_at) = crate::session::child::lifetime(
            now,
            cx.random,
            (timers.ike_lifetime, timers.margin),
            self.current.ours,
        );
        cx.out.event(crate::event::Event::Rekeyed(self.id, suite));
        self.retire(cx, old)
    }

    /// Keeps an IKE SA until its DELETE, or for so long as both sides may need.
    pub(super) fn retire(&mut self, cx: &Context<'_>, sa: Sa) -> usize {
        let until = cx.now.instant + cx.config.timers.patience();
        self.retiring.push(Retiring { sa, until });
        self.retiring.len() - 1
    }

    /// Sends the DELETE of a retiring IKE SA.
    pub(super) fn delete_retiring(&mut self, cx: &mut Context<'_>, index: usize) {
        let Some(Retiring { sa, .. }) = self.retiring.get_mut(index) else { return };
        delete_ike(cx, sa, self.peer.path);
    }

    fn announce_addresses(&mut self, cx: &mut Context<'_>) -> Result<(), Dropped> {
        let path = self.peer.path;
        let (source, destination) = nat_hashes(self.current.spis, &path);
        let payloads = [
            Payload::Notify(Notify::new(NotifyType::UPDATE_SA_ADDRESSES, &[])),
            Payload::Notify(Notify::new(NotifyType::NAT_DETECTION_SOURCE_IP, &source)),
            Payload::Notify(Notify::new(NotifyType::NAT_DETECTION_DESTINATION_IP, &destination)),
        ];
        let datagrams = self.ask(cx, ExchangeType::INFORMATIONAL, &payloads)?;
        self.await_response(cx, datagrams, Awaiting::Addresses);
        Ok(())
    }

    fn addresses_announced(&mut self, cx: &mut Context<'_>, payloads: &Payloads<'_>) {
        let path = self.peer.path;
        if let Some(nat) = detect(self.current.spis, &path, payloads) {
            self.move_to(cx, path, nat);
        }
    }
}

/// The group that we like best for CHILD_SAs, if they have key exchanges at all.
fn preferred_group(cx: &Context<'_>) -> Option<Group> {
    let offered = offer_child(&cx.config.child_proposals, Spi::Esp(0), KeyExchange::Possible);
    first_group(&offered)
}

/// Sends DELETE for an IKE SA; false when its window is not free.
pub(crate) fn delete_ike(cx: &mut Context<'_>, sa: &mut Sa, path: Path) -> bool {
    if !sa.outbound.is_idle() {
        return false;
    }
    let delete = Payload::Delete(Delete { protocol: Protocol::Ike, spis: Vec::new() });
    let Ok(sealed) = sa.request(ExchangeType::INFORMATIONAL, &[delete]) else { return false };
    cx.out.send(path, &sealed.datagrams);
    let timers = &cx.config.timers;
    sa.outbound.begin(cx.now.instant, timers, sealed.datagrams, Awaiting::DeleteIke);
    true
}

/// NAT_DETECTION data for the source and destination of what we send.
pub(crate) fn nat_hashes(spis: (u64, u64), path: &Path) -> ([u8; 20], [u8; 20]) {
    (hash(spis, path.local), hash(spis, path.remote))
}

/// What a message tells of NATs on its path.
pub(crate) fn detect(spis: (u64, u64), path: &Path, payloads: &Payloads<'_>) -> Option<Nat> {
    let sources = payloads.notifies(NotifyType::NAT_DETECTION_SOURCE_IP).map(|n| n.data);
    let destination = payloads.notify(NotifyType::NAT_DETECTION_DESTINATION_IP).map(|n| n.data);
    Nat::detect(spis, path, sources, destination)
}
