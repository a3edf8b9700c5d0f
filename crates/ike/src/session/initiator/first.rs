//! IKE_SA_INIT as the initiator (RFC 7296 §1.2, §2.6, §2.7).

use crypto::dh::Exchange;
use ike_negotiation::{accept_ike, offer_ike};
use ike_wire::{
    Content, Envelope, ExchangeType, Flags, KeyExchange, Malformed, NotifyType, Payload, Payloads,
    Proposal, Spi, emit_clear, parse_payloads,
};

use super::{Failure, Progress, Setup, Step, Target};
use crate::event::SessionId;
use crate::keys::{IkeKeys, Nonces, Spis};
use crate::sa::{IkeSa, Outbound};
use crate::session::context::Context;
use crate::session::init::{Announcement, Features, Init, clear_header};
use crate::session::notes::note;
use crate::session::offer::{first_group, wanted_group};
use crate::session::proof::requested_authorities;
use crate::session::responder::Intermediate;
use crate::suite::algorithms;
use crate::{Dropped, Refusal};

/// How often IKE_SA_INIT may begin anew, for a COOKIE or another group.
const MAX_TRIES: u8 = 4;

/// IKE_SA_INIT is sent.
#[derive(Debug)]
pub(super) struct AwaitInit {
    pub(super) spi: u64,
    nonce: Vec<u8>,
    exchange: Exchange,
    proposals: Vec<Proposal>,
    cookie: Option<Vec<u8>>,
    request: Vec<u8>,
    tries: u8,
    pub(super) outbound: Outbound<()>,
}

/// What the peer wants of our IKE_SA_INIT before it takes it.
enum Wish {
    None,
    /// What it has been sent already: it was asked for twice.
    Granted,
    New,
}

impl AwaitInit {
    pub(super) fn begin(
        cx: &mut Context<'_>,
        id: SessionId,
        target: &Target,
    ) -> Result<Self, Dropped> {
        let proposals = offer_ike(&cx.config.ike_proposals, Spi::None);
        let group = first_group(&proposals).ok_or(Dropped::Internal)?;
        let exchange = Exchange::start(group).map_err(|_| Dropped::Internal)?;
        let spi = cx.spis.allocate_ike(cx.random, id);
        let mut init = Self {
            spi,
            nonce: cx.random.nonce(),
            exchange,
            proposals,
            cookie: None,
            request: Vec::new(),
            tries: 0,
            outbound: Outbound::new(0),
        };
        if let Err(dropped) = init.send(cx, target) {
            cx.spis.release_ike(spi);
            return Err(dropped);
        }
        Ok(init)
    }

    fn send(&mut self, cx: &mut Context<'_>, target: &Target) -> Result<(), Dropped> {
        let spis = (self.spi, 0);
        let features = (cx.credentials.ppks.contains_key(&target.peer), true);
        let announcement = Announcement::new(cx.config, spis, &target.path, features);
        let mut payloads = Vec::new();
        payloads.extend(self.cookie.as_ref().map(|cookie| note(NotifyType::COOKIE, cookie)));
        payloads.extend([
            Payload::SecurityAssociation(self.proposals.clone()),
            Payload::KeyExchange(KeyExchange {
                group: self.exchange.group().transform_id(),
                data: self.exchange.public_value(),
            }),
            Payload::Nonce(&self.nonce),
        ]);
        payloads.extend(announcement.payloads());
        self.request = emit_clear(clear_header(spis, Flags::INITIATOR), &payloads)
            .map_err(|_| Dropped::Internal)?;
        self.tries += 1;
        cx.out.send(target.path, std::slice::from_ref(&self.request));
        let datagrams = vec![self.request.clone()];
        // Every one of them has message id 0.
        self.outbound = Outbound::new(0);
        self.outbound.begin(cx.now.instant, &cx.config.timers, datagrams, ());
        Ok(())
    }

    pub(super) fn handle(
        mut self: Box<Self>,
        cx: &mut Context<'_>,
        target: &Target,
        datagram: &[u8],
        envelope: &Envelope,
    ) -> (Progress, Result<(), Dropped>) {
        let header = &envelope.header;
        let is_answer = header.flags.contains(Flags::RESPONSE)
            && !header.flags.contains(Flags::INITIATOR)
            && header.exchange == ExchangeType::IKE_SA_INIT
            && header.message_id == 0;
        let (Content::Clear { first, body }, true) = (&envelope.content, is_answer) else {
            return (Progress::Wait(Step::Init(self)), Err(Dropped::OutOfState));
        };
        let body = datagram.get(body.clone()).unwrap_or_default();
        let payloads = match parse_payloads(*first, body) {
            Ok(payloads) => payloads,
            Err(malformed) => {
                cx.out.counters.malformed.count(malformed.reason());
                // Anybody could have sent it.
                return (Progress::Wait(Step::Init(self)), Err(Dropped::Malformed));
            }
        };
        match self.asked_for(&payloads) {
            Ok(Wish::None) => {}
            Ok(Wish::Granted) => {
                return (Progress::Wait(Step::Init(self)), Err(Dropped::NotAwaited));
            }
            Ok(Wish::New) => {
                let progress = match self.send(cx, target) {
                    Ok(()) => Progress::Wait(Step::Init(self)),
                    Err(_) => self.fail(cx, Failure::new(Refusal::Internal, None)),
                };
                return (progress, Ok(()));
            }
            Err(failure) => return (self.fail(cx, failure), Ok(())),
        }
        if let Some(error) = payloads.error_notify() {
            let failure = Failure::new(Refusal::Peer, Some(error.kind.to_string()));
            return (self.fail(cx, failure), Ok(()));
        }
        let spi = self.spi;
        let progress = match self.complete(cx, target, datagram, header.responder_spi, &payloads) {
            Ok(setup) => Box::new(setup).go_on(cx, target),
            Err(failure) => {
                cx.spis.release_ike(spi);
                Progress::Failed(failure)
            }
        };
        (progress, Ok(()))
    }

    fn fail(self: Box<Self>, cx: &mut Context<'_>, failure: Box<Failure>) -> Progress {
        cx.spis.release_ike(self.spi);
        Progress::Failed(failure)
    }

    /// Takes a COOKIE, or another group, into the next request.
    fn asked_for(&mut self, payloads: &Payloads<'_>) -> Result<Wish, Box<Failure>> {
        if let Some(cookie) = payloads.notify(NotifyType::COOKIE) {
            if self.cookie.as_deref() == Some(cookie.data) {
                return Ok(Wish::Granted);
            }
            self.cookie = Some(cookie.data.to_vec());
        } else if let Some(wanted) = payloads.notify(NotifyType::INVALID_KE_PAYLOAD) {
            let group = wanted_group(&wanted, &self.proposals);
            if group == Some(self.exchange.group()) {
                return Ok(Wish::Granted);
            }
            let exchange = group.and_then(|group| Exchange::start(group).ok());
            self.exchange = exchange.ok_or(Failure::new(Refusal::KeyExchange, None))?;
        } else {
            return Ok(Wish::None);
        }
        if self.tries < MAX_TRIES {
            Ok(Wish::New)
        } else {
            Err(Failure::new(Refusal::NoAnswer, None))
        }
    }

    fn complete(
        self: Box<Self>,
        cx: &Context<'_>,
        target: &Target,
        response: &[u8],
        responder_spi: u64,
        payloads: &Payloads<'_>,
    ) -> Result<Setup, Box<Failure>> {
        let Self { spi, nonce, exchange, proposals, request, .. } = *self;
        let malformed = |malformed: Malformed| {
            Failure::new(Refusal::InvalidSyntax, Some(malformed.to_string()))
        };
        let answer = payloads.security_association().map_err(malformed)?;
        let suite = accept_ike(&proposals, answer)
            .map_err(|fault| Failure::new(Refusal::AnswerNotOffered, Some(fault.to_string())))?;
        let KeyExchange { group, data } = payloads.key_exchange().map_err(malformed)?;
        let theirs = payloads.nonce().map_err(malformed)?;
        if suite.group != exchange.group() || group != suite.group.transform_id() {
            return Err(Failure::new(Refusal::KeyExchange, None));
        }
        let shared = exchange.finish(data).map_err(|_| Failure::new(Refusal::KeyExchange, None))?;

        let spis = (spi, responder_spi);
        let features = Features::of(cx.config, payloads, spis, &target.path);
        if responder_spi == 0 || (!suite.additional.is_empty() && !features.intermediate) {
            return Err(Failure::new(Refusal::InvalidSyntax, None));
        }
        let nonces = Nonces { initiator: &nonce, responder: theirs };
        let of = Spis { initiator: spi.to_be_bytes(), responder: responder_spi.to_be_bytes() };
        let pending = suite.additional.clone();
        let fragment_size = features.fragmentation.then_some(cx.config.fragment_size);
        let sa = IkeKeys::initial(algorithms(&suite), nonces, of, &shared)
            .and_then(|keys| IkeSa::new(spis, true, suite, keys, (1, 0), fragment_size))
            .map_err(|_| Failure::new(Refusal::Internal, None))?;
        let init = Init {
            request,
            response: response.to_vec(),
            initiator_nonce: nonce.clone(),
            responder_nonce: theirs.to_vec(),
        };
        let mut path = target.path;
        if payloads.notify(NotifyType::NAT_DETECTION_SOURCE_IP).is_some() {
            // Both ports are as good without NAT, and a NAT may come (RFC 7296 §2.23).
            path.local.set_port(cx.config.nat_port);
            path.remote.set_port(cx.config.nat_port);
        }
        let authorities = requested_authorities(payloads);
        let intermediate = Intermediate::default();
        Ok(Setup { sa, init, features, path, authorities, pending, intermediate })
    }
}
