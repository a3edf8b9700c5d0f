//! CREATE_CHILD_SA for CHILD_SAs, both sides (RFC 7296 §1.3.1, §1.3.3, §2.8, §2.25).

use crypto::dh::Group;
use ike_negotiation::KeyExchange;
use ike_wire::{ExchangeType, Notify, NotifyType, Payload, Payloads, Protocol, Spi};

use super::followup::{Creation, Unfinished};
use super::{Awaiting, Established, Outcome, Task, Which};
use crate::event::{ChildId, Event};
use crate::keys::Nonces;
use crate::path::Path;
use crate::sa::{Inner, Request};
use crate::session::agreed::Agreed;
use crate::session::attempt::{Attempt, Rival, Wish};
use crate::session::child::ChildState;
use crate::session::context::Context;
use crate::session::notes::{note, refusal_of};
use crate::session::offer::{self, ChildPlan, ChildRefusal};
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
                Some(child) if child.state.may_be_rekeyed() => Some(child.id),
                Some(_) => {
                    return self.say(cx, which, path, request, NotifyType::TEMPORARY_FAILURE);
                }
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
        // Whatever else the peer had begun, it has given up.
        self.abandon_unfinished(cx);
        let nonce = cx.random.nonce();
        let nonces = Nonces { initiator: payloads.nonce()?, responder: &nonce };
        let key_exchange = KeyExchange::Possible;
        let (agreed, answer) =
            offer::accept(cx, &self.terms, payloads, nonces, key_exchange, replaces)?;
        let mut reply = answer.payloads(Some(&nonce));
        let remaining = agreed.suite.additional.clone();
        if remaining.is_empty() {
            return Ok(self.peer_made_child(cx, path, request, agreed, &reply));
        }
        let creation = Creation::Child(Box::new(agreed), ());
        let unfinished = Unfinished::new(cx, creation, remaining);
        reply.push(unfinished.link());
        let sent = self.respond(cx, Which::Current, path, request, &reply);
        self.unfinished = Some(unfinished);
        Ok(sent)
    }

    /// The peer's CHILD_SA is complete with this answer.
    pub(super) fn peer_made_child(
        &mut self,
        cx: &mut Context<'_>,
        path: Path,
        request: &Request,
        agreed: Agreed,
        reply: &[Payload<'_>],
    ) -> Result<(), Dropped> {
        let which = Which::Current;
        let replaces = agreed.replaces;
        let stands = replaces.is_none_or(|old| {
            self.children.find(old).is_some_and(|child| child.state.may_be_rekeyed())
        });
        if !stands || self.is_rekeying_ike() {
            // Things have changed since the peer began.
            cx.spis.release_esp(agreed.spi_in);
            return self.say(cx, which, path, request, NotifyType::TEMPORARY_FAILURE);
        }
        let lowest_nonce = agreed.nonces.lowest().to_vec();
        let child = agreed.install(cx, &self.parent()).map_err(|_| Dropped::Internal)?;
        let id = child.id;
        self.children.add(child);
        let sent = self.respond(cx, which, path, request, reply);
        if sent.is_err() {
            self.children.remove(cx, self.id, id, Ending::Protocol);
        } else if let Some(old) = replaces {
            self.replaced_by_peer(old, Rival { id, lowest_nonce });
        }
        sent
    }

    fn replaced_by_peer(&mut self, old: ChildId, rival: Rival) {
        let ours = self.wish_under_way().filter(|wish| wish.rekeys == Some(old));
        if let Some(wish) = ours {
            wish.rival = Some(rival);
        } else if let Some(child) = self.children.find(old) {
            child.state = ChildState::Replaced;
        }
    }

    fn wish_under_way(&mut self) -> Option<&mut Wish> {
        match self.current.outbound.awaiting_mut()? {
            Awaiting::Child(attempt) => Some(&mut attempt.wish),
            Awaiting::FollowUp(follow_up) => follow_up.wish_mut(),
            Awaiting::Setup
            | Awaiting::Ike(_)
            | Awaiting::DeleteChild(_)
            | Awaiting::DeleteIke
            | Awaiting::Liveness
            | Awaiting::Addresses => None,
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
        let attempt = Attempt::new(cx, rekeys, plan, group).map_err(|_| Dropped::Internal)?;
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
        attempt: Attempt,
        payloads: &Payloads<'_>,
    ) -> Outcome {
        if let Some(error) = payloads.error_notify() {
            cx.spis.release_esp(attempt.spi_in);
            self.child_refused(cx, attempt.wish, error.kind);
            return Outcome::Alive;
        }
        match attempt.agree(cx, payloads, None) {
            Ok((agreed, wish)) if agreed.suite.additional.is_empty() => {
                self.we_made_child(cx, agreed, wish)
            }
            Ok((agreed, wish)) => {
                let remaining = agreed.suite.additional.clone();
                let creation = Creation::Child(Box::new(agreed), wish);
                self.follow_up(cx, creation, remaining, payloads)
            }
            Err(refusal) => {
                // The peer believes in a CHILD_SA that we cannot have.
                self.report_refusal(cx, &refusal);
                self.finish_session(cx, Ending::Protocol)
            }
        }
    }

    /// Our CHILD_SA is complete.
    pub(super) fn we_made_child(
        &mut self,
        cx: &mut Context<'_>,
        agreed: Agreed,
        wish: Wish,
    ) -> Outcome {
        let lowest_nonce = agreed.nonces.lowest().to_vec();
        let Ok(child) = agreed.install(cx, &self.parent()) else {
            return self.finish_session(cx, Ending::Protocol);
        };
        let new = child.id;
        self.children.add(child);
        if let Some(old) = wish.rekeys {
            self.settle(old, new, wish.rival, &lowest_nonce);
        }
        Outcome::Alive
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

    /// The peer refuses a CHILD_SA: what can be asked for again is.
    pub(super) fn child_refused(&mut self, cx: &mut Context<'_>, wish: Wish, error: NotifyType) {
        let Wish { rekeys, plan, with_key_exchange, rival } = wish;
        let Some(old) = rekeys else {
            if error == NotifyType::TEMPORARY_FAILURE {
                self.delay(cx, Task::NewChild(Box::new(plan)));
            } else {
                self.report(cx, Refusal::Peer, Some(error.to_string()));
            }
            return;
        };
        let Some(child) = self.children.find(old) else { return };
        if rival.is_some() {
            child.state = ChildState::Replaced;
            return;
        }
        if matches!(child.state, ChildState::Rekeying) {
            child.state = ChildState::Live;
        }
        match error {
            NotifyType::TEMPORARY_FAILURE | NotifyType::STATE_NOT_FOUND => {
                self.delay(cx, Task::RekeyChild { id: old, with_key_exchange });
            }
            NotifyType::CHILD_SA_NOT_FOUND => {
                // The peer lost it: begin anew.
                self.children.remove(cx, self.id, old, Ending::Peer);
                self.tasks.push_back(Task::NewChild(Box::new(plan)));
            }
            // Some clients take no key exchange here.
            NotifyType::NO_PROPOSAL_CHOSEN | NotifyType::INVALID_KE_PAYLOAD
                if with_key_exchange =>
            {
                self.tasks.push_back(Task::RekeyChild { id: old, with_key_exchange: false });
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
