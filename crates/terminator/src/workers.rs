//! Listening sockets and the threads that serve them: one thread a core, each with its
//! own sockets (SO_REUSEPORT), its own reactor and its own connections.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use policy::SystemId;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, Instant, sleep};

use crate::connection;
use crate::front::{Front, Listener, Phase};
use crate::material;
use crate::profile::Profile;
use crate::rejected::Rejected;
use crate::sockets;
use crate::upstream::Upstream;

const BACKLOG: i32 = 4096;
/// Pause after an accept that failed, as when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// A listener as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerSettings {
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// What it offers.
    pub profile: Profile,
    /// The one system it serves, if bound to one.
    pub system: Option<SystemId>,
    /// The service of that system it leads to, if it is not the usual one.
    pub upstream: Option<Upstream>,
    /// TLS 1.2 clients must offer the extended master secret (RFC 7627): without it a
    /// session is open to the triple-handshake attack.
    pub require_extended_master_secret: bool,
}

/// Why a listener cannot be.
#[derive(Debug)]
pub enum ListenError {
    /// The socket.
    Bind {
        /// Where it should listen.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// The profile.
    Profile(rustls::Error),
    /// A thread or its reactor cannot be started.
    Thread(io::Error),
}

impl ListenError {
    /// What to do about it.
    #[allow(clippy::wildcard_enum_match_arm, reason = "the system's errors are an open list")]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Bind { cause, .. } => match cause.kind() {
                io::ErrorKind::AddrInUse => "another program has this port; 'ss -ltnp' shows which",
                io::ErrorKind::PermissionDenied => "ports below 1024 need CAP_NET_BIND_SERVICE",
                io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
                _ => "give an address of this machine",
            },
            Self::Profile(_) => "choose another profile, and report this",
            Self::Thread(_) => "lower [gateway] workers, or raise the limit on threads",
        }
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { address, cause } => write!(f, "cannot listen on {address}: {cause}"),
            Self::Profile(cause) => write!(f, "the TLS profile cannot be used: {cause}"),
            Self::Thread(cause) => write!(f, "cannot start a worker thread: {cause}"),
        }
    }
}

impl std::error::Error for ListenError {}

/// Bound sockets, before anything is served.
#[derive(Debug)]
pub struct Listeners {
    /// Per worker, its socket of every listener.
    sockets: Vec<Vec<(Arc<Listener>, StdListener)>>,
    addresses: Vec<SocketAddr>,
}

impl Listeners {
    /// Binds every listener once for each of `workers` threads.
    pub fn bind(settings: &[ListenerSettings], workers: usize) -> Result<Self, ListenError> {
        let mut sockets: Vec<Vec<_>> = (0..workers.max(1)).map(|_| Vec::new()).collect();
        let mut addresses = Vec::with_capacity(settings.len());
        for listener in settings {
            let failed = |cause| ListenError::Bind { address: listener.address, cause };
            let builder = material::builder(listener.profile).map_err(ListenError::Profile)?;
            let shared = Arc::new(Listener {
                system: listener.system.clone(),
                upstream: listener.upstream.clone(),
                require_ems: listener.require_extended_master_secret,
                builder,
            });
            let address = free_address(listener.address).map_err(failed)?;
            for worker in &mut sockets {
                let socket = reuse_port(address).map_err(failed)?;
                worker.push((Arc::clone(&shared), socket));
            }
            addresses.push(address);
        }
        Ok(Self { sockets, addresses })
    }

    /// Where each listener really listens, in configured order.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

/// SO_REUSEPORT would share a port silently with another program of the same user, so
/// the address is first taken without it, for a moment.
fn free_address(address: SocketAddr) -> io::Result<SocketAddr> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    let listening = StdListener::from(socket);
    listening.local_addr()
}

fn reuse_port(address: SocketAddr) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The running threads.
#[derive(Debug)]
pub struct Workers {
    front: Arc<Front>,
    phase: watch::Sender<Phase>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts one thread for each worker the listeners were bound for.
    pub fn start(front: &Arc<Front>, listeners: Listeners) -> Result<Self, ListenError> {
        let (phase, _) = watch::channel(Phase::Running);
        let mut threads = Vec::with_capacity(listeners.sockets.len());
        for (index, sockets) in listeners.sockets.into_iter().enumerate() {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(ListenError::Thread)?;
            let worker = Worker { front: Arc::clone(front), phase: phase.subscribe() };
            let thread = std::thread::Builder::new()
                .name(format!("tls-{index}"))
                .spawn(move || {
                    runtime.block_on(worker.run(sockets, index == 0));
                    // A name look-up that hangs is not waited for.
                    runtime.shutdown_background();
                })
                .map_err(ListenError::Thread)?;
            threads.push(thread);
        }
        Ok(Self { front: Arc::clone(front), phase, threads })
    }

    /// Whether every thread is still there.
    pub fn are_well(&self) -> bool {
        !self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Stops accepting, lets live connections finish until the drain time-out, ends the
    /// rest, and returns when every connection has its close record in the queue.
    /// `hurry` is asked ten times a second; when it says so, the wait is cut short.
    pub fn stop(self, mut hurry: impl FnMut() -> bool) {
        const TICK: Duration = Duration::from_millis(100);
        self.phase.send_replace(Phase::Draining);
        let until = Instant::now() + self.front.settings.timeouts.drain;
        while self.front.places.taken().1 > 0 && Instant::now() < until && !hurry() {
            std::thread::sleep(TICK);
        }
        self.phase.send_replace(Phase::Stopping);
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a worker thread panicked");
            }
        }
        self.front.record_folded(true);
    }
}

/// One thread.
struct Worker {
    front: Arc<Front>,
    phase: watch::Receiver<Phase>,
}

impl Worker {
    async fn run(self, sockets: Vec<(Arc<Listener>, StdListener)>, housekeeper: bool) {
        // Every task holds a sender; when the last is gone, so are all connections.
        let (alive, mut all_gone) = mpsc::channel::<()>(1);
        for (listener, socket) in sockets {
            let accepting = self.accept(listener, socket, alive.clone());
            tokio::spawn(accepting);
        }
        if housekeeper {
            tokio::spawn(keep_house(Arc::clone(&self.front), self.phase.clone()));
        }
        drop(alive);
        let _ = all_gone.recv().await;
    }

    fn accept(
        &self,
        listener: Arc<Listener>,
        socket: StdListener,
        alive: mpsc::Sender<()>,
    ) -> impl Future<Output = ()> + use<> {
        let (front, mut phase) = (Arc::clone(&self.front), self.phase.clone());
        async move {
            let socket = match TcpListener::from_std(socket) {
                Ok(socket) => socket,
                Err(error) => return tracing::error!(%error, "a listener cannot be served"),
            };
            loop {
                let accepted = tokio::select! {
                    accepted = socket.accept() => accepted,
                    _ = phase.wait_for(|phase| *phase != Phase::Running) => return,
                };
                match accepted {
                    Ok((tcp, source)) => {
                        let (front, listener) = (Arc::clone(&front), Arc::clone(&listener));
                        admit(front, listener, tcp, source, phase.clone(), alive.clone());
                    }
                    Err(error) => {
                        tracing::warn!(%error, "accept failed");
                        sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        }
    }
}

/// Gives an accepted client a place and a task, or turns it away.
fn admit(
    front: Arc<Front>,
    listener: Arc<Listener>,
    tcp: TcpStream,
    source: SocketAddr,
    phase: watch::Receiver<Phase>,
    alive: mpsc::Sender<()>,
) {
    match front.places.take(source.ip()) {
        Ok(place) => {
            // Best effort: without them the connection is only slower or longer-lived.
            let _ = tcp.set_nodelay(true);
            let _ = sockets::keep_alive(&tcp);
            tokio::spawn(async move {
                connection::serve(front, listener, tcp, source, place, phase).await;
                drop(alive);
            });
        }
        Err(refusal) => {
            let id = logstore::fresh_id(front.now());
            let facts = connlog::Facts {
                network: Some(policy::Network::Tls),
                source: Some(source),
                local: tcp.local_addr().ok(),
                ..connlog::Facts::default()
            };
            front.reject(id, source.ip(), facts, &Rejected::from(refusal));
        }
    }
}

async fn keep_house(front: Arc<Front>, mut phase: watch::Receiver<Phase>) {
    loop {
        tokio::select! {
            () = sleep(HOUSEKEEPING) => front.record_folded(false),
            _ = phase.wait_for(|phase| *phase == Phase::Stopping) => return,
        }
    }
}
