//! The endpoint under test, with a shell that believes nothing it is told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use crypto::Secret;
use ike::{
    ChildId, ChildPlan, Config, Credentials, Endpoint, Event, Grant, Limits, Now, Path, PoolConfig,
    Ppk, Random, SessionId, Target, Timers, Transmit,
};
use ike_wire::{Identity, TrafficSelector};
use ipnet::IpNet;

/// What both ends share.
pub const PRE_SHARED_KEY: &[u8] = b"a long shared key";
/// PPK_ID and post-quantum pre-shared key.
pub const PPK: (&[u8], &[u8]) = (b"ppk", b"a post-quantum pre-shared key");
/// Who the gateway is.
pub const NAME: &str = "gateway.example";
/// Who its peer is.
pub const PEER: &str = "peer.example";
/// Where the gateway is.
pub const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 500);

/// Small, so that a short input reaches them.
const LIMITS: Limits = Limits {
    half_open: 5,
    half_open_per_source: 4,
    cookie_threshold: 3,
    sessions: 6,
    sessions_per_subject: 4,
    children: 3,
};

/// Short, so that little simulated time has everything happen.
const TIMERS: Timers = Timers {
    ike_lifetime: Duration::from_secs(300),
    child_lifetime: Duration::from_secs(120),
    margin: Duration::from_secs(60),
    liveness: Duration::from_secs(30),
    retransmit: Duration::from_secs(1),
    retransmit_cap: Duration::from_secs(4),
    transmissions: 4,
    setup: Duration::from_secs(30),
    linger: Duration::from_secs(10),
    childless: Duration::from_secs(60),
    retry: Duration::from_secs(5),
};

/// The SPIs of one session: the IKE SA with its successors and those they replaced, of which
/// each is forgotten before long; and CHILD_SAs with their successors.
const MAX_IKE_SPIS: usize = 16;
const MAX_ESP_SPIS: usize = 2 * LIMITS.children + 2;

/// What one step may cause: more than any does.
const MAX_OUTPUT: usize = 512;

static CONFIG: LazyLock<Arc<Config>> = LazyLock::new(|| Arc::new(config()));

fn config() -> Config {
    let ike = ["aes128gcm16-prfsha256-x25519-ecp256-ke1_mlkem768-ke1_none", "aes128-sha256-x25519"];
    let child = ["aes128gcm16-x25519-none-ke1_mlkem768-ke1_none", "aes128-sha256-x25519-none-esn"];
    Config {
        ike_proposals: ike.iter().map(|text| text.parse().unwrap()).collect(),
        child_proposals: child.iter().map(|text| text.parse().unwrap()).collect(),
        timers: TIMERS,
        limits: LIMITS,
        pool: PoolConfig {
            v4: vec!["10.1.0.0/29".parse().unwrap()],
            v6: vec!["fd00::/126".parse().unwrap()],
            dns: vec!["10.0.0.53".parse().unwrap()],
        },
        ..Config::default()
    }
}

fn credentials() -> Credentials {
    let secret = |octets: &[u8]| Secret::new(octets.to_vec());
    let ppk = Ppk { id: PPK.0.to_vec(), key: secret(PPK.1), required: false };
    Credentials {
        identities: vec![identity(NAME)],
        certificates: Vec::new(),
        trust: None,
        pre_shared_keys: HashMap::from([(identity(PEER), secret(PRE_SHARED_KEY))]),
        ppks: HashMap::from([(identity(PEER), ppk)]),
    }
}

/// Reproducible: splitmix64.
#[derive(Debug)]
pub struct Seeded(pub u64);

impl Random for Seeded {
    fn fill(&mut self, octets: &mut [u8]) {
        for octet in octets {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            *octet = z.to_be_bytes()[0];
        }
    }
}

/// An identity by its text.
#[must_use]
pub fn identity(text: &str) -> Identity {
    text.parse().unwrap()
}

/// Selectors by the texts of networks.
#[must_use]
pub fn selectors(networks: &[&str]) -> Vec<TrafficSelector> {
    networks.iter().map(|net| net.parse::<IpNet>().unwrap().into()).collect()
}

/// What the policy says of peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Let in at once.
    Admit,
    /// Turned away at once.
    Refuse,
    /// Not decided until [`Gateway::decide`].
    Later,
}

/// A session as its events tell.
#[derive(Debug, Default)]
struct Told {
    established: bool,
    over: bool,
    children: BTreeSet<ChildId>,
    ever: BTreeSet<ChildId>,
}

/// A CHILD_SA: its id, SPI in, SPI out.
pub type Child = (ChildId, u32, u32);

/// The endpoint and its shell.
pub struct Gateway {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// What becomes of peers.
    pub verdict: Verdict,
    start: Instant,
    elapsed: Duration,
    told: BTreeMap<SessionId, Told>,
    undecided: Vec<SessionId>,
}

impl Default for Gateway {
    fn default() -> Self {
        let start = Instant::now();
        let (config, credentials) = (Arc::clone(&CONFIG), Arc::new(credentials()));
        Self {
            endpoint: Endpoint::new(start, config, credentials, Box::new(Seeded(1))),
            verdict: Verdict::Admit,
            start,
            elapsed: Duration::ZERO,
            told: BTreeMap::new(),
            undecided: Vec::new(),
        }
    }
}

impl Gateway {
    /// The simulated moment.
    #[must_use]
    pub fn now(&self) -> Now {
        let seconds = i64::try_from(self.elapsed.as_secs()).unwrap();
        Now { instant: self.start + self.elapsed, unix: 1_800_000_000 + seconds }
    }

    /// The sessions that are up and the CHILD_SAs of each.
    #[must_use]
    pub fn up(&self) -> Vec<(SessionId, Vec<Child>)> {
        let up = self.endpoint.sessions().filter(|session| session.state() == "established");
        let mut up: Vec<_> = up
            .map(|session| {
                let children = session.children();
                (
                    session.id,
                    children.map(|child| (child.id, child.spi_in, child.spi_out)).collect(),
                )
            })
            .collect();
        up.sort_unstable();
        up
    }

    /// Hands in a datagram.
    pub fn deliver(&mut self, path: Path, datagram: &[u8]) {
        let now = self.now();
        self.endpoint.handle_datagram(now, path, &mut datagram.to_vec());
    }

    /// Begins a session with the peer there.
    pub fn initiate(&mut self, path: Path, choice: u8) {
        let target = Target {
            path,
            identity: identity(NAME),
            peer: identity(PEER),
            pre_shared_key: true,
            subject: PEER.into(),
            children: plans().into_iter().take(usize::from(choice % 3)).collect(),
            virtual_addresses: (choice & 4 != 0, choice & 8 != 0),
            initial_contact: choice & 32 != 0,
        };
        // No room is a fine answer.
        let _ = self.endpoint.initiate(self.now(), target);
    }

    /// What the policy grants, or a part of it.
    #[must_use]
    pub fn grant(part: bool) -> Grant {
        let (reachable, inner): (&[&str], &[&str]) = if part {
            (&["10.0.0.0/9"], &["192.168.0.0/24"])
        } else {
            (&["10.0.0.0/8", "fd00::/8"], &["192.168.0.0/16", "fd00::/8"])
        };
        Grant {
            subject: PEER.into(),
            reachable: selectors(reachable),
            inner: selectors(inner),
            virtual_address: true,
        }
    }

    /// Decides about those who wait.
    pub fn decide(&mut self, admit: bool) {
        for id in std::mem::take(&mut self.undecided) {
            let now = self.now();
            if admit {
                self.endpoint.admit(now, id, Self::grant(false));
            } else {
                self.endpoint.refuse(now, id);
            }
        }
    }

    /// Carries out what the endpoint wants, and returns what it sends.
    ///
    /// # Panics
    ///
    /// When what it says contradicts itself, or is too much.
    pub fn settle(&mut self) -> Vec<Transmit> {
        let mut events = 0;
        loop {
            while let Some(event) = self.endpoint.poll_event() {
                self.listen(&event);
                events += 1;
            }
            match self.verdict {
                Verdict::Admit if !self.undecided.is_empty() => self.decide(true),
                Verdict::Refuse if !self.undecided.is_empty() => self.decide(false),
                Verdict::Admit | Verdict::Refuse | Verdict::Later => break,
            }
        }
        let sent: Vec<_> = std::iter::from_fn(|| self.endpoint.poll_transmit()).collect();
        assert!(events <= MAX_OUTPUT && sent.len() <= MAX_OUTPUT, "{events}, {}", sent.len());
        self.check();
        sent
    }

    fn listen(&mut self, event: &Event) {
        let id = match event {
            Event::Authenticated(id, _)
            | Event::Established(id, ..)
            | Event::ChildDown(id, ..)
            | Event::Rekeyed(id, _)
            | Event::PathChanged(id, ..)
            | Event::ExchangeFailed(id, ..)
            | Event::Closed(id, _) => *id,
            Event::ChildUp(child) => child.session,
            Event::Refused(refused) => match refused.session {
                Some(id) => id,
                None => return,
            },
        };
        let told = self.told.entry(id).or_default();
        assert!(!told.over, "after its end: {event:?}");
        match event {
            Event::Authenticated(..) => {
                assert!(!told.established, "{event:?}");
                self.undecided.push(id);
            }
            Event::Established(..) => {
                assert!(!std::mem::replace(&mut told.established, true), "twice: {event:?}");
            }
            Event::ChildUp(child) => {
                assert!(told.established && told.ever.insert(child.id), "{event:?}");
                assert!(child.replaces.is_none_or(|old| told.ever.contains(&old)), "{event:?}");
                assert!(child.spi_in > 255 && child.spi_out != 0, "{event:?}");
                assert!(!child.local.is_empty() && !child.remote.is_empty(), "{event:?}");
                told.children.insert(child.id);
            }
            Event::ChildDown(_, child, _) => assert!(told.children.remove(child), "{event:?}"),
            Event::Rekeyed(..) | Event::PathChanged(..) | Event::ExchangeFailed(..) => {
                assert!(told.established, "{event:?}");
            }
            Event::Refused(_) => {
                assert!(!told.established, "{event:?}");
                told.over = true;
            }
            Event::Closed(..) => {
                assert!(told.children.is_empty(), "{event:?}: {:?} are left", told.children);
                told.over = true;
            }
        }
    }

    /// What must hold at every moment.
    fn check(&self) {
        let up = self.up();
        for (id, children) in &up {
            let told = &self.told[id];
            let children: BTreeSet<_> = children.iter().map(|(id, ..)| *id).collect();
            assert!(told.established && !told.over && told.children == children, "{id:?}");
        }
        let told = self.told.iter().filter(|(_, told)| told.established && !told.over);
        assert!(told.map(|(id, _)| id).eq(up.iter().map(|(id, _)| id)));
        let spis: Vec<_> =
            up.iter().flat_map(|(_, all)| all.iter().map(|(_, spi_in, _)| *spi_in)).collect();
        assert_eq!(spis.iter().collect::<BTreeSet<_>>().len(), spis.len());

        let sessions = self.endpoint.sessions().count();
        let (ike, esp, leases) = self.endpoint.in_use();
        assert!(sessions <= LIMITS.sessions && self.endpoint.half_open() <= LIMITS.half_open);
        assert!(ike >= sessions && ike <= sessions * MAX_IKE_SPIS, "{ike} IKE SPIs of {sessions}");
        assert!(
            esp >= spis.len() && esp <= sessions * MAX_ESP_SPIS,
            "{esp} ESP SPIs of {sessions}"
        );
        assert!(leases <= up.len(), "{leases} leases of {}", up.len());
        assert_eq!(sessions > 0, self.endpoint.poll_timeout().is_some(), "forgotten, or haunted");
    }

    /// Goes to the next time-out, if it is within `limit`.
    ///
    /// # Panics
    ///
    /// As [`Self::settle`].
    pub fn step(&mut self, limit: Duration) -> Option<Vec<Transmit>> {
        let due = self.endpoint.poll_timeout()?.saturating_duration_since(self.start);
        if due > self.elapsed + limit {
            return None;
        }
        self.elapsed = due.max(self.elapsed);
        let now = self.now();
        self.endpoint.handle_timeout(now);
        Some(self.settle())
    }

    /// Lets time pass with nobody answering.
    ///
    /// # Panics
    ///
    /// As [`Self::settle`], and when time does not get on.
    pub fn pass(&mut self, duration: Duration) -> Vec<Transmit> {
        let end = self.elapsed + duration;
        let mut sent = Vec::new();
        let mut steps = 0;
        while let Some(more) = self.step(end.saturating_sub(self.elapsed)) {
            sent.extend(more);
            steps += 1;
            assert!(steps <= 10_000, "{:?} of {end:?}", self.elapsed);
        }
        self.elapsed = end;
        sent
    }

    /// Ends everything: by order, or by silence.
    ///
    /// # Panics
    ///
    /// When something is left.
    pub fn finish(mut self, by_order: bool) {
        if by_order {
            let ids: Vec<_> = self.endpoint.sessions().map(|session| session.id).collect();
            for id in ids {
                let now = self.now();
                self.endpoint.close(now, id);
            }
        }
        self.settle();
        self.pass(Duration::from_secs(3600));
        assert_eq!(self.endpoint.in_use(), (0, 0, 0));
        assert_eq!((self.endpoint.sessions().count(), self.endpoint.half_open()), (0, 0));
        for (id, told) in &self.told {
            assert!(told.over || !told.established, "{id:?} has not ended");
        }
    }
}

fn plans() -> [ChildPlan; 2] {
    [(["10.0.0.0/8"], ["192.168.0.0/16"]), (["fd00::/8"], ["fd00::/8"])]
        .map(|(local, remote)| ChildPlan { local: selectors(&local), remote: selectors(&remote) })
}
