//! What a session needs of its endpoint while it handles a message or a time-out.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::config::Config;
use crate::counters::Counters;
use crate::credentials::Credentials;
use crate::event::{ChildId, Event, Now, Peer, Refused, SessionId, Transmit};
use crate::pool::Pool;
use crate::{Path, Random};

pub(crate) struct Context<'a> {
    pub(crate) now: Now,
    pub(crate) config: &'a Config,
    pub(crate) credentials: &'a Credentials,
    pub(crate) random: &'a mut (dyn Random + Send),
    pub(crate) spis: &'a mut SpiTable,
    pub(crate) pool: &'a mut Pool,
    pub(crate) out: &'a mut Output,
}

/// What waits to be taken by the shell.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) transmits: VecDeque<Transmit>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) counters: Arc<Counters>,
    /// A session that begins anew, and whose: its other sessions end (RFC 7296 §2.4).
    pub(crate) initial_contact: Option<(SessionId, Arc<str>)>,
}

impl Output {
    pub(crate) fn send(&mut self, path: Path, datagrams: &[Vec<u8>]) {
        let transmit = |datagram: &Vec<u8>| Transmit { path, datagram: datagram.clone() };
        self.transmits.extend(datagrams.iter().map(transmit));
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(crate) fn refused(&mut self, refused: Refused) {
        self.counters.refused.count(refused.reason);
        self.event(Event::Refused(Box::new(refused)));
    }

    pub(crate) fn established(&mut self, session: SessionId, peer: &Peer, lease: &[IpAddr]) {
        let peer = Box::new(peer.clone());
        self.event(Event::Established(session, peer, lease.to_vec()));
    }

    /// How many events there are, for [`Self::roll_back`].
    pub(crate) fn mark(&self) -> usize {
        self.events.len()
    }

    /// Takes back what was reported since, because it did not come about.
    pub(crate) fn roll_back(&mut self, mark: usize) {
        self.events.truncate(mark);
    }
}

/// Our SPIs, each in use once, and the ids of sessions and CHILD_SAs, each used once.
#[derive(Debug, Default)]
pub(crate) struct SpiTable {
    ike: HashMap<u64, SessionId>,
    esp: HashSet<u32>,
    sessions: u64,
    children: u64,
}

/// SPIs up to this one are reserved (RFC 4303 §2.1).
const LAST_RESERVED_SPI: u32 = 255;

impl SpiTable {
    pub(crate) fn session(&self, spi: u64) -> Option<SessionId> {
        self.ike.get(&spi).copied()
    }

    pub(crate) fn next_session(&mut self) -> SessionId {
        self.sessions += 1;
        SessionId(self.sessions)
    }

    pub(crate) fn next_child(&mut self) -> ChildId {
        self.children += 1;
        ChildId(self.children)
    }

    pub(crate) fn allocate_ike(
        &mut self,
        random: &mut (dyn Random + Send),
        session: SessionId,
    ) -> u64 {
        loop {
            let spi = u64::from_be_bytes(random.array());
            if spi != 0 && !self.ike.contains_key(&spi) {
                self.ike.insert(spi, session);
                return spi;
            }
        }
    }

    pub(crate) fn release_ike(&mut self, spi: u64) {
        self.ike.remove(&spi);
    }

    /// An SPI for a CHILD_SA of `subject`, whose SPIs have all the same remainder by `lanes`.
    pub(crate) fn allocate_esp(
        &mut self,
        random: &mut (dyn Random + Send),
        subject: &str,
        lanes: NonZeroU32,
    ) -> u32 {
        let lane = lane_of(subject) % lanes;
        loop {
            let drawn = u32::from_be_bytes(random.array());
            let spi = (drawn - drawn % lanes).checked_add(lane);
            if let Some(spi) = spi.filter(|spi| *spi > LAST_RESERVED_SPI && self.esp.insert(*spi)) {
                return spi;
            }
        }
    }

    pub(crate) fn release_esp(&mut self, spi: u32) {
        self.esp.remove(&spi);
    }

    /// Whose the IKE SPIs are.
    #[cfg(test)]
    pub(crate) fn owners(&self) -> impl Iterator<Item = SessionId> {
        self.ike.values().copied()
    }

    /// SPIs in use, of IKE and ESP.
    pub(crate) fn in_use(&self) -> (usize, usize) {
        (self.ike.len(), self.esp.len())
    }
}

/// FNV-1a: every terminal has its lane, and lanes have about as many terminals each.
fn lane_of(subject: &str) -> u32 {
    subject
        .bytes()
        .fold(0x811c_9dc5, |hash, octet| (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193))
}
