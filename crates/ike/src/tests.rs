//! Two endpoints and the network between them.

mod handshake;

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crypto::Secret;
use ike_wire::{Identity, TrafficSelector};

use crate::{
    ChildPlan, Config, Credentials, Endpoint, Event, Grant, Now, Path, Random, SessionId, Target,
};

/// Reproducible: splitmix64.
pub(crate) struct Seeded(pub(crate) u64);

impl Random for Seeded {
    fn fill(&mut self, octets: &mut [u8]) {
        for octet in octets {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            *octet = (z ^ z >> 31) as u8;
        }
    }
}

pub(crate) fn everything() -> Vec<TrafficSelector> {
    ["0.0.0.0/0", "::/0"].map(|net| net.parse::<ipnet::IpNet>().unwrap().into()).to_vec()
}

pub(crate) fn identity(text: &str) -> Identity {
    text.parse().unwrap()
}

pub(crate) fn credentials(own: &str, peer: &str) -> Credentials {
    Credentials {
        identities: vec![identity(own)],
        certificates: Vec::new(),
        trust: None,
        pre_shared_keys: HashMap::from([(
            identity(peer),
            Secret::new(b"a long shared key".to_vec()),
        )]),
        ppks: HashMap::new(),
        ppk_required: HashSet::new(),
    }
}

/// One end.
pub(crate) struct Host {
    pub(crate) endpoint: Endpoint,
    pub(crate) address: SocketAddr,
    pub(crate) events: Vec<Event>,
}

/// Two ends with a perfect link.
pub(crate) struct Pair {
    pub(crate) start: Instant,
    pub(crate) elapsed: Duration,
    pub(crate) hosts: [Host; 2],
    flying: VecDeque<(usize, Path, Vec<u8>)>,
}

impl Pair {
    // The one moment that simulated time starts from.
    #[allow(clippy::disallowed_methods)]
    pub(crate) fn new(config: Config, credentials: [Credentials; 2]) -> Self {
        let start = Instant::now();
        let config = Arc::new(config);
        let [a, b] = credentials;
        let host = |credentials, seed, address: &str| Host {
            endpoint: Endpoint::new(
                start,
                Arc::clone(&config),
                Arc::new(credentials),
                Box::new(Seeded(seed)),
            ),
            address: address.parse().unwrap(),
            events: Vec::new(),
        };
        let hosts = [host(a, 1, "192.0.2.1:500"), host(b, 2, "192.0.2.2:500")];
        Self { start, elapsed: Duration::ZERO, hosts, flying: VecDeque::new() }
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            instant: self.start + self.elapsed,
            unix: 1_800_000_000 + self.elapsed.as_secs() as i64,
        }
    }

    pub(crate) fn initiate(&mut self, change: impl FnOnce(&mut Target)) -> SessionId {
        let mut target = Target {
            path: Path { local: self.hosts[0].address, remote: self.hosts[1].address },
            identity: identity("a.example"),
            peer: identity("b.example"),
            pre_shared_key: true,
            subject: "b".into(),
            children: vec![ChildPlan { local: everything(), remote: everything() }],
            virtual_addresses: (false, false),
            ppk: None,
            initial_contact: false,
        };
        change(&mut target);
        let now = self.now();
        self.hosts[0].endpoint.initiate(now, target).unwrap()
    }

    /// Carries datagrams and answers questions until all is quiet.
    pub(crate) fn run(&mut self) {
        let now = self.now();
        loop {
            for (index, host) in self.hosts.iter_mut().enumerate() {
                while let Some(event) = host.endpoint.poll_event() {
                    if let Event::Authenticated(id, _) = &event {
                        let grant = Grant {
                            subject: "a".into(),
                            reachable: everything(),
                            inner: everything(),
                            virtual_address: true,
                        };
                        host.endpoint.admit(now, *id, grant);
                    }
                    host.events.push(event);
                }
                while let Some(transmit) = host.endpoint.poll_transmit() {
                    self.flying.push_back((1 - index, transmit.path, transmit.datagram));
                }
            }
            let Some((to, path, mut datagram)) = self.flying.pop_front() else { break };
            let path = Path { local: path.remote, remote: path.local };
            self.hosts[to].endpoint.handle_datagram(now, path, &mut datagram);
        }
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, duration: Duration) {
        let end = self.elapsed + duration;
        loop {
            self.run();
            let next = self.hosts.iter().filter_map(|host| host.endpoint.poll_timeout()).min();
            let Some(next) = next.filter(|next| *next <= self.start + end) else { break };
            self.elapsed = next.saturating_duration_since(self.start).max(self.elapsed);
            let now = self.now();
            for host in &mut self.hosts {
                host.endpoint.handle_timeout(now);
            }
        }
        self.elapsed = end;
    }

    /// What each end has installed: SPIs in and out.
    pub(crate) fn children(&self, host: usize) -> Vec<(u32, u32)> {
        let sessions = self.hosts[host].endpoint.sessions();
        let mut children: Vec<_> = sessions
            .flat_map(|session| session.children().collect::<Vec<_>>())
            .map(|c| (c.spi_in, c.spi_out))
            .collect();
        children.sort_unstable();
        children
    }

    /// Both ends have the same CHILD_SAs.
    pub(crate) fn agree(&self) -> usize {
        let ours = self.children(0);
        let mut theirs: Vec<_> = self.children(1).into_iter().map(|(i, o)| (o, i)).collect();
        theirs.sort_unstable();
        assert_eq!(ours, theirs);
        ours.len()
    }
}
