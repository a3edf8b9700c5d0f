//! The gateway's data plane without sockets, the policy of the whole population, and peers who
//! seal for it.

use std::hint::black_box;
use std::io::IoSlice;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Instant;

use ::esp::Outbound;
use ::packet::{Batch, Merger, Offload, VnetHeader};
use ::policy::{Policy, UtcOffset};
use bench::population;
use tunnel::{
    Arrival, Credential, Delivery, Departure, Departures, Forwarder, Ledger, Member, NewChild, Now,
    Opening, Outlet, Path, Refusal, Selector, Selectors, Settings, Tally, Traffic, Way,
};

use crate::esp::{AES_256_GCM, inbound, outbound};
use crate::ip::{self, Ends, Upper};

/// Packets of 1408 octets fit in.
const PATH_MTU: u16 = 1500;
/// IPv4 in a tunnel.
const NEXT_HEADER: u8 = 4;
/// The gateway's address, and the system's port, of TCP and UDP.
const LOCAL: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
const PORT: u16 = 443;
/// Clients of one peer, of the 64 addresses of its institution.
const CLIENTS: u32 = 60;

/// The policy of the population; its systems take UDP too.
pub(crate) fn policy() -> Arc<Policy> {
    let mut systems = population::systems();
    for destination in systems.iter_mut().flat_map(|system| &mut system.destinations) {
        destination.services.push(format!("udp/{PORT}").parse().unwrap());
    }
    let roster = population::roster();
    Arc::new(Policy::compile(1, UtcOffset::default(), systems, &roster).unwrap())
}

/// A flow: its place among those of its peer, and which that is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub(crate) peer: u16,
    pub(crate) number: u32,
}

impl Flow {
    /// From the client to the system.
    pub(crate) fn ends(self) -> Ends {
        let addresses = u32::from(Ipv4Addr::new(100, 64, 0, 0)) + u32::from(self.peer) * 64;
        let client = Ipv4Addr::from(addresses + 1 + self.number % CLIENTS);
        let port = 1024 + u16::try_from(self.number / CLIENTS).unwrap();
        (SocketAddrV4::new(client, port), SocketAddrV4::new(system(), PORT))
    }

    /// From the system to the client.
    pub(crate) fn ends_of_answer(self) -> Ends {
        let (client, system) = self.ends();
        (system, client)
    }
}

/// Where an IPv4 packet has the flags of TCP.
const TCP_FLAGS: usize = 33;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// Records nothing: the log is measured by itself.
struct Unwritten;

impl Ledger for Unwritten {
    fn opened(&mut self, _opening: &Opening<'_>) -> Option<u32> {
        Some(0)
    }

    fn closed(&mut self, _entry: u32, _reason: &'static str, _traffic: Traffic) {}

    fn refused(&mut self, _refusal: &Refusal<'_>) {}
}

/// A gateway with a CHILD_SA of each of its peers.
pub(crate) struct Gateway {
    forwarder: Forwarder<Unwritten>,
    departures: Departures,
    now: Now,
    peers: Vec<Outbound>,
}

impl Gateway {
    /// Of so many peers, with room for so many flows.
    pub(crate) fn new(policy: &Arc<Policy>, peers: u16, flows: u32) -> Self {
        let settings = Settings {
            path_mtu: PATH_MTU,
            flows: flows as usize,
            flows_per_institution: flows,
            ..Settings::default()
        };
        let now = Now { instant: Instant::now(), unix: population::MONDAY_MORNING };
        let tally = Arc::new(Tally::default());
        let forwarder =
            Forwarder::new(now.instant, settings, Arc::clone(policy), tally, 7, Unwritten);
        let departures = Departures::new(Batch::new(Batch::LIMIT_IPV4));
        let mut gateway = Self { forwarder, departures, now, peers: Vec::new() };
        for peer in 0..peers {
            gateway.forwarder.install(child(peer));
        }
        gateway
    }

    /// Gives each peer what it seals with.
    pub(crate) fn meet_peers(&mut self) {
        let (peers, _) = self.forwarder.held();
        let peers = (0..peers as u16).map(|peer| outbound(spi(peer), AES_256_GCM));
        self.peers = peers.collect();
    }

    /// How many CHILD_SAs and flows it has.
    pub(crate) fn held(&self) -> (usize, usize) {
        self.forwarder.held()
    }

    /// What the flow's peer sends.
    pub(crate) fn seal(&mut self, flow: Flow, inner: &[u8], space: &mut [u8]) {
        let peer = &mut self.peers[usize::from(flow.peer)];
        peer.seal_into(inner, NEXT_HEADER, space).unwrap();
    }

    /// The flow's peer begins it.
    pub(crate) fn begin(&mut self, flow: Flow, upper: Upper) {
        self.speak_up(flow, upper, Some(SYN));
        let mut answer = [0; 64];
        ip::write(&mut answer, upper, flow.ends_of_answer(), 0);
        if upper == Upper::Tcp {
            answer[TCP_FLAGS] = SYN | ACK;
        }
        self.send(VnetHeader::default(), &mut answer);
        self.flush();
        self.speak_up(flow, upper, None);
    }

    /// The flow's peer sends one small packet, of TCP with these flags.
    fn speak_up(&mut self, flow: Flow, upper: Upper, flags: Option<u8>) {
        let (mut inner, mut packet) = ([0; 64], [0; 128]);
        ip::write(&mut inner, upper, flow.ends(), 0);
        if let Some(flags) = flags.filter(|_| upper == Upper::Tcp) {
            // Its checksum is the system's matter.
            inner[TCP_FLAGS] = flags;
        }
        let packet = &mut packet[..AES_256_GCM.sealed_len(inner.len())];
        self.seal(flow, &inner, packet);
        self.receive(packet, packet.len());
    }

    /// Takes ESP packets of `length` octets as from one receive buffer, towards a TUN device that
    /// takes them all.
    pub(crate) fn receive(&mut self, slab: &mut [u8], length: usize) {
        let arrival = Arrival { path: path(), encapsulated: true, ecn: 0 };
        let mut merger = Merger::new(Offload { uso: true });
        let mut write = |slices: &[IoSlice<'_>]| _ = black_box(slices);
        for packet in slab.chunks_exact_mut(length) {
            match self.forwarder.handle_esp(self.now, &arrival, packet) {
                Ok(Delivery::Packet(octets, ref headers)) => {
                    merger.push(octets, headers, &mut write);
                }
                other => panic!("not delivered: {other:?}"),
            }
        }
        merger.finish(&mut write);
    }

    /// Takes what was read from a TUN device, towards sockets that take it all.
    pub(crate) fn send(&mut self, vnet: VnetHeader, packet: &mut [u8]) {
        let Self { forwarder, departures, now, .. } = self;
        forwarder.handle_inner(*now, vnet, packet, departures, &mut Gone).unwrap();
    }

    /// Nothing more was read.
    pub(crate) fn flush(&mut self) {
        self.departures.flush(&mut Gone);
    }
}

/// Takes all and keeps nothing.
struct Gone;

impl Outlet for Gone {
    fn send(&mut self, departure: &Departure, batch: &Batch) {
        black_box((departure, batch.octets()));
    }

    fn answer(&mut self, packet: &[u8]) {
        panic!("an answer to a packet that fits: {packet:?}");
    }
}

fn system() -> Ipv4Addr {
    match population::system_v4(0) {
        std::net::IpAddr::V4(address) => address,
        std::net::IpAddr::V6(_) => unreachable!(),
    }
}

fn path() -> Path {
    let local = SocketAddrV4::new(LOCAL, 4500).into();
    Path { local, remote: SocketAddrV4::new(Ipv4Addr::new(198, 51, 100, 7), 4500).into() }
}

/// Without a pattern, as the gateway draws them.
fn spi(peer: u16) -> u32 {
    (u32::from(peer) + 1).wrapping_mul(0x9e37_79b1)
}

fn child(peer: u16) -> NewChild {
    let identity: Arc<str> = population::ike_identity(peer).into();
    let recorded = connlog::Credential::Ike(Arc::clone(&identity));
    let credential = Credential::Identity(identity);
    let member = Member { session: peer.into(), credential, recorded };
    let first = Ipv4Addr::from(u32::from(Ipv4Addr::new(100, 64, 0, 0)) + u32::from(peer) * 64);
    let last = Ipv4Addr::from(u32::from(first) + 63);
    let any = |first: Ipv4Addr, last: Ipv4Addr| Selector {
        protocol: 0,
        first: first.into(),
        last: last.into(),
        ports: (0, u16::MAX),
    };
    let spi = spi(peer);
    NewChild {
        id: peer.into(),
        replaces: None,
        member: Arc::new(member),
        spi_in: spi,
        spi_out: spi,
        inbound: inbound(spi, AES_256_GCM),
        outbound: outbound(spi, AES_256_GCM),
        selectors: Selectors {
            local: [any(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST)].into(),
            remote: [any(first, last)].into(),
        },
        way: Way { path: path(), encapsulated: true, follow: true, keep_alive: false },
        send_at_once: true,
    }
}
