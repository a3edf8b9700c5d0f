//! One session, from its first message to its last. Each stage is a type, and a step
//! consumes it.

mod address;
mod agreed;
mod attempt;
mod child;
mod closing;
pub(crate) mod context;
mod established;
mod init;
pub(crate) mod initiator;
mod notes;
pub(crate) mod offer;
mod proof;
pub(crate) mod responder;

use std::sync::Arc;
use std::time::Instant;

use ike_wire::Envelope;

use crate::config::Timers;
use crate::event::{Event, Grant, Peer};
use crate::path::Path;
use crate::{Dropped, Ending};

use closing::Closing;
use context::Context;
use established::{Outcome, Sa};
use initiator::Initiating;
use responder::{AwaitAuth, AwaitVerdict};

pub(crate) use child::Child;
pub(crate) use established::Established;
pub(crate) use init::clear_header;
pub(crate) use notes::note;

/// Where a session stands.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Responder: the peer has not authenticated itself yet.
    AwaitAuth(Box<AwaitAuth>),
    /// Responder: it has; the policy decides.
    AwaitVerdict(Box<AwaitVerdict>),
    /// Initiator: one of the exchanges before the session is up.
    Initiating(Box<Initiating>),
    /// Both sides have authenticated themselves.
    Established(Box<Established>),
    /// It is over; DELETE is on its way, or retransmissions are still answered.
    Closing(Box<Closing>),
    /// Nothing is left of it.
    Gone,
}

impl Stage {
    /// Over, but its last answer may be asked for again.
    fn linger(cx: &mut Context<'_>, path: Path, sa: Sa) -> Self {
        Self::Closing(Box::new(Closing::lingering(cx, path, sa)))
    }

    pub(crate) fn handle(
        self,
        cx: &mut Context<'_>,
        path: Path,
        datagram: &mut [u8],
        envelope: &Envelope,
    ) -> (Self, Result<(), Dropped>) {
        match self {
            Self::AwaitAuth(stage) => stage.handle(cx, path, datagram, envelope),
            Self::AwaitVerdict(_) => (self, Err(Dropped::Undecided)),
            Self::Initiating(stage) => stage.handle(cx, path, datagram, envelope),
            Self::Established(mut established) => {
                match established.handle(cx, path, datagram, envelope) {
                    Ok(outcome) => (Self::after(cx, established, outcome), Ok(())),
                    Err(dropped) => (Self::Established(established), Err(dropped)),
                }
            }
            Self::Closing(closing) => closing.handle(cx, path, datagram, envelope),
            Self::Gone => (Self::Gone, Err(Dropped::UnknownSpi)),
        }
    }

    pub(crate) fn handle_timeout(self, cx: &mut Context<'_>) -> Self {
        let now = cx.now.instant;
        match self {
            Self::AwaitAuth(stage) if stage.deadline <= now => stage.time_out(cx),
            Self::AwaitVerdict(stage) if stage.deadline <= now => stage.time_out(cx),
            Self::Initiating(stage) => stage.handle_timeout(cx),
            Self::Established(mut established) => {
                let outcome = established.handle_timeout(cx);
                Self::after(cx, established, outcome)
            }
            Self::Closing(closing) => closing.handle_timeout(cx),
            Self::AwaitAuth(_) | Self::AwaitVerdict(_) | Self::Gone => self,
        }
    }

    pub(crate) fn next_timeout(&self, timers: &Timers) -> Option<Instant> {
        match self {
            Self::AwaitAuth(stage) => Some(stage.deadline),
            Self::AwaitVerdict(stage) => Some(stage.deadline),
            Self::Initiating(stage) => stage.next_timeout(),
            Self::Established(established) => established.next_timeout(timers),
            Self::Closing(closing) => Some(closing.next_timeout()),
            Self::Gone => None,
        }
    }

    fn after(cx: &mut Context<'_>, established: Box<Established>, outcome: Outcome) -> Self {
        match outcome {
            Outcome::Alive => Self::Established(established),
            Outcome::Delete => Closing::deleting(cx, *established, true),
            Outcome::Over => Closing::deleting(cx, *established, false),
        }
    }

    pub(crate) fn admit(self, cx: &mut Context<'_>, grant: Grant) -> Self {
        match self {
            Self::AwaitVerdict(stage) => stage.admit(cx, grant),
            Self::AwaitAuth(_)
            | Self::Initiating(_)
            | Self::Established(_)
            | Self::Closing(_)
            | Self::Gone => self,
        }
    }

    pub(crate) fn refuse(self, cx: &mut Context<'_>) -> Self {
        match self {
            Self::AwaitVerdict(stage) => stage.refuse(cx),
            Self::AwaitAuth(_)
            | Self::Initiating(_)
            | Self::Established(_)
            | Self::Closing(_)
            | Self::Gone => self,
        }
    }

    /// Does something with an established session; others are left as they are.
    pub(crate) fn with_established(
        self,
        cx: &mut Context<'_>,
        act: impl FnOnce(&mut Established, &mut Context<'_>) -> Outcome,
    ) -> Self {
        match self {
            Self::Established(mut established) => {
                let outcome = act(&mut established, cx);
                Self::after(cx, established, outcome)
            }
            Self::AwaitAuth(_)
            | Self::AwaitVerdict(_)
            | Self::Initiating(_)
            | Self::Closing(_)
            | Self::Gone => self,
        }
    }

    /// The responder's sessions that are not yet decided about.
    pub(crate) fn is_half_open(&self) -> bool {
        match self {
            Self::AwaitAuth(_) | Self::AwaitVerdict(_) => true,
            // Whoever failed to authenticate keeps its place until it is forgotten.
            Self::Closing(closing) => !closing.was_established(),
            Self::Initiating(_) | Self::Established(_) | Self::Gone => false,
        }
    }

    pub(crate) fn peer(&self) -> Option<&Peer> {
        match self {
            Self::AwaitVerdict(stage) => Some(stage.peer()),
            Self::Established(established) => Some(&established.peer),
            Self::AwaitAuth(_) | Self::Initiating(_) | Self::Closing(_) | Self::Gone => None,
        }
    }

    pub(crate) fn established(&self) -> Option<&Established> {
        match self {
            Self::Established(established) => Some(established),
            Self::AwaitAuth(_)
            | Self::AwaitVerdict(_)
            | Self::Initiating(_)
            | Self::Closing(_)
            | Self::Gone => None,
        }
    }

    /// Whose session it is.
    pub(crate) fn subject(&self) -> Option<&Arc<str>> {
        self.established().map(|established| &established.terms.subject)
    }

    /// The answer to a repeated IKE_SA_INIT.
    pub(crate) fn init_answer(&self, request: &[u8]) -> Option<&[u8]> {
        match self {
            Self::AwaitAuth(stage) => stage.init_answer(request),
            Self::AwaitVerdict(_)
            | Self::Initiating(_)
            | Self::Established(_)
            | Self::Closing(_)
            | Self::Gone => None,
        }
    }

    /// Ends it, wherever it stands.
    pub(crate) fn close(self, cx: &mut Context<'_>, ending: Ending) -> Self {
        match self {
            Self::AwaitAuth(stage) => stage.forget(cx),
            Self::AwaitVerdict(stage) => {
                cx.out.counters.ended.count(ending);
                cx.out.event(Event::Closed(stage.id, ending));
                stage.refuse(cx)
            }
            Self::Initiating(stage) => stage.cancel(cx),
            Self::Established(mut established) => {
                let outcome = established.finish_session(cx, ending);
                Self::after(cx, established, outcome)
            }
            Self::Closing(_) | Self::Gone => self,
        }
    }

    /// Deletes an IKE SA that never became a session.
    fn delete(cx: &mut Context<'_>, path: Path, sa: Sa) -> Self {
        Closing::of(cx, path, vec![sa], true)
    }
}
