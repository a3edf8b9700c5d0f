//! From the TUN device to the peers.

use std::collections::VecDeque;
use std::io::IoSlice;

use net::{Departure as Leaving, Queue, SendFailure};
use packet::{Batch, VnetHeader};
use reason::Counters;
use tunnel::{Departure, Outlet};

use crate::Lost;
use crate::port::Port;

/// Octets that may wait for a socket. More is made only of what was read already.
const BACKLOG: usize = 1 << 20;

/// What waits for a socket to have room.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    waiting: VecDeque<Waiting>,
    octets: usize,
}

#[derive(Debug)]
struct Waiting {
    port: usize,
    leaving: Leaving,
    octets: Vec<u8>,
    stride: usize,
}

impl Backlog {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The socket that the first of them waits for.
    pub(crate) fn port(&self) -> Option<usize> {
        self.waiting.front().map(|first| first.port)
    }

    fn push(&mut self, waiting: Waiting, lost: &Counters<Lost>) {
        if self.octets + waiting.octets.len() > BACKLOG {
            return lost.count(Lost::Backlog);
        }
        self.octets += waiting.octets.len();
        self.waiting.push_back(waiting);
    }

    /// Sends what there is room for.
    pub(crate) fn send(&mut self, ports: &[Port], lost: &Counters<Lost>) {
        while let Some(first) = self.waiting.pop_front() {
            self.octets -= first.octets.len();
            let Some(port) = ports.get(first.port) else { continue };
            let rest = transmit(port, &first.leaving, &first.octets, first.stride, lost);
            if let Some(sent) = rest {
                let octets = first.octets.get(sent..).unwrap_or_default().to_vec();
                self.octets += octets.len();
                return self.waiting.push_front(Waiting { octets, ..first });
            }
        }
    }
}

/// Where a forwarder's packets go.
pub(crate) struct Exit<'a> {
    pub(crate) ports: &'a [Port],
    pub(crate) tun: &'a Queue,
    pub(crate) backlog: &'a mut Backlog,
    pub(crate) lost: &'a Counters<Lost>,
}

impl Outlet for Exit<'_> {
    fn send(&mut self, departure: &Departure, batch: &Batch) {
        let Departure { path, encapsulated, ecn } = *departure;
        let serves = |port: &Port| port.serves(&path, encapsulated);
        let Some(index) = self.ports.iter().position(serves) else {
            return self.lost.count(Lost::SendFailed);
        };
        let leaving =
            Leaving { destination: path.remote, source: Some(path.local.ip()), traffic_class: ecn };
        let (octets, stride) = (batch.octets(), batch.stride());
        let sent = match self.ports.get(index) {
            Some(port) if self.backlog.is_empty() => {
                transmit(port, &leaving, octets, stride, self.lost)
            }
            // In their order.
            _ => Some(0),
        };
        if let Some(sent) = sent {
            let octets = octets.get(sent..).unwrap_or_default().to_vec();
            self.backlog.push(Waiting { port: index, leaving, octets, stride }, self.lost);
        }
    }

    fn answer(&mut self, packet: &[u8]) {
        write(self.tun, packet, self.lost);
    }
}

/// Writes one packet to the TUN device.
pub(crate) fn write(tun: &Queue, packet: &[u8], lost: &Counters<Lost>) {
    let vnet = VnetHeader::default().to_octets();
    write_slices(tun, &[IoSlice::new(&vnet), IoSlice::new(packet)], lost);
}

/// Writes one packet, gathered, its vnet header first.
pub(crate) fn write_slices(tun: &Queue, slices: &[IoSlice<'_>], lost: &Counters<Lost>) {
    if let Err(error) = tun.write(slices) {
        tracing::debug!(%error, "the TUN device refused a packet");
        lost.count(Lost::TunRefused);
    }
}

/// Sends datagrams of `stride` octets. Returns where the rest begins, when the socket has no room
/// for it; a datagram that fails by itself is counted and passed over.
fn transmit(
    port: &Port,
    leaving: &Leaving,
    octets: &[u8],
    stride: usize,
    lost: &Counters<Lost>,
) -> Option<usize> {
    let mut at = 0;
    while at < octets.len() {
        let rest = octets.get(at..).unwrap_or_default();
        let Err(error) = port.send(leaving, rest, stride) else { return None };
        at += error.sent;
        match error.reason {
            SendFailure::WouldBlock => return Some(at),
            SendFailure::QueueFull => lost.count(Lost::InterfaceFull),
            SendFailure::TooLong => lost.count(Lost::TooLong),
            SendFailure::Other(cause) => {
                tracing::debug!(%cause, to = %leaving.destination, "sending ESP failed");
                lost.count(Lost::SendFailed);
                // What follows goes the same way.
                return None;
            }
        }
        at += stride;
    }
    None
}
