//! CREATE_CHILD_SA for the IKE SA itself, both sides (RFC 7296 §1.3.2, §2.8, §2.25.2).

use crypto::dh::{self, Exchange};
use ike_negotiation::{
    IkeSuite, Mismatch, Selected, UnacceptableAnswer, accept_ike, offer_ike, select_ike,
};
use ike_wire::{
    ExchangeType, KeyExchange, Malformed, NotifyType, Payload, Payloads, Proposal, Spi,
};

use super::{Awaiting, Candidate, Established, Outcome, Sa, Task, Which};
use crate::keys::{Nonces, SharedSecrets, Spis};
use crate::path::Path;
use crate::sa::{IkeSa, Request};
use crate::session::context::Context;
use crate::session::notes::{note, refusal_of};
use crate::suite::algorithms;
use crate::{Dropped, Ending, Refusal};

/// An IKE SA that we asked for.
#[derive(Debug)]
pub(crate) struct IkeAttempt {
    pub(crate) spi: u64,
    nonce: Vec<u8>,
    exchange: Exchange,
    proposals: Vec<Proposal>,
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

    fn explain(&self) -> (Refusal, Option<String>) {
        match self {
            Self::Proposal(mismatch) => (Refusal::NoProposalChosen, Some(mismatch.to_string())),
            Self::Answer(fault) => (Refusal::AnswerNotOffered, Some(fault.to_string())),
            Self::KeyExchangeGroup(_) | Self::KeyExchange => (Refusal::KeyExchange, None),
            Self::NoSpi => (Refusal::InvalidSyntax, Some("a proposal without SPI".to_owned())),
            Self::Malformed(malformed) => (Refusal::InvalidSyntax, Some(malformed.to_string())),
            Self::Internal => (Refusal::Internal, None),
        }
    }
}

/// What we answer to the peer's request for a new IKE SA.
struct Answer {
    sa: Sa,
    proposal: Proposal,
    nonce: Vec<u8>,
    group: u16,
    public: Vec<u8>,
    lowest_nonce: Vec<u8>,
}

impl Established {
    /// Whether the IKE SA is being replaced, by us or by both.
    pub(super) fn is_rekeying_ike(&self) -> bool {
        self.candidate.is_some()
            || matches!(self.current.outbound.awaiting(), Some(Awaiting::Ike(_)))
    }

    pub(super) fn answer_ike_rekeying(
        &mut self,
        cx: &mut Context<'_>,
        path: Path,
        request: &Request,
        payloads: &Payloads<'_>,
    ) -> Result<(), Dropped> {
        let which = Which::Current;
        let busy = self.children.any_in_motion()
            || self.candidate.is_some()
            || matches!(self.current.outbound.awaiting(), Some(Awaiting::Child(_)));
        if busy {
            return self.say(cx, which, path, request, NotifyType::TEMPORARY_FAILURE);
        }
        let answer = match self.make_ike(cx, payloads) {
            Ok(answer) => answer,
            Err(refusal) => {
                let (reason, detail) = refusal.explain();
                self.report(cx, reason, detail);
                let (kind, data) = refusal.answer();
                return self.respond(cx, which, path, request, &[note(kind, &data)]);
            }
        };
        let Answer { sa, proposal, nonce, group, public, lowest_nonce } = answer;
        let reply = [
            Payload::SecurityAssociation(vec![proposal]),
            Payload::Nonce(&nonce),
            Payload::KeyExchange(KeyExchange { group, data: &public }),
        ];
        if let Err(internal) = self.respond(cx, which, path, request, &reply) {
            cx.spis.release_ike(sa.local_spi());
            return Err(internal);
        }
        if matches!(self.current.outbound.awaiting(), Some(Awaiting::Ike(_))) {
            self.candidate = Some(Candidate { sa, lowest_nonce });
        } else {
            // The old one lives until the peer's DELETE.
            self.succeed(cx, sa);
        }
        Ok(())
    }

    fn make_ike(
        &mut self,
        cx: &mut Context<'_>,
        payloads: &Payloads<'_>,
    ) -> Result<Answer, IkeRefusal> {
        let offered = payloads.security_association()?;
        let theirs = payloads.nonce()?;
        let KeyExchange { group: sent, data } = payloads.key_exchange()?;
        let Selected { suite, answer } = select_ike(&cx.config.ike_proposals, offered, Some(sent))
            .map_err(|mismatch| IkeRefusal::Proposal(Box::new(mismatch)))?;
        let group = suite.group.transform_id();
        if sent != group {
            return Err(IkeRefusal::KeyExchangeGroup(group.to_be_bytes()));
        }
        let peer_spi = spi_of(offered, answer.number).ok_or(IkeRefusal::NoSpi)?;
        let (public, shared) =
            dh::respond(suite.group, data).map_err(|_| IkeRefusal::KeyExchange)?;
        let nonce = cx.random.nonce();
        let nonces = Nonces { initiator: theirs, responder: &nonce };
        let spi = cx.spis.allocate_ike(cx.random, self.id);
        let made = self.successor((peer_spi, spi), false, suite, nonces, &shared);
        let sa = made.inspect_err(|_| cx.spis.release_ike(spi))?;
        let proposal = Proposal { spi: Spi::Ike(spi), ..answer };
        let lowest_nonce = theirs.min(&nonce).to_vec();
        Ok(Answer { sa, proposal, nonce, group, public, lowest_nonce })
    }

    fn successor(
        &self,
        spis: (u64, u64),
        ours: bool,
        suite: IkeSuite,
        nonces: Nonces<'_>,
        shared: &crypto::Secret,
    ) -> Result<Sa, crypto::Error> {
        let old = &self.current;
        let shared = SharedSecrets { first: shared, additional: &[] };
        let of = Spis { initiator: spis.0.to_be_bytes(), responder: spis.1.to_be_bytes() };
        let keys = old.keys.rekeyed(old.suite.prf, algorithms(&suite), nonces, of, shared)?;
        IkeSa::new(spis, ours, suite, keys, (0, 0), old.fragment_size())
    }

    pub(super) fn ask_for_ike(&mut self, cx: &mut Context<'_>) -> Result<(), Dropped> {
        let exchange = Exchange::start(self.current.suite.group).map_err(|_| Dropped::Internal)?;
        let spi = cx.spis.allocate_ike(cx.random, self.id);
        let proposals = offer_ike(&cx.config.ike_proposals, Spi::Ike(spi));
        let attempt = IkeAttempt { spi, nonce: cx.random.nonce(), exchange, proposals };
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
            if let Some(candidate) = self.candidate.take() {
                // The peer's own is the one.
                self.succeed(cx, candidate.sa);
            } else if error.kind == NotifyType::TEMPORARY_FAILURE {
                self.delay(cx, Task::RekeyIke);
            } else {
                self.report(cx, Refusal::Peer, Some(error.kind.to_string()));
            }
            return Outcome::Alive;
        }
        match self.complete_ike(attempt, payloads) {
            Ok((sa, lowest_nonce)) => self.settle_ike(cx, sa, &lowest_nonce),
            Err(refusal) => {
                cx.spis.release_ike(spi);
                let (reason, detail) = refusal.explain();
                self.report(cx, reason, detail);
                return self.finish_session(cx, Ending::Protocol);
            }
        }
        Outcome::Alive
    }

    fn complete_ike(
        &mut self,
        attempt: IkeAttempt,
        payloads: &Payloads<'_>,
    ) -> Result<(Sa, Vec<u8>), IkeRefusal> {
        let answer = payloads.security_association()?;
        let suite = accept_ike(&attempt.proposals, answer).map_err(IkeRefusal::Answer)?;
        let peer_spi = answer
            .first()
            .and_then(|proposal| spi_of(answer, proposal.number))
            .ok_or(IkeRefusal::NoSpi)?;
        let theirs = payloads.nonce()?;
        let KeyExchange { group, data } = payloads.key_exchange()?;
        if group != attempt.exchange.group().transform_id()
            || suite.group != attempt.exchange.group()
        {
            return Err(IkeRefusal::KeyExchange);
        }
        let shared = attempt.exchange.finish(data).map_err(|_| IkeRefusal::KeyExchange)?;
        let nonces = Nonces { initiator: &attempt.nonce, responder: theirs };
        let sa = self.successor((attempt.spi, peer_spi), true, suite, nonces, &shared)?;
        let lowest_nonce = theirs.min(&attempt.nonce).to_vec();
        Ok((sa, lowest_nonce))
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
    let chosen = proposals.iter().find(|proposal| proposal.number == number)?;
    match chosen.spi {
        Spi::Ike(spi) if spi != 0 => Some(spi),
        Spi::Ike(_) | Spi::Esp(_) | Spi::None => None,
    }
}
