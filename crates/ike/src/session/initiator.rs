//! The initiator's way from IKE_SA_INIT to an established session.

mod auth;
mod first;

use std::sync::Arc;
use std::time::Instant;

use crypto::dh::Exchange;
use ike_negotiation::AdditionalKeyExchange;
use ike_wire::{Envelope, ExchangeType, Identity, KeyExchange, Payload};

use crate::event::{Event, Refused, SessionId};
use crate::keys::IkeKeys;
use crate::path::Path;
use crate::sa::{Inner, Received, Sealed};
use crate::session::Stage;
use crate::session::context::Context;
use crate::session::established::{Awaiting, Sa};
use crate::session::init::{Features, Init};
use crate::session::offer::ChildPlan;
use crate::session::responder::{Intermediate, next_keys};
use crate::{Dropped, Refusal};

/// A peer to begin a session with.
#[derive(Clone, Debug)]
pub struct Target {
    /// From our address to the peer's, both with the port of IKE.
    pub path: Path,
    /// What we call ourselves (IDi); one of the credentials' identities.
    pub identity: Identity,
    /// Who must answer (IDr); it is asked for, too.
    pub peer: Identity,
    /// Prove our identity by the pre-shared key of `peer`; otherwise by a certificate.
    pub pre_shared_key: bool,
    /// Names the peer across sessions.
    pub subject: Arc<str>,
    /// The CHILD_SAs to make; the first in IKE_AUTH itself.
    pub children: Vec<ChildPlan>,
    /// Ask for virtual IPv4 and IPv6 addresses, from which the first CHILD_SA is then.
    pub virtual_addresses: (bool, bool),
    /// Whether this is the only session with the peer, and what it holds of others is stale.
    pub initial_contact: bool,
}

/// A session that we began.
#[derive(Debug)]
pub(crate) struct Initiating {
    pub(crate) id: SessionId,
    target: Target,
    step: Step,
    deadline: Instant,
}

#[derive(Debug)]
enum Step {
    /// IKE_SA_INIT is sent.
    Init(Box<first::AwaitInit>),
    /// IKE_INTERMEDIATE is sent.
    Intermediate(Box<Setup>, Box<Exchange>, Box<Sealed>),
    /// IKE_AUTH is sent.
    Auth(Box<Setup>, Box<auth::AwaitAuth>),
}

/// What IKE_SA_INIT gave.
#[derive(Debug)]
struct Setup {
    sa: Sa,
    init: Init,
    features: Features,
    path: Path,
    authorities: Vec<[u8; 20]>,
    /// Additional key exchanges still to come, the next one first.
    pending: Vec<AdditionalKeyExchange>,
    intermediate: Intermediate,
}

/// How a step went.
enum Progress {
    /// The same or another message is awaited.
    Wait(Step),
    Established(Box<Stage>),
    Failed(Box<Failure>),
}

/// Why we gave up.
struct Failure {
    reason: Refusal,
    detail: Option<String>,
    /// To be deleted by this path, when the peer believes in it.
    sa: Option<(Path, Box<Sa>)>,
    certificate: Option<Box<pki::Leaf>>,
}

impl Failure {
    fn new(reason: Refusal, detail: Option<String>) -> Box<Self> {
        Box::new(Self { reason, detail, sa: None, certificate: None })
    }
}

impl Initiating {
    /// Sends IKE_SA_INIT.
    pub(crate) fn begin(
        cx: &mut Context<'_>,
        id: SessionId,
        target: Target,
    ) -> Result<Self, Dropped> {
        let init = first::AwaitInit::begin(cx, id, &target)?;
        let deadline = cx.now.instant + cx.config.timers.setup;
        Ok(Self { id, target, step: Step::Init(Box::new(init)), deadline })
    }

    pub(super) fn handle(
        self,
        cx: &mut Context<'_>,
        _path: Path,
        datagram: &mut [u8],
        envelope: &Envelope,
    ) -> (Stage, Result<(), Dropped>) {
        let Self { id, target, step, deadline } = self;
        let (progress, result) = match step {
            Step::Init(init) => init.handle(cx, &target, datagram, envelope),
            Step::Intermediate(mut setup, exchange, request) => {
                match setup.receive(cx, datagram, envelope) {
                    Ok(Some(inner)) => {
                        setup.sa.outbound.finish();
                        (
                            setup.intermediate_answered(
                                cx, &target, id, *exchange, &request, &inner,
                            ),
                            Ok(()),
                        )
                    }
                    Ok(None) => {
                        (Progress::Wait(Step::Intermediate(setup, exchange, request)), Ok(()))
                    }
                    Err(dropped) => {
                        (Progress::Wait(Step::Intermediate(setup, exchange, request)), Err(dropped))
                    }
                }
            }
            Step::Auth(mut setup, auth) => match setup.receive(cx, datagram, envelope) {
                Ok(Some(inner)) => {
                    setup.sa.outbound.finish();
                    (setup.authenticated(cx, &target, id, *auth, &inner), Ok(()))
                }
                Ok(None) => (Progress::Wait(Step::Auth(setup, auth)), Ok(())),
                Err(dropped) => (Progress::Wait(Step::Auth(setup, auth)), Err(dropped)),
            },
        };
        let stage = match progress {
            Progress::Wait(step) => {
                Stage::Initiating(Box::new(Self { id, target, step, deadline }))
            }
            Progress::Established(stage) => *stage,
            Progress::Failed(failure) => give_up(cx, id, &target, *failure),
        };
        (stage, result)
    }

    pub(super) fn handle_timeout(mut self, cx: &mut Context<'_>) -> Stage {
        let (now, timers) = (cx.now.instant, cx.config.timers);
        let (again, path) = match &mut self.step {
            Step::Init(init) => (init.outbound.retransmit(now, &timers), self.target.path),
            Step::Intermediate(setup, ..) | Step::Auth(setup, _) => {
                (setup.sa.outbound.retransmit(now, &timers), setup.path)
            }
        };
        match again {
            Ok(datagrams) if now < self.deadline => {
                cx.out.send(path, datagrams);
                Stage::Initiating(Box::new(self))
            }
            _ => {
                let Self { id, target, step, .. } = self;
                step.release(cx);
                give_up(cx, id, &target, *Failure::new(Refusal::NoAnswer, None))
            }
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let due = match &self.step {
            Step::Init(init) => init.outbound.due(),
            Step::Intermediate(setup, ..) | Step::Auth(setup, _) => setup.sa.outbound.due(),
        };
        Some(due.map_or(self.deadline, |due| due.min(self.deadline)))
    }

    /// The operator no longer wants it.
    pub(crate) fn cancel(self, cx: &mut Context<'_>) -> Stage {
        let Self { id, step, .. } = self;
        step.release(cx);
        cx.out.counters.ended.count(crate::Ending::Ordered);
        cx.out.event(Event::Closed(id, crate::Ending::Ordered));
        Stage::Gone
    }
}

impl Step {
    /// Gives back the SPIs of an attempt that is over.
    fn release(self, cx: &mut Context<'_>) {
        match self {
            Self::Init(init) => cx.spis.release_ike(init.spi),
            Self::Intermediate(setup, ..) => cx.spis.release_ike(setup.sa.local_spi()),
            Self::Auth(setup, auth) => {
                cx.spis.release_ike(setup.sa.local_spi());
                auth.release(cx);
            }
        }
    }
}

fn give_up(cx: &mut Context<'_>, id: SessionId, target: &Target, failure: Failure) -> Stage {
    let Failure { reason, detail, sa, certificate } = failure;
    cx.out.refused(Refused {
        session: Some(id),
        path: target.path,
        reason,
        detail,
        identity: Some(target.peer.clone()),
        certificate,
        vendor: None,
    });
    match sa {
        Some((path, sa)) => Stage::delete(cx, path, *sa),
        None => Stage::Gone,
    }
}

impl Setup {
    fn receive(
        &mut self,
        cx: &mut Context<'_>,
        datagram: &mut [u8],
        envelope: &Envelope,
    ) -> Result<Option<Inner>, Dropped> {
        match self.sa.receive(datagram, envelope)? {
            Received::Response(inner) => Ok(Some(inner)),
            Received::Partial => Ok(None),
            Received::Again(datagrams) => {
                cx.out.send(self.path, datagrams);
                Ok(None)
            }
            Received::Request(_) => Err(Dropped::OutOfState),
        }
    }

    /// Sends the next additional key exchange (RFC 9370), or IKE_AUTH.
    pub(super) fn go_on(mut self: Box<Self>, cx: &mut Context<'_>, target: &Target) -> Progress {
        let Some(next) = self.pending.first() else {
            return self.authenticate(cx, target);
        };
        let begun = Exchange::start(next.group).map_err(|_| ()).and_then(|exchange| {
            let payload = Payload::KeyExchange(KeyExchange {
                group: exchange.group().transform_id(),
                data: exchange.public_value(),
            });
            let sealed =
                self.sa.request(ExchangeType::IKE_INTERMEDIATE, &[payload]).map_err(|_| ())?;
            Ok((exchange, sealed))
        });
        let Ok((exchange, sealed)) = begun else {
            cx.spis.release_ike(self.sa.local_spi());
            return Progress::Failed(Failure::new(Refusal::Internal, None));
        };
        self.send(cx, &sealed);
        Progress::Wait(Step::Intermediate(self, Box::new(exchange), Box::new(sealed)))
    }

    fn send(&mut self, cx: &mut Context<'_>, sealed: &Sealed) {
        cx.out.send(self.path, &sealed.datagrams);
        let datagrams = sealed.datagrams.clone();
        let timers = &cx.config.timers;
        self.sa.outbound.begin(cx.now.instant, timers, datagrams, Awaiting::Setup);
    }

    fn intermediate_answered(
        mut self: Box<Self>,
        cx: &mut Context<'_>,
        target: &Target,
        _id: SessionId,
        exchange: Exchange,
        request: &Sealed,
        inner: &Inner,
    ) -> Progress {
        match self.mix_in(exchange, request, inner) {
            Ok(()) => self.go_on(cx, target),
            Err(failure) => {
                cx.spis.release_ike(self.sa.local_spi());
                Progress::Failed(failure)
            }
        }
    }

    fn mix_in(
        &mut self,
        exchange: Exchange,
        request: &Sealed,
        inner: &Inner,
    ) -> Result<(), Box<Failure>> {
        let malformed = |malformed: ike_wire::Malformed| {
            Failure::new(Refusal::InvalidSyntax, Some(malformed.to_string()))
        };
        let internal = |_| Failure::new(Refusal::Internal, None);
        let payloads = inner.payloads().map_err(malformed)?;
        if let Some(error) = payloads.error_notify() {
            return Err(Failure::new(Refusal::Peer, Some(error.kind.to_string())));
        }
        let answer = payloads.key_exchange().map_err(malformed)?;
        if answer.group != exchange.group().transform_id() {
            return Err(Failure::new(Refusal::KeyExchange, None));
        }
        let shared =
            exchange.finish(answer.data).map_err(|_| Failure::new(Refusal::KeyExchange, None))?;
        let response = Sealed::of(inner);
        self.intermediate
            .add(self.sa.suite.prf, &self.sa.keys, request, &response)
            .map_err(internal)?;
        self.pending.remove(0);
        let keys: IkeKeys = next_keys(&self.sa, &self.init, &shared).map_err(internal)?;
        self.sa.change_keys(keys).map_err(internal)
    }
}
