//! CREATE_CHILD_SA for CHILD_SAs, both sides (RFC 7296 §1.3.1, §1.3.3, §2.8, §2.25).

use crypto::dh::Group;
use ike_negotiation::KeyExchange;
use ike_wire::{ExchangeType, Notify, NotifyType, Payload, Payloads, Protocol, Spi};

use super::{Awaiting, Established, Outcome, Task, Which};
use crate::event::{ChildId, Event};
use crate::keys::Nonces;
use crate::path::Path;
use crate::sa::{Inner, Request};
use crate::session::child::ChildState;
use crate::session::context::Context;
use crate::session::notes::{note, refusal_of};
use crate::session::offer::{self, Attempt, ChildPlan, ChildRefusal, Rival};
use crate::{Dropped, Ending, Refusal};

impl Established {
    pub(super) fn handle_create_child_sa(
        &mut self,
        cx: &mut Context<'_>,
        which: Which,
        path: Path,
        inner: &Inner,
        payloads: &Payloads<'_>,
    ) -> Result<Outcome, Dropped> {
        let request = &inner.request;
        if which != Which::Current {
            // It belongs on the IKE SA that stays; the peer will know soon which that is.
            self.say(cx, which, path, request, NotifyType::TEMPORARY_FAILURE)?;
            return Ok(Outcome::Alive);
        }
        let protocol = match payloads.security_association() {
            Ok(offered) => offered.first().map(|proposal| proposal.protocol),
            Err(malformed) => {
                cx.out.counters.malformed.count(malformed.reason());
                let (kind, data) = refusal_of(malformed);
                self.respond(cx, which, path, request, &[note(kind, &data)])?;
                return Ok(Outcome::Alive);
            }
        };
        if protocol == Some(Protocol::Ike) {
            self.answer_ike_rekeying(cx, path, request, payloads)?;
        } else {
            self.answer_child(cx, path, request, payloads)?;
        }
        Ok(Outcome::Alive)
    }

    pub(super) fn say(
        &mut self,
        cx: &mut Context<'_>,
        which: Which,
        path: Path,
        request: &Request,
        kind: NotifyType,
    ) -> Result<(), Dropped> {
        self.respond(cx, which, path, request, &[note(kind, &[])])
    }

    fn answer_child(
        &mut self,
        cx: &mut Context<'_>,
        path: Path,
        request: &Request,
        payloads: &Payloads<'_>,
    ) -> Result<(), Dropped> {
        let which = Which::Current;
        if self.is_rekeying_ike() {
            return self.say(cx, which, path, request, NotifyType::TEMPORARY_FAILURE);
        }
        let replaces = match payloads.notify(NotifyType::REKEY_SA).map(|notify| notify.spi) {
            None => None,
            Some(Spi::Esp(spi)) => match self.children.by_peer_spi(spi) {
                Some(child) => match child.state {
                    ChildState::Live | ChildState::Rekeying => Some(child.id),
                    ChildState::Replaced | ChildState::Deleting(_) => {
                        return self.say(cx, which, path, request, NotifyType::TEMPORARY_FAILURE);
                    }
                },
                None => {
                    return self.say(cx, which, path, request, NotifyType::CHILD_SA_NOT_FOUND);
                }
            },
            Some(Spi::None | Spi::Ike(_)) => {
                return self.say(cx, which, path, request, NotifyType::CHILD_SA_NOT_FOUND);
            }
        };
        match self.make_child(cx, path, request, payloads, replaces) {
            Ok(made) => made,
            Err(refusal) => {
                self.report_refusal(cx, &refusal);
                self.respond(cx, which, path, request, &[refusal.notify()])
            }
        }
    }

    /// The outer error is the peer's doing, the inner one ours.
    fn make_child(
        &mut self,
        cx: &mut Context<'_>,
        path: Path,
        request: &Request,
        payloads: &Payloads<'_>,
        replaces: Option<ChildId>,
    ) -> Result<Result<(), Dropped>, ChildRefusal> {
        if self.children.len() >= cx.config.limits.children {
            return Err(ChildRefusal::TooMany);
        }
        let nonce = cx.random.nonce();
        let theirs = payloads.nonce()?;
        let nonces = Nonces { initiator: theirs, responder: &nonce };
        let (child, answer) = offer::accept(
            cx,
            &self.parent(),
            &self.terms,
            payloads,
            nonces,
            KeyExchange::Possible,
            replaces,
        )?;
        let new = child.id;
        self.children.add(child);
        let sent = self.respond(cx, Which::Current, path, request, &answer.payloads(Some(&nonce)));
        if sent.is_err() {
            self.children.remove(cx, self.id, new, Ending::Protocol);
            return Ok(sent);
        }
        if let Some(old) = replaces {
            let lowest_nonce = theirs.min(&nonce).to_vec();
            self.replaced_by_peer(old, Rival { id: new, lowest_nonce });
        }
        Ok(sent)
    }

    fn replaced_by_peer(&mut self, old: ChildId, rival: Rival) {
        if let Some(Awaiting::Child(attempt)) = self.current.outbound.awaiting_mut()
            && attempt.rekeys == Some(old)
        {
            attempt.rival = Some(rival);
            return;
        }
        if let Some(child) = self.children.find(old) {
            child.state = ChildState::Replaced;
        }
    }

    /// Asks for a CHILD_SA, new or in place of `rekeys`.
    pub(super) fn ask_for_child(
        &mut self,
        cx: &mut Context<'_>,
        rekeys: Option<ChildId>,
        plan: ChildPlan,
        group: Option<Group>,
    ) -> Result<(), Dropped> {
        let attempt = Attempt::new(cx, rekeys, (plan.local, plan.remote), group)
            .map_err(|_| Dropped::Internal)?;
        let mut payloads = attempt.payloads(true);
        if let Some(old) = rekeys.and_then(|id| self.children.find(id)) {
            old.state = ChildState::Rekeying;
            let mut notify = Notify::new(NotifyType::REKEY_SA, &[]);
            (notify.protocol, notify.spi) = (Protocol::Esp as u8, Spi::Esp(old.spi_in));
            payloads.insert(0, Payload::Notify(notify));
        }
        let datagrams = self.ask(cx, ExchangeType::CREATE_CHILD_SA, &payloads)?;
        self.await_response(cx, datagrams, Awaiting::Child(Box::new(attempt)));
        Ok(())
    }

    /// The answer to [`Self::ask_for_child`].
    pub(super) fn finish_child(
        &mut self,
        cx: &mut Context<'_>,
        mut attempt: Attempt,
        payloads: &Payloads<'_>,
    ) -> Outcome {
        let rekeys = attempt.rekeys;
        let rival = attempt.rival.take();
        if let Some(error) = payloads.error_notify() {
            cx.spis.release_esp(attempt.spi_in);
            self.child_refused(cx, &attempt, rival.is_some(), error.kind);
            return Outcome::Alive;
        }
        let ours = attempt.nonce.clone();
        let finished = payloads.nonce().map_err(ChildRefusal::from).and_then(|theirs| {
            let nonces = Nonces { initiator: &ours, responder: theirs };
            let child = attempt.finish(cx, &self.parent(), payloads, nonces)?;
            Ok((child, theirs.min(&*ours).to_vec()))
        });
        match finished {
            Ok((child, lowest_nonce)) => {
                let new = child.id;
                self.children.add(child);
                if let Some(old) = rekeys {
                    self.settle(old, new, rival, &lowest_nonce);
                }
                Outcome::Alive
            }
            Err(refusal) => {
                // The peer believes in a CHILD_SA that we cannot have.
                self.report_refusal(cx, &refusal);
                self.finish_session(cx, Ending::Protocol)
            }
        }
    }

    /// Of two successors made at once the one with the lowest nonce is deleted by whoever
    /// asked for it; the other one's maker deletes the old CHILD_SA (RFC 7296 §2.8.1).
    fn settle(&mut self, old: ChildId, new: ChildId, rival: Option<Rival>, lowest: &[u8]) {
        match rival {
            Some(rival) if lowest < &*rival.lowest_nonce => {
                self.delete_child(new, Ending::Redundant);
                if let Some(old) = self.children.find(old) {
                    old.state = ChildState::Replaced;
                }
            }
            rival => {
                if let Some(redundant) = rival.and_then(|rival| self.children.find(rival.id)) {
                    redundant.state = ChildState::Replaced;
                }
                self.delete_child(old, Ending::Rekeyed);
            }
        }
    }

    /// Queues the end of a CHILD_SA.
    pub(super) fn delete_child(&mut self, id: ChildId, ending: Ending) {
        if let Some(child) = self.children.find(id) {
            child.state = ChildState::Deleting(ending);
            self.tasks.push_back(Task::DeleteChild(id));
        }
    }

    fn child_refused(
        &mut self,
        cx: &mut Context<'_>,
        attempt: &Attempt,
        has_rival: bool,
        error: NotifyType,
    ) {
        let plan = attempt.plan();
        let Some(old) = attempt.rekeys else {
            if error == NotifyType::TEMPORARY_FAILURE {
                self.delay(cx, Task::NewChild(Box::new(plan)));
            } else {
                self.report(cx, Refusal::Peer, Some(error.to_string()));
            }
            return;
        };
        let Some(child) = self.children.find(old) else { return };
        if has_rival {
            child.state = ChildState::Replaced;
            return;
        }
        child.state = ChildState::Live;
        let without = Task::RekeyChild { id: old, with_key_exchange: false };
        match error {
            NotifyType::TEMPORARY_FAILURE => {
                let with_key_exchange = attempt.group().is_some();
                self.delay(cx, Task::RekeyChild { id: old, with_key_exchange });
            }
            NotifyType::CHILD_SA_NOT_FOUND => {
                // The peer lost it: begin anew.
                self.children.remove(cx, self.id, old, Ending::Peer);
                self.tasks.push_back(Task::NewChild(Box::new(plan)));
            }
            // Some clients take no key exchange here.
            NotifyType::NO_PROPOSAL_CHOSEN | NotifyType::INVALID_KE_PAYLOAD
                if attempt.group().is_some() =>
            {
                self.tasks.push_back(without);
            }
            // Others take no rekeying from us at all: theirs is due before the end.
            _ => self.report(cx, Refusal::Peer, Some(error.to_string())),
        }
    }

    pub(crate) fn report_refusal(&mut self, cx: &mut Context<'_>, refusal: &ChildRefusal) {
        let (reason, detail) = refusal.explain();
        self.report(cx, reason, detail);
    }

    pub(super) fn report(&mut self, cx: &mut Context<'_>, reason: Refusal, detail: Option<String>) {
        cx.out.counters.refused.count(reason);
        cx.out.event(Event::ExchangeFailed(self.id, reason, detail));
    }
}
