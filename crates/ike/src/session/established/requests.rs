//! What we ask of the peer: one request at a time, in the order in which it came up.

use ike_wire::{Delete, ExchangeType, Notify, NotifyType, Payload, Payloads, Protocol};

use super::{Awaiting, Established, Outcome, Retiring, Sa, Task, Which};
use crate::config::Config;
use crate::path::{Nat, Path, hash};
use crate::sa::Inner;
use crate::session::child::ChildState;
use crate::session::context::Context;
use crate::{Dropped, Ending};

impl Established {
    /// Begins what is due while nothing is awaited.
    pub(super) fn go_on(&mut self, cx: &mut Context<'_>) -> Outcome {
        self.note_childlessness(cx);
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
            Task::RekeyIke(wish) => self.ask_for_ike(cx, wish),
            Task::Child(wish) => self.ask_for_child(cx, *wish),
            Task::DeleteChild(id) => {
                let Some(child) = self.children.find(id) else { return Ok(()) };
                let spi_in = child.spi_in;
                self.ask_to_delete(cx, spi_in, Awaiting::DeleteChild(id))
            }
            Task::Discard(spi_in) => self.ask_to_delete(cx, spi_in, Awaiting::Discard),
            Task::Liveness => {
                let datagrams = self.ask(cx, ExchangeType::INFORMATIONAL, &[])?;
                self.await_response(cx, datagrams, Awaiting::Liveness);
                Ok(())
            }
            Task::Addresses => self.announce_addresses(cx),
        }
    }

    fn ask_to_delete(
        &mut self,
        cx: &mut Context<'_>,
        spi_in: u32,
        awaiting: Awaiting,
    ) -> Result<(), Dropped> {
        let delete = Payload::Delete(Delete { protocol: Protocol::Esp, spis: vec![spi_in] });
        let datagrams = self.ask(cx, ExchangeType::INFORMATIONAL, &[delete])?;
        self.await_response(cx, datagrams, awaiting);
        Ok(())
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
            Awaiting::Liveness | Awaiting::Discard => Ok(Outcome::Alive),
            Awaiting::Addresses => {
                self.addresses_announced(cx, which, &payloads);
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
                | Awaiting::Discard
                | Awaiting::Liveness
                | Awaiting::Addresses,
            )
            | None => {}
        }
    }

    /// Makes `new` the current IKE SA; the old one is kept for a while.
    pub(super) fn succeed(&mut self, cx: &mut Context<'_>, new: Sa) -> usize {
        // What was due with the old one has come about.
        self.tasks.retain(|task| !matches!(task, Task::RekeyIke(_)));
        self.delayed.retain(|(_, task)| !matches!(task, Task::RekeyIke(_)));
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
        let (source, destination) = nat_hashes(cx.config, self.current.spis, &path);
        let payloads = [
            Payload::Notify(Notify::new(NotifyType::UPDATE_SA_ADDRESSES, &[])),
            Payload::Notify(Notify::new(NotifyType::NAT_DETECTION_SOURCE_IP, &source)),
            Payload::Notify(Notify::new(NotifyType::NAT_DETECTION_DESTINATION_IP, &destination)),
        ];
        let datagrams = self.ask(cx, ExchangeType::INFORMATIONAL, &payloads)?;
        self.await_response(cx, datagrams, Awaiting::Addresses);
        Ok(())
    }

    /// What the peer saw of them; unless they have changed again, which is announced next.
    fn addresses_announced(&mut self, cx: &mut Context<'_>, which: Which, payloads: &Payloads<'_>) {
        let path = self.peer.path;
        let changed_again = self.tasks.iter().any(|task| matches!(task, Task::Addresses));
        let nat = self.sa(which).and_then(|sa| detect(cx.config, sa.spis, &path, payloads));
        if let Some(nat) = nat.filter(|_| !changed_again) {
            self.move_to(cx, path, nat);
        }
    }
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

/// NAT_DETECTION data for the source and destination of what we send; of a source that
/// nobody has, when a NAT is to be believed in.
pub(crate) fn nat_hashes(config: &Config, spis: (u64, u64), path: &Path) -> ([u8; 20], [u8; 20]) {
    let source = if config.force_encapsulation { ([0, 0, 0, 0], 0).into() } else { path.local };
    (hash(spis, source), hash(spis, path.remote))
}

/// What a message tells of NATs on its path.
pub(crate) fn detect(
    config: &Config,
    spis: (u64, u64),
    path: &Path,
    payloads: &Payloads<'_>,
) -> Option<Nat> {
    let sources = payloads.notifies(NotifyType::NAT_DETECTION_SOURCE_IP).map(|n| n.data);
    let destination = payloads.notify(NotifyType::NAT_DETECTION_DESTINATION_IP).map(|n| n.data);
    let nat = Nat::detect(spis, path, sources, destination)?;
    Some(Nat { local: nat.local || config.force_encapsulation, ..nat })
}
