//! The real front with one worker, two listeners, and the policy of a whole network.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bench::log::{GATEWAY, Log};
use bench::population::SYSTEMS;
use policy::{Policy, UtcOffset};
use terminator::{
    Front, Limits, ListenerSettings, Listeners, Profile, Settings, Timeouts, Upstream, Workers,
};
use tokio::sync::watch;

use crate::certificates::Certificates;

/// The threads that do its work.
pub(crate) const THREADS: &[&str] = &["tls-0", "log-writer"];

pub(crate) struct Gateway {
    workers: Workers,
    log: Log,
    /// The front ends its connections when there is nobody left to change the policy.
    _policy: watch::Sender<Arc<Policy>>,
    pub(crate) tls12: SocketAddr,
    pub(crate) tls13: SocketAddr,
}

impl Gateway {
    /// Starts one whose log is in a directory below `log`.
    pub(crate) fn start(
        certificates: &Certificates,
        policy: &Arc<Policy>,
        log: &Path,
        system: SocketAddr,
    ) -> Self {
        let log = Log::start(log);
        let (sender, policy) = watch::channel(Arc::clone(policy));
        let front =
            Front::new(settings(system), certificates.material(), policy, log.recorder.clone());
        let listeners = [Profile::Tls12, Profile::Tls13Only].map(|profile| ListenerSettings {
            require_extended_master_secret: true,
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            profile,
            system: None,
            upstream: None,
        });
        let listeners = Listeners::bind(&listeners, 1).unwrap();
        let &[tls12, tls13] = listeners.addresses() else { unreachable!("two are bound") };
        let workers = Workers::start(&front, listeners).unwrap();
        Self { workers, log, _policy: sender, tls12, tls13 }
    }

    pub(crate) fn stop(self) {
        self.workers.stop(|| true);
        self.log.stop();
    }
}

fn settings(system: SocketAddr) -> Settings {
    const MANY: usize = 100_000;
    let [first, ..] = SYSTEMS;
    let minute = Duration::from_secs(60);
    let upstream = Upstream {
        system: first.parse().unwrap(),
        address: system.to_string(),
        proxy_protocol: false,
    };
    Settings {
        gateway: GATEWAY.into(),
        offset: UtcOffset::default(),
        timeouts: Timeouts { setup: minute, idle: minute, drain: Duration::ZERO },
        limits: Limits {
            handshakes: MANY,
            handshakes_per_source: MANY,
            connections: MANY,
            connections_per_source: MANY,
        },
        upstreams: vec![upstream],
    }
}
