//! The machine: everything one worker knows.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use esp::{Exhausted, Usage};
use ipnet::IpNet;
use packet::reassembly::{Limits as FragmentLimits, Lost, Reassembly};
use policy::{InstitutionCode, Policy};

use crate::child::{NewChild, Path, Way};
use crate::flow::FlowKey;
use crate::flows::{FlowRef, FlowTimeouts, Flows};
use crate::resets::Reset;
use crate::table::Table;
use crate::{Dropped, Ledger, Tally};

/// How often what time ends is looked at.
const TICK: Duration = Duration::from_secs(1);
/// A path is tried again with longer packets after (RFC 8201 §4).
const PATH_MTU_AGE: Duration = Duration::from_secs(600);
/// An idle SA's NAT mapping is kept alive so often (RFC 3948 §4).
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// What a peer sends by an SA comes in for so long after a successor took its place: packets are
/// overtaken by the message that ends it (as strongSwan's `delete_rekeyed_delay`).
const LATE: Duration = Duration::from_secs(5);
/// Flows of a terminal that has no SA any more wait so long for its next session.
const ORPHANED: Duration = Duration::from_secs(30);
/// Flows that time alone has ended are found so often, if no packet of theirs comes.
const SWEEP: Duration = Duration::from_secs(5);

/// The present moment.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Monotonic.
    pub instant: Instant,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub unix: i64,
}

/// How packets are treated.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The longest outer packet, in octets, until a path proves shorter.
    pub path_mtu: u16,
    /// Whether TCP is told of the tunnel's MTU (MSS clamping).
    pub clamp_mss: bool,
    /// Whether packets too long for the tunnel are fragmented where their sender permits it (IPv4
    /// without DF); otherwise the sender is told.
    pub fragment_inner: bool,
    /// The longest packet that the systems' network takes, in octets.
    pub systems_mtu: u16,
    /// Flows in all.
    pub flows: usize,
    /// Flows of one institution.
    pub flows_per_institution: u32,
    /// Flows that one institution may begin in a second: each is two records in the log.
    pub flow_rate: u32,
    /// How long silent flows are remembered.
    pub timeouts: FlowTimeouts,
    /// Datagrams that wait for fragments.
    pub fragments: FragmentLimits,
}

impl Default for Settings {
    /// The path MTU is that of PPPoE on Japanese access lines (NTT FLET'S).
    fn default() -> Self {
        Self {
            path_mtu: 1454,
            clamp_mss: true,
            fragment_inner: true,
            systems_mtu: 1500,
            flows: 262_144,
            flows_per_institution: 32_768,
            flow_rate: 10_000,
            timeouts: FlowTimeouts::default(),
            fragments: FragmentLimits::default(),
        }
    }
}

/// What IKE should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Something authentic came from the peer of this session since the last notice.
    Alive(u64),
    /// The peer of this session sends from another address.
    Moved(u64, Path),
    /// A soft limit of this CHILD_SA is reached: it needs a successor.
    RekeyDue {
        /// Its session.
        session: u64,
        /// Its id.
        child: u64,
    },
    /// A hard limit of this CHILD_SA is reached: it carries nothing any more.
    Spent {
        /// Its session.
        session: u64,
        /// Its id.
        child: u64,
    },
}

/// The layer-3 gateway of one worker.
pub struct Forwarder<L> {
    pub(crate) settings: Settings,
    pub(crate) policy: Arc<Policy>,
    /// Grows whenever the policy, or what else permits depend on, is another.
    pub(crate) epoch: u64,
    /// The gateway's own addresses, which no flow may lead to.
    pub(crate) own: Arc<BTreeSet<IpAddr>>,
    pub(crate) table: Table,
    pub(crate) flows: Flows,
    pub(crate) ledger: L,
    /// Of the last tick, in seconds since 1970.
    unix: i64,
    /// Where looking at every flow has come to, while that goes on.
    pub(crate) sweeping: Option<u32>,
    swept: Instant,
    /// Flows begun since the last tick, by institution.
    pub(crate) begun: HashMap<InstitutionCode, u32>,
    /// Flows whose time is over may be left.
    pub(crate) expiring: bool,
    /// Sessions without SAs, and when their flows end.
    pub(crate) orphans: VecDeque<(Instant, u64)>,
    /// The flow of the last packet from a peer, and of the last to one: trains are common.
    pub(crate) last_in: Option<FlowRef>,
    pub(crate) last_out: Option<FlowRef>,
    pub(crate) from_peers: Reassembly,
    pub(crate) from_systems: Reassembly,
    /// A datagram put together from its fragments, and what these called it.
    pub(crate) whole: Vec<u8>,
    pub(crate) identification: u32,
    /// The last packet of a system's completed it.
    pub(crate) has_gathered: bool,
    /// A packet that is being fragmented.
    pub(crate) scratch: Vec<u8>,
    /// Of what either has lost, as much as was counted.
    fragments_lost: [Lost; 2],
    pub(crate) tally: Arc<Tally>,
    pub(crate) notices: VecDeque<Notice>,
    /// To senders of TCP segments that belong to nothing.
    pub(crate) resets: Vec<Reset>,
    /// Sessions of which something was heard since the last tick, by their children.
    pub(crate) heard: Vec<u32>,
    /// Sessions whose path proved shorter, and until when.
    shortened: VecDeque<(Instant, u64)>,
    /// Children that have successors, and until when packets of them may come.
    retired: VecDeque<(Instant, u64)>,
    began: Instant,
    ticked: Instant,
    kept_alive: Instant,
}

impl<L: Ledger> Forwarder<L> {
    /// A gateway without SAs, whose flows `ledger` records. `seed` must be unpredictable: peers
    /// choose what the flow table hashes.
    #[must_use]
    pub fn new(
        now: Instant,
        settings: Settings,
        policy: Arc<Policy>,
        tally: Arc<Tally>,
        seed: u64,
        ledger: L,
    ) -> Self {
        Self {
            settings,
            policy,
            epoch: 0,
            own: Arc::default(),
            table: Table::new(),
            flows: Flows::new(settings.flows, settings.timeouts, seed),
            ledger,
            unix: i64::MIN,
            sweeping: None,
            swept: now,
            begun: HashMap::new(),
            expiring: false,
            orphans: VecDeque::new(),
            last_in: None,
            last_out: None,
            from_peers: Reassembly::new(settings.fragments),
            from_systems: Reassembly::new(settings.fragments),
            fragments_lost: [Lost::default(); 2],
            whole: Vec::new(),
            identification: 0,
            has_gathered: false,
            scratch: Vec::new(),
            tally,
            notices: VecDeque::new(),
            resets: Vec::new(),
            heard: Vec::new(),
            shortened: VecDeque::new(),
            retired: VecDeque::new(),
            began: now,
            ticked: now,
            kept_alive: now,
        }
    }

    /// Understands packets of this CHILD_SA from now on.
    pub fn install(&mut self, child: NewChild) {
        self.table.install(child, self.settings.path_mtu);
    }

    /// Forgets a CHILD_SA; what it has carried from the peer and to it. One that was replaced still
    /// opens what the peer sent before it knew, for a few seconds.
    pub fn remove(&mut self, child: u64) -> Option<(Usage, Usage)> {
        if let Some(retired) = self.table.retire(child) {
            self.retired.push_back((self.ticked + TICK + LATE, child));
            return Some((retired.inbound.usage(), retired.outbound.usage()));
        }
        let removed = self.table.remove(child)?;
        let session = removed.member.session;
        for retired in self.table.only_retired(session) {
            self.table.remove(retired);
        }
        if !self.table.has_session(session) {
            self.orphans.push_back((self.ticked + TICK + ORPHANED, session));
        }
        Some((removed.inbound.usage(), removed.outbound.usage()))
    }

    /// Another worker has a CHILD_SA that leads to `prefixes`.
    pub fn announce(&mut self, child: u64, worker: usize, prefixes: Vec<IpNet>) {
        self.table.announce(child, worker, prefixes);
    }

    /// The other worker's CHILD_SA is gone.
    pub fn withdraw(&mut self, child: u64) {
        self.table.withdraw(child);
    }

    /// IKE says that all packets of a session travel another way.
    pub fn moved(&mut self, session: u64, way: Way) {
        self.table.redirect(session, way, self.settings.path_mtu);
    }

    /// Judges by another policy from now on; every flow is judged again at its next packet, or
    /// within a second.
    pub fn set_policy(&mut self, policy: Arc<Policy>) {
        self.policy = policy;
        self.judge_all();
    }

    /// These are the gateway's own addresses now: no flow may lead to them, even if they are
    /// among a system's.
    pub fn set_own_addresses(&mut self, own: Arc<BTreeSet<IpAddr>>) {
        self.own = own;
        self.judge_all();
    }

    fn judge_all(&mut self) {
        self.epoch += 1;
        self.sweeping = Some(0);
    }

    /// The next thing that IKE should know.
    #[must_use]
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Instant {
        // While many flows are looked at: at once, between two turns of packets.
        if self.sweeping.is_some() || self.expiring { self.ticked } else { self.ticked + TICK }
    }

    /// Ends what time ends, and looks who was heard. `keep_alive` is called with each path whose
    /// NAT mapping needs a packet.
    pub fn handle_timeout(&mut self, now: Now, mut keep_alive: impl FnMut(&Path)) {
        // Permits were asked for at a later time than it is now.
        if std::mem::replace(&mut self.unix, now.unix) > now.unix {
            self.judge_all();
        }
        self.sweep(now);
        let now = now.instant;
        if now < self.ticked + TICK {
            if self.expiring {
                self.expire(now);
            }
            return;
        }
        self.ticked = now;
        if now >= self.swept + SWEEP && self.sweeping.is_none() {
            (self.swept, self.sweeping) = (now, Some(0));
        }
        self.begun.clear();
        self.expire(now);
        self.end_lost(now);
        let reassemblies = [&mut self.from_peers, &mut self.from_systems];
        for (reassembly, told) in reassemblies.into_iter().zip(&mut self.fragments_lost) {
            reassembly.handle_timeout(now);
            let lost = reassembly.lost();
            let dropped = &self.tally.dropped;
            dropped.count_many(Dropped::FragmentTimeout, lost.timed_out - told.timed_out);
            dropped.count_many(Dropped::FragmentLimit, lost.evicted - told.evicted);
            dropped.count_many(Dropped::FragmentGivenUp, lost.given_up - told.given_up);
            *told = lost;
        }
        for slot in std::mem::take(&mut self.heard) {
            let Some(child) = self.table.child(slot) else { continue };
            // The place may be another's by now.
            child.moved = false;
            if std::mem::take(&mut child.heard) {
                self.notices.push_back(Notice::Alive(child.member.session));
            }
        }
        while let Some(&(until, child)) = self.retired.front()
            && until <= now
        {
            self.retired.pop_front();
            self.table.remove(child);
        }
        while let Some(&(until, session)) = self.shortened.front()
            && until <= now
        {
            self.shortened.pop_front();
            for slot in self.table.siblings(session) {
                if let Some(child) = self.table.child(slot) {
                    child.set_path_mtu(self.settings.path_mtu);
                }
            }
        }
        if now.duration_since(self.kept_alive) >= KEEP_ALIVE {
            self.kept_alive = now;
            for child in self.table.iter().filter(|child| child.way.keep_alive) {
                keep_alive(&child.way.path);
            }
        }
    }

    /// A router on the path to `remote` says that a packet of ours was too long; `spi` and
    /// `sequence` are what it quotes. Anybody can say so: it is believed of a packet that was sent
    /// lately, and down to what every path must take.
    ///
    /// # Errors
    /// [`Dropped::PathMtuForged`].
    pub fn handle_path_mtu(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        (spi, sequence): (u32, u32),
        mtu: u16,
    ) -> Result<(), Dropped> {
        let slot = self.table.by_destination(remote.ip(), spi);
        let child = slot.and_then(|slot| self.table.child(slot)).ok_or(Dropped::PathMtuForged)?;
        if !child.outbound.sent_lately(sequence) || mtu >= self.settings.path_mtu {
            return Err(Dropped::PathMtuForged);
        }
        let (session, mtu) = (child.member.session, mtu.max(child.way.least_mtu()));
        // Only what shortens the path further is kept in mind: whoever sends many is not served.
        if mtu >= child.path_mtu {
            return Ok(());
        }
        for slot in self.table.siblings(session) {
            if let Some(child) = self.table.child(slot) {
                child.set_path_mtu(mtu);
            }
        }
        self.shortened.push_back((now + PATH_MTU_AGE, session));
        Ok(())
    }

    /// CHILD_SAs and flows that are held.
    #[must_use]
    pub fn held(&self) -> (usize, usize) {
        (self.table.len(), self.flows.len())
    }

    /// What every reason was counted by.
    #[must_use]
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// The flow, if it is the one that the last packet belonged to, or is in the table.
    pub(crate) fn find(&self, last: Option<FlowRef>, key: &FlowKey) -> Option<FlowRef> {
        match last.filter(|&last| self.flows.is(last, key)) {
            Some(last) => Some(last),
            None => self.flows.find(key),
        }
    }

    /// The ledger that this gateway was made with.
    pub fn ledger(&self) -> &L {
        &self.ledger
    }

    /// The same, to change.
    pub fn ledger_mut(&mut self) -> &mut L {
        &mut self.ledger
    }

    /// Seconds since the start, for the flow table.
    pub(crate) fn seconds(&self, now: Instant) -> u32 {
        u32::try_from(now.saturating_duration_since(self.began).as_secs()).unwrap_or(u32::MAX)
    }

    /// IKE is told once that nothing more goes by a child.
    pub(crate) fn note_spent(&mut self, slot: u32, exhausted: Exhausted) {
        let over = matches!(exhausted, Exhausted::Sequence | Exhausted::Lifetime);
        if let Some(child) = self.table.child(slot)
            && over
            && !std::mem::replace(&mut child.spent, true)
        {
            let session = child.member.session;
            self.notices.push_back(Notice::Spent { session, child: child.id });
        }
    }
}

#[cfg(test)]
mod tests;
