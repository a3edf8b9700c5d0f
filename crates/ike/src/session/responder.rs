//! The responder's way from IKE_SA_INIT to an established session.

mod answer;
mod auth;

use std::time::Instant;

use crypto::Secret;
use crypto::dh;
use crypto::prf::Prf;
use ike_negotiation::{AdditionalKeyExchange, Mismatch, Selected, select_ike};
use ike_wire::{
    Envelope, ExchangeType, Flags, Header, KeyExchange, Malformed, NotifyType, Payload, Payloads,
    Proposal, Transform, TransformType, emit_clear,
};

use crate::authentication::{IntermediateAuth, intermediate_auth};
use crate::event::{Refused, SessionId};
use crate::keys::{IkeKeys, Nonces, Spis};
use crate::path::Path;
use crate::sa::{IkeSa, Inner, Received, Sealed};
use crate::session::Stage;
use crate::session::context::Context;
use crate::session::established::Sa;
use crate::session::init::{Announcement, Authorities, Features, Init, clear_header};
use crate::session::notes::{note, refusal_of};
use crate::suite::algorithms;
use crate::{Dropped, Refusal};

pub(crate) use answer::AwaitVerdict;
pub(crate) use auth::PPK_ID_FIXED;

/// IKE_INTERMEDIATE exchanges of one IKE SA; RFC 9370 has no use for more than seven.
const MAX_INTERMEDIATE: u8 = 8;

/// IKE_SA_INIT is answered; IKE_INTERMEDIATE or IKE_AUTH comes next.
#[derive(Debug)]
pub(crate) struct AwaitAuth {
    pub(crate) id: SessionId,
    pub(crate) path: Path,
    pub(crate) sa: Sa,
    pub(crate) init: Init,
    pub(crate) features: Features,
    /// Additional key exchanges still to come, the next one first.
    pending: Vec<AdditionalKeyExchange>,
    intermediate: Intermediate,
    pub(crate) deadline: Instant,
}

/// What was authenticated of IKE_INTERMEDIATE exchanges so far (RFC 9242 §3.3).
#[derive(Debug, Default)]
pub(crate) struct Intermediate {
    pub(crate) initiator: Option<Secret>,
    pub(crate) responder: Option<Secret>,
    exchanges: u8,
}

/// Why IKE_SA_INIT is refused.
#[derive(Debug)]
pub(crate) enum InitRefusal {
    Proposal(Box<Mismatch>),
    /// Another group is wanted: answered, and forgotten (RFC 7296 §1.2).
    KeyExchangeGroup([u8; 2]),
    KeyExchange,
    Malformed(Malformed),
    Internal,
}

impl From<Malformed> for InitRefusal {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<crypto::Error> for InitRefusal {
    fn from(_: crypto::Error) -> Self {
        Self::Internal
    }
}

impl InitRefusal {
    /// What the peer is told, in the clear.
    pub(crate) fn answer(&self) -> (NotifyType, Vec<u8>) {
        match self {
            Self::Proposal(_) | Self::Internal => (NotifyType::NO_PROPOSAL_CHOSEN, Vec::new()),
            Self::KeyExchangeGroup(group) => (NotifyType::INVALID_KE_PAYLOAD, group.to_vec()),
            Self::KeyExchange => (NotifyType::INVALID_SYNTAX, Vec::new()),
            Self::Malformed(malformed) => refusal_of(*malformed),
        }
    }

    /// What the operator is told; nothing of what the protocol settles by itself.
    pub(crate) fn explain(&self) -> Option<(Refusal, Option<String>)> {
        match self {
            Self::Proposal(mismatch) => {
                Some((Refusal::NoProposalChosen, Some(mismatch.to_string())))
            }
            Self::KeyExchangeGroup(_) => None,
            Self::KeyExchange => Some((Refusal::KeyExchange, None)),
            Self::Malformed(malformed) => {
                Some((Refusal::InvalidSyntax, Some(malformed.to_string())))
            }
            Self::Internal => Some((Refusal::Internal, None)),
        }
    }
}

impl AwaitAuth {
    /// Answers IKE_SA_INIT.
    pub(crate) fn begin(
        cx: &mut Context<'_>,
        id: SessionId,
        path: Path,
        (header, datagram): (&Header, &[u8]),
        payloads: &Payloads<'_>,
    ) -> Result<Self, InitRefusal> {
        let offered = payloads.security_association()?;
        let KeyExchange { group, data } = payloads.key_exchange()?;
        let theirs = payloads.nonce()?;
        let features = Features::of(cx.config, payloads, (header.initiator_spi, 0), &path);
        let offered =
            if features.intermediate { offered.to_vec() } else { without_additional(offered) };
        let Selected { suite, answer } =
            select_ike(&cx.config.ike_proposals, &offered, Some(group))
                .map_err(|mismatch| InitRefusal::Proposal(Box::new(mismatch)))?;
        let wanted = suite.group.transform_id();
        if group != wanted {
            return Err(InitRefusal::KeyExchangeGroup(wanted.to_be_bytes()));
        }
        let (public, shared) =
            dh::respond(suite.group, data).map_err(|_| InitRefusal::KeyExchange)?;
        let nonce = cx.random.nonce();

        let spis = (header.initiator_spi, cx.spis.allocate_ike(cx.random, id));
        let announcement = Announcement::new(
            cx.config,
            spis,
            &path,
            (features.ppk && !cx.credentials.ppks.is_empty(), features.intermediate),
        );
        let mut reply = vec![
            Payload::SecurityAssociation(vec![answer]),
            Payload::KeyExchange(KeyExchange { group, data: &public }),
            Payload::Nonce(&nonce),
        ];
        reply.extend(announcement.payloads());
        let authorities = Authorities::of(cx.credentials);
        reply.extend(authorities.payload());

        let nonces = Nonces { initiator: theirs, responder: &nonce };
        let of = Spis { initiator: spis.0.to_be_bytes(), responder: spis.1.to_be_bytes() };
        let fragment_size = features.fragmentation.then_some(cx.config.fragment_size);
        let pending = suite.additional.clone();
        let made = emit_clear(clear_header(spis, Flags::RESPONSE), &reply)
            .map_err(|_| InitRefusal::Internal)
            .and_then(|response| {
                let keys = IkeKeys::initial(algorithms(&suite), nonces, of, &shared)?;
                let sa = IkeSa::new(spis, false, suite, keys, (0, 1), fragment_size)?;
                Ok((response, sa))
            });
        let (response, sa) = made.inspect_err(|_| cx.spis.release_ike(spis.1))?;
        cx.out.send(path, std::slice::from_ref(&response));
        let init = Init {
            request: datagram.to_vec(),
            response,
            initiator_nonce: theirs.to_vec(),
            responder_nonce: nonce,
        };
        let deadline = cx.now.instant + cx.config.timers.setup;
        let intermediate = Intermediate::default();
        Ok(Self { id, path, sa, init, features, pending, intermediate, deadline })
    }

    /// Handles what follows IKE_SA_INIT.
    pub(crate) fn handle(
        mut self,
        cx: &mut Context<'_>,
        path: Path,
        datagram: &mut [u8],
        envelope: &Envelope,
    ) -> (Stage, Result<(), Dropped>) {
        let inner = match self.sa.receive(datagram, envelope) {
            Ok(Received::Request(inner)) => inner,
            Ok(Received::Partial) => return (Stage::AwaitAuth(Box::new(self)), Ok(())),
            Ok(Received::Again(datagrams)) => {
                cx.out.send(self.path.for_repetition(path), datagrams);
                return (Stage::AwaitAuth(Box::new(self)), Ok(()));
            }
            Ok(Received::Response(_)) => {
                return (Stage::AwaitAuth(Box::new(self)), Err(Dropped::NotAwaited));
            }
            Err(dropped) => return (Stage::AwaitAuth(Box::new(self)), Err(dropped)),
        };
        // Behind NATs it comes from another port than IKE_SA_INIT, and to another.
        self.path = path;
        match inner.request.header.exchange {
            ExchangeType::IKE_INTERMEDIATE if self.features.intermediate => {
                self.intermediate(cx, &inner)
            }
            ExchangeType::IKE_AUTH if self.pending.is_empty() => self.auth(cx, inner),
            _ => (Stage::AwaitAuth(Box::new(self)), Err(Dropped::OutOfState)),
        }
    }

    /// Nobody has heard of it yet.
    pub(crate) fn forget(self, cx: &mut Context<'_>) -> Stage {
        cx.spis.release_ike(self.sa.local_spi());
        Stage::Gone
    }

    /// IKE_AUTH did not come in time.
    pub(crate) fn time_out(self, cx: &mut Context<'_>) -> Stage {
        cx.out.refused(Refused {
            session: Some(self.id),
            path: self.path,
            reason: Refusal::SetupTimeout,
            detail: None,
            identity: None,
            certificate: None,
            vendor: self.features.vendor,
        });
        self.forget(cx)
    }

    /// The answer to this IKE_SA_INIT, if it is the one that was answered.
    pub(crate) fn init_answer(&self, request: &[u8]) -> Option<&[u8]> {
        (self.init.request == request).then_some(&*self.init.response)
    }

    fn intermediate(mut self, cx: &mut Context<'_>, inner: &Inner) -> (Stage, Result<(), Dropped>) {
        match self.answer_intermediate(cx, inner) {
            Ok(()) => (Stage::AwaitAuth(Box::new(self)), Ok(())),
            Err((reason, detail)) => {
                self.refuse(cx, inner, NotifyType::INVALID_SYNTAX, (reason, detail))
            }
        }
    }

    fn answer_intermediate(
        &mut self,
        cx: &mut Context<'_>,
        inner: &Inner,
    ) -> Result<(), (Refusal, Option<String>)> {
        let malformed =
            |malformed: Malformed| (Refusal::InvalidSyntax, Some(malformed.to_string()));
        let internal = |_| (Refusal::Internal, None);
        self.intermediate.exchanges += 1;
        if self.intermediate.exchanges > MAX_INTERMEDIATE {
            return Err((Refusal::InvalidSyntax, None));
        }
        let payloads = inner.payloads().map_err(malformed)?;
        let exchanged = match self.pending.first() {
            None => None,
            Some(next) => {
                let sent = payloads.key_exchange().map_err(malformed)?;
                if sent.group != next.group.transform_id() {
                    return Err((Refusal::KeyExchange, None));
                }
                let exchanged = dh::respond(next.group, sent.data);
                Some(exchanged.map_err(|_| (Refusal::KeyExchange, None))?)
            }
        };
        let group = self.pending.first().map_or(0, |next| next.group.transform_id());
        let reply: Vec<_> = exchanged
            .iter()
            .map(|(data, _)| Payload::KeyExchange(KeyExchange { group, data }))
            .collect();
        let sealed = self
            .sa
            .respond(&inner.request, &reply)
            .map_err(|error| (Refusal::Internal, Some(error.to_string())))?;
        cx.out.send(self.path, &sealed.datagrams);
        self.intermediate
            .add(self.sa.suite.prf, &self.sa.keys, &Sealed::of(inner), &sealed)
            .map_err(internal)?;
        if let Some((_, shared)) = exchanged {
            self.pending.remove(0);
            let keys = next_keys(&self.sa, &self.init, &shared).map_err(internal)?;
            self.sa.change_keys(keys).map_err(internal)?;
        }
        Ok(())
    }

    /// Answers with an error and ends; retransmissions get the same answer for a while.
    fn refuse(
        mut self,
        cx: &mut Context<'_>,
        inner: &Inner,
        kind: NotifyType,
        (reason, detail): (Refusal, Option<String>),
    ) -> (Stage, Result<(), Dropped>) {
        if let Ok(sealed) = self.sa.respond(&inner.request, &[note(kind, &[])]) {
            cx.out.send(self.path, &sealed.datagrams);
        }
        let refused = Refused {
            session: Some(self.id),
            path: self.path,
            reason,
            detail,
            identity: None,
            certificate: None,
            vendor: self.features.vendor,
        };
        cx.out.refused(refused);
        (Stage::linger(cx, self.path, self.sa), Ok(()))
    }
}

/// What is left of an offer for a peer that could not send the additional key exchanges in
/// IKE_INTERMEDIATE (RFC 9370 §2.2.2): proposals that can do without.
fn without_additional(offered: &[Proposal]) -> Vec<Proposal> {
    let is_additional =
        |transform: &Transform| TransformType::ADDITIONAL_KEY_EXCHANGES.contains(&transform.kind.0);
    let may_lack = |proposal: &&Proposal| {
        let additional = || proposal.transforms.iter().filter(|one| is_additional(one));
        additional().all(|one| additional().any(|none| none.kind == one.kind && none.id == 0))
    };
    let strip = |proposal: &Proposal| {
        let mut proposal = proposal.clone();
        proposal.transforms.retain(|transform| !is_additional(transform));
        proposal
    };
    offered.iter().filter(may_lack).map(strip).collect()
}

/// The keys after an additional key exchange (RFC 9370 §2.2.2).
pub(crate) fn next_keys(sa: &Sa, init: &Init, shared: &Secret) -> Result<IkeKeys, crypto::Error> {
    let nonces = Nonces { initiator: &init.initiator_nonce, responder: &init.responder_nonce };
    let of = Spis { initiator: sa.spis.0.to_be_bytes(), responder: sa.spis.1.to_be_bytes() };
    sa.keys.after_intermediate(algorithms(&sa.suite), nonces, of, shared)
}

impl Intermediate {
    /// Adds one exchange; `keys` protected it.
    pub(crate) fn add(
        &mut self,
        prf: Prf,
        keys: &IkeKeys,
        request: &Sealed,
        response: &Sealed,
    ) -> Result<(), crypto::Error> {
        let step = |sk_p: &Secret, previous: &Option<Secret>, message: &Sealed| {
            let Sealed { header, first, plaintext, .. } = message;
            intermediate_auth(prf, sk_p, previous.as_ref(), header, *first, plaintext).map(Some)
        };
        let initiator = step(&keys.sk_pi, &self.initiator, request)?;
        let responder = step(&keys.sk_pr, &self.responder, response)?;
        (self.initiator, self.responder) = (initiator, responder);
        Ok(())
    }

    pub(crate) fn auth(&self, ike_auth_message_id: u32) -> Option<IntermediateAuth<'_>> {
        Some(IntermediateAuth {
            initiator: self.initiator.as_ref()?,
            responder: self.responder.as_ref()?,
            ike_auth_message_id,
        })
    }
}
