//! The response of IKE_AUTH, once the policy has decided.

use std::sync::Arc;
use std::time::Instant;

use ike_negotiation::KeyExchange;
use ike_wire::{Identity, NotifyType, Payload, Payloads, parse_payloads};

use super::AwaitAuth;
use crate::event::{Grant, Peer, Proof, Refused, SessionId};
use crate::keys::{IkeKeys, Nonces};
use crate::pool::Wanted;
use crate::sa::Inner;
use crate::session::Stage;
use crate::session::address::{Configured, wanted};
use crate::session::child::Child;
use crate::session::context::Context;
use crate::session::established::{Beginning, Established, Sa};
use crate::session::init::{Features, Init};
use crate::session::notes::note;
use crate::session::offer::{self, Answer, ChildRefusal, Parent, Terms};
use crate::session::proof::{
    Disbelief, OwnProof, Transcript, by_certificate, by_shared_key, requested_authorities,
};
use crate::{Dropped, Refusal};

/// The peer is believed; whether it is let in is being decided.
#[derive(Debug)]
pub(crate) struct AwaitVerdict {
    pub(crate) id: SessionId,
    pub(crate) sa: Sa,
    init: Init,
    features: Features,
    intermediate: super::Intermediate,
    inner: Inner,
    peer: Peer,
    keys: IkeKeys,
    pub(crate) deadline: Instant,
}

impl AwaitVerdict {
    pub(super) fn new(before: AwaitAuth, inner: Inner, peer: Peer, keys: IkeKeys) -> Self {
        let AwaitAuth { id, sa, init, features, intermediate, deadline, .. } = before;
        Self { id, sa, init, features, intermediate, inner, peer, keys, deadline }
    }

    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The policy said no. Its reason is the shell's to record.
    pub(crate) fn refuse(mut self, cx: &mut Context<'_>) -> Stage {
        self.send(cx, &[note(NotifyType::AUTHENTICATION_FAILED, &[])]);
        Stage::linger(cx, self.peer.path, self.sa)
    }

    /// Nobody decided in time.
    pub(crate) fn time_out(self, cx: &mut Context<'_>) -> Stage {
        self.fail(cx, Disbelief::new(Refusal::SetupTimeout, None))
    }

    /// The policy said yes.
    pub(crate) fn admit(mut self, cx: &mut Context<'_>, grant: Grant) -> Stage {
        let plaintext = std::mem::take(&mut self.inner.plaintext);
        let proven = parse_payloads(self.inner.first, &plaintext)
            .map_err(Disbelief::from)
            .and_then(|payloads| Ok((self.prove(cx, &payloads)?, payloads)));
        match proven {
            Ok((proof, payloads)) => self.establish(cx, grant, &payloads, &proof),
            Err(disbelief) => self.fail(cx, disbelief),
        }
    }

    fn fail(self, cx: &mut Context<'_>, disbelief: Disbelief) -> Stage {
        let Disbelief { reason, detail, certificate, .. } = disbelief;
        cx.out.refused(Refused {
            session: Some(self.id),
            path: self.peer.path,
            reason,
            detail,
            identity: Some(self.peer.identity.clone()),
            certificate,
            vendor: self.features.vendor,
        });
        self.refuse(cx)
    }

    fn send(&mut self, cx: &mut Context<'_>, payloads: &[Payload<'_>]) {
        match self.sa.respond(&self.inner.request, payloads) {
            Ok(sealed) => cx.out.send(self.peer.path, &sealed.datagrams),
            Err(_) => cx.out.counters.dropped.count(Dropped::Internal),
        }
    }

    /// Our identity: the one asked for, if it is ours (RFC 7296 §3.5), and its proof, of the
    /// kind that the peer chose for itself.
    fn prove(
        &self,
        cx: &Context<'_>,
        payloads: &Payloads<'_>,
    ) -> Result<(Identity, OwnProof), Disbelief> {
        let credentials = cx.credentials;
        let asked_for = payloads.optional_id_responder()?.map(Identity::from);
        let ours = asked_for.filter(|identity| credentials.identities.contains(identity));
        let identity = ours
            .or_else(|| credentials.identities.first().cloned())
            .ok_or(Disbelief::new(Refusal::NoOwnCertificate, None))?;
        let prf = self.sa.suite.prf;
        let transcript = Transcript {
            prf,
            init: &self.init,
            keys: &self.keys,
            intermediate: self.intermediate.auth(self.inner.request.header.message_id),
        };
        let octets = transcript.octets(false, &identity.as_identification())?;
        let proof = match &self.peer.proof {
            Proof::PreSharedKey => {
                let key = credentials.pre_shared_keys.get(&self.peer.identity);
                by_shared_key(
                    prf,
                    key.ok_or(Disbelief::new(Refusal::UnknownIdentity, None))?,
                    &octets,
                )
            }
            Proof::Certificate(_) => {
                let authorities = requested_authorities(payloads);
                by_certificate(credentials, &self.features, &authorities, &octets)
            }
        }?;
        Ok((identity, proof))
    }

    fn establish(
        mut self,
        cx: &mut Context<'_>,
        grant: Grant,
        payloads: &Payloads<'_>,
        (identity, proof): &(Identity, OwnProof),
    ) -> Stage {
        let wanted = wanted(payloads).unwrap_or_default();
        let wanted = if grant.virtual_address { wanted } else { Wanted::default() };
        let lease = cx.pool.lease(&grant.subject, wanted);
        let terms = Terms::new(grant, lease.addresses());
        let mobike = payloads.notify(NotifyType::MOBIKE_SUPPORTED).is_some();
        self.sa.keys = self.keys.clone();
        // The window stays with the request until the answer is sealed below.
        let peer = Box::new(self.peer.clone());
        let dns = Configured::of(cx.config, &lease);
        let reported = cx.out.mark();
        cx.out.established(self.id, &peer, &terms.lease);
        let child = if wanted.any() && lease.is_empty() {
            Some(Err(ChildRefusal::NoAddress))
        } else {
            self.first_child(cx, &terms, payloads)
        };

        let mut reply = vec![Payload::IdResponder(identity.as_identification())];
        reply.extend(proof.certificates().map(Payload::Certificate));
        reply.push(Payload::Authentication(proof.authentication()));
        reply.extend((!lease.is_empty()).then(|| dns.payload()));
        match &child {
            Some(Ok((_, answer))) => reply.extend(answer.payloads(None)),
            Some(Err(refusal)) => reply.push(refusal.notify()),
            None => {}
        }
        if mobike {
            reply.push(note(NotifyType::MOBIKE_SUPPORTED, &[]));
        }
        if self.peer.ppk {
            reply.push(note(NotifyType::PPK_IDENTITY, &[]));
        }
        let Ok(sealed) = self.sa.respond(&self.inner.request, &reply) else {
            cx.out.roll_back(reported);
            if !lease.is_empty() {
                cx.pool.release(&terms.subject);
            }
            if let Some(Ok((child, _))) = child {
                cx.spis.release_esp(child.spi_in);
            }
            return self.fail(cx, Disbelief::new(Refusal::Internal, None));
        };
        cx.out.send(self.peer.path, &sealed.datagrams);
        if payloads.notify(NotifyType::INITIAL_CONTACT).is_some() {
            cx.out.initial_contact = Some((self.id, Arc::clone(&terms.subject)));
        }
        let beginning = Beginning { id: self.id, peer, ours: false, mobike, terms, sa: self.sa };
        let mut established = Established::new(cx, beginning);
        match child {
            Some(Ok((child, _))) => established.children().add(child),
            Some(Err(refusal)) => established.report_refusal(cx, &refusal),
            None => {}
        }
        Stage::Established(Box::new(established))
    }

    /// The CHILD_SA that IKE_AUTH asks for, if any (RFC 6023: none is fine).
    fn first_child(
        &self,
        cx: &mut Context<'_>,
        terms: &Terms,
        payloads: &Payloads<'_>,
    ) -> Option<Result<(Child, Answer), ChildRefusal>> {
        if let Ok(None) = payloads.optional_security_association() {
            return None;
        }
        let nonces =
            Nonces { initiator: &self.init.initiator_nonce, responder: &self.init.responder_nonce };
        let parent = Parent {
            session: self.id,
            prf: self.sa.suite.prf,
            keys: &self.keys,
            path: self.peer.path,
            nat: self.peer.nat,
        };
        let accepted = offer::accept(cx, terms, payloads, nonces, KeyExchange::Forbidden, None);
        Some(accepted.and_then(|(agreed, answer)| Ok((agreed.install(cx, &parent)?, answer))))
    }
}
