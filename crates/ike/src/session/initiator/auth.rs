//! IKE_AUTH as the initiator (RFC 7296 §1.2).

use ike_wire::{ExchangeType, Identification, Identity, NotifyType, Payload, Payloads};
use pki::path::PeerUsage;

use super::{Failure, Progress, Setup, Step, Target};
use crate::Refusal;
use crate::event::{Grant, Peer, SessionId};
use crate::keys::{IkeKeys, Nonces};
use crate::pool::Wanted;
use crate::sa::Inner;
use crate::session::Stage;
use crate::session::address::{assigned, request};
use crate::session::attempt::{Attempt, Wish};
use crate::session::context::Context;
use crate::session::established::{Beginning, Established, Task};
use crate::session::init::Authorities;
use crate::session::notes::note;
use crate::session::offer::{ChildRefusal, Parent, Terms};
use crate::session::proof::{
    Disbelief, OwnProof, Presented, Transcript, by_certificate, by_shared_key,
};
use crate::session::responder::PPK_ID_FIXED;

/// IKE_AUTH is sent.
#[derive(Debug)]
pub(super) struct AwaitAuth {
    attempt: Option<Attempt>,
    /// With the PPK, when we offered one.
    with_ppk: Option<IkeKeys>,
    message_id: u32,
}

impl AwaitAuth {
    pub(super) fn release(self, cx: &mut Context<'_>) {
        if let Some(attempt) = self.attempt {
            cx.spis.release_esp(attempt.spi_in);
        }
    }
}

impl From<Disbelief> for Box<Failure> {
    fn from(disbelief: Disbelief) -> Self {
        let Disbelief { reason, detail, certificate, .. } = disbelief;
        Self::new(Failure { reason, detail, sa: None, certificate })
    }
}

impl Target {
    fn wanted(&self) -> Wanted {
        Wanted { v4: self.virtual_addresses.0, v6: self.virtual_addresses.1 }
    }

    /// Whether the peer is to be had with a PPK only.
    fn needs_ppk(&self, cx: &Context<'_>) -> bool {
        cx.credentials.ppks.get(&self.peer).is_some_and(|ppk| ppk.required)
    }
}

impl Setup {
    /// Sends IKE_AUTH.
    pub(super) fn authenticate(
        mut self: Box<Self>,
        cx: &mut Context<'_>,
        target: &Target,
    ) -> Progress {
        match self.ask(cx, target) {
            Ok(auth) => Progress::Wait(Step::Auth(self, Box::new(auth))),
            Err(failure) => {
                cx.spis.release_ike(self.sa.local_spi());
                Progress::Failed(failure)
            }
        }
    }

    fn ask(&mut self, cx: &mut Context<'_>, target: &Target) -> Result<AwaitAuth, Box<Failure>> {
        let with_ppk = self.with_ppk(cx, target)?;
        let id = target.identity.as_identification();
        let own = self.prove(cx, target, with_ppk.as_ref().unwrap_or(&self.sa.keys), &id)?;
        let without = match &with_ppk {
            Some(_) if !target.needs_ppk(cx) => Some(self.prove(cx, target, &self.sa.keys, &id)?),
            Some(_) | None => None,
        };
        let ppk_id = cx.credentials.ppks.get(&target.peer).map(|ppk| ppk.id.as_slice());
        let ppk_id = [&[PPK_ID_FIXED], ppk_id.unwrap_or_default()].concat();
        let internal = |_| Failure::new(Refusal::Internal, None);
        let attempt = target
            .children
            .first()
            .map(|plan| Attempt::new(cx, &target.subject, *Wish::new(plan.clone()), None));
        let attempt = attempt.transpose().map_err(internal)?;

        let authorities = Authorities::of(cx.credentials);
        let mut payloads = vec![Payload::IdInitiator(id)];
        payloads.extend(own.certificates().map(Payload::Certificate));
        payloads.extend(authorities.payload());
        payloads.push(Payload::IdResponder(target.peer.as_identification()));
        payloads.push(Payload::Authentication(own.authentication()));
        let wanted = target.wanted();
        payloads.extend(wanted.any().then(|| request(wanted)));
        payloads.extend(attempt.iter().flat_map(|attempt| attempt.payloads(false)));
        payloads.push(note(NotifyType::MOBIKE_SUPPORTED, &[]));
        if target.initial_contact {
            payloads.push(note(NotifyType::INITIAL_CONTACT, &[]));
        }
        payloads.extend(with_ppk.is_some().then(|| note(NotifyType::PPK_IDENTITY, &ppk_id)));
        payloads.extend(without.iter().map(|own| note(NotifyType::NO_PPK_AUTH, &own.data)));
        let message_id = self.sa.outbound.next_id();
        let sealed = self.sa.request(ExchangeType::IKE_AUTH, &payloads);
        let Ok(sealed) = sealed else {
            drop(payloads);
            if let Some(attempt) = attempt {
                cx.spis.release_esp(attempt.spi_in);
            }
            return Err(Failure::new(Refusal::Internal, None));
        };
        drop(payloads);
        self.send(cx, &sealed);
        Ok(AwaitAuth { attempt, with_ppk, message_id })
    }

    fn with_ppk(&self, cx: &Context<'_>, target: &Target) -> Result<Option<IkeKeys>, Disbelief> {
        let ppk = cx.credentials.ppks.get(&target.peer);
        match ppk.filter(|_| self.features.ppk) {
            Some(ppk) => Ok(Some(self.sa.keys.with_ppk(self.sa.suite.prf, &ppk.key)?)),
            None if target.needs_ppk(cx) => Err(Disbelief::new(Refusal::Ppk, None)),
            None => Ok(None),
        }
    }

    fn prove(
        &self,
        cx: &Context<'_>,
        target: &Target,
        keys: &IkeKeys,
        id: &Identification<'_>,
    ) -> Result<OwnProof, Disbelief> {
        let prf = self.sa.suite.prf;
        let message_id = self.sa.outbound.next_id();
        let transcript = Transcript {
            prf,
            init: &self.init,
            keys,
            intermediate: self.intermediate.auth(message_id),
        };
        let octets = transcript.octets(true, id)?;
        if target.pre_shared_key {
            let key = cx.credentials.pre_shared_keys.get(&target.peer);
            return by_shared_key(
                prf,
                key.ok_or(Disbelief::new(Refusal::UnknownIdentity, None))?,
                &octets,
            );
        }
        by_certificate(cx.credentials, &self.features, &self.authorities, &octets)
    }

    /// The answer to IKE_AUTH.
    pub(super) fn authenticated(
        mut self: Box<Self>,
        cx: &mut Context<'_>,
        target: &Target,
        id: SessionId,
        auth: AwaitAuth,
        inner: &Inner,
    ) -> Progress {
        let payloads = inner.payloads().map_err(Disbelief::from);
        let believed = payloads.and_then(|payloads| {
            let peer = self.believe(cx, target, &auth, &payloads)?;
            let lease = assigned(&payloads)?;
            Ok((payloads, peer, lease))
        });
        let (payloads, peer, lease) = match believed {
            Ok(believed) => believed,
            Err(disbelief) => {
                auth.release(cx);
                let refused_by_peer = disbelief.reason == Refusal::Peer;
                let mut failure: Box<Failure> = disbelief.into();
                if refused_by_peer {
                    cx.spis.release_ike(self.sa.local_spi());
                } else {
                    failure.sa = Some((self.path, Box::new(self.sa)));
                }
                return Progress::Failed(failure);
            }
        };
        if peer.ppk {
            // The messages stay under the keys they have: only what is derived changes.
            if let Some(keys) = auth.with_ppk {
                self.sa.keys = keys;
            }
        }
        let grant = Grant {
            subject: target.subject.clone(),
            reachable: target.children.iter().flat_map(|plan| plan.local.clone()).collect(),
            inner: target.children.iter().flat_map(|plan| plan.remote.clone()).collect(),
            virtual_address: false,
        };
        let terms = Terms::of_initiator(grant);
        cx.out.established(id, &peer, &lease);
        let spi_in = auth.attempt.as_ref().map(|attempt| attempt.spi_in);
        let child = auth.attempt.map(|attempt| self.first_child(cx, id, &peer, attempt, &payloads));
        let mobike = payloads.notify(NotifyType::MOBIKE_SUPPORTED).is_some();
        let beginning =
            Beginning { id, peer: Box::new(peer), ours: true, mobike, terms, sa: self.sa };
        let mut established = Established::new(cx, beginning);
        match child {
            Some(Ok(child)) => established.children().add(child),
            Some(Err(refusal)) => {
                established.report_refusal(cx, &refusal);
                let at_peer = !matches!(refusal, ChildRefusal::Peer(_));
                if let Some(spi_in) = spi_in.filter(|_| at_peer) {
                    established.want(cx, Task::Discard(spi_in));
                }
            }
            None => {}
        }
        for plan in target.children.iter().skip(1) {
            established.want(cx, Task::Child(Wish::new(plan.clone())));
        }
        Progress::Established(Box::new(Stage::Established(Box::new(established))))
    }

    fn first_child(
        &self,
        cx: &mut Context<'_>,
        session: SessionId,
        peer: &Peer,
        attempt: Attempt,
        payloads: &Payloads<'_>,
    ) -> Result<crate::session::Child, ChildRefusal> {
        if let Some(error) = payloads.error_notify() {
            cx.spis.release_esp(attempt.spi_in);
            return Err(ChildRefusal::Peer(error.kind));
        }
        let parent = Parent {
            session,
            prf: self.sa.suite.prf,
            keys: &self.sa.keys,
            path: peer.path,
            nat: peer.nat,
        };
        let nonces =
            Nonces { initiator: &self.init.initiator_nonce, responder: &self.init.responder_nonce };
        let (agreed, _) = attempt.agree(cx, payloads, Some(nonces))?;
        Ok(agreed.install(cx, &parent)?)
    }

    fn believe(
        &self,
        cx: &Context<'_>,
        target: &Target,
        auth: &AwaitAuth,
        payloads: &Payloads<'_>,
    ) -> Result<Peer, Disbelief> {
        let Some(authentication) = payloads.optional_authentication()? else {
            let error = payloads.error_notify().map(|error| error.kind.to_string());
            return Err(Disbelief::new(Refusal::Peer, error));
        };
        let id = payloads.id_responder()?;
        let identity = Identity::from(id);
        let ppk = auth.with_ppk.is_some() && payloads.notify(NotifyType::PPK_IDENTITY).is_some();
        if target.needs_ppk(cx) && !ppk {
            return Err(Disbelief::new(Refusal::Ppk, None));
        }
        let keys = auth.with_ppk.as_ref().filter(|_| ppk).unwrap_or(&self.sa.keys);
        let prf = self.sa.suite.prf;
        let intermediate = self.intermediate.auth(auth.message_id);
        let transcript = Transcript { prf, init: &self.init, keys, intermediate };
        let presented = Presented {
            usage: PeerUsage::Server,
            identity: &identity,
            octets: &transcript.octets(false, &id)?,
            prf,
            payloads,
            authentication: &authentication,
        };
        let proof = presented.verify(cx.now, cx.credentials)?;
        if target.pre_shared_key != matches!(proof, crate::event::Proof::PreSharedKey) {
            return Err(Disbelief::new(Refusal::SignatureAlgorithm, None));
        }
        // A certificate speaks for the names in it alone.
        if identity != target.peer || !proof.covers(&identity) {
            return Err(Disbelief::new(Refusal::PeerIdentity, Some(identity.to_string())));
        }
        Ok(Peer {
            identity,
            proof,
            path: self.path,
            nat: self.features.nat,
            suite: self.sa.suite.clone(),
            ppk,
            vendor: self.features.vendor,
            wants_address: false,
        })
    }
}
