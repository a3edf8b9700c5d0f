//! The events of one host, and what they must amount to.

use std::collections::{BTreeMap, BTreeSet};

use crate::protection::DirectionKeys;
use crate::{ChildId, Endpoint, Event, SessionId};

/// A CHILD_SA as one may compare it with the peer's: SPI and key of each direction.
type Comparable = [(u32, Vec<u8>); 2];

#[derive(Debug)]
struct Live {
    session: SessionId,
    line: ChildId,
    spis: (u32, u32),
    /// Inbound, outbound.
    comparable: Comparable,
}

/// What a shell that believes the events has installed.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    sessions: BTreeSet<SessionId>,
    over: BTreeSet<SessionId>,
    live: BTreeMap<ChildId, Live>,
    /// Which CHILD_SA of each line of successors packets are sent on; a line is called by
    /// its first.
    sending: BTreeMap<ChildId, ChildId>,
    seen: BTreeSet<ChildId>,
}

impl Ledger {
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::Established(session, ..) => {
                assert!(!self.over.contains(session) && self.sessions.insert(*session));
            }
            Event::ChildUp(child) => {
                assert!(self.sessions.contains(&child.session), "a CHILD_SA without a session");
                assert!(self.seen.insert(child.id), "up twice");
                let comparable = [
                    (child.spi_in, octets(&child.keys_in)),
                    (child.spi_out, octets(&child.keys_out)),
                ];
                let spis = (child.spi_in, child.spi_out);
                let before = child.replaces.and_then(|old| self.live.get(&old));
                let line = before.map_or(child.id, |old| old.line);
                let live = Live { session: child.session, line, spis, comparable };
                self.live.insert(child.id, live);
                if child.send_at_once || !self.sending.contains_key(&line) {
                    self.sending.insert(line, child.id);
                }
            }
            Event::ChildDown(session, child, _) => {
                let down = self.live.remove(child).expect("down, but not up");
                assert_eq!(down.session, *session);
                if self.sending.get(&down.line) == Some(child) {
                    let mut others = self.live.iter().filter(|(_, live)| live.line == down.line);
                    match others.next_back() {
                        Some((successor, _)) => self.sending.insert(down.line, *successor),
                        None => self.sending.remove(&down.line),
                    };
                }
            }
            Event::Closed(session, _) => {
                self.sessions.remove(session);
                assert!(self.over.insert(*session), "closed twice");
                assert!(self.live.values().all(|live| live.session != *session), "outlived");
            }
            Event::Rekeyed(session, _)
            | Event::PathChanged(session, ..)
            | Event::ExchangeFailed(session, ..) => assert!(self.sessions.contains(session)),
            Event::Authenticated(..) | Event::Refused(_) => {}
        }
    }

    /// The endpoint has what it reported, and no SPI more than it needs.
    pub(super) fn check(&self, endpoint: &Endpoint) {
        let has: BTreeMap<_, _> = endpoint
            .sessions()
            .flat_map(|session| session.children().collect::<Vec<_>>())
            .map(|child| (child.id, (child.spi_in, child.spi_out)))
            .collect();
        let reported: BTreeMap<_, _> =
            self.live.iter().map(|(id, live)| (*id, live.spis)).collect();
        assert_eq!(has, reported);
        let (_, esp, _) = endpoint.in_use();
        // One request at a time each way, so two attempts for each session.
        let bound = self.live.len() + 2 * endpoint.sessions().count();
        assert!(esp <= bound, "{esp} ESP SPIs for {} CHILD_SAs", self.live.len());
    }

    /// The live CHILD_SAs; `mirrored` as the peer sees them.
    pub(crate) fn children(&self, mirrored: bool) -> BTreeSet<Comparable> {
        let view = |live: &Live| {
            let [inward, out] = live.comparable.clone();
            if mirrored { [out, inward] } else { [inward, out] }
        };
        self.live.values().map(view).collect()
    }

    /// Whether the peer receives whatever is sent.
    pub(crate) fn is_heard_by(&self, peer: &Self) -> bool {
        let inbound: BTreeSet<_> = peer.live.values().map(|live| &live.comparable[0]).collect();
        self.sending.values().all(|id| inbound.contains(&self.live[id].comparable[1]))
    }

    pub(crate) fn live(&self) -> impl Iterator<Item = (SessionId, ChildId)> {
        self.live.iter().map(|(id, live)| (live.session, *id))
    }

    pub(crate) fn sessions(&self) -> impl Iterator<Item = SessionId> {
        self.sessions.iter().copied()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.sessions.is_empty() && self.live.is_empty()
    }
}

fn octets(keys: &DirectionKeys) -> Vec<u8> {
    [keys.encryption.as_bytes(), keys.integrity.as_bytes()].concat()
}
