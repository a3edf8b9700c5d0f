//! Two hosts, a network, and time that jumps to whatever happens next.

mod ledger;
mod network;
mod wire;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::fixtures::{Seeded, everything, generous, identity};
use crate::{
    ChildPlan, Config, Credentials, Endpoint, Event, Grant, Now, Path, SessionId, Target, Transmit,
};

pub(crate) use ledger::Ledger;
pub(crate) use network::Network;
use wire::Wire;

/// The one who begins, and the gateway.
pub(crate) const A: usize = 0;
pub(crate) const B: usize = 1;

/// When simulated time starts, Unix time.
pub(crate) const START: i64 = 1_800_000_000;

/// One end.
pub(crate) struct Host {
    pub(crate) endpoint: Endpoint,
    pub(crate) address: IpAddr,
    pub(crate) events: Vec<Event>,
    pub(crate) ledger: Ledger,
}

/// What is on its way.
enum Coming {
    Datagram { to: usize, path: Path, datagram: Vec<u8> },
    Verdict { host: usize, session: SessionId },
}

/// Everything.
pub(crate) struct World {
    pub(crate) start: Instant,
    pub(crate) elapsed: Duration,
    pub(crate) hosts: [Host; 2],
    pub(crate) network: Network,
    /// What the policy says of everybody, and when; nothing is granted without.
    pub(crate) grant: Option<Grant>,
    pub(crate) deliberation: Duration,
    coming: BTreeMap<(Duration, u64), Coming>,
    sequence: u64,
    wire: Wire,
    /// All that was sent, by whom; kept by tests that send it again.
    pub(crate) sent: Option<Vec<(usize, Path, Vec<u8>)>>,
    steps: (u64, usize),
}

/// Steps in one second of simulated time beyond which something turns in circles.
const MAX_STEPS: usize = 20_000;

impl World {
    pub(crate) fn new(config: Config, credentials: [Credentials; 2]) -> Self {
        Self::seeded(0, [config.clone(), config], credentials, false)
    }

    // The one moment that simulated time starts from.
    #[allow(clippy::disallowed_methods)]
    pub(crate) fn seeded(
        seed: u64,
        configs: [Config; 2],
        credentials: [Credentials; 2],
        little_jitter: bool,
    ) -> Self {
        let start = Instant::now();
        let ([a, b], [config_a, config_b]) = (credentials, configs);
        let host = |config, credentials, number, address: &str| {
            let random = Seeded { little_jitter, ..Seeded::new(seed * 3 + number) };
            let (config, credentials) = (Arc::new(config), Arc::new(credentials));
            Host {
                endpoint: Endpoint::new(start, config, credentials, Box::new(random)),
                address: address.parse().unwrap(),
                events: Vec::new(),
                ledger: Ledger::default(),
            }
        };
        Self {
            start,
            elapsed: Duration::ZERO,
            hosts: [host(config_a, a, 0, "10.0.0.1"), host(config_b, b, 1, "192.0.2.2")],
            network: Network::perfect(seed * 3 + 2),
            grant: Some(generous()),
            deliberation: Duration::ZERO,
            coming: BTreeMap::new(),
            sequence: 0,
            wire: Wire::default(),
            sent: None,
            steps: (0, 0),
        }
    }

    pub(crate) fn now(&self) -> Now {
        Now { instant: self.start + self.elapsed, unix: START + self.elapsed.as_secs() as i64 }
    }

    /// From A to B.
    pub(crate) fn path(&self, port: u16) -> Path {
        let [a, b] = [A, B].map(|host| (self.hosts[host].address, port).into());
        Path { local: a, remote: b }
    }

    pub(crate) fn target(&self) -> Target {
        Target {
            path: self.path(500),
            identity: identity("a.example"),
            peer: identity("b.example"),
            pre_shared_key: true,
            subject: "b".into(),
            children: vec![ChildPlan { local: everything(), remote: everything() }],
            virtual_addresses: (false, false),
            initial_contact: false,
        }
    }

    pub(crate) fn initiate(&mut self, change: impl FnOnce(&mut Target)) -> SessionId {
        let mut target = self.target();
        change(&mut target);
        let now = self.now();
        self.hosts[A].endpoint.initiate(now, target).unwrap()
    }

    /// Lets a host do something.
    pub(crate) fn order<R>(&mut self, host: usize, act: impl FnOnce(&mut Endpoint, Now) -> R) -> R {
        let now = self.now();
        act(&mut self.hosts[host].endpoint, now)
    }

    /// Whatever happens without time passing.
    pub(crate) fn run(&mut self) {
        while self.step(self.elapsed) {}
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, duration: Duration) {
        let end = self.elapsed + duration;
        while self.step(end) {}
        self.elapsed = end;
    }

    /// The next thing that happens, no later than `end`.
    pub(crate) fn step(&mut self, end: Duration) -> bool {
        self.carry_out();
        let due = |host: &Host| host.endpoint.poll_timeout();
        let due = self.hosts.iter().filter_map(due).min();
        let due = due.map(|due| due.saturating_duration_since(self.start).max(self.elapsed));
        let arrival = self.coming.first_key_value().map(|(&(at, _), _)| at);
        let next = due.into_iter().chain(arrival).min();
        let Some(next) = next.filter(|next| *next <= end) else { return false };
        self.elapsed = next;
        self.count_step();
        let now = self.now();
        let arrived = self.coming.first_entry().filter(|entry| entry.key().0 <= next);
        match arrived.map(std::collections::btree_map::OccupiedEntry::remove) {
            Some(coming) => self.arrive(now, coming),
            None => {
                for host in &mut self.hosts {
                    host.endpoint.handle_timeout(now);
                    let next = host.endpoint.poll_timeout();
                    assert!(next.is_none_or(|next| next > now.instant), "time stands still");
                }
            }
        }
        self.carry_out();
        true
    }

    fn count_step(&mut self) {
        let second = self.elapsed.as_secs();
        self.steps = (second, if self.steps.0 == second { self.steps.1 + 1 } else { 0 });
        assert!(self.steps.1 < MAX_STEPS, "it turns in circles");
    }

    fn arrive(&mut self, now: Now, coming: Coming) {
        match coming {
            Coming::Datagram { to, path, mut datagram } => {
                // Who has moved away receives nothing at its old address.
                let host = &mut self.hosts[to];
                if path.local.ip() == host.address {
                    host.endpoint.handle_datagram(now, path, &mut datagram);
                }
            }
            Coming::Verdict { host, session } => {
                let endpoint = &mut self.hosts[host].endpoint;
                match self.grant.clone() {
                    Some(grant) => endpoint.admit(now, session, grant),
                    None => endpoint.refuse(now, session),
                }
            }
        }
    }

    /// What the endpoints want done, and whether all is in order.
    fn carry_out(&mut self) {
        for host in [A, B] {
            while let Some(event) = self.hosts[host].endpoint.poll_event() {
                if let Event::Authenticated(session, _) = &event {
                    let verdict = Coming::Verdict { host, session: *session };
                    self.plan(self.deliberation, verdict);
                }
                self.hosts[host].ledger.note(&event);
                self.hosts[host].events.push(event);
            }
            while let Some(Transmit { path, datagram }) = self.hosts[host].endpoint.poll_transmit()
            {
                self.wire.note(host, &path, &datagram);
                if let Some(sent) = &mut self.sent {
                    sent.push((host, path, datagram.clone()));
                }
                for (delay, path) in self.network.carry(host, path, &datagram) {
                    let datagram = datagram.clone();
                    self.plan(delay, Coming::Datagram { to: 1 - host, path, datagram });
                }
            }
            let Host { endpoint, ledger, .. } = &self.hosts[host];
            endpoint.check_tables();
            ledger.check(endpoint);
        }
    }

    fn plan(&mut self, delay: Duration, coming: Coming) {
        self.sequence += 1;
        self.coming.insert((self.elapsed + delay, self.sequence), coming);
    }

    /// Both ends have the same IKE SAs and the same CHILD_SAs with the same keys. Returns
    /// how many CHILD_SAs.
    pub(crate) fn agree(&self) -> usize {
        let spis = |host: usize| {
            let mut spis: Vec<_> =
                self.hosts[host].endpoint.sessions().filter_map(|session| session.spis()).collect();
            spis.sort_unstable();
            spis
        };
        assert_eq!(spis(A), spis(B), "the IKE SAs differ");
        let [ours, theirs] = [A, B].map(|host| &self.hosts[host].ledger);
        let (ours, theirs) = (ours.children(false), theirs.children(true));
        assert_eq!(ours, theirs, "the CHILD_SAs differ");
        ours.len()
    }

    /// CHILD_SAs that both ends have, so that packets pass both ways.
    pub(crate) fn common(&self) -> usize {
        let [ours, theirs] = [A, B].map(|host| &self.hosts[host].ledger);
        ours.children(false).intersection(&theirs.children(true)).count()
    }

    /// How often something happened to a host.
    pub(crate) fn count(&self, host: usize, test: impl Fn(&Event) -> bool) -> usize {
        self.hosts[host].events.iter().filter(|event| test(event)).count()
    }

    /// Ends all sessions and proves that nothing remains.
    pub(crate) fn close_all(&mut self) {
        for host in [A, B] {
            let ids: Vec<_> = self.hosts[host].endpoint.sessions().map(|one| one.id).collect();
            for id in ids {
                self.order(host, |endpoint, now| endpoint.close(now, id));
            }
        }
        self.pass(Duration::from_secs(600));
        for host in &self.hosts {
            let endpoint = &host.endpoint;
            assert_eq!(endpoint.in_use(), (0, 0, 0));
            assert_eq!(endpoint.sessions().count(), 0);
            assert_eq!(endpoint.half_open(), 0);
            assert_eq!(endpoint.poll_timeout(), None);
            assert!(host.ledger.is_over());
        }
    }
}
