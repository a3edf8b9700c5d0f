//! What there is, for people to look at.

use std::time::Instant;

use ike_negotiation::ChildSuite;
use ike_wire::TrafficSelector;

use super::Endpoint;
use crate::event::{ChildId, Peer, SessionId};
use crate::session::{Child, Established, Stage};

/// A session.
pub struct SessionView<'a> {
    /// Its id.
    pub id: SessionId,
    stage: &'a Stage,
}

/// A CHILD_SA.
#[derive(Clone, Copy, Debug)]
pub struct ChildView<'a> {
    /// Its id.
    pub id: ChildId,
    /// SPI of what the peer sends.
    pub spi_in: u32,
    /// SPI of what we send.
    pub spi_out: u32,
    /// Cipher and extended sequence numbers.
    pub suite: &'a ChildSuite,
    /// What is on our side.
    pub local: &'a [TrafficSelector],
    /// What is on the peer's side.
    pub remote: &'a [TrafficSelector],
}

impl<'a> SessionView<'a> {
    /// Who it is, once that is proven.
    #[must_use]
    pub fn peer(&self) -> Option<&'a Peer> {
        self.stage.peer()
    }

    /// Where it stands, in a word.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self.stage {
            Stage::AwaitAuth(_) => "half-open",
            Stage::AwaitVerdict(_) => "being-decided",
            Stage::Initiating(_) => "initiating",
            Stage::Established(_) => "established",
            Stage::Closing(_) | Stage::Gone => "closing",
        }
    }

    /// SPIi and SPIr of the current IKE SA.
    #[must_use]
    pub fn spis(&self) -> Option<(u64, u64)> {
        self.stage.established().map(|established| established.current().spis)
    }

    /// When something authentic last came from the peer.
    #[must_use]
    pub fn last_heard(&self) -> Option<Instant> {
        self.stage.established().map(Established::last_heard)
    }

    /// Its CHILD_SAs.
    pub fn children(&self) -> impl Iterator<Item = ChildView<'a>> {
        let established = self.stage.established();
        established.into_iter().flat_map(|established| established.child_list().map(view))
    }
}

fn view(child: &Child) -> ChildView<'_> {
    let Child { id, spi_in, spi_out, suite, local, remote, .. } = child;
    ChildView { id: *id, spi_in: *spi_in, spi_out: *spi_out, suite, local, remote }
}

impl Endpoint {
    /// A session.
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<SessionView<'_>> {
        self.sessions.get(&id).map(|entry| SessionView { id, stage: &entry.stage })
    }

    /// Every session, in no order.
    pub fn sessions(&self) -> impl Iterator<Item = SessionView<'_>> {
        self.sessions.iter().map(|(id, entry)| SessionView { id: *id, stage: &entry.stage })
    }
}
