//! What the running gateway is doing, and what it says of it aloud.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use logstore::{LogState, Recorder};
use policy::{Network, Policy, UnixSeconds};
use serde_json::{Value, json};
use terminator::Front;
use tokio::sync::watch;

use super::ipsec_status::{self, Road};
use crate::config::Config;
use crate::material::{Summary, moment};

/// Warnings begin this long before a CRL or a certificate ends.
const CRL_WARNING: i64 = 12 * 3600;
const CERTIFICATE_WARNING: i64 = 30 * 24 * 3600;
/// And are repeated this often.
const REPEAT: Duration = Duration::from_secs(3600);

/// Something that ends at a known time.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Expiry {
    what: String,
    at: UnixSeconds,
    warn_before: i64,
}

/// What ends, by road.
#[derive(Default)]
struct Expiries {
    by_road: BTreeMap<Network, Vec<Expiry>>,
    warned: Option<Instant>,
}

impl Expiries {
    /// Each once: the roads may share CRLs.
    fn all(&self) -> Vec<&Expiry> {
        let mut all: Vec<&Expiry> = Vec::new();
        for expiry in self.by_road.values().flatten() {
            if !all.contains(&expiry) {
                all.push(expiry);
            }
        }
        all
    }
}

/// Everything a status answer is made from.
pub(super) struct Status {
    gateway: Arc<str>,
    started: Instant,
    front: Arc<Front>,
    ipsec: Option<Road>,
    recorder: Recorder,
    policies: watch::Receiver<Arc<Policy>>,
    expiries: Mutex<Expiries>,
    /// What was last said of the log, and when.
    log_said: Mutex<(String, Instant)>,
}

impl Status {
    pub(super) fn new(
        config: &Config,
        front: Arc<Front>,
        ipsec: Option<Road>,
        recorder: Recorder,
        policies: watch::Receiver<Arc<Policy>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            gateway: Arc::clone(&config.gateway),
            started: Instant::now(),
            front,
            ipsec,
            recorder,
            policies,
            expiries: Mutex::default(),
            log_said: Mutex::new((log_state(&LogState::Writing).to_string(), Instant::now())),
        })
    }

    /// Takes over the expiry times of newly loaded files.
    pub(super) fn note_summary(&self, road: Network, summary: &Summary) {
        let servers = summary.servers.iter().map(|leaf| Expiry {
            what: format!("server certificate {}", leaf.subject),
            at: leaf.not_after,
            warn_before: CERTIFICATE_WARNING,
        });
        let crls = summary.crls.iter().map(|crl| Expiry {
            what: format!("CRL of {}", crl.issuer),
            at: crl.next_update,
            warn_before: CRL_WARNING,
        });
        let mut expiries = self.expiries.lock().unwrap_or_else(PoisonError::into_inner);
        expiries.by_road.insert(road, servers.chain(crls).collect());
        expiries.warned = None;
    }

    /// Says aloud, once an hour, what ends soon or has ended.
    pub(super) fn warn_of_expiry(&self) {
        let mut expiries = self.expiries.lock().unwrap_or_else(PoisonError::into_inner);
        if expiries.warned.is_some_and(|last| last.elapsed() < REPEAT) {
            return;
        }
        expiries.warned = Some(Instant::now());
        let now = crate::unix_now();
        for expiry in expiries.all() {
            if now > expiry.at {
                tracing::error!("{} expired at {}", expiry.what, moment(expiry.at));
            } else if expiry.at - now < expiry.warn_before {
                tracing::warn!("{} expires at {}", expiry.what, moment(expiry.at));
            }
        }
    }

    /// Says aloud when the log's state changes, and once an hour while it is not well.
    pub(super) fn watch_log(&self) {
        let state = self.recorder.state();
        let now = log_state(&state).to_string();
        let mut said = self.log_said.lock().unwrap_or_else(PoisonError::into_inner);
        let well = state == LogState::Writing;
        if said.0 == now && (well || said.1.elapsed() < REPEAT) {
            return;
        }
        *said = (now.clone(), Instant::now());
        if well {
            tracing::info!("the connection log is written again");
        } else {
            tracing::error!("the connection log: {now}");
        }
    }

    /// Whether the log's writer is still there.
    pub(super) fn log_is_there(&self) -> bool {
        self.recorder.state() != LogState::Stopped
    }

    /// All of it, for `sekisho status`.
    pub(super) fn describe(&self) -> Value {
        let gauges = self.front.gauges();
        let figures = self.recorder.figures();
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        let of_ipsec = self.ipsec.as_ref().map(Road::counts).unwrap_or_default();
        for (code, count) in gauges.counts.into_iter().chain(of_ipsec) {
            // The roads share the reasons of policy and log.
            *counts.entry(code).or_default() += count;
        }
        counts.retain(|_, count| *count > 0);
        let now = crate::unix_now();
        let expiries = self.expiries.lock().unwrap_or_else(PoisonError::into_inner);
        let expiries: Vec<Value> = expiries
            .all()
            .into_iter()
            .map(|e| json!({ "what": e.what, "at": moment(e.at), "expired": now > e.at }))
            .collect();
        json!({
            "gateway": *self.gateway,
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_seconds": self.started.elapsed().as_secs(),
            "policy_generation": self.policies.borrow().generation(),
            "handshakes": gauges.handshakes,
            "connections": gauges.connections,
            "ipsec": self.ipsec.as_ref().map(ipsec_status::describe),
            "log": {
                "state": log_state(&self.recorder.state()),
                "waiting": figures.waiting,
                "written": figures.written,
                "lost": figures.lost,
            },
            "counts": counts,
            "expiries": expiries,
        })
    }
}

fn log_state(state: &LogState) -> Value {
    match state {
        LogState::Writing => json!("writing"),
        LogState::Slow { .. } => json!("slow"),
        LogState::Failing { cause, error, .. } => {
            json!({ "failing": cause.as_str(), "error": **error })
        }
        LogState::Stopped => json!("stopped"),
    }
}
