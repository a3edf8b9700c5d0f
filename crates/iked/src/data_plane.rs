//! Where CHILD_SAs and ESP packets go.

use ike::{ChildId, ChildSa, Nat, Path, SessionId};

use crate::Discarded;

/// What installs CHILD_SAs. Called from the IKE thread, which waits for the return.
pub trait DataPlane: Send {
    /// Takes a CHILD_SA over. When this returns, packets of it must be understood: the message
    /// that completes it leaves next.
    fn install(&mut self, child: ChildSa);

    /// Forgets a CHILD_SA.
    fn remove(&mut self, child: ChildId);

    /// The outer addresses of all CHILD_SAs of `session` changed.
    fn moved(&mut self, session: SessionId, path: Path, nat: Nat);
}

/// What takes ESP packets that came in UDP (RFC 3948). Called from the receiving thread: must not
/// block.
pub trait EspSink: Send + Sync {
    /// Takes one ESP packet, which may be changed in place.
    ///
    /// # Errors
    /// Why it was dropped, to be counted.
    fn receive(&self, path: Path, packet: &mut [u8]) -> Result<(), Discarded>;
}

/// Nothing that could carry packets: keys are cleared at once, and ESP is dropped by name.
#[derive(Clone, Copy, Debug)]
pub struct NoDataPlane;

impl DataPlane for NoDataPlane {
    fn install(&mut self, child: ChildSa) {
        drop(child);
    }

    fn remove(&mut self, _child: ChildId) {}

    fn moved(&mut self, _session: SessionId, _path: Path, _nat: Nat) {}
}

impl EspSink for NoDataPlane {
    fn receive(&self, _path: Path, _packet: &mut [u8]) -> Result<(), Discarded> {
        Err(Discarded::NoDataPlane)
    }
}
