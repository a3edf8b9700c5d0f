//! The loop of one worker.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::yield_now;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use net::{Departure, Events, Interest, MtuError, Poller, Queue, VNET_HEADER_LEN, Waker};
use packet::{Batch, Offload, VnetHeader};
use reason::Counters;
use tunnel::{Arrival, Departures, Discard, Dropped, Forwarder, Now, Sent, Traffic};

use crate::egress::{Backlog, Exit, write, write_slices};
use crate::flows::{Flows, Wanted};
use crate::handle::{Command, Remote, Status};
use crate::ingress::{Entry, Inside, KEEP_ALIVE};
use crate::journal::Journal;
use crate::port::Port;
use crate::{Ike, Lost, ip_vpn};

/// Packets read from the device before the sockets have their turn.
const READS: usize = 32;
/// Receptions from one socket before the others have their turn.
const RECEPTIONS: usize = 4;
/// Orders, packets handed over among them, before devices and sockets have their turn.
const ORDERS: usize = 256;
/// A vnet header, and the longest packet.
const READ: usize = VNET_HEADER_LEN + 65_535;

const TUN: u64 = u64::MAX;
const WAKER: u64 = u64::MAX - 1;
const IP_VPN: u64 = u64::MAX - 2;

/// What a worker is made of.
pub(crate) struct Parts {
    pub(crate) index: usize,
    pub(crate) forwarder: Forwarder<Journal>,
    pub(crate) tun: Queue,
    /// Of the device that what comes from the IP-VPN is read from.
    pub(crate) ip_vpn: Option<Queue>,
    pub(crate) offload: Offload,
    pub(crate) busy_poll: Duration,
    pub(crate) ports: Vec<Port>,
    /// Sockets of IKE on the shared port: of them, only path MTU errors are taken.
    pub(crate) ike_sockets: Vec<UdpSocket>,
    pub(crate) orders: Receiver<Command>,
    pub(crate) waker: Arc<Waker>,
    pub(crate) workers: Arc<[Remote]>,
    pub(crate) ike: Arc<dyn Ike>,
    pub(crate) lost: Arc<Counters<Lost>>,
}

/// A worker.
pub(crate) struct Worker {
    parts: Parts,
    poller: Poller,
    entry: Entry,
    read: Vec<u8>,
    departures: Departures,
    backlog: Backlog,
    /// The socket whose room is waited for; nothing is read from the device meanwhile.
    blocked: Option<usize>,
}

/// What is ready.
#[derive(Default)]
struct Turn {
    tun: bool,
    ip_vpn: bool,
    device_gone: bool,
    orders: bool,
    room: bool,
    /// By index.
    readable: Vec<usize>,
    errors: Vec<usize>,
}

impl Worker {
    pub(crate) fn new(parts: Parts) -> io::Result<Self> {
        let poller = Poller::new()?;
        poller.add(&parts.tun, TUN, Interest::Read)?;
        if let Some(ip_vpn) = &parts.ip_vpn {
            poller.add(ip_vpn, IP_VPN, Interest::Read)?;
        }
        poller.add(&*parts.waker, WAKER, Interest::Read)?;
        for (index, port) in (0..).zip(&parts.ports) {
            poller.add(port, index, Interest::Read)?;
        }
        for (index, socket) in (parts.ports.len() as u64..).zip(&parts.ike_sockets) {
            poller.add(socket, index, Interest::None)?;
        }
        Ok(Self {
            entry: Entry::new(parts.offload),
            parts,
            poller,
            read: vec![0; READ],
            departures: Departures::new(Batch::new(Batch::LIMIT_IPV6)),
            backlog: Backlog::default(),
            blocked: None,
        })
    }

    /// Carries packets until told to stop, or until a device is gone.
    pub(crate) fn run(mut self, core: Option<usize>) {
        self.work(core);
        self.finish();
    }

    fn work(&mut self, core: Option<usize>) {
        if let Some(core) = core
            && let Err(error) = net::pin(core)
        {
            tracing::debug!(%error, core, "a worker is not kept on its core");
        }
        let sockets = self.parts.ports.len() + self.parts.ike_sockets.len();
        let mut events = Events::with_capacity(sockets + 3);
        let mut turn = Turn::default();
        let mut quiet_since = Instant::now();
        loop {
            let due = self.parts.forwarder.poll_timeout();
            let now = Instant::now();
            let polls = now < quiet_since + self.parts.busy_poll;
            let wait = if polls { Duration::ZERO } else { due.saturating_duration_since(now) };
            if let Err(error) = self.poller.wait(&mut events, Some(wait)) {
                return tracing::error!(%error, "a worker cannot wait for packets");
            }
            turn.note(&events);
            if turn.device_gone {
                return tracing::error!("somebody has removed a TUN device");
            }
            if turn.tun || turn.ip_vpn || !turn.readable.is_empty() {
                quiet_since = Instant::now();
            } else if polls {
                // Whoever sends the next packet may need this core.
                yield_now();
            }
            if turn.orders && !self.obey() {
                return;
            }
            self.carry(&turn);
            if Instant::now() >= due {
                self.keep_time();
            }
            while let Some(notice) = self.parts.forwarder.poll_notice() {
                self.parts.ike.notice(notice);
            }
        }
    }

    /// One turn of each direction.
    fn carry(&mut self, turn: &Turn) {
        let now = now();
        for &index in &turn.errors {
            self.path_errors(index);
        }
        for &index in &turn.readable {
            self.receive(now, index);
        }
        if turn.ip_vpn {
            self.pass(now);
        }
        if self.parts.forwarder.owes_resets() {
            let Self { parts, departures, backlog, .. } = &mut *self;
            let (forwarder, mut exit) = parts.exit(backlog);
            forwarder.send_resets(departures, &mut exit);
        }
        if turn.room {
            self.backlog.send(&self.parts.ports, &self.parts.lost);
        }
        if turn.tun && self.backlog.is_empty() {
            self.send(now);
        }
        self.mind_backlog();
    }

    fn receive(&mut self, now: Now, index: usize) {
        let Self { parts, entry, .. } = self;
        let (ports, mut inside) = parts.inside();
        let Some(port) = ports.get(index) else { return };
        for _ in 0..RECEPTIONS {
            if !entry.receive(now, port, &mut inside) {
                return;
            }
        }
    }

    fn pass(&mut self, now: Now) {
        let Self { parts: Parts { forwarder, tun, ip_vpn: Some(ip_vpn), lost, .. }, read, .. } =
            self
        else {
            return;
        };
        for _ in 0..READS {
            let Some(octets) = read_from(ip_vpn, read) else { break };
            ip_vpn::pass(now, octets, forwarder, tun, lost);
        }
    }

    fn send(&mut self, now: Now) {
        for _ in 0..READS {
            let Some(len) = read_from(&self.parts.tun, &mut self.read).map(|octets| octets.len())
            else {
                break;
            };
            let Self { parts, read, departures, backlog, .. } = self;
            let Some((vnet, packet)) =
                read.get_mut(..len).and_then(|octets| octets.split_first_chunk_mut())
            else {
                continue;
            };
            let vnet = VnetHeader::parse(vnet);
            let further = parts.workers.len().saturating_sub(1);
            parts.depart(now, vnet, packet, further, departures, backlog);
            if !backlog.is_empty() {
                break;
            }
        }
        self.flush();
    }

    fn flush(&mut self) {
        let Self { parts, departures, backlog, .. } = self;
        departures.flush(&mut parts.exit(backlog).1);
    }

    /// Waits for room when something needs it, and for packets of the device when nothing does.
    fn mind_backlog(&mut self) {
        let needed = self.backlog.port();
        if needed == self.blocked {
            return;
        }
        let ports = &self.parts.ports;
        let set = |index: Option<usize>, interest| {
            let found = index.and_then(|index| Some((index, ports.get(index)?)));
            let done = found.map(|(index, port)| self.poller.modify(port, index as u64, interest));
            done.unwrap_or(Ok(()))
        };
        let tun = if needed.is_some() { Interest::None } else { Interest::Read };
        let done = set(self.blocked, Interest::Read)
            .and_then(|()| set(needed, Interest::ReadWrite))
            .and_then(|()| self.poller.modify(&self.parts.tun, TUN, tun));
        if let Err(error) = done {
            tracing::error!(%error, "a worker cannot wait for room");
        }
        self.blocked = needed;
    }

    fn path_errors(&mut self, index: usize) {
        while let Some(error) = self.parts.path_mtu_error(index) {
            if !self.parts.path_mtu(&error) {
                if self.parts.workers.len() == 1 {
                    self.parts.forwarder.tally().count(Dropped::PathMtuForged.into());
                }
                // The kernel gives it to any of the workers.
                for (index, worker) in self.parts.workers.iter().enumerate() {
                    if index != self.parts.index {
                        worker.tell(Command::PathMtu(error));
                    }
                }
            }
        }
    }

    fn keep_time(&mut self) {
        let Parts { forwarder, ports, lost, .. } = &mut self.parts;
        forwarder.ledger_mut().record_folded(false);
        forwarder.handle_timeout(now(), |path| {
            let leaving = Departure {
                destination: path.remote,
                source: Some(path.local.ip()),
                traffic_class: 0,
            };
            let port = ports.iter().find(|port| port.serves(path, true));
            let sent = port.map(|port| port.send(&leaving, &KEEP_ALIVE, KEEP_ALIVE.len()));
            if !matches!(sent, Some(Ok(()))) {
                lost.count(Lost::SendFailed);
            }
        });
    }

    /// Does what it is told; says whether to go on.
    fn obey(&mut self) -> bool {
        self.parts.waker.clear();
        for _ in 0..ORDERS {
            let Ok(command) = self.parts.orders.try_recv() else { return true };
            let forwarder = &mut self.parts.forwarder;
            match command {
                Command::Install(child, done) => {
                    forwarder.install(*child);
                    // Whoever waits may have lost patience.
                    let _ = done.try_send(());
                }
                Command::Remove(child, done) => {
                    let carried = forwarder.remove(child).map(|(inbound, outbound)| Traffic {
                        octets_in: inbound.octets,
                        octets_out: outbound.octets,
                        packets_in: inbound.packets,
                        packets_out: outbound.packets,
                    });
                    let _ = done.try_send(carried.unwrap_or_default());
                }
                Command::Announce(child, worker, prefixes) => {
                    forwarder.announce(child, worker, prefixes);
                }
                Command::Withdraw(child) => forwarder.withdraw(child),
                Command::Moved(session, way) => forwarder.moved(session, way),
                Command::Policy(policy) => forwarder.set_policy(policy),
                Command::OwnAddresses(own) => forwarder.set_own_addresses(own),
                Command::Describe(answer) => {
                    let (children, flows) = forwarder.held();
                    let _ = answer.try_send(Status { children, flows });
                }
                Command::Flows(wanted, most, answer) => {
                    let _ = answer.try_send(self.parts.flows(&*wanted, most));
                }
                Command::EndFlow(id, by, done) => {
                    let entry = forwarder.ledger_mut().dismiss(id, &by);
                    let ended = entry.is_some_and(|entry| forwarder.end_flow(entry, by.code()));
                    let _ = done.try_send(ended);
                }
                Command::PathMtu(error) => {
                    self.parts.path_mtu(&error);
                }
                Command::Esp(arrival, packet) => self.take_esp(&arrival, packet),
                Command::Inner(vnet, packet, further) => self.take_inner(vnet, packet, further),
                Command::Gathered(identification, packet, further) => {
                    self.take_gathered((identification, &packet), further);
                }
                Command::Stop => return false,
            }
        }
        // There may be more.
        self.parts.waker.wake();
        true
    }

    fn take_esp(&mut self, arrival: &Arrival, mut packet: Vec<u8>) {
        let Self { parts, entry, .. } = self;
        parts.taken();
        entry.take(now(), arrival, &mut packet, &mut parts.inside().1);
    }

    fn take_inner(&mut self, vnet: VnetHeader, mut packet: Vec<u8>, further: usize) {
        let Self { parts, departures, backlog, .. } = self;
        parts.taken();
        parts.depart(now(), vnet, &mut packet, further, departures, backlog);
        self.flush();
    }

    fn take_gathered(&mut self, gathered: (u32, &[u8]), further: usize) {
        let Self { parts, departures, backlog, .. } = self;
        parts.taken();
        let (forwarder, mut exit) = parts.exit(backlog);
        let sent = forwarder.handle_gathered(now(), gathered, departures, &mut exit);
        parts.send_on(sent, (VnetHeader::default(), gathered.1), further);
        self.flush();
    }

    /// Ends every flow, and records what was not yet.
    fn finish(&mut self) {
        self.parts.forwarder.finish();
        self.parts.forwarder.ledger_mut().record_folded(true);
    }
}

/// Reads one packet, its vnet header first; `None` when there is none.
fn read_from<'r>(queue: &Queue, read: &'r mut [u8]) -> Option<&'r mut [u8]> {
    match queue.read(read) {
        Ok(len) => read.get_mut(..len),
        Err(error) => {
            if error.kind() != io::ErrorKind::WouldBlock {
                tracing::debug!(%error, "reading from a TUN device failed");
            }
            None
        }
    }
}

impl Parts {
    /// Of what was handed over, one less waits.
    fn taken(&self) {
        if let Some(own) = self.workers.get(self.index) {
            own.taken();
        }
    }

    fn inside(&mut self) -> (&[Port], Inside<'_>) {
        let Self { index, forwarder, tun, ports, workers, ike, lost, .. } = self;
        let inside = Inside { forwarder, tun, lost, ike: &**ike, workers, index: *index };
        (ports, inside)
    }

    fn exit<'a>(&'a mut self, backlog: &'a mut Backlog) -> (&'a mut Forwarder<Journal>, Exit<'a>) {
        let Self { forwarder, tun, ports, lost, .. } = self;
        (forwarder, Exit { ports, tun, backlog, lost })
    }

    /// Sends a packet from a system on its way. Another worker may have its flow; `further` ones
    /// are asked.
    fn depart(
        &mut self,
        now: Now,
        vnet: VnetHeader,
        packet: &mut [u8],
        further: usize,
        departures: &mut Departures,
        backlog: &mut Backlog,
    ) {
        let (forwarder, mut exit) = self.exit(backlog);
        let sent = forwarder.handle_inner(now, vnet, packet, departures, &mut exit);
        self.send_on(sent, (vnet, packet), further);
    }

    /// Does what a packet from a system still needs.
    fn send_on(
        &mut self,
        sent: Result<Sent, Discard>,
        (vnet, packet): (VnetHeader, &[u8]),
        further: usize,
    ) {
        let Self { index, forwarder, tun, workers, lost, .. } = self;
        let (worker, after) = match sent {
            Ok(Sent::Through) => {
                let vnet = vnet.to_octets();
                return write_slices(tun, &[IoSlice::new(&vnet), IoSlice::new(packet)], lost);
            }
            Ok(Sent::Reassembled) => {
                return forwarder.reassembled(|packet| write(tun, packet, lost));
            }
            Ok(Sent::Elsewhere(worker)) => (worker, further.saturating_sub(1)),
            Ok(Sent::Unknown) => (*index + 1, further.saturating_sub(1)),
            // What was dropped is counted.
            Ok(Sent::Sealed | Sent::Held) | Err(_) => return,
        };
        let worker = workers.get(worker % workers.len().max(1));
        match (worker.filter(|_| further > 0), forwarder.gathered()) {
            (Some(worker), Some(gathered)) => worker.hand_over_gathered(gathered, after, lost),
            (Some(worker), None) => worker.hand_over_inner(vnet, packet, after, lost),
            // Nobody knows of its flow.
            (None, _) => forwarder.tally().count(Dropped::NoFlow.into()),
        }
    }

    fn flows(&self, wanted: &Wanted, most: usize) -> Flows {
        // An id begins with the time: the newest is the greatest.
        let (mut newest, mut left_out) = (BTreeMap::new(), 0);
        let flows = self.forwarder.flows(Instant::now());
        for flow in flows.filter_map(|view| self.forwarder.ledger().show(&view)).filter(wanted) {
            newest.insert(flow.connection, flow);
            if newest.len() > most {
                newest.pop_first();
                left_out += 1;
            }
        }
        Flows { newest: newest.into_values().collect(), left_out }
    }

    /// The next path MTU error of a socket.
    fn path_mtu_error(&self, index: usize) -> Option<MtuError> {
        match self.ports.get(index) {
            Some(port) => port.path_mtu_error(),
            None => net::next_mtu_error(self.ike_sockets.get(index - self.ports.len())?),
        }
    }

    /// Takes a path MTU error; says whether it is about a packet of this worker.
    fn path_mtu(&mut self, error: &MtuError) -> bool {
        let Some([a, b, c, d, e, f, g, h]) = error.quoted else { return false };
        let quoted = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
        let mtu = u16::try_from(error.mtu).unwrap_or(u16::MAX);
        self.forwarder.handle_path_mtu(Instant::now(), error.destination, quoted, mtu).is_ok()
    }
}

impl Turn {
    fn note(&mut self, events: &Events) {
        (self.tun, self.ip_vpn, self.device_gone) = (false, false, false);
        (self.orders, self.room) = (false, false);
        self.readable.clear();
        self.errors.clear();
        for ready in events.iter() {
            match ready.token {
                TUN => {
                    self.tun = ready.readable;
                    self.device_gone |= ready.error;
                }
                IP_VPN => {
                    self.ip_vpn = ready.readable;
                    self.device_gone |= ready.error;
                }
                WAKER => self.orders = true,
                port => {
                    let index = port as usize;
                    if ready.readable {
                        self.readable.push(index);
                    }
                    if ready.error {
                        self.errors.push(index);
                    }
                    self.room |= ready.writable;
                }
            }
        }
    }
}

/// The present moment.
fn now() -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { instant: Instant::now(), unix: unix.as_secs() as i64 }
}
