//! The CHILD_SAs of a session.

use std::time::{Duration, Instant};

use ike_negotiation::ChildSuite;
use ike_wire::TrafficSelector;

use crate::event::{ChildId, Event, SessionId};
use crate::session::context::Context;
use crate::{Ending, Random};

/// A CHILD_SA that is installed.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) id: ChildId,
    pub(crate) spi_in: u32,
    pub(crate) spi_out: u32,
    pub(crate) suite: ChildSuite,
    pub(crate) local: Vec<TrafficSelector>,
    pub(crate) remote: Vec<TrafficSelector>,
    pub(crate) state: ChildState,
    pub(crate) rekey_at: Instant,
    pub(crate) expires_at: Instant,
}

/// Where a CHILD_SA stands between its making and its end (RFC 7296 §2.8).
#[derive(Debug)]
pub(crate) enum ChildState {
    /// In use.
    Live,
    /// We asked for a successor.
    Rekeying,
    /// The peer made its successor and will delete it.
    Replaced,
    /// We delete it; what it is reported as.
    Deleting(Ending),
}

impl ChildState {
    /// Whether we may.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self, Self::Live)
    }

    /// Whether the peer may put another in its place.
    pub(crate) fn may_be_rekeyed(&self) -> bool {
        matches!(self, Self::Live | Self::Rekeying)
    }
}

impl Child {
    /// What its deletion by the peer is: the end of a rekeying, or an end.
    pub(crate) fn ending_by_peer(&self) -> Ending {
        match &self.state {
            ChildState::Replaced => Ending::Rekeyed,
            ChildState::Deleting(ending) => *ending,
            ChildState::Live | ChildState::Rekeying => Ending::Peer,
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Children(Vec<Child>);

impl Children {
    pub(crate) fn add(&mut self, child: Child) {
        self.0.push(child);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Child> {
        self.0.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Child> {
        self.0.iter_mut()
    }

    pub(crate) fn find(&mut self, id: ChildId) -> Option<&mut Child> {
        self.0.iter_mut().find(|child| child.id == id)
    }

    /// By the peer's inbound SPI, as DELETE and REKEY_SA name it (RFC 7296 §3.11, §1.3.3).
    pub(crate) fn by_peer_spi(&mut self, spi: u32) -> Option<&mut Child> {
        self.0.iter_mut().find(|child| child.spi_out == spi)
    }

    /// Whether an exchange of ours about one of them is under way or due.
    pub(crate) fn any_in_motion(&self) -> bool {
        self.0
            .iter()
            .any(|child| matches!(child.state, ChildState::Rekeying | ChildState::Deleting(_)))
    }

    /// Takes one out and reports it down.
    pub(crate) fn remove(
        &mut self,
        cx: &mut Context<'_>,
        session: SessionId,
        id: ChildId,
        ending: Ending,
    ) -> Option<Child> {
        let index = self.0.iter().position(|child| child.id == id)?;
        let child = self.0.swap_remove(index);
        end(cx, session, &child, ending);
        Some(child)
    }

    /// Takes all out and reports them down.
    pub(crate) fn clear(&mut self, cx: &mut Context<'_>, session: SessionId, ending: Ending) {
        for child in self.0.drain(..) {
            end(cx, session, &child, ending);
        }
    }
}

fn end(cx: &mut Context<'_>, session: SessionId, child: &Child, ending: Ending) {
    cx.spis.release_esp(child.spi_in);
    cx.out.counters.ended.count(ending);
    cx.out.event(Event::ChildDown(session, child.id, ending));
}

/// When an SA is rekeyed and when it ends if that fails. Whoever answered lets the other
/// side go first: some clients cannot be rekeyed by the gateway (ipsec clients of Windows
/// behind NAT), all can rekey by themselves.
pub(crate) fn lifetime(
    now: Instant,
    random: &mut (dyn Random + Send),
    (lifetime, margin): (Duration, Duration),
    ours: bool,
) -> (Instant, Instant) {
    let courtesy = if ours { Duration::ZERO } else { margin / 4 };
    (now + random.jitter(lifetime) + courtesy, now + lifetime + margin)
}
