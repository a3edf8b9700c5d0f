//! The data plane under test, its hostile peers who hold the keys, and what must hold of it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crypto::aead::Algorithm;
use esp::{Inbound, Limits, Outbound, Parameters, Suite};
use packet::{Batch, Headers, Icmp, Reassembly, Transport, VnetHeader, icmp};
use policy::{Caller, Policy, Request, Target, Transport as Asked};
use tunnel::{
    Arrival, Delivery, Departures, Discard, Dropped, Forwarder, NewChild, Now, Selectors, Sent,
    Settings, Tally,
};

use super::tunnel_books::{Books, Taken};
use super::tunnel_ip_vpn::{Asks, asks};
use super::tunnel_setup::{identity, member, path, policy, selectors, way, within};

/// Flows in all: few, so that they are evicted.
const FLOWS: usize = 12;
const KEYMAT: [u8; 20] = [0x5c; 20];

/// What peers have of a CHILD_SA.
pub struct Far {
    /// Its session.
    pub session: u64,
    selectors: Selectors,
    inbound: Inbound,
    outbound: Outbound,
}

/// A gateway and the ends of its tunnels.
pub struct World {
    /// The gateway.
    pub gateway: Forwarder<Books>,
    departures: Departures,
    pub(super) policy: Arc<Policy>,
    generation: u64,
    pub(super) now: Now,
    /// By id.
    pub children: BTreeMap<u64, Far>,
    /// Those that were removed, and may still come in for a while.
    retired: BTreeMap<u64, Far>,
    next_id: u64,
    /// ESP packets that came to the gateway.
    pub came: Vec<Vec<u8>>,
    /// Inner packets that it let through, either way.
    pub passed: Vec<Vec<u8>>,
    /// SPI and sequence number of what it sent last.
    pub sent: (u32, u32),
    refused: u64,
    /// Packets and octets of clients that were let through, but for ICMP errors.
    pub(super) carried: (u64, u64),
}

impl Default for World {
    fn default() -> Self {
        let now = Now { instant: Instant::now(), unix: 1_800_000_000 };
        let policy = policy(1, 0);
        let settings = Settings { flows: FLOWS, flows_per_institution: 8, ..Settings::default() };
        let tally = Arc::new(Tally::default());
        Self {
            gateway: Forwarder::new(
                now.instant,
                settings,
                Arc::clone(&policy),
                tally,
                7,
                Books::default(),
            ),
            departures: Departures::new(Batch::new(Batch::LIMIT_IPV4)),
            policy,
            generation: 1,
            now,
            children: BTreeMap::new(),
            retired: BTreeMap::new(),
            next_id: 1,
            came: Vec::new(),
            passed: Vec::new(),
            sent: (0, 0),
            refused: 0,
            carried: (0, 0),
        }
    }
}

impl World {
    /// A CHILD_SA of the session, in place of another of its children or of none.
    pub fn install(&mut self, session: u64, choice: u8, how: u8) {
        if self.children.len() >= 8 {
            return;
        }
        let id = self.next_id;
        self.next_id += 1;
        let (spi_in, spi_out) = (id as u32 | 1 << 24, id as u32 | 2 << 24);
        // So few packets that limits are met.
        let limits = match choice & 4 {
            0 => Limits::NONE,
            _ => Limits { soft_packets: 4, hard_packets: 8, ..Limits::NONE },
        };
        let esn = choice & 8 != 0;
        let parameters = |spi| {
            let suite = Suite::Aead(Algorithm::Aes128Gcm);
            Parameters { spi, suite, encryption: &KEYMAT, integrity: &[], esn }
        };
        let inbound = |spi, limits| Inbound::new(&parameters(spi), 64, limits).unwrap();
        let outbound = |spi, limits| Outbound::new(&parameters(spi), limits).unwrap();
        let selectors = selectors(choice, session);
        let own = self.children.iter().filter(|(_, far)| far.session == session);
        self.gateway.install(NewChild {
            id,
            replaces: own.map(|(id, _)| *id).next_back().filter(|_| choice & 16 != 0),
            member: Arc::new(member(session)),
            spi_in,
            spi_out,
            inbound: inbound(spi_in, limits),
            outbound: outbound(spi_out, limits),
            selectors: selectors.clone(),
            way: way(how),
            send_at_once: choice & 32 != 0,
        });
        let (inbound, outbound) = (inbound(spi_out, Limits::NONE), outbound(spi_in, Limits::NONE));
        self.children.insert(id, Far { session, selectors, inbound, outbound });
    }

    /// The id of one of the children, or of those that were.
    #[must_use]
    pub fn nth(&self, choice: u8) -> Option<u64> {
        let ids = || self.children.keys().chain(self.retired.keys());
        ids().copied().nth(usize::from(choice) % ids().count().max(1))
    }

    /// Removes one of the children.
    pub fn remove(&mut self, choice: u8) {
        let at = usize::from(choice) % self.children.len().max(1);
        let Some(id) = self.children.keys().copied().nth(at) else { return };
        self.retired.extend(self.children.remove_entry(&id));
        assert!(self.gateway.remove(id).is_some());
    }

    /// All of a session goes another way.
    pub fn moved(&mut self, session: u64, choice: u8) {
        self.gateway.moved(session, way(choice));
    }

    /// Another policy.
    pub fn set_policy(&mut self, choice: u8) {
        self.generation += 1;
        self.policy = policy(self.generation, choice);
        self.gateway.set_policy(Arc::clone(&self.policy));
    }

    /// Time passes, with its ticks or with the last one only.
    pub fn pass(&mut self, seconds: u64) {
        self.now.instant += Duration::from_secs(seconds);
        self.now.unix += seconds as i64;
        self.gateway.handle_timeout(self.now, |_| {});
        if seconds >= 16 {
            self.gateway.handle_timeout(self.now, |_| {});
            self.check_flows();
        }
        if seconds >= 200 {
            assert_eq!(self.gateway.held().0, self.children.len(), "none is kept for ever");
            self.retired.clear();
        }
    }

    /// What a router says of one of the paths.
    pub fn path_mtu(&mut self, choice: u8, quoted: (u32, u32), mtu: u16) {
        let (now, remote) = (self.now.instant, path(choice).remote);
        if let Err(dropped) = self.gateway.handle_path_mtu(now, remote, quoted, mtu) {
            assert_eq!(dropped, Dropped::PathMtuForged);
        }
    }

    /// An ESP packet around these octets, as a peer with the keys can make it.
    pub fn seal(&mut self, id: u64, inner: &[u8], next_header: u8) -> Option<Vec<u8>> {
        let far = self.children.get_mut(&id).or(self.retired.get_mut(&id))?;
        let mut packet = vec![0; far.outbound.sealed_len(inner.len())];
        far.outbound.seal_into(inner, next_header, &mut packet).unwrap();
        Some(packet)
    }

    /// An ESP packet comes.
    ///
    /// # Panics
    ///
    /// When what is let through should not be.
    pub fn receive(&mut self, packet: &[u8], choice: u8) {
        if self.came.len() < 64 {
            self.came.push(packet.to_vec());
        }
        let arrival =
            Arrival { path: path(choice), encapsulated: choice & 64 == 0, ecn: choice >> 4 & 3 };
        let mut packet = packet.to_vec();
        let spi = packet.first_chunk().map(|spi| u32::from_be_bytes(*spi)).unwrap_or_default();
        let passed = match self.gateway.handle_esp(self.now, &arrival, &mut packet) {
            Ok(Delivery::Packet(packet, headers)) => {
                assert_eq!(Headers::parse(packet), Ok(headers));
                assert_eq!(packet.len(), headers.len());
                packet.to_vec()
            }
            Ok(Delivery::Reassembled) => self.reassembled(),
            Ok(Delivery::Held) => return,
            Err(discard) => return self.note(discard),
        };
        let id = u64::from(spi & 0xffff);
        let far = self.children.get(&id).or(self.retired.get(&id)).expect("a child");
        let headers = Headers::parse(&passed).expect("a packet");
        assert!(headers.fragment.is_none());
        self.check_inward(far, &headers, &passed);
        self.count(&headers, 1);
        self.keep(passed);
    }

    /// The packet that was put together, also when it comes in pieces again.
    pub(super) fn reassembled(&mut self) -> Vec<u8> {
        let mut pieces = Vec::new();
        self.gateway.reassembled(|piece| pieces.push(piece.to_vec()));
        if let [whole] = &pieces[..] {
            return whole.clone();
        }
        let mut reassembly = Reassembly::new(packet::reassembly::Limits::default());
        let mut whole = None;
        for piece in pieces {
            let headers = Headers::parse(&piece).expect("a fragment");
            assert!(piece.len() <= 1500);
            let added = reassembly.add(self.now.instant, 0, &headers, &piece);
            whole = added.expect("they make one packet").map(|whole| whole.to_vec());
        }
        whole.expect("all of it")
    }

    pub(super) fn keep(&mut self, packet: Vec<u8>) {
        if self.passed.len() < 32 {
            self.passed.push(packet);
        }
    }

    pub(super) fn note(&mut self, discard: Discard) {
        // Those that time and room cause are counted without a packet as well.
        let counted = match discard {
            Discard::Dropped(
                Dropped::FragmentTimeout | Dropped::FragmentLimit | Dropped::FragmentGivenUp,
            ) => 0,
            Discard::Dropped(_) | Discard::Denied(_) => 1,
        };
        self.refused += counted;
    }

    /// What goes to a system comes from where its SA may have it from, goes to where it may, and
    /// is permitted, now.
    fn check_inward(&self, far: &Far, headers: &Headers, packet: &[u8]) {
        let (from, to) = (headers.source, headers.destination);
        assert!(within(&far.selectors.remote, from) && within(&far.selectors.local, to));
        let Asks { protocol, port, .. } = asks(headers, packet);
        assert!(self.permits(far.session, to, protocol, port), "nobody permits it");
    }

    fn permits(&self, session: u64, address: IpAddr, protocol: u8, port: u16) -> bool {
        self.lets(Caller::IpsecIdentity(identity(session)), (address, protocol, port))
    }

    /// Whether the policy, asked anew, permits it now.
    pub(super) fn lets(&self, caller: Caller<'_>, to: (IpAddr, u8, u16)) -> bool {
        let (address, protocol, port) = to;
        let transport = match protocol {
            6 => Asked::Tcp,
            17 => Asked::Udp,
            _ => Asked::Icmp,
        };
        let target = Target::Address { address, transport, port };
        self.policy.authorize(&Request { caller, target, now: self.now.unix }).is_ok()
    }

    /// A client's packet, or super-packet of so many, was let through.
    pub(super) fn count(&mut self, headers: &Headers, packets: u64) {
        let is_error = matches!(headers.transport, Transport::Icmp(Icmp { kind, .. })
            if kind != 8 && kind != 128);
        if !is_error {
            self.carried.0 += packets;
            self.carried.1 += headers.len() as u64;
        }
    }

    /// A packet or super-packet of a system's comes.
    ///
    /// # Panics
    ///
    /// When what leaves should not.
    pub fn send(&mut self, vnet: VnetHeader, packet: &[u8]) {
        let (mut taken, mut packet) = (Taken::default(), packet.to_vec());
        let Self { gateway, departures, now, .. } = self;
        match gateway.handle_inner(*now, vnet, &mut packet, departures, &mut taken) {
            Ok(Sent::Elsewhere(worker)) => assert_eq!(worker, 1),
            Ok(Sent::Sealed | Sent::Held) => {}
            Ok(Sent::Unknown) => self.check_unknown(&packet),
            Ok(Sent::Through) => self.check_outward(&packet),
            Ok(Sent::Reassembled) => {
                let whole = self.reassembled();
                self.check_outward(&whole);
            }
            Err(discard) => self.note(discard),
        }
        self.departures.flush(&mut taken);
        for (departure, packet) in taken.sent {
            // As long as the path takes, with what encloses it.
            let around = if departure.encapsulated { 28 } else { 20 };
            assert!(packet.len() + around <= 1454, "{} octets", packet.len());
            self.hear(packet);
        }
        for answer in taken.answers {
            // Its source is what the system sent to: that may be no address to send from.
            if let Ok(headers) = Headers::parse(&answer) {
                assert!(icmp::quoted(&answer, &headers).is_some() || answer.len() > 48);
            }
        }
    }

    /// A peer opens what the gateway sent.
    fn hear(&mut self, mut packet: Vec<u8>) {
        let (spi, sequence) = packet.split_first_chunk().expect("an ESP packet");
        let sequence = sequence.first_chunk().expect("an ESP packet");
        self.sent = (u32::from_be_bytes(*spi), u32::from_be_bytes(*sequence));
        let id = u64::from(self.sent.0 & 0xffff);
        let far = self.children.get_mut(&id).expect("a child that is there");
        let opened = far.inbound.open(&mut packet).expect("for the peer");
        let inner = opened.inner.to_vec();
        let headers = Headers::parse(&inner).expect("a packet");
        assert_eq!(headers.len(), inner.len());
        assert_eq!(opened.next_header, if headers.source.is_ipv4() { 4 } else { 41 });
        let far = self.children.get(&id).expect("as before");
        assert!(within(&far.selectors.remote, headers.destination), "to somebody else");
        if headers.fragment.is_none() {
            let from = headers.source;
            match headers.transport {
                Transport::Tcp(tcp) => assert!(self.permits(far.session, from, 6, tcp.source)),
                Transport::Udp(udp) => assert!(self.permits(far.session, from, 17, udp.source)),
                Transport::Icmp(Icmp { kind: 0 | 129, .. }) => {
                    assert!(self.permits(far.session, from, 1, 0));
                }
                Transport::Icmp(_) => {
                    let quoted = icmp::quoted(&inner, &headers).expect("about something");
                    assert_eq!(quoted.source, headers.destination);
                }
                Transport::Other | Transport::Absent => panic!("not forwarded"),
            }
        }
        self.keep(inner);
    }

    /// What holds after every step.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn check(&mut self) {
        let (children, flows) = self.gateway.held();
        let all = self.children.len() + self.retired.len();
        assert!((self.children.len()..=all).contains(&children));
        assert!(flows <= FLOWS);
        assert_eq!(self.gateway.ledger().open.len(), flows, "each is on record, and nothing else");
        let notices = std::iter::from_fn(|| self.gateway.poll_notice()).count();
        assert!(notices < 256, "{notices} notices of one step");
        let lost = [Dropped::FragmentTimeout, Dropped::FragmentLimit, Dropped::FragmentGivenUp];
        let tally = self.gateway.tally();
        let dropped = tally.dropped.iter().filter(|(reason, _)| !lost.contains(reason));
        let denied = tally.denied.iter().map(|(_, count)| count).sum::<u64>();
        let counted = dropped.map(|(_, count)| count).sum::<u64>() + denied;
        assert_eq!(counted, self.refused, "every packet is counted once");
        let (mut packets, mut octets) = self.gateway.ledger().carried;
        for flow in self.gateway.flows(self.now.instant) {
            packets += flow.traffic.packets_in;
            octets += flow.traffic.octets_in;
        }
        assert_eq!((packets, octets), self.carried, "what came in is on record");
    }
}
