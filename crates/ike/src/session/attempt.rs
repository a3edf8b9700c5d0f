//! A CHILD_SA that we ask for.

use crypto::dh::{Exchange, Group};
use ike_negotiation::{
    ChildProposal, ChildSuite, KeyExchange, accept_child, is_subset, offer_child,
};
use ike_wire::{KeyExchange as KeyExchangePayload, Payload, Payloads, Proposal, Spi};

use crate::event::ChildId;
use crate::keys::Nonces;
use crate::session::agreed::{Agreed, OwnNonces};
use crate::session::child::Child;
use crate::session::context::Context;
use crate::session::offer::{ChildPlan, ChildRefusal, peer_spi};

/// A successor that the peer made while we were making one (RFC 7296 §2.8.1).
#[derive(Debug)]
pub(crate) struct Rival {
    pub(crate) id: ChildId,
    /// The lower of the two nonces of its exchange.
    pub(crate) lowest_nonce: Vec<u8>,
}

/// With which key exchange to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// In the group that it has, or that we like best.
    AsUsual,
    /// In the group that the peer wants (INVALID_KE_PAYLOAD).
    With(Group),
    Without,
}

/// A CHILD_SA that we want, new or in place of another.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) rekeys: Option<ChildId>,
    /// What that one has.
    keeps: Option<ChildSuite>,
    pub(crate) plan: ChildPlan,
    pub(crate) key_exchange: Ask,
    /// How often the peer wanted it otherwise.
    pub(crate) retries: u8,
    /// The peer's, when it rekeyed the same CHILD_SA meanwhile.
    pub(crate) rival: Option<Rival>,
    /// SPIs unknown to us that the peer deleted meanwhile: its answer, which is on its way,
    /// may be about one of them.
    pub(crate) deleted_early: Vec<u32>,
}

/// SPIs of [`Wish::deleted_early`]; a peer has reason to delete one.
const MAX_DELETED_EARLY: usize = 8;

impl Wish {
    pub(crate) fn new(plan: ChildPlan) -> Box<Self> {
        let (rekeys, keeps, key_exchange) = (None, None, Ask::AsUsual);
        let (rival, deleted_early) = (None, Vec::new());
        Box::new(Self { rekeys, keeps, plan, key_exchange, retries: 0, rival, deleted_early })
    }

    pub(crate) fn successor(of: &Child, key_exchange: Ask) -> Box<Self> {
        let plan = ChildPlan { local: of.local.clone(), remote: of.remote.clone() };
        let (rekeys, keeps) = (Some(of.id), Some(of.suite.clone()));
        Box::new(Self { rekeys, keeps, key_exchange, ..*Self::new(plan) })
    }

    pub(crate) fn note_deleted(&mut self, spi: u32) {
        if self.deleted_early.len() < MAX_DELETED_EARLY {
            self.deleted_early.push(spi);
        }
    }

    /// The same again, otherwise; not for ever.
    pub(crate) fn otherwise(self, key_exchange: Ask) -> Option<Box<Self>> {
        let retries = self.retries + 1;
        (retries <= MAX_RETRIES)
            .then(|| Box::new(Self { key_exchange, retries, rival: None, ..self }))
    }
}

/// How often a peer may want an SA otherwise than we ask for it.
pub(crate) const MAX_RETRIES: u8 = 3;

/// A CHILD_SA that we asked for. Its SPI is given back unless it is agreed on.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) wish: Wish,
    pub(crate) spi_in: u32,
    nonce: Vec<u8>,
    exchange: Option<Exchange>,
    proposals: Vec<Proposal>,
}

impl Attempt {
    /// `group` is for the key exchange; none in IKE_AUTH and for peers that want none.
    pub(crate) fn new(
        cx: &mut Context<'_>,
        subject: &str,
        wish: Wish,
        group: Option<Group>,
    ) -> Result<Self, crypto::Error> {
        let exchange = group.map(Exchange::start).transpose()?;
        let spi_in = cx.spis.allocate_esp(cx.random, subject, cx.config.lanes);
        let key_exchange =
            if group.is_some() { KeyExchange::Possible } else { KeyExchange::Forbidden };
        let configured = &cx.config.child_proposals;
        let kept = wish.keeps.as_ref().map(|suite| ChildProposal::keeping(suite, configured));
        let configured = kept.as_ref().unwrap_or(configured);
        let proposals = offer_child(configured, Spi::Esp(spi_in), key_exchange);
        let nonce = cx.random.nonce();
        Ok(Self { wish, spi_in, nonce, exchange, proposals })
    }

    pub(crate) fn group(&self) -> Option<Group> {
        self.exchange.as_ref().map(Exchange::group)
    }

    /// SA, Ni, KEi, TSi, TSr; in IKE_AUTH (`with_nonce` false) without nonce.
    pub(crate) fn payloads(&self, with_nonce: bool) -> Vec<Payload<'_>> {
        let mut payloads = vec![Payload::SecurityAssociation(self.proposals.clone())];
        if with_nonce {
            payloads.push(Payload::Nonce(&self.nonce));
        }
        payloads.extend(self.exchange.as_ref().map(|exchange| {
            let group = exchange.group().transform_id();
            let data = exchange.public_value();
            Payload::KeyExchange(KeyExchangePayload { group, data })
        }));
        payloads.push(Payload::SelectorsInitiator(self.wish.plan.local.clone()));
        payloads.push(Payload::SelectorsResponder(self.wish.plan.remote.clone()));
        payloads
    }

    /// The peer's answer; the nonces are those of the exchange, or of IKE_SA_INIT.
    pub(crate) fn agree(
        self,
        cx: &mut Context<'_>,
        payloads: &Payloads<'_>,
        init: Option<Nonces<'_>>,
    ) -> Result<(Agreed, Wish), ChildRefusal> {
        let spi_in = self.spi_in;
        let agreed = self.check(payloads, init);
        if agreed.is_err() {
            cx.spis.release_esp(spi_in);
        }
        agreed
    }

    fn check(
        self,
        payloads: &Payloads<'_>,
        init: Option<Nonces<'_>>,
    ) -> Result<(Agreed, Wish), ChildRefusal> {
        let answer = payloads.security_association()?;
        let suite = accept_child(&self.proposals, answer).map_err(ChildRefusal::Answer)?;
        let spi_out = answer
            .first()
            .and_then(|proposal| peer_spi(answer, proposal.number))
            .ok_or(ChildRefusal::AnswerNotOffered)?;
        let (initiator, responder) = payloads.selectors()?;
        let plan = &self.wish.plan;
        let asked_for = is_subset(initiator, &plan.local) && is_subset(responder, &plan.remote);
        if !asked_for || initiator.is_empty() || responder.is_empty() {
            return Err(ChildRefusal::AnswerNotOffered);
        }
        let (local, remote) = (initiator.to_vec(), responder.to_vec());
        let nonces = match init {
            Some(nonces) => OwnNonces::of(nonces),
            None => OwnNonces { initiator: self.nonce, responder: payloads.nonce()?.to_vec() },
        };
        let first = match (self.exchange, suite.group, payloads.optional_key_exchange()?) {
            // The peer chose to do without, as our proposal may let it.
            (_, None, _) => None,
            (Some(exchange), Some(group), Some(sent))
                if exchange.group() == group && sent.group == group.transform_id() =>
            {
                Some(exchange.finish(sent.data).map_err(|_| ChildRefusal::KeyExchange)?)
            }
            _ => return Err(ChildRefusal::KeyExchange),
        };
        let agreed = Agreed {
            spi_in: self.spi_in,
            spi_out,
            suite,
            local,
            remote,
            ours: true,
            replaces: self.wish.rekeys,
            nonces,
            first,
            additional: Vec::new(),
        };
        Ok((agreed, self.wish))
    }
}
