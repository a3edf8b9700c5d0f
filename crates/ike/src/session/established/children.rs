//! CREATE_CHILD_SA for CHILD_SAs, both sides (RFC 7296 §1.3.1, §1.3.3, §2.8, §2.25).

use crypto::dh::Group;
use ike_negotiation::{ChildProposal, KeyExchange, offer_child};
use ike_wire::{ExchangeType, Notify, NotifyType, Payload, Payloads, Proposal, Protocol, Spi};

use super::followup::{Creation, Unfinished};
use super::{Awaiting, Established, Outcome, Task, Which};
use crate::event::{ChildId, Event};
use crate::keys::Nonces;
use crate::path::Path;
use crate::sa::{Inner, Request};
use crate::session::agreed::Agreed;
use crate::session::attempt::{Ask, Attempt, Rival, Wish};
use crate::session::child::ChildState;
use crate::session::context::Context;
use crate::session::notes::{note, refusal_of};
use crate::session::offer::{self, ChildRefusal, first_group, wanted_group};
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
        let replaces = match payloads.notify(NotifyType::REKEY_SA) {
            None => None,
            Some(rekeys) => match self.named_child(&rekeys) {
                Some((id, true)) => Some(id),
                Some(_) => {
                    return self.say(cx, which, path, request, NotifyType::TEMPORARY_FAILURE);
                }
                // It may be the one that the answer on its way to us has made.
                None if self.wish_under_way().is_some() => {
                    return self.say(cx, which, path, request, NotifyType::TEMPORARY_FAILURE);
                }
                None => {
                    let kind = NotifyType::CHILD_SA_NOT_FOUND;
                    let unknown = Payload::Notify(Notify { kind, data: &[], ..rekeys });
                    return self.respond(cx, which, path, request, &[unknown]);
                }
            },
        };
        match self.make_child(cx, path, request, payloads, replaces) {
            Ok(made) => made,
            Err(refusal) => {
                self.report_refusal(cx, &refusal);
                self.respond(cx, which, path, request, &[refusal.notify()])
            }
        }
    }

    /// The CHILD_SA to be rekeyed, and whether it may.
    fn named_child(&mut self, rekeys: &Notify<'_>) -> Option<(ChildId, bool)> {
        let child = match rekeys.spi {
            Spi::Esp(spi) => self.children.by_peer_spi(spi),
            Spi::None | Spi::Ike(_) => None,
        };
        child.map(|child| (child.id, child.state.may_be_rekeyed()))
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
        // A successor ends its predecessor soon.
        let limit = cx.config.limits.children;
        if self.children.len() >= if replaces.is_none() { limit } else { 2 * limit } {
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
        let granted = self.terms.grant(&agreed.local, &agreed.remote);
        if !stands || !granted || self.is_rekeying_ike() {
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

    pub(super) fn wish_under_way(&mut self) -> Option<&mut Wish> {
        match self.current.outbound.awaiting_mut()? {
            Awaiting::Child(attempt) => Some(&mut attempt.wish),
            Awaiting::FollowUp(follow_up) => follow_up.wish_mut(),
            Awaiting::Setup
            | Awaiting::Ike(_)
            | Awaiting::DeleteChild(_)
            | Awaiting::DeleteIke
            | Awaiting::Discard
            | Awaiting::Liveness
            | Awaiting::Addresses => None,
        }
    }

    /// Asks for a CHILD_SA.
    pub(super) fn ask_for_child(
        &mut self,
        cx: &mut Context<'_>,
        wish: Wish,
    ) -> Result<(), Dropped> {
        let old = wish.rekeys.and_then(|id| self.children.find(id));
        if wish.rekeys.is_some() && !old.as_ref().is_some_and(|old| old.state.is_live()) {
            // Somebody else took care of it.
            return Ok(());
        }
        let usual = old.as_ref().and_then(|old| old.suite.group);
        let group = match wish.key_exchange {
            Ask::AsUsual => usual.or_else(|| first_group(&offerable(cx))),
            Ask::With(group) => Some(group),
            Ask::Without => None,
        };
        let rekeys = old.as_ref().map(|old| {
            let mut notify = Notify::new(NotifyType::REKEY_SA, &[]);
            (notify.protocol, notify.spi) = (Protocol::Esp as u8, Spi::Esp(old.spi_in));
            Payload::Notify(notify)
        });
        let attempt =
            Attempt::new(cx, &self.terms.subject, wish, group).map_err(|_| Dropped::Internal)?;
        let payloads: Vec<_> = rekeys.into_iter().chain(attempt.payloads(true)).collect();
        match self.ask(cx, ExchangeType::CREATE_CHILD_SA, &payloads) {
            Ok(datagrams) => {
                drop(payloads);
                if let Some(old) = attempt.wish.rekeys.and_then(|id| self.children.find(id)) {
                    old.state = ChildState::Rekeying;
                }
                self.await_response(cx, datagrams, Awaiting::Child(Box::new(attempt)));
                Ok(())
            }
            Err(internal) => {
                cx.spis.release_esp(attempt.spi_in);
                Err(internal)
            }
        }
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
            let tried = attempt.group();
            self.child_refused(cx, attempt.wish, tried, &error);
            return Outcome::Alive;
        }
        let (spi_in, rekeys) = (attempt.spi_in, attempt.wish.rekeys);
        match attempt.agree(cx, payloads, None) {
            Ok((agreed, wish)) if agreed.suite.additional.is_empty() => {
                self.we_made_child(cx, agreed, &wish)
            }
            Ok((agreed, wish)) => {
                let remaining = agreed.suite.additional.clone();
                let creation = Creation::Child(Box::new(agreed), wish);
                self.follow_up(cx, creation, remaining, payloads)
            }
            Err(refusal) => {
                self.report_refusal(cx, &refusal);
                self.discard(rekeys, spi_in);
                Outcome::Alive
            }
        }
    }

    /// The peer believes in a CHILD_SA that we cannot have.
    pub(crate) fn discard(&mut self, rekeys: Option<ChildId>, spi_in: u32) {
        self.tasks.push_back(Task::Discard(spi_in));
        if let Some(old) = rekeys.and_then(|id| self.children.find(id))
            && matches!(old.state, ChildState::Rekeying)
        {
            old.state = ChildState::Live;
        }
    }

    /// Our CHILD_SA is complete.
    pub(super) fn we_made_child(
        &mut self,
        cx: &mut Context<'_>,
        agreed: Agreed,
        wish: &Wish,
    ) -> Outcome {
        if wish.deleted_early.contains(&agreed.spi_out) {
            cx.spis.release_esp(agreed.spi_in);
            wish.rekeys.into_iter().for_each(|old| self.delete_child(old, Ending::Rekeyed));
            return Outcome::Alive;
        }
        if let Some(rival) = &wish.rival {
            if agreed.nonces.lowest() < &*rival.lowest_nonce {
                self.yield_to_rival(cx, wish.rekeys, agreed.spi_in);
                return Outcome::Alive;
            }
            if let Some(redundant) = self.children.find(rival.id) {
                redundant.state = ChildState::Replaced;
            }
        }
        let Ok(child) = agreed.install(cx, &self.parent()) else {
            return self.finish_session(cx, Ending::Protocol);
        };
        let new = child.id;
        let granted = self.terms.grant(&child.local, &child.remote);
        self.children.add(child);
        wish.rekeys.into_iter().for_each(|old| self.delete_child(old, Ending::Rekeyed));
        if !granted {
            // The policy has changed meanwhile.
            self.delete_child(new, Ending::Ordered);
        }
        Outcome::Alive
    }

    /// Of two successors made at once the one with the lowest nonce is deleted by whoever
    /// asked for it; the other one's maker deletes the old CHILD_SA (RFC 7296 §2.8.1). Ours
    /// is never installed: what were sent on it before its DELETE is answered would be lost.
    fn yield_to_rival(&mut self, cx: &mut Context<'_>, old: Option<ChildId>, spi_in: u32) {
        cx.spis.release_esp(spi_in);
        self.tasks.push_back(Task::Discard(spi_in));
        if let Some(old) = old.and_then(|old| self.children.find(old)) {
            old.state = ChildState::Replaced;
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
    pub(super) fn child_refused(
        &mut self,
        cx: &mut Context<'_>,
        wish: Wish,
        tried: Option<Group>,
        error: &Notify<'_>,
    ) {
        if let Some(id) = wish.rekeys {
            let Some(old) = self.children.find(id) else { return };
            if wish.rival.is_some() {
                old.state = ChildState::Replaced;
                return;
            }
            if matches!(old.state, ChildState::Rekeying) {
                old.state = ChildState::Live;
            }
        }
        let lacking = cx.config.child_proposals.iter().any(ChildProposal::may_lack_key_exchange);
        let wanted = wanted_group(error, &offerable(cx)).filter(|group| tried != Some(*group));
        let again = match (error.kind, wish.rekeys) {
            (NotifyType::TEMPORARY_FAILURE | NotifyType::STATE_NOT_FOUND, _) => {
                return self.delay(cx, Task::Child(Box::new(wish)));
            }
            (NotifyType::CHILD_SA_NOT_FOUND, Some(old)) => {
                // The peer lost it: begin anew.
                self.children.remove(cx, self.id, old, Ending::Peer);
                Some(Wish::new(wish.plan))
            }
            (NotifyType::INVALID_KE_PAYLOAD, _) if wanted.is_some() => {
                wish.otherwise(wanted.map_or(Ask::AsUsual, Ask::With))
            }
            // Some clients take no key exchange here.
            (NotifyType::NO_PROPOSAL_CHOSEN | NotifyType::INVALID_KE_PAYLOAD, _)
                if tried.is_some() && lacking =>
            {
                wish.otherwise(Ask::Without)
            }
            // Others insist on one, which the CHILD_SA from IKE_AUTH does not show.
            (NotifyType::NO_PROPOSAL_CHOSEN, _) if tried.is_none() && wish.retries == 0 => {
                wish.otherwise(Ask::AsUsual)
            }
            // Others take no rekeying from us at all: theirs is due before the end.
            _ => None,
        };
        match again {
            Some(again) => self.tasks.push_back(Task::Child(again)),
            None => self.report(cx, Refusal::Peer, Some(error.kind.to_string())),
        }
    }

    pub(crate) fn report_refusal(&mut self, cx: &mut Context<'_>, refusal: &ChildRefusal) {
        if let Some((reason, detail)) = refusal.explain() {
            self.report(cx, reason, detail);
        }
    }

    pub(super) fn report(&mut self, cx: &mut Context<'_>, reason: Refusal, detail: Option<String>) {
        cx.out.counters.refused.count(reason);
        cx.out.event(Event::ExchangeFailed(self.id, reason, detail));
    }
}

/// What we can offer for a CHILD_SA.
fn offerable(cx: &Context<'_>) -> Vec<Proposal> {
    offer_child(&cx.config.child_proposals, Spi::Esp(0), KeyExchange::Possible)
}
