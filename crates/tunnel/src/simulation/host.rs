//! A host whose TCP others wrote.

use std::collections::VecDeque;
use std::net::SocketAddr;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

/// Octets that each end sends.
pub(super) const AMOUNT: usize = 60_000;

/// The wire at a host.
#[derive(Default)]
pub(super) struct Wire {
    pub(super) to_host: VecDeque<Vec<u8>>,
    pub(super) from_host: VecDeque<Vec<u8>>,
}

pub(super) struct Received(Vec<u8>);
pub(super) struct Sending<'a>(&'a mut VecDeque<Vec<u8>>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(&self.0)
    }
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut packet = vec![0; len];
        let result = write(&mut packet);
        self.0.push_back(packet);
        result
    }
}

impl Device for Wire {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sending<'_>)> {
        let packet = self.to_host.pop_front()?;
        Some((Received(packet), Sending(&mut self.from_host)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        Some(Sending(&mut self.from_host))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities
    }
}

/// A host with one connection, by which it sends [`AMOUNT`] octets and takes as many.
pub(super) struct Host {
    pub(super) wire: Wire,
    interface: Interface,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
    sent: usize,
    received: usize,
    /// What it sends begins with this number.
    says: u8,
}

fn octet(says: u8, at: usize) -> u8 {
    (at % 251) as u8 ^ (at / 251) as u8 ^ says
}

fn moment(now: u64) -> Instant {
    Instant::from_millis(now as i64)
}

impl Host {
    fn new(address: SocketAddr, says: u8, seed: u64) -> Self {
        let mut wire = Wire::default();
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut wire, moment(0));
        // All the world is on the wire.
        interface.update_ip_addrs(|own| own.push(IpCidr::new(address.ip().into(), 0)).unwrap());
        let buffer = || tcp::SocketBuffer::new(vec![0; 6144]);
        let mut sockets = SocketSet::new(Vec::new());
        let mut socket = tcp::Socket::new(buffer(), buffer());
        // It does not ask again when the other end's window has opened and it missed that.
        socket.set_keep_alive(Some(Duration::from_secs(5)));
        let socket = sockets.add(socket);
        Self { wire, interface, sockets, socket, sent: 0, received: 0, says }
    }

    /// Waits for a connection.
    pub(super) fn system(address: SocketAddr, seed: u64) -> Self {
        let mut host = Self::new(address, 0x55, seed);
        host.sockets.get_mut::<tcp::Socket<'_>>(host.socket).listen(address).unwrap();
        host
    }

    /// Connects.
    pub(super) fn client(address: SocketAddr, system: SocketAddr, seed: u64) -> Self {
        let mut host = Self::new(address, 0xaa, seed);
        let to = (IpAddress::from(system.ip()), system.port());
        let socket = host.sockets.get_mut::<tcp::Socket<'_>>(host.socket);
        socket.connect(host.interface.context(), to, address).unwrap();
        host
    }

    /// Takes what has come, and sends what it may.
    pub(super) fn poll(&mut self, now: u64) {
        self.interface.poll(moment(now), &mut self.wire, &mut self.sockets);
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(self.socket);
        while socket.can_recv() {
            let mut space = [0; 4096];
            let len = socket.recv_slice(&mut space).unwrap();
            for (at, came) in (self.received..).zip(&space[..len]) {
                assert_eq!(*came, octet(!self.says, at), "octet {at} is another");
            }
            self.received += len;
        }
        while socket.can_send() && self.sent < AMOUNT {
            let end = AMOUNT.min(self.sent + 4096);
            let data: Vec<u8> = (self.sent..end).map(|at| octet(self.says, at)).collect();
            self.sent += socket.send_slice(&data).unwrap();
        }
        self.interface.poll(moment(now), &mut self.wire, &mut self.sockets);
    }

    /// When it wants to be polled again.
    pub(super) fn next_poll(&mut self, now: u64) -> Option<u64> {
        let at = self.interface.poll_at(moment(now), &self.sockets)?;
        Some((at.total_millis() as u64).max(now))
    }

    /// It has all that the other sent, and the other has what it sent.
    pub(super) fn is_done(&self) -> bool {
        let socket = self.sockets.get::<tcp::Socket<'_>>(self.socket);
        self.received == AMOUNT && self.sent == AMOUNT && socket.send_queue() == 0
    }
}
