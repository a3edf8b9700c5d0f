//! What all connections of the front share.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use connlog::{ConnectionId, Event, Facts, Record, Refusals, Timestamp, Verdict};
use logstore::{LogReason, Recorder, Unwritable};
use policy::{Denial, Network, Policy, SystemId, UtcOffset};
use reason::Counters;
use rustls::crypto::SecureRandom;
use rustls::{ConfigBuilder, ServerConfig, WantsVerifier};
use tokio::sync::watch;
use tokio::time::Duration;

use crate::clock;
use crate::limits::{Limits, Places};
use crate::material::Material;
use crate::reasons::{Ending, Refusal};
use crate::rejected::{Cause, Rejected};
use crate::upstream::Upstream;

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From accept until the system is connected.
    pub setup: Duration,
    /// Without a byte either way.
    pub idle: Duration,
    /// For live connections to end by themselves when the gateway stops.
    pub drain: Duration,
}

/// The settings of the front.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The gateway's name in records.
    pub gateway: Arc<str>,
    /// Local time of the records.
    pub offset: UtcOffset,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// How many there may be.
    pub limits: Limits,
    /// Where the systems are.
    pub upstreams: Vec<Upstream>,
}

/// A listener, as its connections see it.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Bound to this system: clients need not send a server name.
    pub(crate) system: Option<SystemId>,
    /// The service of that system it leads to, if it is not the usual one.
    pub(crate) upstream: Option<Upstream>,
    /// Versions, suites and groups of its profile.
    pub(crate) builder: ConfigBuilder<ServerConfig, WantsVerifier>,
}

/// Whether the front runs, finishes, or ends at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Running,
    /// No new connections; live ones may finish.
    Draining,
    /// Live connections end now.
    Stopping,
}

/// What is happening now, for status pages.
#[derive(Clone, Debug)]
pub struct Gauges {
    /// Handshakes under way.
    pub handshakes: usize,
    /// Connections, handshakes included.
    pub connections: usize,
    /// Every refusal and ending with its count since the start, by code.
    pub counts: Vec<(&'static str, u64)>,
}

/// The TLS front: everything that is not one connection's own.
#[derive(Debug)]
pub struct Front {
    pub(crate) settings: Settings,
    pub(crate) recorder: Recorder,
    pub(crate) places: Arc<Places>,
    material: ArcSwap<Material>,
    policy: watch::Receiver<Arc<Policy>>,
    random: &'static dyn SecureRandom,
    refusals: Mutex<Refusals<IpAddr, &'static str>>,
    turned_away: Counters<Refusal>,
    denied: Counters<Denial>,
    unwritable: Counters<LogReason>,
    ended: Counters<Ending>,
}

impl Front {
    /// Puts the parts together; [`crate::Workers::start`] brings it to life.
    pub fn new(
        settings: Settings,
        material: Material,
        policy: watch::Receiver<Arc<Policy>>,
        recorder: Recorder,
    ) -> Arc<Self> {
        Arc::new(Self {
            places: Places::new(settings.limits),
            settings,
            recorder,
            material: ArcSwap::from_pointee(material),
            policy,
            random: rustls::crypto::aws_lc_rs::default_provider().secure_random,
            refusals: Mutex::default(),
            turned_away: Counters::default(),
            denied: Counters::default(),
            unwritable: Counters::default(),
            ended: Counters::default(),
        })
    }

    /// New handshakes use `material` from now on; those under way keep what they began with.
    pub fn replace_material(&self, material: Material) {
        self.material.store(Arc::new(material));
    }

    /// What is happening now.
    pub fn gauges(&self) -> Gauges {
        let (handshakes, connections) = self.places.taken();
        let counts = counts(&self.turned_away)
            .chain(counts(&self.denied))
            .chain(counts(&self.unwritable))
            .chain(counts(&self.ended))
            .collect();
        Gauges { handshakes, connections, counts }
    }

    pub(crate) fn material(&self) -> Arc<Material> {
        self.material.load_full()
    }

    pub(crate) fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.borrow())
    }

    pub(crate) fn policy_changes(&self) -> watch::Receiver<Arc<Policy>> {
        let mut receiver = self.policy.clone();
        receiver.mark_changed();
        receiver
    }

    pub(crate) fn now(&self) -> Timestamp {
        clock::now(self.settings.offset)
    }

    pub(crate) fn connection_id(&self, time: Timestamp) -> ConnectionId {
        let mut random = [0; 10];
        // AWS-LC's generator does not fail once seeded; time alone would still be an id.
        let _ = self.random.fill(&mut random);
        ConnectionId::new(time.unix_micros, random)
    }

    pub(crate) fn count_ending(&self, ending: Ending) {
        self.ended.count(ending);
    }

    pub(crate) fn count_denial(&self, denial: Denial) {
        self.denied.count(denial);
    }

    pub(crate) fn count_unwritable(&self, unwritable: Unwritable) {
        self.unwritable.count(unwritable.reason());
    }

    /// Counts and records a client turned away; a flood from one source is folded.
    pub(crate) fn reject(&self, id: ConnectionId, source: IpAddr, facts: Facts, why: &Rejected) {
        match why.cause {
            Cause::Tls(refusal) => self.turned_away.count(refusal),
            Cause::Policy(denial) => self.denied.count(denial),
            Cause::Log(unwritable) => self.count_unwritable(unwritable),
        }
        let (time, code) = (self.now(), why.cause.code());
        let noted = self.refusals.lock().unwrap_or_else(PoisonError::into_inner).note(
            source.to_canonical(),
            code,
            time.unix_micros,
        );
        if noted == Verdict::Record {
            self.record_denied(id, time, facts, code, 1, why.detail.clone());
        }
    }

    /// Writes the records that stand for folded refusals whose window has ended by
    /// `now`, in Unix microseconds.
    pub(crate) fn record_folded(&self, now: i64) {
        let folded = self.refusals.lock().unwrap_or_else(PoisonError::into_inner).drain(now);
        for (source, code, attempts) in folded {
            let time = self.now();
            let facts = Facts {
                network: Some(Network::Tls),
                source: source.map(|address| SocketAddr::new(address, 0)),
                ..Facts::default()
            };
            self.record_denied(self.connection_id(time), time, facts, code, attempts, None);
        }
    }

    fn record_denied(
        &self,
        connection: ConnectionId,
        time: Timestamp,
        facts: Facts,
        code: &'static str,
        attempts: u64,
        detail: Option<Arc<str>>,
    ) {
        let event = Event::Denied { reason: code.into(), attempts, detail };
        let gateway = Arc::clone(&self.settings.gateway);
        self.recorder.denied(Record { connection, time, gateway, event, facts });
    }
}

fn counts<R: reason::Reason>(
    counters: &Counters<R>,
) -> impl Iterator<Item = (&'static str, u64)> + '_ {
    counters.iter().map(|(reason, count)| (reason.code(), count))
}
