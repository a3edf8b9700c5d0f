//! What leaves for the peers: sealed packets of one SA, laid one after the other.

use packet::Batch;

use crate::child::Path;

/// Where a batch goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure {
    /// From where to where.
    pub path: Path,
    /// In UDP (RFC 3948), or by themselves.
    pub encapsulated: bool,
    /// Explicit Congestion Notification of the outer header, two bits (RFC 6040 §4.1).
    pub ecn: u8,
}

/// What takes what a [`Forwarder`](crate::Forwarder) makes.
pub trait Outlet {
    /// Takes a batch of ESP packets; they are gone when this returns.
    fn send(&mut self, departure: &Departure, batch: &Batch);

    /// Takes an IP packet for a sender on our side.
    fn answer(&mut self, packet: &[u8]);
}

/// The batch that is being filled. It is sent when the next packet does not fit in or goes
/// elsewhere, and when the caller says that nothing more comes now.
#[derive(Debug)]
pub struct Departures {
    batch: Batch,
    to: Option<Departure>,
}

impl Departures {
    /// Fills `batch`.
    #[must_use]
    pub fn new(batch: Batch) -> Self {
        Self { batch, to: None }
    }

    /// Sends what waits.
    pub fn flush(&mut self, outlet: &mut impl Outlet) {
        if let Some(departure) = &self.to
            && !self.batch.is_empty()
        {
            outlet.send(departure, &self.batch);
            self.batch.clear();
        }
    }

    /// What follows goes by `departure`; what waits and does not is sent.
    pub(crate) fn direct(&mut self, departure: &Departure, outlet: &mut impl Outlet) {
        if self.to.as_ref() != Some(departure) {
            self.flush(outlet);
            self.to = Some(*departure);
        }
    }

    /// Room for a packet of `len` octets; what leaves none is sent first. [`Self::commit`] keeps
    /// what was written.
    pub(crate) fn reserve(&mut self, len: usize, outlet: &mut impl Outlet) -> Option<&mut [u8]> {
        if self.batch.reserve(len).is_none() {
            self.flush(outlet);
        }
        self.batch.reserve(len)
    }

    pub(crate) fn commit(&mut self, len: usize) {
        self.batch.commit(len);
    }
}
