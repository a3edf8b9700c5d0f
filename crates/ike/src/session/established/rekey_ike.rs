//! CREATE_CHILD_SA for the IKE SA itself, both sides (RFC 7296 §1.3.2, §2.8, §2.25.2).

use crypto::Secret;
use crypto::dh::{self, Exchange, Group};
use ike_negotiation::{
    IkeProposal, IkeSuite, Mismatch, Selected, UnacceptableAnswer, accept_ike, offer_ike,
    select_ike,
};
use ike_wire::{
    ExchangeType, KeyExchange, Malformed, Notify, NotifyType, Payload, Payloads, Proposal,
    Protocol, Spi,
};

use super::followup::{Creation, Unfinished};
use super::{Awaiting, Candidate, Established, Outcome, Sa, Task, Which};
use crate::keys::{SharedSecrets, Spis};
use crate::path::Path;
use crate::sa::{IkeSa, Request};
use crate::session::agreed::OwnNonces;
use crate::session::attempt::MAX_RETRIES;
use crate::session::context::Context;
use crate::session::notes::{note, refusal_of};
use crate::session::offer::{first_group, groups, wanted_group};
use crate::suite::algorithms;
use crate::{Dropped, Ending, Refusal};

/// IKE SAs replaced and not yet deleted: a peer that rekeys without end must delete first.
const MAX_RETIRING: usize = 8;

/// How to ask for an IKE SA.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IkeWish {
    /// In the group that the peer wants (INVALID_KE_PAYLOAD).
    group: Option<Group>,
    /// How often it wanted another.
    retries: u8,
}

/// An IKE SA that we asked for.
#[derive(Debug)]
pub(crate) struct IkeAttempt {
    wish: IkeWish,
    pub(crate) spi: u64,
    nonce: Vec<u8>,
    exchange: Exchange,
    proposals: Vec<Proposal>,
}

impl IkeAttempt {
    fn agree(self, payloads: &Payloads<'_>) -> Result<AgreedIke, IkeRefusal> {
        let answer = payloads.security_association()?;
        let suite = accept_ike(&self.proposals, answer).map_err(IkeRefusal::Answer)?;
        let peer_spi = answer
            .first()
            .and_then(|proposal| spi_of(answer, proposal.number))
            .ok_or(IkeRefusal::NoSpi)?;
        let responder = payloads.nonce()?.to_vec();
        let KeyExchange { group, data } = payloads.key_exchange()?;
        if suite.group != self.exchange.group() || group != suite.group.transform_id() {
            return Err(IkeRefusal::KeyExchange);
        }
        let first = self.exchange.finish(data).map_err(|_| IkeRefusal::KeyExchange)?;
        let nonces = OwnNonces { initiator: self.nonce, responder };
        let spis = (self.spi, peer_spi);
        Ok(AgreedIke { spis, ours: true, suite, nonces, first, additional: Vec::new() })
    }
}

/// Why an IKE SA could not be rekeyed.
#[derive(Debug)]
enum IkeRefusal {
    Proposal(Box<Mismatch>),
    Answer(UnacceptableAnswer),
    KeyExchangeGroup([u8; 2]),
    KeyExchange,
    Malformed(Malformed),
    NoSpi,
    Internal,
}

impl From<Malformed> for IkeRefusal {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<crypto::Error> for IkeRefusal {
    fn from(_: crypto::Error) -> Self {
        Self::Internal
    }
}

impl IkeRefusal {
    fn answer(&self) -> (NotifyType, Vec<u8>) {
        match self {
            Self::Proposal(_) | Self::Answer(_) | Self::Internal => {
                (NotifyType::NO_PROPOSAL_CHOSEN, Vec::new())
            }
            Self::KeyExchangeGroup(group) => (NotifyType::INVALID_KE_PAYLOAD, group.to_vec()),
            Self::KeyExchange | Self::NoSpi => (NotifyType::INVALID_SYNTAX, Vec::new()),
            Self::Malformed(malformed) => refusal_of(*malformed),
        }
    }

    /// What the operator is told; nothing of what the protocol settles by itself.
    fn explain(&self) -> Option<(Refusal, Option<String>)> {
        Some(match self {
            Self::KeyExchangeGroup(_) => return None,
            Self::Proposal(mismatch) => (Refusal::NoProposalChosen, Some(mismatch.to_string())),
            Self::Answer(fault) => (Refusal::AnswerNotOffered, Some(fault.to_string())),
            Self::KeyExchange => (Refusal::KeyExchange, None),
            Self::NoSpi => (Refusal::InvalidSyntax, Some("a proposal without SPI".to_owned())),
            Self::Malformed(malformed) => (Refusal::InvalidSyntax, Some(malformed.to_string())),
            Self::Internal => (Refusal::Internal, None),
        })
    }
}

/// An IKE SA that both sides agreed on.
#[derive(Debug)]
pub(super) struct AgreedIke {
    spis: (u64, u64),
    /// We asked for it.
    ours: bool,
    suite: IkeSuite,
    nonces: OwnNonces,
    /// SK(0).
    first: Secret,
    /// SK(1) and so on, from IKE_FOLLOWUP_KE (RFC 9370 §2.2.4).
    pub(super) additional: Vec<Secret>,
}

impl AgreedIke {
    pub(super) fn own_spi(&self) -> u64 {
        if self.ours { self.spis.0 } else { self.spis.1 }
    }

    /// Makes the keys, from those of the IKE SA that it replaces; gives the lowest nonce, too.
    fn complete(self, old: &Sa) -> Result<(Sa, Vec<u8>), crypto::Error> {
        let shared = SharedSecrets { first: &self.first, additional: &self.additional };
        let of =
            Spis { initiator: self.spis.0.to_be_bytes(), responder: self.spis.1.to_be_bytes() };
        let nonces = self.nonces.borrow();
        let algorithms = algorithms(&self.suite);
        let keys = old.keys.rekeyed(old.suite.prf, algorithms, nonces, of, shared)?;
        let lowest_nonce = self.nonces.lowest().to_vec();
        let size = old.fragment_size();
        let sa = IkeSa::new(self.spis, self.ours, self.suite, keys, (0, 0), size)?;
        Ok((sa, lowest_nonce))
    }
}

/// What we answer to the peer's request for a new IKE SA.
struct Answer {
    proposal: Proposal,
    nonce: Vec<u8>,
    group: u16,
    public: Vec<u8>,
}

impl Established {
    /// Whether the IKE SA is being replaced, by us or by both.
    pub(super) fn is_rekeying_ike(&self) -> bool {
        self.candidate.is_some()
            || match self.current.outbound.awaiting() {
                Some(Awaiting::Ike(_)) => true,
                Some(Awaiting::FollowUp(follow_up)) => follow_up.is_of_ike(),
                _ => false,
            }
    }

    pub(super) fn answer_ike_rekeying(
        &mut self,
        cx: &mut Context<'_>,
        path: Path,
        request: &Request,
        payloads: &Payloads<'_>,
    ) -> Result<(), Dropped> {
        let which = Which::Current;
        let busy = self.is_changing_children()
            || self.candidate.is_some()
            || self.retiring.len() >= MAX_RETIRING;
        if busy {
            return self.say(cx, which, path, request, NotifyType::TEMPORARY_FAILURE);
        }
        // Whatever else the peer had begun, it has given up.
        self.abandon_unfinished(cx);
        let (agreed, answer) = match self.agree_ike(cx, payloads) {
            Ok(agreed) => agreed,
            Err(refusal) => {
                if let Some((reason, detail)) = refusal.explain() {
                    self.report(cx, reason, detail);
                }
                let (kind, data) = refusal.answer();
                return self.respond(cx, which, path, request, &[note(kind, &data)]);
            }
        };
        let Answer { proposal, nonce, group, public } = answer;
        let mut reply = vec![
            Payload::SecurityAssociation(vec![proposal]),
            Payload::Nonce(&nonce),
            Payload::KeyExchange(KeyExchange { group, data: &public }),
        ];
        let remaining = agreed.suite.additional.clone();
        if remaining.is_empty() {
            return self.peer_made_ike(cx, path, request, agreed, &reply);
        }
        let unfinished = Unfinished::new(cx, Creation::Ike(Box::new(agreed)), remaining);
        reply.push(unfinished.link());
        let sent = self.respond(cx, which, path, request, &reply);
        self.unfinished = Some(unfinished);
        sent
    }

    /// The peer's IKE SA is complete with this answer.
    pub(super) fn peer_made_ike(
        &mut self,
        cx: &mut Context<'_>,
        path: Path,
        request: &Request,
        agreed: AgreedIke,
        reply: &[Payload<'_>],
    ) -> Result<(), Dropped> {
        let which = Which::Current;
        if self.is_changing_children() {
            // Things have changed since the peer began.
            cx.spis.release_ike(agreed.own_spi());
            return self.say(cx, which, path, request, NotifyType::TEMPORARY_FAILURE);
        }
        let spi = agreed.own_spi();
        let made = agreed.complete(&self.current).map_err(|_| Dropped::Internal);
        let made = made.and_then(|made| {
            self.respond(cx, which, path, request, reply)?;
            Ok(made)
        });
        let (sa, lowest_nonce) = made.inspect_err(|_| cx.spis.release_ike(spi))?;
        if self.is_rekeying_ike() {
            self.candidate = Some(Candidate { sa, lowest_nonce });
        } else {
            // The old one lives until the peer's DELETE.
            self.succeed(cx, sa);
        }
        Ok(())
    }

    /// Whether an exchange of ours about CHILD_SAs is under way or due, which must not be lost
    /// with the IKE SA.
    fn is_changing_children(&self) -> bool {
        let asking = match self.current.outbound.awaiting() {
            Some(Awaiting::Child(_) | Awaiting::Discard) => true,
            Some(Awaiting::FollowUp(follow_up)) => !follow_up.is_of_ike(),
            _ => false,
        };
        let discards = |task: &Task| matches!(task, Task::Discard(_));
        asking || self.children.any_in_motion() || self.tasks.iter().any(discards)
    }

    fn agree_ike(
        &mut self,
        cx: &mut Context<'_>,
        payloads: &Payloads<'_>,
    ) -> Result<(AgreedIke, Answer), IkeRefusal> {
        let offered = payloads.security_association()?;
        let theirs = payloads.nonce()?;
        let KeyExchange { group: sent, data } = payloads.key_exchange()?;
        let configured = &cx.config.ike_proposals;
        let kept = IkeProposal::keeping(&self.current.suite, configured);
        let Selected { suite, answer } = select_ike(&kept, offered, Some(sent))
            .or_else(|_| select_ike(configured, offered, Some(sent)))
            .map_err(|mismatch| IkeRefusal::Proposal(Box::new(mismatch)))?;
        let group = suite.group.transform_id();
        if sent != group {
            return Err(IkeRefusal::KeyExchangeGroup(group.to_be_bytes()));
        }
        let peer_spi = spi_of(offered, answer.number).ok_or(IkeRefusal::NoSpi)?;
        let (public, first) =
            dh::respond(suite.group, data).map_err(|_| IkeRefusal::KeyExchange)?;
        let nonce = cx.random.nonce();
        let spi = cx.spis.allocate_ike(cx.random, self.id);
        let proposal = Proposal { spi: Spi::Ike(spi), ..answer };
        let nonces = OwnNonces { initiator: theirs.to_vec(), responder: nonce.clone() };
        let spis = (peer_spi, spi);
        let additional = Vec::new();
        let agreed = AgreedIke { spis, ours: false, suite, nonces, first, additional };
        Ok((agreed, Answer { proposal, nonce, group, public }))
    }

    pub(super) fn ask_for_ike(
        &mut self,
        cx: &mut Context<'_>,
        wish: IkeWish,
    ) -> Result<(), Dropped> {
        let spi = cx.spis.allocate_ike(cx.random, self.id);
        let kept = IkeProposal::keeping(&self.current.suite, &cx.config.ike_proposals);
        let proposals = offer_ike(&kept, Spi::Ike(spi));
        let usual = groups(&proposals).find(|group| *group == self.current.suite.group);
        let group = wish.group.or(usual).or_else(|| first_group(&proposals));
        let exchange = group.map(Exchange::start).and_then(Result::ok);
        let Some(exchange) = exchange else {
            cx.spis.release_ike(spi);
            return Err(Dropped::Internal);
        };
        let attempt = IkeAttempt { wish, spi, nonce: cx.random.nonce(), exchange, proposals };
        let payloads = [
            Payload::SecurityAssociation(attempt.proposals.clone()),
            Payload::Nonce(&attempt.nonce),
            Payload::KeyExchange(KeyExchange {
                group: attempt.exchange.group().transform_id(),
                data: attempt.exchange.public_value(),
            }),
        ];
        match self.ask(cx, ExchangeType::CREATE_CHILD_SA, &payloads) {
            Ok(datagrams) => {
                self.await_response(cx, datagrams, Awaiting::Ike(Box::new(attempt)));
                Ok(())
            }
            Err(internal) => {
                cx.spis.release_ike(spi);
                Err(internal)
            }
        }
    }

    pub(super) fn finish_ike(
        &mut self,
        cx: &mut Context<'_>,
        attempt: IkeAttempt,
        payloads: &Payloads<'_>,
    ) -> Outcome {
        let spi = attempt.spi;
        if let Some(error) = payloads.error_notify() {
            cx.spis.release_ike(spi);
            self.ike_refused(cx, attempt.wish, Some(attempt.exchange.group()), &error);
            return Outcome::Alive;
        }
        match attempt.agree(payloads) {
            Ok(agreed) if agreed.suite.additional.is_empty() => self.we_made_ike(cx, agreed),
            Ok(agreed) => {
                let remaining = agreed.suite.additional.clone();
                self.follow_up(cx, Creation::Ike(Box::new(agreed)), remaining, payloads)
            }
            Err(refusal) => {
                cx.spis.release_ike(spi);
                if let Some((reason, detail)) = refusal.explain() {
                    self.report(cx, reason, detail);
                }
                self.finish_session(cx, Ending::Protocol)
            }
        }
    }

    /// The peer refuses to rekey: its own successor stands, or we ask again.
    pub(super) fn ike_refused(
        &mut self,
        cx: &mut Context<'_>,
        wish: IkeWish,
        tried: Option<Group>,
        error: &Notify<'_>,
    ) {
        if let Some(candidate) = self.candidate.take() {
            self.succeed(cx, candidate.sa);
            return;
        }
        let offered = offer_ike(&cx.config.ike_proposals, Spi::None);
        let wanted = wanted_group(error, &offered).filter(|group| tried != Some(*group));
        let retries = wish.retries + 1;
        match error.kind {
            NotifyType::TEMPORARY_FAILURE | NotifyType::STATE_NOT_FOUND => {
                self.delay(cx, Task::RekeyIke(wish));
            }
            NotifyType::INVALID_KE_PAYLOAD if wanted.is_some() && retries <= MAX_RETRIES => {
                self.tasks.push_back(Task::RekeyIke(IkeWish { group: wanted, retries }));
            }
            _ => self.report(cx, Refusal::Peer, Some(error.kind.to_string())),
        }
    }

    /// Our IKE SA is complete.
    pub(super) fn we_made_ike(&mut self, cx: &mut Context<'_>, agreed: AgreedIke) -> Outcome {
        let spi = agreed.own_spi();
        let Ok((sa, lowest_nonce)) = agreed.complete(&self.current) else {
            cx.spis.release_ike(spi);
            return self.finish_session(cx, Ending::Protocol);
        };
        self.settle_ike(cx, sa, &lowest_nonce);
        Outcome::Alive
    }

    /// Of two IKE SAs made at once the one with the lowest nonce is deleted by whoever asked
    /// for it; the other one's maker deletes the old IKE SA (RFC 7296 §2.8.2).
    fn settle_ike(&mut self, cx: &mut Context<'_>, ours: Sa, lowest: &[u8]) {
        match self.candidate.take() {
            Some(theirs) if *lowest < *theirs.lowest_nonce => {
                self.succeed(cx, theirs.sa);
                let redundant = self.retire(cx, ours);
                self.delete_retiring(cx, redundant);
            }
            theirs => {
                if let Some(theirs) = theirs {
                    self.retire(cx, theirs.sa);
                }
                let old = self.succeed(cx, ours);
                self.delete_retiring(cx, old);
            }
        }
    }
}

fn spi_of(proposals: &[Proposal], number: u8) -> Option<u64> {
    let chosen = proposals
        .iter()
        .find(|proposal| proposal.number == number && proposal.protocol == Protocol::Ike)?;
    match chosen.spi {
        Spi::Ike(spi) if spi != 0 => Some(spi),
        Spi::Ike(_) | Spi::Esp(_) | Spi::None => None,
    }
}
