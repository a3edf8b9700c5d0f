//! What all connections of the front share.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use connlog::{
    ConnectionId, Dismissal, Dismissed, Event, Facts, Record, Refusals, Timestamp, Verdict,
};
use logstore::{LogReason, Recorder, Unwritable, fresh_id};
use policy::{Denial, Network, Policy, SystemId, UnixSeconds, UtcOffset};
use reason::Counters;
use rustls::{ConfigBuilder, ServerConfig, WantsVerifier};
use tokio::sync::watch;
use tokio::time::{Duration, Instant};

use crate::limits::{Limits, Places, group};
use crate::live::{Connection, Live};
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
    /// TLS 1.2 clients must offer the extended master secret (RFC 7627).
    pub(crate) require_ems: bool,
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
    pub(crate) live: Arc<Live>,
    material: watch::Sender<Arc<Material>>,
    policy: watch::Receiver<Arc<Policy>>,
    /// Where the time of `refusals` begins.
    epoch: Instant,
    refusals: Mutex<Refusals<IpAddr, &'static str>>,
    turned_away: Counters<Refusal>,
    denied: Counters<Denial>,
    unwritable: Counters<LogReason>,
    ended: Counters<Ending>,
    dismissed: Counters<Dismissed>,
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
            live: Arc::default(),
            settings,
            recorder,
            material: watch::Sender::new(Arc::new(material)),
            policy,
            epoch: Instant::now(),
            refusals: Mutex::default(),
            turned_away: Counters::default(),
            denied: Counters::default(),
            unwritable: Counters::default(),
            ended: Counters::default(),
            dismissed: Counters::default(),
        })
    }

    /// New handshakes use `material` from now on, and live connections whose certificate
    /// it does not verify any more are ended.
    pub fn replace_material(&self, material: Material) {
        self.material.send_replace(Arc::new(material));
    }

    /// What is happening now.
    pub fn gauges(&self) -> Gauges {
        let (handshakes, connections) = self.places.taken();
        let counts = counts(&self.turned_away)
            .chain(counts(&self.denied))
            .chain(counts(&self.unwritable))
            .chain(counts(&self.ended))
            .chain(counts(&self.dismissed))
            .collect();
        Gauges { handshakes, connections, counts }
    }

    /// Every permitted connection that is live, in no order.
    pub fn connections(&self) -> impl Iterator<Item = Connection> {
        self.live.all()
    }

    /// Ends one connection by an operator's order; what it was. Its close record says who gave
    /// the order. `None`: no permitted connection of this id is live, or it is ending already.
    pub fn end(&self, id: &ConnectionId, by: Dismissal) -> Option<Connection> {
        self.live.end(id, by)
    }

    pub(crate) fn material(&self) -> Arc<Material> {
        Arc::clone(&self.material.borrow())
    }

    pub(crate) fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.borrow())
    }

    /// Policies and materials to come, and the present ones, to be looked at once more.
    pub(crate) fn changes(&self) -> (watch::Receiver<Arc<Policy>>, watch::Receiver<Arc<Material>>) {
        let (mut policies, mut materials) = (self.policy.clone(), self.material.subscribe());
        policies.mark_changed();
        materials.mark_changed();
        (policies, materials)
    }

    pub(crate) fn now(&self) -> Timestamp {
        logstore::now(self.settings.offset)
    }

    pub(crate) fn unix_now(&self) -> UnixSeconds {
        self.now().unix_micros.div_euclid(1_000_000)
    }

    pub(crate) fn count_ending(&self, ending: Ending) {
        self.ended.count(ending);
    }

    pub(crate) fn count_dismissal(&self) {
        self.dismissed.count(Dismissed::ByOperator);
    }

    pub(crate) fn count_denial(&self, denial: Denial) {
        self.denied.count(denial);
    }

    pub(crate) fn count_refusal(&self, refusal: Refusal) {
        self.turned_away.count(refusal);
    }

    pub(crate) fn count_unwritable(&self, unwritable: Unwritable) {
        self.unwritable.count(unwritable.reason());
    }

    /// Counts and records a client turned away; a flood from one source is folded.
    pub(crate) fn reject(&self, id: ConnectionId, source: IpAddr, facts: Facts, why: &Rejected) {
        match why.cause {
            Cause::Tls(refusal) => self.count_refusal(refusal),
            Cause::Policy(denial) => self.count_denial(denial),
            Cause::Log(unwritable) => self.count_unwritable(unwritable),
        }
        let (time, code) = (self.now(), why.cause.code());
        let noted = self.refusals.lock().unwrap_or_else(PoisonError::into_inner).note(
            group(source),
            code,
            self.elapsed(),
        );
        if noted == Verdict::Record {
            self.record_denied(id, time, facts, code, 1, why.detail.clone());
        }
    }

    /// Writes the records that stand for folded refusals whose window has ended; when
    /// `all`, also those whose window has not.
    pub(crate) fn record_folded(&self, all: bool) {
        let until = if all { u64::MAX } else { self.elapsed() };
        let folded = self.refusals.lock().unwrap_or_else(PoisonError::into_inner).drain(until);
        for (source, code, attempts) in folded {
            let time = self.now();
            let facts = Facts {
                network: Some(Network::Tls),
                source: source.map(|address| SocketAddr::new(address, 0)),
                ..Facts::default()
            };
            self.record_denied(fresh_id(time), time, facts, code, attempts, None);
        }
    }

    /// Microseconds on a clock that is never set back.
    fn elapsed(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
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
