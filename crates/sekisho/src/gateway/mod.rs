//! `sekisho run`: puts the parts together, keeps them up to date, and takes them apart.

mod events;
mod status;
mod upkeep;

use std::sync::Arc;
use std::time::{Duration, Instant};

use connlog::{ClockState, ConnectionId, Event, Facts, Record, Timestamp};
use logstore::{Recorder, Writer};
use policy::{Policy, UtcOffset};
use reason::Reason as _;
use registry::Reader;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use terminator::{Front, Listeners, Settings, Workers};
use tokio::sync::watch;

use crate::Failure;
use crate::config::Config;
use crate::material;

pub(crate) use events::GatewayEvent;
pub(crate) use status::ask as ask_status;

/// How often signals and the registry are looked at.
const TICK: Duration = Duration::from_millis(200);
/// How long the last records may take to be written.
const LAST_RECORDS: Duration = Duration::from_secs(10);

/// Writes control records.
pub(crate) struct Journal {
    recorder: Recorder,
    gateway: Arc<str>,
    offset: UtcOffset,
}

impl Journal {
    fn note(&self, event: GatewayEvent, detail: Option<String>) {
        let time = now(self.offset);
        let mut random = [0; 10];
        // The generator does not fail once seeded; time alone would still be an id.
        let _ = aws_lc_rs::rand::fill(&mut random);
        let reason = event.code().into();
        self.recorder.control(Record {
            connection: ConnectionId::new(time.unix_micros, random),
            time,
            gateway: Arc::clone(&self.gateway),
            event: Event::Control { reason, detail: detail.map(Into::into) },
            facts: Facts::default(),
        });
    }
}

/// Runs the gateway until SIGTERM or SIGINT.
pub(crate) fn run(config: &Config) -> Result<(), Failure> {
    // From here on signals wait for the loop below instead of ending the process.
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let (handshakes, summary) = material::load(config, crate::unix_now())?;
    let reader = Reader::open(&config.registry)?;
    let policy = Arc::new(compile(config, &reader)?);
    let (policies, policy_changes) = watch::channel(policy);
    let listeners = Listeners::bind(&config.tls.listeners, config.workers)?;
    let addresses = listeners.addresses().to_vec();

    let (recorder, writer) = start_log(config)?;
    let journal = Journal {
        recorder: recorder.clone(),
        gateway: Arc::clone(&config.gateway),
        offset: config.offset,
    };
    let front = Front::new(settings(config), handshakes, policy_changes, recorder.clone());
    let status = status::Status::new(config, Arc::clone(&front), recorder, policies.subscribe());
    status.note_summary(&summary);
    let socket = status::serve(&config.socket, Arc::clone(&status))?;
    let workers = Workers::start(&front, listeners)?;

    journal.note(GatewayEvent::Started, Some(format!("version {}", env!("CARGO_PKG_VERSION"))));
    for address in &addresses {
        tracing::info!(%address, "listening");
    }
    tracing::info!("serving");
    // Without a service manager there is nobody to tell.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);

    let mut upkeep = upkeep::Upkeep::new(config, reader, policies, &front, &status, &journal);
    'running: loop {
        for signal in signals.pending() {
            match signal {
                SIGHUP => upkeep.reload(),
                _ => break 'running,
            }
        }
        upkeep.look();
        std::thread::sleep(TICK);
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!("stopping: live connections may finish; a second signal ends them");
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
        clock: Arc::new(move || now(offset)),
        capacity: config.log.capacity,
        on_failure: config.log.on_failure,
    })?)
}

/// The policy of the registry as it stands. Its generation is the registry's version.
pub(crate) fn compile(config: &Config, reader: &Reader) -> Result<Policy, Failure> {
    let (version, roster) = reader.roster()?;
    Ok(Policy::compile(version, config.offset, config.systems.clone(), &roster)?)
}

/// Now, as records write it.
fn now(offset: UtcOffset) -> Timestamp {
    Timestamp {
        unix_micros: crate::unix_micros(),
        offset_minutes: offset.minutes,
        clock: ClockState::Unknown,
    }
}
