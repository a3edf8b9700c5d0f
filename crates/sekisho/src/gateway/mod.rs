//! `sekisho run`: puts the parts together, keeps them up to date, and takes them apart.

mod control;
mod data_plane;
mod events;
mod ike_plane;
mod ipsec;
mod ipsec_status;
mod layer3;
mod sessions;
mod status;
mod upkeep;

use std::sync::Arc;
use std::time::{Duration, Instant};

use connlog::{ConnectionId, Event, Facts, Record};
use logstore::{Recorder, Writer};
use policy::{Network, Policy, UtcOffset};
use reason::Reason as _;
use registry::Reader;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use terminator::{Front, ListenError, Listeners, Settings, Workers};
use tokio::sync::watch;

use crate::Failure;
use crate::config::{Config, Problem, Problems};
use crate::material::{self, CrlNumbers};
use control::Answer;
use sessions::Sessions;
use status::Status;

pub(crate) use control::{Child, Kind, Listing, Request, Selection, Session, ask};
pub(crate) use data_plane::Prefixes;
pub(crate) use events::GatewayEvent;

/// How often signals and the registry are looked at.
const TICK: Duration = Duration::from_millis(200);
/// How long the last records may take to be written.
const LAST_RECORDS: Duration = Duration::from_secs(10);

/// Writes control records.
#[derive(Clone)]
pub(crate) struct Journal {
    recorder: Recorder,
    gateway: Arc<str>,
    offset: UtcOffset,
}

impl Journal {
    fn note(&self, event: GatewayEvent, detail: Option<String>) {
        let id = logstore::fresh_id(logstore::now(self.offset));
        self.note_of(id, Facts::default(), event, detail.map(Into::into));
    }

    /// What happened to one connection by the gateway's own doing.
    fn note_of(
        &self,
        id: ConnectionId,
        facts: Facts,
        event: GatewayEvent,
        detail: Option<Arc<str>>,
    ) {
        let reason = event.code().into();
        self.recorder.control(Record {
            connection: id,
            time: logstore::now(self.offset),
            gateway: Arc::clone(&self.gateway),
            event: Event::Control { reason, detail },
            facts,
        });
    }
}

/// Runs the gateway until SIGTERM or SIGINT.
pub(crate) fn run(config: &Config) -> Result<(), Failure> {
    raise_descriptor_limit(config);
    // From here on signals wait for the loop below instead of ending the process.
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let (handshakes, summary) = material::load(config, crate::unix_now(), &CrlNumbers::new())?;
    let reader = Reader::open(&config.registry)?;
    let policy = Arc::new(compile(config, &reader)?);
    let (policies, policy_changes) = watch::channel(Arc::clone(&policy));
    let listeners = Listeners::bind(&config.tls.listeners, config.workers)
        .map_err(|error| not_listening(config, &error))?;
    let addresses = listeners.addresses().to_vec();
    let prepared = layer3::prepare(config, &reader, &policy)?;

    let (recorder, writer) = start_log(config)?;
    let journal = Journal {
        recorder: recorder.clone(),
        gateway: Arc::clone(&config.gateway),
        offset: config.offset,
    };
    let front = Front::new(settings(config), handshakes, policy_changes, recorder.clone());
    let roads = prepared.map(|prepared| layer3::start(config, prepared, &policies, &recorder));
    let (roads, carriers) = roads.transpose()?.unzip();
    let road = roads.as_ref().map(layer3::Started::road);
    let sessions = Sessions {
        front: Arc::clone(&front),
        ike: road.as_ref().and_then(|road| road.ike.clone()),
        plane: road.as_ref().map(|road| Arc::clone(&road.plane)),
        journal: journal.clone(),
    };
    let status = Status::new(config, Arc::clone(&front), road, recorder, policies.subscribe());
    status.note_summary(Network::Tls, &summary);
    let socket = control::serve(&config.socket, responder(Arc::clone(&status), sessions))?;
    let workers = Workers::start(&front, listeners)?;

    journal.note(GatewayEvent::Started, Some(format!("version {}", env!("CARGO_PKG_VERSION"))));
    for address in &addresses {
        tracing::info!(%address, "listening");
    }
    tracing::info!("serving");
    // Without a service manager there is nobody to tell.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);

    let numbers = summary.crl_numbers();
    let mut upkeep =
        upkeep::Upkeep::new(config, reader, policies, numbers, &front, &status, &journal)
            .with_layer3(roads);
    'running: loop {
        for signal in signals.pending() {
            match signal {
                SIGHUP => upkeep.reload(),
                _ => break 'running,
            }
        }
        upkeep.look();
        // Without either nobody would be served, and nobody would know why.
        let carriers_are_well = carriers.as_ref().is_none_or(layer3::Threads::are_well);
        if !workers.are_well() || !carriers_are_well || !status.log_is_there() {
            return Err("an internal fault ended a part of the gateway; it stops whole".into());
        }
        std::thread::sleep(TICK);
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!("stopping: live connections may finish; a second signal ends them");
    // A tunnel has no end of its own to wait for, and neither has a packet.
    if let Some(carriers) = carriers {
        carriers.stop();
    }
    workers.stop(|| {
        upkeep.look();
        signals.pending().any(|signal| signal != SIGHUP)
    });
    drop(socket);
    journal.note(GatewayEvent::Stopped, None);
    writer.stop(Instant::now() + LAST_RECORDS)?;
    tracing::info!("stopped");
    Ok(())
}

/// Who answers on the local socket.
fn responder(status: Arc<Status>, sessions: Sessions) -> Arc<control::Responder> {
    Arc::new(move |request| match request {
        Request::Status {} => Answer::Answer(status.describe()),
        Request::Sessions(selection) => Answer::of(Ok(sessions.list(&selection))),
        Request::End { id, operator, reason } => {
            Answer::of(sessions.end(&id, &operator, reason.as_deref()))
        }
    })
}

fn not_listening(config: &Config, error: &ListenError) -> Problems {
    let span = match error {
        ListenError::Bind { address, .. } => {
            let mut given = config.tls.listeners.iter().zip(&config.tls.listener_spans);
            given.find(|(listener, _)| listener.address == *address).map(|(_, span)| span.clone())
        }
        ListenError::Profile(_) | ListenError::Thread(_) => None,
    };
    let remedy = error.remedy().to_owned();
    config.problems(vec![Problem { span, message: error.to_string(), remedy }])
}

/// Two descriptors a connection; the soft limit is often far below the hard one.
fn raise_descriptor_limit(config: &Config) {
    let wanted = config.tls.limits.connections as u64 * 2 + 256;
    let limit = getrlimit(Resource::Nofile);
    let highest = limit.maximum.unwrap_or(u64::MAX);
    let raised = Rlimit { current: Some(wanted.min(highest)), maximum: limit.maximum };
    if limit.current.is_some_and(|current| current < wanted) {
        // What could be had is looked at below.
        let _ = setrlimit(Resource::Nofile, raised);
    }
    let current = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    if current < wanted {
        tracing::warn!(
            "only {current} file descriptors for up to {} connections: raise LimitNOFILE to \
             {wanted}, or lower [tls.limits] connections",
            config.tls.limits.connections
        );
    }
}

fn settings(config: &Config) -> Settings {
    Settings {
        gateway: Arc::clone(&config.gateway),
        offset: config.offset,
        timeouts: config.tls.timeouts,
        limits: config.tls.limits,
        upstreams: config.upstreams.clone(),
    }
}

fn start_log(config: &Config) -> Result<(Recorder, Writer), Failure> {
    let offset = config.offset;
    Ok(Writer::start(logstore::Config {
        directory: config.log.directory.clone(),
        gateway: Arc::clone(&config.gateway),
        clock: Arc::new(move || logstore::now(offset)),
        capacity: config.log.capacity,
        on_failure: config.log.on_failure,
    })?)
}

/// The policy of the registry as it stands. Its generation is the registry's version.
pub(crate) fn compile(config: &Config, reader: &Reader) -> Result<Policy, Failure> {
    let (version, roster) = reader.roster()?;
    Ok(Policy::compile(version, config.offset, config.systems.clone(), &roster)?)
}
