//! IKE_FOLLOWUP_KE: the additional key exchanges of an SA that CREATE_CHILD_SA began
//! (RFC 9370 §2.2.4). The SA comes into being with the last of them.

use std::time::Instant;

use crypto::Secret;
use crypto::dh::{self, Exchange};
use ike_negotiation::AdditionalKeyExchange;
use ike_wire::{ExchangeType, KeyExchange, NotifyType, Payload, Payloads};

use super::rekey_ike::{AgreedIke, IkeWish};
use super::{Awaiting, Established, Outcome, Which};
use crate::path::Path;
use crate::sa::Request;
use crate::session::agreed::Agreed;
use crate::session::attempt::Wish;
use crate::session::context::Context;
use crate::session::notes::{note, refusal_of};
use crate::{Dropped, Ending, Refusal};

/// Octets of what links our IKE_FOLLOWUP_KE exchanges to each other.
const LINK_LEN: usize = 16;

/// An SA of which the peer still has key exchanges to send.
#[derive(Debug)]
pub(super) struct Unfinished {
    link: [u8; LINK_LEN],
    creation: Creation<()>,
    remaining: Vec<AdditionalKeyExchange>,
    pub(super) until: Instant,
}

/// What is being created; a CHILD_SA of ours with what it takes to ask again.
#[derive(Debug)]
pub(super) enum Creation<W> {
    Child(Box<Agreed>, W),
    Ike(Box<AgreedIke>),
}

/// An SA of which we still have key exchanges to send.
#[derive(Debug)]
pub(crate) struct FollowUp {
    creation: Creation<Wish>,
    exchange: Exchange,
    /// After the one that is under way.
    remaining: Vec<AdditionalKeyExchange>,
}

impl<W> Creation<W> {
    fn add(&mut self, secret: Secret) {
        match self {
            Self::Child(agreed, _) => agreed.additional.push(secret),
            Self::Ike(agreed) => agreed.additional.push(secret),
        }
    }

    /// Gives back the SPI of what will not come into being.
    pub(super) fn release(&self, cx: &mut Context<'_>) {
        match self {
            Self::Child(agreed, _) => cx.spis.release_esp(agreed.spi_in),
            Self::Ike(agreed) => cx.spis.release_ike(agreed.own_spi()),
        }
    }
}

impl Unfinished {
    pub(super) fn new(
        cx: &mut Context<'_>,
        creation: Creation<()>,
        remaining: Vec<AdditionalKeyExchange>,
    ) -> Self {
        let until = cx.now.instant + cx.config.timers.patience();
        Self { link: cx.random.array(), creation, remaining, until }
    }

    /// ADDITIONAL_KEY_EXCHANGE, which the peer repeats.
    pub(super) fn link(&self) -> Payload<'_> {
        note(NotifyType::ADDITIONAL_KEY_EXCHANGE, &self.link)
    }

    pub(super) fn release(&self, cx: &mut Context<'_>) {
        self.creation.release(cx);
    }
}

impl FollowUp {
    pub(super) fn is_of_ike(&self) -> bool {
        matches!(self.creation, Creation::Ike(_))
    }

    /// What is wanted, when it is a CHILD_SA.
    pub(super) fn wish_mut(&mut self) -> Option<&mut Wish> {
        match &mut self.creation {
            Creation::Child(_, wish) => Some(wish),
            Creation::Ike(_) => None,
        }
    }

    pub(super) fn release(&self, cx: &mut Context<'_>) {
        self.creation.release(cx);
    }
}

impl Established {
    /// Gives up what the peer left unfinished.
    pub(super) fn abandon_unfinished(&mut self, cx: &mut Context<'_>) {
        if let Some(unfinished) = self.unfinished.take() {
            unfinished.release(cx);
        }
    }

    pub(super) fn answer_follow_up(
        &mut self,
        cx: &mut Context<'_>,
        which: Which,
        path: Path,
        request: &Request,
        payloads: &Payloads<'_>,
    ) -> Result<(), Dropped> {
        let link = payloads.notify(NotifyType::ADDITIONAL_KEY_EXCHANGE).map(|notify| notify.data);
        let found = self
            .unfinished
            .take_if(|unfinished| which == Which::Current && link == Some(&unfinished.link));
        let Some(unfinished) = found else {
            return self.say(cx, which, path, request, NotifyType::STATE_NOT_FOUND);
        };
        match exchange(&unfinished, payloads) {
            Ok((group, public, secret)) => {
                self.take_follow_up(cx, path, request, unfinished, (group, &public), secret)
            }
            Err(kind) => {
                unfinished.release(cx);
                self.report(cx, Refusal::KeyExchange, Some(kind.to_string()));
                self.say(cx, which, path, request, kind)
            }
        }
    }

    fn take_follow_up(
        &mut self,
        cx: &mut Context<'_>,
        path: Path,
        request: &Request,
        mut unfinished: Unfinished,
        (group, data): (u16, &[u8]),
        secret: Secret,
    ) -> Result<(), Dropped> {
        unfinished.creation.add(secret);
        unfinished.remaining.remove(0);
        let answer = Payload::KeyExchange(KeyExchange { group, data });
        if !unfinished.remaining.is_empty() {
            let reply = [answer, unfinished.link()];
            let sent = self.respond(cx, Which::Current, path, request, &reply);
            // Even when it could not be sent: its SPI is given back with it.
            self.unfinished = Some(unfinished);
            return sent;
        }
        match unfinished.creation {
            Creation::Child(agreed, ()) => {
                self.peer_made_child(cx, path, request, *agreed, &[answer])
            }
            Creation::Ike(agreed) => self.peer_made_ike(cx, path, request, *agreed, &[answer]),
        }
    }

    /// Sends the next additional key exchange of what we create.
    pub(super) fn follow_up(
        &mut self,
        cx: &mut Context<'_>,
        creation: Creation<Wish>,
        mut remaining: Vec<AdditionalKeyExchange>,
        payloads: &Payloads<'_>,
    ) -> Outcome {
        let link = payloads.notify(NotifyType::ADDITIONAL_KEY_EXCHANGE).map(|notify| notify.data);
        let next = (!remaining.is_empty()).then(|| remaining.remove(0));
        let (Some(link), Some(next)) = (link, next) else {
            creation.release(cx);
            self.report(cx, Refusal::AnswerNotOffered, None);
            return self.finish_session(cx, Ending::Protocol);
        };
        let sent =
            Exchange::start(next.group).map_err(|_| Dropped::Internal).and_then(|exchange| {
                let key_exchange =
                    KeyExchange { group: next.group.transform_id(), data: exchange.public_value() };
                let payloads = [
                    Payload::KeyExchange(key_exchange),
                    note(NotifyType::ADDITIONAL_KEY_EXCHANGE, link),
                ];
                let datagrams = self.ask(cx, ExchangeType::IKE_FOLLOWUP_KE, &payloads)?;
                Ok((exchange, datagrams))
            });
        let Ok((exchange, datagrams)) = sent else {
            creation.release(cx);
            return self.finish_session(cx, Ending::Protocol);
        };
        let follow_up = Box::new(FollowUp { creation, exchange, remaining });
        self.await_response(cx, datagrams, Awaiting::FollowUp(follow_up));
        Outcome::Alive
    }

    /// The answer to IKE_FOLLOWUP_KE.
    pub(super) fn finish_follow_up(
        &mut self,
        cx: &mut Context<'_>,
        follow_up: FollowUp,
        payloads: &Payloads<'_>,
    ) -> Outcome {
        let FollowUp { mut creation, exchange, remaining } = follow_up;
        if let Some(error) = payloads.error_notify() {
            creation.release(cx);
            match creation {
                Creation::Child(agreed, wish) => {
                    self.child_refused(cx, wish, agreed.suite.group, &error);
                }
                Creation::Ike(_) => self.ike_refused(cx, IkeWish::default(), None, &error),
            }
            return Outcome::Alive;
        }
        let group = exchange.group().transform_id();
        let secret = payloads
            .key_exchange()
            .ok()
            .filter(|sent| sent.group == group)
            .and_then(|sent| exchange.finish(sent.data).ok());
        let Some(secret) = secret else {
            creation.release(cx);
            self.report(cx, Refusal::KeyExchange, None);
            return self.finish_session(cx, Ending::Protocol);
        };
        creation.add(secret);
        if !remaining.is_empty() {
            return self.follow_up(cx, creation, remaining, payloads);
        }
        match creation {
            Creation::Child(agreed, wish) => self.we_made_child(cx, *agreed, &wish),
            Creation::Ike(agreed) => self.we_made_ike(cx, *agreed),
        }
    }
}

/// Answers the next key exchange: its group, our public value, the secret.
fn exchange(
    unfinished: &Unfinished,
    payloads: &Payloads<'_>,
) -> Result<(u16, Vec<u8>, Secret), NotifyType> {
    let sent = payloads.key_exchange().map_err(|malformed| refusal_of(malformed).0)?;
    let next = unfinished.remaining.first().ok_or(NotifyType::INVALID_SYNTAX)?;
    if sent.group != next.group.transform_id() {
        return Err(NotifyType::INVALID_SYNTAX);
    }
    let (public, secret) =
        dh::respond(next.group, sent.data).map_err(|_| NotifyType::INVALID_SYNTAX)?;
    Ok((sent.group, public, secret))
}
