//! How the rest of the gateway speaks to the workers.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{IpAddr, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use connlog::{ConnectionId, Dismissal};
use ipnet::IpNet;
use net::{DontFragment, LinkError, MtuError, Prefixes, Routes, Waker};
use packet::{Offload, VnetHeader};
use policy::Policy;
use reason::{Counters, Reason as _};
use tunnel::{Arrival, Forwarder, NewChild, Notice, Path, Tally, Traffic, Way};

use crate::Lost;
use crate::flows::{Flows, Wanted};
use crate::journal::{Journal, Recording};
use crate::open::Opened;
use crate::worker::{Parts, Worker};

/// How long a worker may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Packets that may wait to be handed over to one worker.
const HANDED_OVER: usize = 1024;

/// What the workers tell IKE. Called from their threads: must not block.
pub trait Ike: Send + Sync {
    /// An IKE message, without marker, that came to a socket of theirs.
    fn message(&self, path: &Path, message: &[u8]);

    /// What packets tell of a session.
    fn notice(&self, notice: Notice);
}

/// What a worker is told.
pub(crate) enum Command {
    Install(Box<NewChild>, SyncSender<()>),
    Remove(u64, SyncSender<Traffic>),
    Announce(u64, usize, Vec<IpNet>),
    Withdraw(u64),
    Moved(u64, Way),
    Policy(Arc<Policy>),
    OwnAddresses(Arc<BTreeSet<IpAddr>>),
    Describe(SyncSender<Status>),
    Flows(Arc<Wanted>, usize, SyncSender<Flows>),
    EndFlow(ConnectionId, Dismissal, SyncSender<bool>),
    PathMtu(MtuError),
    Stop,
    /// A packet from a peer that another thread received.
    Esp(Arrival, Vec<u8>),
    /// A packet from a system that another worker read; and how many further ones to ask whether
    /// they know of it.
    Inner(VnetHeader, Vec<u8>, usize),
    /// The same of a datagram that it put together from fragments, and what these called it.
    Gathered(u32, Vec<u8>, usize),
}

/// The way to one worker.
#[derive(Clone)]
pub(crate) struct Remote {
    commands: Sender<Command>,
    waker: Arc<Waker>,
    /// Packets among the commands.
    waiting: Arc<AtomicUsize>,
}

impl Remote {
    pub(crate) fn tell(&self, command: Command) {
        // A worker that is gone is noticed by the gateway, which stops.
        let _ = self.commands.send(command);
        self.waker.wake();
    }

    /// Hands a packet over, if the worker keeps up.
    pub(crate) fn hand_over(&self, arrival: Arrival, packet: &[u8], lost: &Counters<Lost>) {
        self.hand(lost, || Command::Esp(arrival, packet.to_vec()));
    }

    /// The same of a packet from a system.
    pub(crate) fn hand_over_inner(
        &self,
        vnet: VnetHeader,
        packet: &[u8],
        further: usize,
        lost: &Counters<Lost>,
    ) {
        self.hand(lost, || Command::Inner(vnet, packet.to_vec(), further));
    }

    /// The same of a datagram that was put together from fragments, and what these called it.
    pub(crate) fn hand_over_gathered(
        &self,
        (identification, packet): (u32, &[u8]),
        further: usize,
        lost: &Counters<Lost>,
    ) {
        self.hand(lost, || Command::Gathered(identification, packet.to_vec(), further));
    }

    fn hand(&self, lost: &Counters<Lost>, command: impl FnOnce() -> Command) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= HANDED_OVER {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return lost.count(Lost::HandOverFull);
        }
        self.tell(command());
    }

    /// The worker has taken a packet.
    pub(crate) fn taken(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the data plane holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// CHILD_SAs.
    pub children: usize,
    /// Flows.
    pub flows: usize,
}

/// The running data plane, for the rest of the gateway.
pub struct Handle {
    workers: Arc<[Remote]>,
    /// Which worker has a CHILD_SA.
    owners: Mutex<HashMap<u64, usize>>,
    routes: Mutex<Routes>,
    addresses: Mutex<Arc<BTreeSet<IpAddr>>>,
    tally: Arc<Tally>,
    lost: Arc<Counters<Lost>>,
}

impl Handle {
    /// Starts the workers. `ike_sockets` are those that IKE has bound to the shared port: the
    /// kernel gives them a part of the path MTU errors that are about ESP.
    ///
    /// # Errors
    /// When the system gives no thread or no descriptor.
    pub fn start(
        opened: Opened,
        policy: &Arc<Policy>,
        ike: &Arc<dyn Ike>,
        mut ike_sockets: Vec<UdpSocket>,
        recording: &Recording,
    ) -> io::Result<(Self, Threads)> {
        let Opened { settings, offloads, queues, vpn_queues, ports, routes, .. } = opened;
        let (tally, lost) = (Arc::<Tally>::default(), Arc::<Counters<Lost>>::default());
        steer(&ports, settings.workers);
        match settings.dont_fragment {
            // Routers fragment what is too long, and report nothing.
            DontFragment::Clear => ike_sockets.clear(),
            DontFragment::Set => {
                for socket in &ike_sockets {
                    net::report_mtu_errors(socket, socket.local_addr()?.ip())?;
                }
            }
        }
        let mut ends = Vec::with_capacity(queues.len());
        let mut workers = Vec::with_capacity(queues.len());
        for _ in &queues {
            let (commands, orders) = mpsc::channel();
            let (waker, waiting) = (Arc::new(Waker::new()?), Arc::default());
            workers.push(Remote { commands, waker: Arc::clone(&waker), waiting });
            ends.push((orders, waker));
        }
        let workers: Arc<[Remote]> = workers.into();
        let cores = net::usable_cores().unwrap_or_default();
        let mut threads = Vec::with_capacity(queues.len());
        let mut vpn_queues = vpn_queues.into_iter();
        for (index, ((tun, ports), (orders, waker))) in
            queues.into_iter().zip(ports).zip(ends).enumerate()
        {
            let forwarder = Forwarder::new(
                Instant::now(),
                settings.forwarder,
                Arc::clone(policy),
                Arc::clone(&tally),
                // Its keys are random.
                RandomState::new().hash_one(index),
                Journal::new(recording.clone()),
            );
            let worker = Worker::new(Parts {
                index,
                forwarder,
                tun,
                ip_vpn: vpn_queues.next(),
                offload: Offload { uso: offloads.uso },
                busy_poll: settings.busy_poll,
                ports,
                // The first one's.
                ike_sockets: std::mem::take(&mut ike_sockets),
                orders,
                waker,
                workers: Arc::clone(&workers),
                ike: Arc::clone(ike),
                lost: Arc::clone(&lost),
            })?;
            let core = cores.get(index).copied().filter(|_| workers.len() <= cores.len());
            let thread = std::thread::Builder::new().name(format!("esp-{index}"));
            threads.push(thread.spawn(move || worker.run(core))?);
        }
        let handle = Self {
            workers: Arc::clone(&workers),
            owners: Mutex::default(),
            routes: Mutex::new(routes),
            addresses: Mutex::default(),
            tally,
            lost,
        };
        Ok((handle, Threads { workers, threads }))
    }

    /// Installs a CHILD_SA. When this returns, packets of it are understood.
    pub fn install(&self, child: NewChild) {
        let owner = child.spi_in as usize % self.workers.len().max(1);
        let (id, prefixes) = (child.id, child.selectors.remote_prefixes());
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).insert(id, owner);
        for (index, worker) in self.workers.iter().enumerate() {
            if index != owner {
                worker.tell(Command::Announce(id, owner, prefixes.clone()));
            }
        }
        let (done, is_done) = mpsc::sync_channel(1);
        if let Some(worker) = self.workers.get(owner) {
            worker.tell(Command::Install(Box::new(child), done));
            await_answer(&is_done, "install a CHILD_SA");
        }
    }

    /// Forgets a CHILD_SA; returns what it has carried.
    #[must_use]
    pub fn remove(&self, child: u64) -> Traffic {
        let owner = self.owners.lock().unwrap_or_else(PoisonError::into_inner).remove(&child);
        let mut traffic = None;
        for (index, worker) in self.workers.iter().enumerate() {
            if Some(index) == owner {
                let (done, is_done) = mpsc::sync_channel(1);
                worker.tell(Command::Remove(child, done));
                traffic = await_answer(&is_done, "remove a CHILD_SA");
            } else {
                worker.tell(Command::Withdraw(child));
            }
        }
        traffic.unwrap_or_default()
    }

    /// All packets of a session travel another way.
    pub fn moved(&self, session: u64, way: Way) {
        self.workers.iter().for_each(|worker| worker.tell(Command::Moved(session, way)));
    }

    /// Judges by another policy, and leads `prefixes` into the devices.
    ///
    /// # Errors
    /// When the kernel does not take the routes. The policy is in force all the same.
    pub fn set_policy(
        &self,
        policy: &Arc<Policy>,
        prefixes: &Prefixes<'_>,
    ) -> Result<(), LinkError> {
        for worker in self.workers.iter() {
            worker.tell(Command::Policy(Arc::clone(policy)));
        }
        self.routes.lock().unwrap_or_else(PoisonError::into_inner).replace(*prefixes)
    }

    /// Looks which addresses this machine has now: no flow may lead to them.
    ///
    /// # Errors
    /// When the kernel does not list them; those known before stay out of reach.
    pub fn look_at_addresses(&self) -> Result<(), LinkError> {
        let found = net::own_addresses()?;
        let mut known = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if **known != found {
            *known = Arc::new(found);
            for worker in self.workers.iter() {
                worker.tell(Command::OwnAddresses(Arc::clone(&known)));
            }
        }
        Ok(())
    }

    /// Takes an ESP packet that came to the socket of IKE.
    pub fn receive(&self, arrival: Arrival, packet: &[u8]) {
        let owner = crate::ingress::owner(packet, self.workers.len());
        if let Some(worker) = self.workers.get(owner) {
            worker.hand_over(arrival, packet, &self.lost);
        }
    }

    /// What is held, of each worker; `None` for one that does not answer.
    #[must_use]
    pub fn status(&self) -> Vec<Option<Status>> {
        self.ask_all(Command::Describe)
    }

    /// What each worker answers; all are asked before any is waited for.
    fn ask_all<T>(&self, question: impl Fn(SyncSender<T>) -> Command) -> Vec<Option<T>> {
        let ask = |worker: &Remote| {
            let (answer, answered) = mpsc::sync_channel(1);
            worker.tell(question(answer));
            answered
        };
        let asked: Vec<_> = self.workers.iter().map(ask).collect();
        asked.iter().map(|answered| answered.recv_timeout(PATIENCE).ok()).collect()
    }

    /// The flows that are wanted, of each worker at most so many; `None` when one does not answer.
    #[must_use]
    pub fn flows(&self, wanted: &Arc<Wanted>, most: usize) -> Option<Flows> {
        let mut all = Flows::default();
        for flows in self.ask_all(|answer| Command::Flows(Arc::clone(wanted), most, answer)) {
            let flows = flows?;
            all.newest.extend(flows.newest);
            all.left_out += flows.left_out;
        }
        Some(all)
    }

    /// Ends a flow by an operator's order; says whether it was there.
    #[must_use]
    pub fn end_flow(&self, connection: ConnectionId, by: &Dismissal) -> bool {
        self.workers.iter().any(|worker| {
            let (done, is_done) = mpsc::sync_channel(1);
            worker.tell(Command::EndFlow(connection, by.clone(), done));
            await_answer(&is_done, "end a flow").unwrap_or(false)
        })
    }

    /// Every reason with its count since the start, by code.
    #[must_use]
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        let lost = self.lost.iter().map(|(reason, count)| (reason.code(), count));
        self.tally.all().into_iter().chain(lost).collect()
    }
}

/// Leads every ESP packet to its worker, and the rest to IKE.
fn steer(ports: &[Vec<crate::port::Port>], workers: std::num::NonZeroU32) {
    for port in ports.first().into_iter().flatten() {
        if let crate::port::Port::Udp(port) = port
            && let Err(lack) = net::steer(port, workers)
        {
            tracing::warn!("{lack}");
        }
    }
}

fn await_answer<T>(answered: &Receiver<T>, what: &str) -> Option<T> {
    let answer = answered.recv_timeout(PATIENCE).ok();
    if answer.is_none() {
        tracing::error!("a worker of the data plane did not {what} in time");
    }
    answer
}

/// The running threads.
pub struct Threads {
    workers: Arc<[Remote]>,
    threads: Vec<JoinHandle<()>>,
}

impl Threads {
    /// Whether all are still there.
    #[must_use]
    pub fn are_well(&self) -> bool {
        self.threads.iter().all(|thread| !thread.is_finished())
    }

    /// Ends them. The device goes with them; what its routes led into it meets their blackholes.
    pub fn stop(self) {
        self.workers.iter().for_each(|worker| worker.tell(Command::Stop));
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a worker of the data plane panicked");
            }
        }
    }
}
