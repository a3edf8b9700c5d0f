//! The peer: a site router with the client behind it.

use crate::testing::{Far, spis};
use crate::{Dropped, Path};

/// One CHILD_SA as the peer has it.
struct Child {
    id: u64,
    far: Far,
}

/// What it has, and where it is.
#[derive(Default)]
pub(super) struct Peer {
    children: Vec<Child>,
    /// By which it sends.
    sending: Option<u64>,
    /// Its port, as the NAT shows it.
    pub(super) port: u16,
    /// It takes to a new SA when it hears by it (it answered the rekeying).
    follows: Option<u64>,
}

impl Peer {
    pub(super) fn at(port: u16) -> Self {
        Self { port, ..Self::default() }
    }

    pub(super) fn add(&mut self, id: u64, far: Far) {
        self.children.push(Child { id, far });
    }

    /// Sends by this one from now on.
    pub(super) fn send_by(&mut self, id: u64) {
        self.sending = Some(id);
    }

    /// Sends by this one as soon as something comes by it.
    pub(super) fn send_by_when_heard(&mut self, id: u64) {
        self.follows = Some(id);
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.children.retain(|child| child.id != id);
        if self.follows == Some(id) {
            self.follows = None;
        }
        if self.sending == Some(id) {
            self.sending = self.children.last().map(|child| child.id);
        }
    }

    pub(super) fn seal(&mut self, inner: &[u8]) -> Vec<u8> {
        let sending = self.sending;
        let child = self.children.iter_mut().find(|child| Some(child.id) == sending);
        child.expect("it has an SA").far.seal(inner)
    }

    pub(super) fn path(&self) -> Path {
        crate::testing::path(self.port)
    }

    /// What was in a packet; none when it was for another, twice, or damaged.
    pub(super) fn open(&mut self, mut packet: Vec<u8>) -> Option<Vec<u8>> {
        let spi = u32::from_be_bytes(*packet.first_chunk().expect("an ESP packet"));
        let child = self.children.iter_mut().find(|child| spis(child.id).1 == spi);
        let opened = child
            .ok_or(Dropped::UnknownSpi)
            .and_then(|child| Ok((child.id, child.far.inbound.open(&mut packet)?)));
        match opened {
            Ok((id, opened)) => {
                if self.follows == Some(id) {
                    (self.sending, self.follows) = (Some(id), None);
                }
                assert!(matches!(opened.next_header, 4 | 41));
                Some(opened.inner.to_vec())
            }
            Err(_) => None,
        }
    }
}
