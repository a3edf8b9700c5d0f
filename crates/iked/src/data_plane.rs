//! Where CHILD_SAs and ESP packets go.

use connlog::Traffic;
use ike::{ChildId, ChildSa, Nat, Path, Peer, SessionId};

/// What installs CHILD_SAs. Called from the IKE thread, which waits for the return.
pub trait DataPlane: Send {
    /// Takes over a CHILD_SA of `peer`. When this returns, packets of it must be understood: the
    /// message that completes it leaves next.
    fn install(&mut self, child: ChildSa, peer: &Peer);

    /// Forgets a CHILD_SA; returns what it has carried.
    fn remove(&mut self, child: ChildId) -> Traffic;

    /// The outer addresses of all CHILD_SAs of `session` changed.
    fn moved(&mut self, session: SessionId, path: Path, nat: Nat);
}

/// What takes ESP packets that came in UDP (RFC 3948) to the socket of IKE. Called from the
/// receiving thread: must not block.
pub trait EspSink: Send + Sync {
    /// Takes one ESP packet.
    fn receive(&self, path: Path, packet: &[u8]);
}

/// What packets tell of the sessions they belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Something authentic came from the peer: it lives (RFC 7296 §2.4).
    Alive(SessionId),
    /// The peer's newest packet came by another path (RFC 7296 §2.23).
    Moved(SessionId, Path),
    /// The CHILD_SA has carried what it should: it needs a successor.
    RekeyDue(SessionId, ChildId),
    /// The CHILD_SA has carried all that it may: it must go.
    Spent(SessionId, ChildId),
}
