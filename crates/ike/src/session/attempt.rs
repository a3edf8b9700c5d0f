//! A CHILD_SA that we ask for.

use crypto::dh::{Exchange, Group};
use ike_negotiation::{KeyExchange, accept_child, is_subset, offer_child};
use ike_wire::{KeyExchange as KeyExchangePayload, Payload, Payloads, Proposal, Spi};

use crate::event::ChildId;
use crate::keys::Nonces;
use crate::session::agreed::{Agreed, OwnNonces};
use crate::session::context::Context;
use crate::session::offer::{ChildPlan, ChildRefusal, peer_spi};

/// A successor that the peer made while we were making one (RFC 7296 §2.8.1).
#[derive(Debug)]
pub(crate) struct Rival {
    pub(crate) id: ChildId,
    /// The lower of the two nonces of its exchange.
    pub(crate) lowest_nonce: Vec<u8>,
}

/// What is needed to ask again.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) rekeys: Option<ChildId>,
    pub(crate) plan: ChildPlan,
    pub(crate) with_key_exchange: bool,
    /// The peer's, when it rekeyed the same CHILD_SA meanwhile.
    pub(crate) rival: Option<Rival>,
}

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
        rekeys: Option<ChildId>,
        plan: ChildPlan,
        group: Option<Group>,
    ) -> Result<Self, crypto::Error> {
        let exchange = group.map(Exchange::start).transpose()?;
        let spi_in = cx.spis.allocate_esp(cx.random);
        let with_key_exchange = group.is_some();
        let key_exchange =
            if with_key_exchange { KeyExchange::Possible } else { KeyExchange::Forbidden };
        let proposals = offer_child(&cx.config.child_proposals, Spi::Esp(spi_in), key_exchange);
        let nonce = cx.random.nonce();
        let wish = Wish { rekeys, plan, with_key_exchange, rival: None };
        Ok(Self { wish, spi_in, nonce, exchange, proposals })
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
