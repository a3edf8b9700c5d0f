//! A session whose two ends have authenticated each other.
//!
//! A session has one current IKE SA. Beside it there are, for a while: the one it replaced,
//! until its DELETE; and, when both sides rekeyed at once, the peer's, until the collision is
//! decided (RFC 7296 §2.8.2). CHILD_SAs belong to the session, so that whichever IKE SA wins
//! has inherited them.

mod children;
mod followup;
mod informational;
mod orders;
mod rekey_ike;
mod requests;
mod timeouts;

use std::collections::VecDeque;
use std::time::Instant;

use ike_wire::{Envelope, ExchangeType, NotifyType, Payload};

use crate::event::{ChildId, Event, Peer, SessionId};
use crate::path::{Nat, Path};
use crate::sa::{IkeSa, Inner, Received, Request};
use crate::session::attempt::{Attempt, Wish};
use crate::session::child::{Child, Children, lifetime};
use crate::session::context::Context;
use crate::session::notes::{note, refusal_of};
use crate::session::offer::{Parent, Terms};
use crate::{Dropped, Ending};

pub(crate) use followup::FollowUp;
use followup::Unfinished;
pub(crate) use rekey_ike::{IkeAttempt, IkeWish};
pub(crate) use requests::{delete_ike, detect, nat_hashes};

/// What a response is awaited for.
#[derive(Debug)]
pub(crate) enum Awaiting {
    /// IKE_INTERMEDIATE or IKE_AUTH: the stage of the session knows.
    Setup,
    /// A CHILD_SA, new or in place of another.
    Child(Box<Attempt>),
    /// The IKE SA that replaces this one.
    Ike(Box<IkeAttempt>),
    /// The next key exchange of either.
    FollowUp(Box<FollowUp>),
    /// The end of a CHILD_SA.
    DeleteChild(ChildId),
    /// The end of one that never was.
    Discard,
    /// The end of this IKE SA.
    DeleteIke,
    /// A sign of life.
    Liveness,
    /// Our new addresses (RFC 4555 §3.5).
    Addresses,
}

pub(crate) type Sa = IkeSa<Awaiting>;

/// What we shall ask of the peer, when the window is free.
#[derive(Debug)]
pub(crate) enum Task {
    RekeyIke(IkeWish),
    Child(Box<Wish>),
    DeleteChild(ChildId),
    /// A CHILD_SA that never was, by our SPI.
    Discard(u32),
    Liveness,
    Addresses,
}

/// An IKE SA that was replaced, or lost a collision.
#[derive(Debug)]
struct Retiring {
    sa: Sa,
    /// It is forgotten then, DELETE or not.
    until: Instant,
}

/// The peer's successor of the current IKE SA, while we are making one as well.
#[derive(Debug)]
struct Candidate {
    sa: Sa,
    lowest_nonce: Vec<u8>,
}

/// The session.
#[derive(Debug)]
pub(crate) struct Established {
    pub(crate) id: SessionId,
    pub(crate) peer: Box<Peer>,
    /// We began it.
    ours: bool,
    mobike: bool,
    pub(crate) terms: Terms,
    current: Sa,
    candidate: Option<Candidate>,
    unfinished: Option<Unfinished>,
    retiring: Vec<Retiring>,
    children: Children,
    tasks: VecDeque<Task>,
    /// Tasks put off after TEMPORARY_FAILURE.
    delayed: Vec<(Instant, Task)>,
    rekey_at: Instant,
    expires_at: Instant,
    last_heard: Instant,
    childless_since: Option<Instant>,
}

/// Whether a session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It does.
    Alive,
    /// It is over, and the peer is told.
    Delete,
    /// It is over, as the peer knows, or can no longer be told.
    Over,
}

/// Which of a session's IKE SAs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Current,
    Candidate,
    Retiring(usize),
}

/// What a session begins with.
pub(crate) struct Beginning {
    pub(crate) id: SessionId,
    pub(crate) peer: Box<Peer>,
    pub(crate) ours: bool,
    pub(crate) mobike: bool,
    pub(crate) terms: Terms,
    pub(crate) sa: Sa,
}

impl Established {
    /// [`Event::Established`] is the caller's to report, before any CHILD_SA.
    pub(crate) fn new(cx: &mut Context<'_>, beginning: Beginning) -> Self {
        let Beginning { id, peer, ours, mobike, terms, sa } = beginning;
        let now = cx.now.instant;
        let timers = &cx.config.timers;
        let (rekey_at, expires_at) =
            lifetime(now, cx.random, (timers.ike_lifetime, timers.margin), ours);
        Self {
            id,
            peer,
            ours,
            mobike,
            terms,
            current: sa,
            candidate: None,
            unfinished: None,
            retiring: Vec::new(),
            children: Children::default(),
            tasks: VecDeque::new(),
            delayed: Vec::new(),
            rekey_at,
            expires_at,
            last_heard: now,
            childless_since: Some(now),
        }
    }

    pub(crate) fn children(&mut self) -> &mut Children {
        &mut self.children
    }

    pub(crate) fn child_list(&self) -> impl Iterator<Item = &Child> {
        self.children.iter()
    }

    pub(crate) fn current(&self) -> &Sa {
        &self.current
    }

    pub(crate) fn last_heard(&self) -> Instant {
        self.last_heard
    }

    pub(crate) fn path(&self) -> Path {
        self.peer.path
    }

    /// Handles a datagram for one of the session's IKE SAs.
    pub(crate) fn handle(
        &mut self,
        cx: &mut Context<'_>,
        path: Path,
        datagram: &mut [u8],
        envelope: &Envelope,
    ) -> Result<Outcome, Dropped> {
        let header = &envelope.header;
        let which =
            self.which((header.initiator_spi, header.responder_spi)).ok_or(Dropped::UnknownSpi)?;
        // A peer that moves, or whose NAT does, asks again from where it is.
        let may_move = self.mobike || self.peer.nat.remote;
        let to = if may_move { path } else { self.peer.path.for_repetition(path) };
        let sa = self.sa(which).ok_or(Dropped::UnknownSpi)?;
        let received = sa.receive(datagram, envelope)?;
        let outcome = match received {
            Received::Partial => return Ok(Outcome::Alive),
            Received::Again(datagrams) => {
                cx.out.send(to, datagrams);
                return Ok(Outcome::Alive);
            }
            Received::Request(inner) => {
                self.heard(cx, path);
                self.handle_request(cx, which, path, &inner)?
            }
            Received::Response(inner) => {
                self.heard(cx, path);
                self.handle_response(cx, which, &inner)?
            }
        };
        Ok(match outcome {
            Outcome::Alive => self.go_on(cx),
            over @ (Outcome::Delete | Outcome::Over) => over,
        })
    }

    fn heard(&mut self, cx: &mut Context<'_>, path: Path) {
        self.last_heard = cx.now.instant;
        self.follow(cx, path);
    }

    /// A NAT may give the peer another address at any time; what authenticates comes from
    /// the right one (RFC 7296 §2.23).
    fn follow(&mut self, cx: &mut Context<'_>, path: Path) {
        if self.peer.nat.remote && path != self.peer.path {
            self.move_to(cx, path, self.peer.nat);
        }
    }

    fn move_to(&mut self, cx: &mut Context<'_>, path: Path, nat: Nat) {
        if (path, nat) != (self.peer.path, self.peer.nat) {
            (self.peer.path, self.peer.nat) = (path, nat);
            cx.out.event(Event::PathChanged(self.id, path, nat));
        }
    }

    fn handle_request(
        &mut self,
        cx: &mut Context<'_>,
        which: Which,
        path: Path,
        inner: &Inner,
    ) -> Result<Outcome, Dropped> {
        let payloads = match inner.payloads() {
            Ok(payloads) => payloads,
            Err(malformed) => {
                cx.out.counters.malformed.count(malformed.reason());
                let (kind, data) = refusal_of(malformed);
                self.respond(cx, which, path, &inner.request, &[note(kind, &data)])?;
                return Ok(Outcome::Alive);
            }
        };
        match inner.request.header.exchange {
            ExchangeType::CREATE_CHILD_SA => {
                self.handle_create_child_sa(cx, which, path, inner, &payloads)
            }
            ExchangeType::IKE_FOLLOWUP_KE => {
                self.answer_follow_up(cx, which, path, &inner.request, &payloads)?;
                Ok(Outcome::Alive)
            }
            ExchangeType::INFORMATIONAL => {
                self.handle_informational(cx, which, path, inner, &payloads)
            }
            _ => {
                let notify = [note(NotifyType::INVALID_SYNTAX, &[])];
                self.respond(cx, which, path, &inner.request, &notify)?;
                Ok(Outcome::Alive)
            }
        }
    }

    fn which(&self, spis: (u64, u64)) -> Option<Which> {
        if self.current.spis == spis {
            return Some(Which::Current);
        }
        if self.candidate.as_ref().is_some_and(|candidate| candidate.sa.spis == spis) {
            return Some(Which::Candidate);
        }
        self.retiring.iter().position(|retiring| retiring.sa.spis == spis).map(Which::Retiring)
    }

    fn sa(&mut self, which: Which) -> Option<&mut Sa> {
        match which {
            Which::Current => Some(&mut self.current),
            Which::Candidate => self.candidate.as_mut().map(|candidate| &mut candidate.sa),
            Which::Retiring(index) => self.retiring.get_mut(index).map(|r| &mut r.sa),
        }
    }

    fn respond(
        &mut self,
        cx: &mut Context<'_>,
        which: Which,
        path: Path,
        request: &Request,
        payloads: &[Payload<'_>],
    ) -> Result<(), Dropped> {
        let sa = self.sa(which).ok_or(Dropped::Internal)?;
        let sealed = sa.respond(request, payloads).map_err(|_| Dropped::Internal)?;
        cx.out.send(path, &sealed.datagrams);
        Ok(())
    }

    fn parent(&self) -> Parent<'_> {
        Parent {
            session: self.id,
            prf: self.current.suite.prf,
            keys: &self.current.keys,
            path: self.peer.path,
            nat: self.peer.nat,
        }
    }

    /// Ends the session; reports it and all its CHILD_SAs down.
    pub(crate) fn finish_session(&mut self, cx: &mut Context<'_>, ending: Ending) -> Outcome {
        let of_children = if ending == Ending::Peer { Ending::Peer } else { Ending::Parent };
        self.children.clear(cx, self.id, of_children);
        self.abandon_unfinished(cx);
        // DELETE waits for the answer (RFC 7296 §2.3), which means no more than a sign of life.
        if let Some(awaiting) = self.current.outbound.awaiting_mut() {
            let awaiting = std::mem::replace(awaiting, Awaiting::Liveness);
            self.abandon(cx, Some(awaiting));
        }
        if !self.terms.lease.is_empty() {
            cx.pool.release(&self.terms.subject);
        }
        cx.out.counters.ended.count(ending);
        cx.out.event(Event::Closed(self.id, ending));
        if matches!(ending, Ending::Peer | Ending::DeadPeer) {
            Outcome::Over
        } else {
            Outcome::Delete
        }
    }

    /// What is left of it, to be closed or to answer what is sent again.
    pub(crate) fn into_sas(self) -> Vec<Sa> {
        let candidate = self.candidate.map(|candidate| candidate.sa);
        let retiring = self.retiring.into_iter().map(|retiring| retiring.sa);
        std::iter::once(self.current).chain(candidate).chain(retiring).collect()
    }
}
