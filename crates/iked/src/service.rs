//! Starting the road, speaking to it, and stopping it.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use connlog::{ConnectionId, Dismissal};
use ike::{Credentials, Endpoint, Path};
use logstore::Recorder;
use policy::{Policy, UtcOffset};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::engine::{Command, Engine};
use crate::journal::Journal;
use crate::random::OsRandom;
use crate::receiver::{self, Inlet, Received};
use crate::sockets::{Outlet, Sockets};
use crate::tally::Tally;
use crate::{DataPlane, Discarded, EspSink, Notice, SessionStatus};

/// IKE messages that wait for the IKE thread: what it handles in about a second, so that none is
/// answered after its sender has given it up and repeated it.
const QUEUE: usize = 512;
/// How long the IKE thread may take to answer about itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// The settings of the road.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The gateway's name in records.
    pub gateway: Arc<str>,
    /// Local time of the records.
    pub offset: UtcOffset,
    /// The endpoint's; its ports are those of the sockets.
    pub config: ike::Config,
}

/// Certificates, CAs, CRLs and pre-shared keys in force.
#[derive(Clone, Debug)]
pub struct Material {
    /// Replace the previous ones whole.
    pub credentials: Arc<Credentials>,
    /// Whether CAs or CRLs differ from the previous ones: every peer's certificate is then
    /// verified again.
    pub trust_changed: bool,
}

/// What the road is put together from.
pub struct Parts {
    /// Its settings.
    pub settings: Settings,
    /// Its sockets, bound.
    pub sockets: Sockets,
    /// Its first credentials.
    pub credentials: Arc<Credentials>,
    /// The policy, and those to come.
    pub policies: watch::Receiver<Arc<Policy>>,
    /// The log.
    pub recorder: Recorder,
    /// Where CHILD_SAs go.
    pub data_plane: Box<dyn DataPlane>,
    /// Where ESP packets go.
    pub esp: Arc<dyn EspSink>,
}

/// The system gives no thread, or no reactor for it.
#[derive(Debug)]
pub struct StartError(io::Error);

impl From<io::Error> for StartError {
    fn from(cause: io::Error) -> Self {
        Self(cause)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot start the IKE threads: {}; raise the limit on threads", self.0)
    }
}

impl std::error::Error for StartError {}

/// The running road, for the rest of the gateway.
#[derive(Debug)]
pub struct Service {
    commands: mpsc::UnboundedSender<Command>,
    messages: mpsc::Sender<Received>,
    tally: Arc<Tally>,
    counters: Arc<ike::Counters>,
}

/// What the road is doing.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Negotiations not yet authenticated.
    pub half_open: usize,
    /// Everybody who is let in.
    pub sessions: Vec<SessionStatus>,
}

/// Why a session was not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotEnded {
    /// None of this id lives, or it is ending already.
    NoSuchSession,
    /// The IKE thread does not answer; when it does again, it carries the order out.
    NoAnswer,
}

impl Service {
    /// Brings the road to life.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(parts: Parts) -> Result<(Self, Threads), StartError> {
        let Parts { settings, sockets, credentials, policies, recorder, data_plane, esp } = parts;
        let config = Arc::new(ike::Config {
            port: sockets.port(),
            nat_port: sockets.nat_port(),
            ..settings.config
        });
        let endpoint = Endpoint::new(
            Instant::now(),
            Arc::clone(&config),
            Arc::clone(&credentials),
            Box::new(OsRandom),
        );
        let (tally, counters) = (Arc::<Tally>::default(), Arc::clone(endpoint.counters()));
        let (messages, received) = mpsc::channel(QUEUE);
        let (commands, orders) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let engine = Engine {
            endpoint,
            outlet: Outlet::new(&sockets),
            data_plane,
            journal: Journal::new(settings.gateway, settings.offset, recorder),
            tally: Arc::clone(&tally),
            credentials,
            policy: Arc::clone(&policies.borrow()),
            has_pool: !(config.pool.v4.is_empty() && config.pool.v6.is_empty()),
            sessions: HashMap::new(),
            unjudged: BTreeSet::new(),
            recording: JoinSet::new(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let ike = std::thread::Builder::new()
            .name("ike".to_owned())
            .spawn(move || runtime.block_on(engine.run(received, orders, policies)))?;
        let inlet = Inlet { messages: messages.clone(), esp, tally: Arc::clone(&tally) };
        let udp = receiver::start(&sockets, &inlet, stopped)?;
        let threads = Threads { commands: commands.clone(), stop, ike, udp };
        Ok((Self { commands, messages, tally, counters }, threads))
    }

    /// New negotiations use `material` from now on, and sessions that it does not carry any more
    /// are ended.
    pub fn replace_material(&self, material: Material) {
        // Without the thread there is nobody to tell; the gateway stops then.
        let _ = self.commands.send(Command::Replace(material));
    }

    /// Takes an IKE message that came to a socket of the data plane.
    pub fn deliver(&self, path: Path, message: &[u8]) {
        let received = Received { path, message: message.to_vec() };
        if self.messages.try_send(received).is_err() {
            self.tally.discarded(Discarded::QueueFull);
        }
    }

    /// Takes what the data plane has to tell.
    pub fn notice(&self, notice: Notice) {
        // Without the thread there is nobody to tell; the gateway stops then.
        let _ = self.commands.send(Command::Notice(notice));
    }

    /// What is happening now; `None` when the IKE thread does not answer.
    pub fn snapshot(&self) -> Option<Snapshot> {
        let (answer, answered) = std_mpsc::sync_channel(1);
        self.commands.send(Command::Describe(answer)).ok()?;
        answered.recv_timeout(PATIENCE).ok()
    }

    /// Ends one session by an operator's order, and tells its peer; what it was. Its close record
    /// says who gave the order.
    ///
    /// # Errors
    /// [`NotEnded`].
    pub fn end(&self, id: ConnectionId, by: Dismissal) -> Result<SessionStatus, NotEnded> {
        let (answer, answered) = std_mpsc::sync_channel(1);
        self.commands.send(Command::End(id, by, answer)).map_err(|_| NotEnded::NoAnswer)?;
        let ended = answered.recv_timeout(PATIENCE).map_err(|_| NotEnded::NoAnswer)?;
        ended.ok_or(NotEnded::NoSuchSession)
    }

    /// Every reason with its count since the start, by code. A code may come twice.
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        self.tally.all(&self.counters)
    }
}

/// The running threads.
#[derive(Debug)]
pub struct Threads {
    commands: mpsc::UnboundedSender<Command>,
    /// Dropped to end `udp`.
    stop: oneshot::Sender<()>,
    ike: JoinHandle<()>,
    udp: JoinHandle<()>,
}

impl Threads {
    /// Whether both are still there.
    pub fn are_well(&self) -> bool {
        !self.ike.is_finished() && !self.udp.is_finished()
    }

    /// Ends every session, tells its peer, and returns when all close records are in the queue.
    /// A peer that misses its one notice finds out by itself (RFC 7296 §2.4).
    pub fn stop(self) {
        // Gone already is as good.
        let _ = self.commands.send(Command::Stop);
        let ike = self.ike.join();
        drop(self.stop);
        if ike.and(self.udp.join()).is_err() {
            tracing::error!("an IKE thread panicked");
        }
    }
}
