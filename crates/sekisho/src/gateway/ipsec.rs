//! The IPsec road of a running gateway: started with it, and kept in step with its files and
//! with the keys in the registry.

use std::io;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use datapath::Handle;
use iked::{BindError, Material, Parts, Service, Settings, Sharing, Sockets};
use logstore::Recorder;
use policy::{Network, Policy};
use registry::{KeyRing, Reader};
use tokio::sync::watch;

use super::data_plane;
use super::ike_plane::{Plane, ToIke};
use super::status::Status;
use super::upkeep::{Attempt, Identity, files_of, versions};
use super::{GatewayEvent, Journal};
use crate::Failure;
use crate::config::{Config, Ipsec, Problem, Problems};
use crate::material::ipsec::{self, Files, Ready};
use crate::material::{CrlNumbers, Summary, sealing};

/// What was read and bound before anything is served.
pub(super) struct Prepared<'a> {
    ipsec: &'a Ipsec,
    sockets: Sockets,
    files: Files,
    summary: Summary,
    ring: KeyRing,
    ready: Ready,
}

/// Reads the road's files and keys, and binds its sockets: `nat_port` after the data plane, which
/// shares it.
pub(super) fn prepare<'a>(
    config: &'a Config,
    ipsec: &'a Ipsec,
    reader: &Reader,
    nat_port: u16,
) -> Result<Prepared<'a>, Failure> {
    let (files, summary) = ipsec::load(config, ipsec, crate::unix_now(), &CrlNumbers::new())?;
    for warning in &files.warnings {
        tracing::warn!("{warning}");
    }
    let ring = sealing::key_ring(config, reader)?;
    let ready = files.ready(&ring).map_err(|problem| config.problems(vec![problem]))?;
    let sharing = match ipsec.tunnel.dont_fragment {
        true => Sharing::HearingPathMtu,
        false => Sharing::Shared,
    };
    let sockets = Sockets::bind(&ipsec.listen, ipsec.port, nat_port, sharing)
        .map_err(|error| not_bound(config, &error))?;
    Ok(Prepared { ipsec, sockets, files, summary, ring, ready })
}

impl Prepared<'_> {
    /// Those that share the data plane's port.
    pub(super) fn sockets_with_esp(&self) -> io::Result<Vec<UdpSocket>> {
        self.sockets.with_esp()
    }
}

fn not_bound(config: &Config, error: &BindError) -> Problems {
    config.problems(vec![Problem::whole(error.to_string(), error.remedy())])
}

/// Brings the road to life.
pub(super) fn start(
    config: &Config,
    prepared: Prepared<'_>,
    plane: Arc<Handle>,
    to_ike: &ToIke,
    policies: watch::Receiver<Arc<Policy>>,
    recorder: Recorder,
) -> Result<(Started, iked::Threads), Failure> {
    let Prepared { ipsec, sockets, files, summary, ring, ready } = prepared;
    for address in sockets.addresses() {
        tracing::info!(udp = %address, "receiving IKE");
    }
    let settings = Settings {
        gateway: Arc::clone(&config.gateway),
        offset: config.offset,
        config: endpoint_config(config, ipsec),
    };
    let plane = Plane::new(plane, ipsec);
    let (service, threads) = Service::start(Parts {
        settings,
        sockets,
        credentials: Arc::new(ready.credentials),
        policies,
        recorder,
        data_plane: Box::new(plane.clone()),
        esp: Arc::new(plane),
    })?;
    let service = Arc::new(service);
    to_ike.connect(&service);
    let started = Started { service, files, summary, ring, unusable: ready.unusable };
    Ok((started, threads))
}

/// The road, from its start on.
pub(super) struct Started {
    pub(super) service: Arc<Service>,
    files: Files,
    summary: Summary,
    ring: KeyRing,
    unusable: Vec<String>,
}

/// The ports are those of the sockets.
fn endpoint_config(config: &Config, ipsec: &Ipsec) -> ike::Config {
    let mut pool = ike::PoolConfig::default();
    for prefix in ipsec.pool.iter().flat_map(|pool| &pool.addresses) {
        match prefix {
            ipnet::IpNet::V4(prefix) => pool.v4.push(*prefix),
            ipnet::IpNet::V6(prefix) => pool.v6.push(*prefix),
        }
    }
    pool.dns = ipsec.pool.iter().flat_map(|pool| &pool.dns).copied().collect();
    ike::Config {
        ike_proposals: ipsec.ike_proposals.clone(),
        child_proposals: ipsec.esp_proposals.clone(),
        timers: ike::Timers {
            ike_lifetime: ipsec.ike_lifetime,
            child_lifetime: ipsec.child_lifetime,
            margin: margin(ipsec.child_lifetime.min(ipsec.ike_lifetime)),
            liveness: ipsec.dpd_interval,
            ..ike::Timers::default()
        },
        limits: ike::Limits {
            half_open: ipsec.limits.half_open,
            half_open_per_source: ipsec.limits.half_open_per_source,
            cookie_threshold: ipsec.limits.cookie_threshold,
            sessions: ipsec.limits.sas,
            ..ike::Limits::default()
        },
        pool,
        lanes: data_plane::workers(&config.data_plane),
        ..ike::Config::default()
    }
}

/// Time for rekeying that does not succeed at once: nine minutes of an hour's lifetime, and no
/// less than a few repetitions take.
fn margin(shortest: Duration) -> Duration {
    (shortest * 3 / 20).clamp(Duration::from_secs(10), ike::Timers::default().margin)
}

/// Keeps the road in step.
pub(super) struct Upkeep<'a> {
    config: &'a Config,
    ipsec: &'a Ipsec,
    status: &'a Status,
    journal: &'a Journal,
    service: Arc<Service>,
    files: Files,
    ring: KeyRing,
    crl_numbers: CrlNumbers,
    paths: Vec<PathBuf>,
    versions: Vec<Identity>,
    material: Attempt,
    /// The registry has changed since its keys were read.
    keys_are_stale: bool,
    keys: Attempt,
    /// What was said of keys that cannot be used.
    unusable: Vec<String>,
}

impl<'a> Upkeep<'a> {
    pub(super) fn new(
        config: &'a Config,
        ipsec: &'a Ipsec,
        started: Started,
        status: &'a Status,
        journal: &'a Journal,
    ) -> Self {
        let Started { service, files, summary, ring, unusable } = started;
        status.note_summary(Network::Ipsec, &summary);
        let paths = files_of(&ipsec.certificates, &ipsec.client_ca, &ipsec.crl);
        let mut upkeep = Self {
            config,
            ipsec,
            status,
            journal,
            service,
            files,
            ring,
            crl_numbers: summary.crl_numbers(),
            versions: versions(&paths),
            paths,
            material: Attempt::default(),
            keys_are_stale: false,
            keys: Attempt::default(),
            unusable: Vec::new(),
        };
        upkeep.tell_of(unusable);
        upkeep
    }

    /// The registry has changed.
    pub(super) fn note_registry(&mut self) {
        self.keys_are_stale = true;
        self.keys = Attempt::default();
    }

    /// Applies a change of the registry's keys, or tries again what could not be applied.
    pub(super) fn take_keys(&mut self, reader: &Reader) {
        if !self.keys_are_stale || !self.keys.is_due() {
            return;
        }
        match sealing::key_ring(self.config, reader) {
            Ok(ring) => {
                self.ring = ring;
                self.keys_are_stale = false;
                self.keys = Attempt::default();
                self.apply(false);
            }
            Err(error) => self.keys.failed(error.to_string(), |why| {
                tracing::error!(
                    "the routers' keys cannot be read and the previous ones stay: {why}"
                );
                self.journal.note(GatewayEvent::KeysUnusable, Some(why.to_owned()));
            }),
        }
    }

    /// Applies a change of the files, or tries again what could not be applied.
    pub(super) fn look_at_files(&mut self) {
        let versions = versions(&self.paths);
        if versions != self.versions || (self.material.has_failed() && self.material.is_due()) {
            self.versions = versions;
            self.reload();
        }
    }

    /// Reads the files anew, whether they have changed or not.
    pub(super) fn reload(&mut self) {
        let now = crate::unix_now();
        match ipsec::load(self.config, self.ipsec, now, &self.crl_numbers) {
            Ok((files, summary)) => {
                let new = files.warnings.iter().filter(|one| !self.files.warnings.contains(one));
                new.for_each(|warning| tracing::warn!("{warning}"));
                let trust_changed = !files.trust_as(&self.files);
                self.files = files;
                self.crl_numbers = summary.crl_numbers();
                self.status.note_summary(Network::Ipsec, &summary);
                self.material = Attempt::default();
                self.apply(trust_changed);
                tracing::info!("IPsec certificates and revocation lists changed");
                self.journal.note(GatewayEvent::MaterialChanged, Some("[ipsec]".to_owned()));
            }
            Err(problems) => self.material.failed(problems.in_one_line(), |why| {
                tracing::error!("IPsec certificates or CRLs are not in force:\n{problems}");
                self.journal.note(GatewayEvent::MaterialRejected, Some(format!("[ipsec] {why}")));
            }),
        }
    }

    fn apply(&mut self, trust_changed: bool) {
        match self.files.ready(&self.ring) {
            Ok(Ready { credentials, unusable }) => {
                let credentials = Arc::new(credentials);
                self.service.replace_material(Material { credentials, trust_changed });
                self.tell_of(unusable);
            }
            // The files were found usable when they were read.
            Err(problem) => {
                tracing::error!("the IPsec credentials are not in force: {}", problem.message);
            }
        }
    }

    fn tell_of(&mut self, unusable: Vec<String>) {
        if unusable != self.unusable && !unusable.is_empty() {
            let names = unusable.join(", ");
            tracing::error!(
                "the keys of {names} cannot be used: give these routers new ones with \
                 'sekisho router set-key', or restore the sealing key's file"
            );
            self.journal.note(GatewayEvent::KeysUnusable, Some(names));
        }
        self.unusable = unusable;
    }
}
