//! A site router as fast as the gateway: [`Initiator`] for IKE, and one thread that carries
//! packets between a TUN device and one session's CHILD_SAs. It judges nothing: whatever a tunnel
//! brings is delivered, and whatever the device gives is sent.

use std::collections::BTreeMap;
use std::io::IoSliceMut;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use esp::{Inbound, Limits, Outbound, Parameters, Suite};
use ike::{ChildId, ChildSa};
use ike_negotiation::Cipher;
use ipnet::IpNet;
use net::{Departure, Device, Events, Interest, LinkConfig, Poller, Queue, Received, UdpPort};
use packet::{Batch, Headers, Merger, Offload, VnetHeader};

use crate::initiator::{Change, Initiator, Plan};

/// Its TUN device.
const DEVICE: &str = "site0";
/// Buffers filled by one system call, and the size of each.
const BUFFERS: usize = 8;
const BUFFER: usize = 65_536;
/// Turns of one direction before the other has its own.
const TURNS: usize = 32;
/// Between two looks at what IKE says, when there are no packets.
const PAUSE: Duration = Duration::from_millis(2);
/// Before IKE on the shared port, and no SPI.
const NON_ESP: u32 = 0;

/// Begins a session in the namespace of this process, and carries its packets for ever; looks for
/// the next one for so long before it sleeps, as the gateway's workers do.
///
/// # Panics
///
/// When a device or a socket cannot be had.
pub fn run(mut plan: Plan, mtu: u32, busy_poll: Duration) {
    let from = plan.from[0];
    let (to_carrier, changes) = mpsc::channel();
    let ports = net::bind_udp(from, 4500, NonZeroU32::MIN, net::DontFragment::Clear).unwrap();
    let port = ports.into_iter().next().unwrap();
    let (device, queues) = Device::open(DEVICE, 1).unwrap();
    net::configure(&LinkConfig {
        name: DEVICE.to_owned(),
        mtu,
        addresses: Vec::new(),
        gso_max_size: None,
        queue_len: Some(1000),
    })
    .unwrap();
    let remote: Vec<IpNet> =
        plan.children.iter().map(|(_, remote)| remote.parse().unwrap()).collect();
    let name = DEVICE.to_owned();
    let steering = net::Steering { device: name, ip_vpn: None, table: 4600, priority: 4600 };
    let prefixes = net::Prefixes { tunnels: &remote, ip_vpn: &[] };
    net::Routes::open(steering).unwrap().replace(prefixes).unwrap();
    plan.carrier = Some(to_carrier);
    let _session = Initiator::begin_here(plan);
    net::steer(&port, NonZeroU32::MIN).unwrap();
    let tun = queues.into_iter().next().unwrap();
    let offload = Offload { uso: device.offloads.uso };
    Carrier { port, tun, offload, from, changes, children: BTreeMap::new() }.run(busy_poll);
}

struct Child {
    inbound: Inbound,
    outbound: Outbound,
    to: Departure,
    /// Whether packets may leave by it.
    ready: bool,
}

struct Carrier {
    port: UdpPort,
    tun: Queue,
    offload: Offload,
    from: IpAddr,
    changes: Receiver<Change>,
    children: BTreeMap<ChildId, Child>,
}

impl Carrier {
    fn run(mut self, busy_poll: Duration) {
        let poller = Poller::new().unwrap();
        poller.add(&self.port, 0, Interest::Read).unwrap();
        poller.add(&self.tun, 1, Interest::Read).unwrap();
        let mut events = Events::with_capacity(2);
        let mut slab = vec![0; BUFFERS * BUFFER];
        let mut read = vec![0; net::VNET_HEADER_LEN + 65_535];
        let mut batch = Batch::new(Batch::LIMIT_IPV4);
        let mut quiet_since = Instant::now();
        loop {
            while let Ok(change) = self.changes.try_recv() {
                self.change(change);
            }
            let polls = quiet_since.elapsed() < busy_poll;
            poller.wait(&mut events, Some(if polls { Duration::ZERO } else { PAUSE })).unwrap();
            if events.iter().next().is_some() {
                quiet_since = Instant::now();
            } else if polls {
                thread::yield_now();
            }
            for ready in events.iter() {
                match ready.token {
                    0 => self.receive(&mut slab),
                    _ => self.send(&mut read, &mut batch),
                }
            }
        }
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Up(child) => {
                self.children.insert(child.id, new_child(&child, self.from));
            }
            Change::Down(child) => {
                self.children.remove(&child);
                if let Some(mut newest) = self.children.last_entry() {
                    newest.get_mut().ready = true;
                }
            }
        }
    }

    fn receive(&mut self, slab: &mut [u8]) {
        let mut received = [Received::default(); BUFFERS];
        let mut slices: Vec<_> = slab.chunks_exact_mut(BUFFER).map(IoSliceMut::new).collect();
        let Ok(count) = self.port.receive(&mut slices, &mut received) else { return };
        // IKE installs an inbound SA before its last message leaves, but tells by a queue.
        while let Ok(change) = self.changes.try_recv() {
            self.change(change);
        }
        let mut merger = Merger::new(self.offload);
        let tun = &self.tun;
        let mut write = |slices: &[std::io::IoSlice<'_>]| {
            let _ = tun.write(slices);
        };
        for (buffer, received) in slab.chunks_exact_mut(BUFFER).zip(&received).take(count) {
            for packet in buffer[..received.len].chunks_mut(received.stride.max(1)) {
                let Some(inner) = open(&mut self.children, packet) else { continue };
                let Ok(headers) = Headers::parse(inner) else { continue };
                merger.push(inner, &headers, &mut write);
            }
        }
        merger.finish(&mut write);
    }

    fn send(&mut self, read: &mut [u8], batch: &mut Batch) {
        let Some(child) = self.children.values_mut().rfind(|child| child.ready) else {
            let _ = self.tun.read(read);
            return;
        };
        for _ in 0..TURNS {
            let Ok(len) = self.tun.read(read) else { break };
            let (vnet, packet) = read[..len].split_first_chunk_mut().unwrap();
            let vnet = VnetHeader::parse(vnet);
            let Ok(headers) = Headers::parse(packet) else { continue };
            let Ok(mut segments) = packet::split(&vnet, &headers, packet) else { continue };
            let next_header = if headers.source.is_ipv4() { 4 } else { 41 };
            while let Some(segment) = segments.next() {
                let len = child.outbound.sealed_len(segment.len());
                if batch.reserve(len).is_none() {
                    flush(&self.port, &child.to, batch);
                }
                let Some(room) = batch.reserve(len) else { continue };
                if let Ok(len) = child.outbound.seal_into(segment, next_header, room) {
                    batch.commit(len);
                }
            }
        }
        flush(&self.port, &child.to, batch);
    }
}

fn open<'p>(children: &mut BTreeMap<ChildId, Child>, packet: &'p mut [u8]) -> Option<&'p [u8]> {
    let spi = u32::from_be_bytes(*packet.first_chunk()?);
    if spi == NON_ESP {
        return None;
    }
    let child = children.values_mut().find(|child| child.inbound.spi() == spi)?;
    let opened = child.inbound.open(packet).ok()?;
    child.ready = true;
    Some(opened.inner)
}

fn flush(port: &UdpPort, to: &Departure, batch: &mut Batch) {
    if !batch.is_empty() {
        // What the network does not take is lost.
        let _ = port.send(to, batch.octets(), batch.stride());
    }
    batch.clear();
}

fn new_child(child: &ChildSa, from: IpAddr) -> Child {
    let suite = match child.suite.cipher {
        Cipher::Aead(algorithm) => Suite::Aead(algorithm),
        Cipher::Cbc { key, integrity } => Suite::CbcHmac { key_len: key.octets(), integrity },
    };
    let esn = child.suite.esn;
    let inbound = Parameters {
        spi: child.spi_in,
        suite,
        encryption: child.keys_in.encryption.as_bytes(),
        integrity: child.keys_in.integrity.as_bytes(),
        esn,
    };
    let outbound = Parameters {
        spi: child.spi_out,
        suite,
        encryption: child.keys_out.encryption.as_bytes(),
        integrity: child.keys_out.integrity.as_bytes(),
        esn,
    };
    let mut destination = child.path.remote;
    destination.set_port(4500);
    Child {
        inbound: Inbound::new(&inbound, esp::DEFAULT_WINDOW, Limits::NONE).unwrap(),
        outbound: Outbound::new(&outbound, Limits::NONE).unwrap(),
        to: Departure { destination, source: Some(from), traffic_class: 0 },
        ready: child.send_at_once,
    }
}
