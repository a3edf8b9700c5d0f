//! What the data plane's target is told: what leaves, and what is on record.

use std::collections::BTreeSet;

use packet::Batch;
use tunnel::{Departure, Ledger, Opening, Outlet, Refusal, Traffic};

/// What the gateway has sent.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) sent: Vec<(Departure, Vec<u8>)>,
    pub(super) answers: Vec<Vec<u8>>,
}

impl Outlet for Taken {
    fn send(&mut self, departure: &Departure, batch: &Batch) {
        assert!(!batch.is_empty() && departure.ecn < 4);
        let packets = batch.octets().chunks(batch.stride());
        self.sent.extend(packets.map(|packet| (*departure, packet.to_vec())));
    }

    fn answer(&mut self, packet: &[u8]) {
        self.answers.push(packet.to_vec());
    }
}

/// What is open on record.
#[derive(Default)]
pub struct Books {
    pub(super) open: BTreeSet<u32>,
    last: u32,
    /// Packets and octets from clients, of flows that have ended.
    pub(super) carried: (u64, u64),
}

impl Ledger for Books {
    fn opened(&mut self, _opening: &Opening<'_>) -> Option<u32> {
        self.last += 1;
        self.open.insert(self.last);
        Some(self.last)
    }

    fn closed(&mut self, entry: u32, _reason: &'static str, traffic: Traffic) {
        assert!(self.open.remove(&entry), "a flow ends once");
        self.carried.0 += traffic.packets_in;
        self.carried.1 += traffic.octets_in;
    }

    fn refused(&mut self, refusal: &Refusal<'_>) {
        assert!(!refusal.reason.code().is_empty());
    }
}
