//! From the peers to the TUN device.

use std::array;
use std::io::{self, IoSliceMut};

use net::{Queue, Received};
use packet::{Merger, Offload};
use reason::Counters;
use tunnel::{Arrival, Delivery, Forwarder, Now};

use crate::egress::{write, write_slices};
use crate::handle::Remote;
use crate::journal::Journal;
use crate::port::Port;
use crate::{Ike, Lost};

/// Buffers filled by one system call; with GRO each may hold many datagrams.
const BUFFERS: usize = 8;
/// The largest datagram, and the most that GRO puts into one buffer.
const BUFFER: usize = 65_536;

/// A NAT keepalive (RFC 3948 §2.3).
pub(crate) const KEEP_ALIVE: [u8; 1] = [0xff];
/// Before IKE on the port that it shares with ESP (RFC 3948 §2.2).
const NON_ESP_MARKER: [u8; 4] = [0; 4];

/// What is received goes here, and is opened where it lies.
pub(crate) struct Entry {
    slab: Vec<u8>,
    received: [Received; BUFFERS],
    pub(crate) offload: Offload,
}

/// Where it goes from here.
pub(crate) struct Inside<'a> {
    pub(crate) forwarder: &'a mut Forwarder<Journal>,
    pub(crate) tun: &'a Queue,
    pub(crate) lost: &'a Counters<Lost>,
    pub(crate) ike: &'a dyn Ike,
    pub(crate) workers: &'a [Remote],
    pub(crate) index: usize,
}

impl Entry {
    pub(crate) fn new(offload: Offload) -> Self {
        Self { slab: vec![0; BUFFERS * BUFFER], received: [Received::default(); BUFFERS], offload }
    }

    /// Receives once, and delivers what came. Says whether there may be more.
    pub(crate) fn receive(&mut self, now: Now, port: &Port, inside: &mut Inside<'_>) -> bool {
        let mut chunks = self.slab.chunks_exact_mut(BUFFER);
        let mut slices: [IoSliceMut<'_>; BUFFERS] =
            array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let count = match port.receive(&mut slices, &mut self.received) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
            Err(error) => {
                tracing::warn!(%error, "receiving ESP failed");
                inside.lost.count(Lost::ReceiveFailed);
                return false;
            }
        };
        let mut merger = Merger::new(self.offload);
        let buffers = self.slab.chunks_exact_mut(BUFFER).zip(&self.received);
        for (buffer, received) in buffers.take(count) {
            let arrival = Arrival {
                path: port.path(received),
                encapsulated: port.encapsulated(),
                ecn: received.ecn,
            };
            let octets = buffer.get_mut(received.offset..received.len).unwrap_or_default();
            for packet in octets.chunks_mut(received.stride.max(1)) {
                inside.take(now, &arrival, packet, &mut merger);
            }
        }
        let (tun, lost) = (inside.tun, inside.lost);
        merger.finish(&mut |slices| write_slices(tun, slices, lost));
        count == BUFFERS
    }

    /// Delivers one packet that another thread received.
    pub(crate) fn take(
        &self,
        now: Now,
        arrival: &Arrival,
        packet: &mut [u8],
        inside: &mut Inside<'_>,
    ) {
        let mut merger = Merger::new(self.offload);
        inside.take(now, arrival, packet, &mut merger);
        let (tun, lost) = (inside.tun, inside.lost);
        merger.finish(&mut |slices| write_slices(tun, slices, lost));
    }
}

impl Inside<'_> {
    /// Tells what a datagram is (RFC 3948 §2), and delivers it.
    fn take<'p>(
        &mut self,
        now: Now,
        arrival: &Arrival,
        packet: &'p mut [u8],
        merger: &mut Merger<'p>,
    ) {
        if arrival.encapsulated && *packet == KEEP_ALIVE {
            return self.lost.count(Lost::KeepAlive);
        }
        if arrival.encapsulated
            && let Some(message) = packet.strip_prefix(&NON_ESP_MARKER)
        {
            // GRO put it beside the ESP packets of its sender.
            return self.ike.message(&arrival.path, message);
        }
        let owner = owner(packet, self.workers.len());
        if owner != self.index {
            return match self.workers.get(owner) {
                Some(worker) => worker.hand_over(*arrival, packet, self.lost),
                None => self.lost.count(Lost::HandOverFull),
            };
        }
        let (tun, lost) = (self.tun, self.lost);
        let mut on = |slices: &[io::IoSlice<'_>]| write_slices(tun, slices, lost);
        match self.forwarder.handle_esp(now, arrival, packet) {
            Ok(Delivery::Packet(octets, ref headers)) => merger.push(octets, headers, &mut on),
            Ok(Delivery::Reassembled) => {
                merger.finish(&mut on);
                self.forwarder.reassembled(|packet| write(tun, packet, lost));
            }
            // It is counted.
            Ok(Delivery::Held) | Err(_) => {}
        }
    }
}

/// Whose packet it is.
pub(crate) fn owner(packet: &[u8], workers: usize) -> usize {
    let spi = packet.first_chunk().map_or(0, |spi| u32::from_be_bytes(*spi));
    spi as usize % workers.max(1)
}
