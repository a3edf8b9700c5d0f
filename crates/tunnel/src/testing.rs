//! A small world for tests: two terminals of one hospital, one of another, and their packets.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crypto::aead::Algorithm;
use esp::{Inbound, Limits, Outbound, Parameters, Suite};
use packet::{Batch, VnetHeader};
use policy::{
    Credential as Registered, Destination, Institution, InstitutionKind, Networks, Policy, Roster,
    Status, System, Terminal, UtcOffset,
};

use crate::{
    Arrival, Conversation, Credential, Delivery, Departure, Departures, Discard, Forwarder, Ledger,
    Member, NewChild, Now, Opening, Outlet, Path, Refusal, Selector, Selectors, Sent, Settings,
    Tally, Traffic, Way,
};

pub(crate) const KEYMAT: [u8; 20] = [0x5c; 20];
/// A system that `H1` may use, and one that it may not.
pub(crate) const SYSTEM: &str = "192.0.2.10";
pub(crate) const SYSTEM_V6: &str = "2001:db8:1::10";
pub(crate) const FORBIDDEN: &str = "192.0.2.20";

/// `H1`, with terminals `pc-1` and `pc-2`, may use `path`; `H2`, with `pc-3`, both systems. Unless
/// `change` says otherwise.
pub(crate) fn policy(generation: u64, change: impl FnOnce(&mut Roster)) -> Arc<Policy> {
    let institution = |code: &str, systems: &[&str], prefixes: &[&str]| Institution {
        code: code.parse().unwrap(),
        name: code.to_owned(),
        kind: InstitutionKind::Hospital,
        status: Status::Active,
        networks: Networks::ALL,
        systems: systems.iter().map(|id| id.parse().unwrap()).collect(),
        hours: None,
        ip_vpn_prefixes: Vec::new(),
        inner_prefixes: prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect(),
        within: Vec::new(),
    };
    let terminal = |institution: &str, name: &str| Terminal {
        name: format!("{institution}/{name}").parse().unwrap(),
        status: Status::Active,
        credentials: vec![(Registered::IkeIdentity(name.to_owned()), Status::Active)],
    };
    let mut roster = Roster {
        institutions: vec![
            institution("H1", &["path"], &["10.2.0.0/16", "2001:db8:2::/48"]),
            institution("H2", &["path", "dokuei"], &["10.3.0.0/16"]),
        ],
        terminals: vec![terminal("H1", "pc-1"), terminal("H1", "pc-2"), terminal("H2", "pc-3")],
    };
    change(&mut roster);
    let system = |id: &str, addresses: &[&str], services: &[&str]| System {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        hosts: Vec::new(),
        destinations: addresses
            .iter()
            .map(|address| Destination {
                network: address.parse().unwrap(),
                services: services.iter().map(|service| service.parse().unwrap()).collect(),
            })
            .collect(),
        maintenance: Vec::new(),
    };
    let systems = vec![
        system("path", &["192.0.2.10/32", "2001:db8:1::10/128"], &["tcp/443", "udp/53", "icmp"]),
        system("dokuei", &["192.0.2.20/32"], &["tcp/104", "udp/53", "icmp"]),
    ];
    Arc::new(Policy::compile(generation, UtcOffset::default(), systems, &roster).unwrap())
}

pub(crate) fn member(session: u64, identity: &str) -> Arc<Member> {
    let recorded = connlog::Credential::Ike(identity.into());
    Arc::new(Member { session, credential: Credential::Identity(identity.into()), recorded })
}

/// Selectors of any protocol and port between two prefixes.
pub(crate) fn selectors(remote: &[&str], local: &[&str]) -> Selectors {
    let all = |prefixes: &[&str]| {
        let selector = |prefix: &&str| {
            let net: ipnet::IpNet = prefix.parse().unwrap();
            let (first, last) = (net.network(), net.broadcast());
            Selector { protocol: 0, first, last, ports: (0, u16::MAX) }
        };
        prefixes.iter().map(selector).collect()
    };
    Selectors { local: all(local), remote: all(remote) }
}

pub(crate) fn everywhere() -> Selectors {
    selectors(&["10.2.0.0/16", "2001:db8:2::/48"], &["0.0.0.0/0", "::/0"])
}

pub(crate) fn path(port: u16) -> Path {
    let remote = SocketAddr::new("198.51.100.7".parse().unwrap(), port);
    Path { local: "203.0.113.1:4500".parse().unwrap(), remote }
}

pub(crate) fn way() -> Way {
    Way { path: path(4500), encapsulated: true, follow: true, keep_alive: false }
}

/// One SA, of which only the SPI tells it from others.
fn parameters(spi: u32) -> Parameters<'static> {
    let suite = Suite::Aead(Algorithm::Aes128Gcm);
    Parameters { spi, suite, encryption: &KEYMAT, integrity: &[], esn: false }
}

/// The peer's two SAs of a CHILD_SA.
pub(crate) struct Far {
    pub(crate) inbound: Inbound,
    pub(crate) outbound: Outbound,
}

impl Far {
    pub(crate) fn seal(&mut self, inner: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; self.outbound.sealed_len(inner.len())];
        let next_header = if inner[0] >> 4 == 6 { 41 } else { 4 };
        let len = self.outbound.seal_into(inner, next_header, &mut packet).unwrap();
        assert_eq!(len, packet.len());
        packet
    }
}

/// A CHILD_SA, with SPIs that follow from `id`, and what the peer has of it.
pub(crate) fn child(id: u64, member: &Arc<Member>, selectors: Selectors) -> (NewChild, Far) {
    let (spi_in, spi_out) = spis(id);
    let inbound = |spi| Inbound::new(&parameters(spi), 1024, Limits::NONE).unwrap();
    let outbound = |spi| Outbound::new(&parameters(spi), Limits::NONE).unwrap();
    let new = NewChild {
        id,
        replaces: None,
        member: Arc::clone(member),
        spi_in,
        spi_out,
        inbound: inbound(spi_in),
        outbound: outbound(spi_out),
        selectors,
        way: way(),
        send_at_once: true,
    };
    (new, Far { inbound: inbound(spi_out), outbound: outbound(spi_in) })
}

/// SPIs in and out of the child with this id.
pub(crate) fn spis(id: u64) -> (u32, u32) {
    (id as u32 | 1 << 24, id as u32 | 2 << 24)
}

/// What a gateway has sent.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) sent: Vec<(Departure, Vec<u8>)>,
    pub(crate) answers: Vec<Vec<u8>>,
}

impl Outlet for Taken {
    fn send(&mut self, departure: &Departure, batch: &Batch) {
        let packets = batch.octets().chunks(batch.stride());
        self.sent.extend(packets.map(|packet| (*departure, packet.to_vec())));
    }

    fn answer(&mut self, packet: &[u8]) {
        self.answers.push(packet.to_vec());
    }
}

/// Any instant will do, and there is no other way to one.
#[expect(clippy::disallowed_methods, reason = "a test has no `now` to be given")]
pub(crate) fn some_instant() -> Instant {
    Instant::now()
}

/// What a ledger was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    Opened(u32, String),
    Closed(u32, &'static str, Traffic),
    Refused(String),
}

/// Keeps all that it is told.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) all: Vec<Note>,
    entries: u32,
    /// Nothing can be recorded.
    pub(crate) full: bool,
}

impl Ledger for Notes {
    fn opened(&mut self, opening: &Opening<'_>) -> Option<u32> {
        let Conversation { client, system, .. } = opening.conversation;
        let network = opening.party.network().as_str();
        let (of, to) = (opening.permit.institution(), opening.permit.system());
        self.entries += 1;
        self.all.push(Note::Opened(self.entries, format!("{network} {of} {client} {to} {system}")));
        (!self.full).then_some(self.entries)
    }

    fn closed(&mut self, entry: u32, reason: &'static str, traffic: Traffic) {
        self.all.push(Note::Closed(entry, reason, traffic));
    }

    fn refused(&mut self, refusal: &Refusal<'_>) {
        let Conversation { client, system, .. } = refusal.conversation;
        self.all.push(Note::Refused(format!("{client} {system} {}", refusal.reason.code())));
    }
}

/// A gateway, and all that is around it.
pub(crate) struct Rig {
    pub(crate) gateway: Forwarder<Notes>,
    pub(crate) now: Now,
    departures: Departures,
}

impl Rig {
    pub(crate) fn new(settings: Settings) -> Self {
        let now = Now { instant: some_instant(), unix: 1_800_000_000 };
        let tally = Arc::new(Tally::default());
        let gateway =
            Forwarder::new(now.instant, settings, policy(1, |_| {}), tally, 7, Notes::default());
        Self { gateway, now, departures: Departures::new(Batch::new(Batch::LIMIT_IPV4)) }
    }

    /// Installs a CHILD_SA for what `pc-1` and its like have behind them.
    pub(crate) fn install(&mut self, id: u64, session: u64, identity: &str) -> Far {
        let (new, far) = child(id, &member(session, identity), everywhere());
        self.gateway.install(new);
        far
    }

    /// Time passes, and what it ends is ended.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now.instant += time;
        self.now.unix += time.as_secs() as i64;
        self.gateway.handle_timeout(self.now, |_| {});
    }

    /// Answers to segments of no connection.
    pub(crate) fn resets(&mut self) -> Taken {
        let mut taken = Taken::default();
        self.gateway.send_resets(&mut self.departures, &mut taken);
        taken
    }

    /// What the ledger was told since it was asked last.
    pub(crate) fn notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.gateway.ledger.all)
    }

    /// The packet for a system; none when it waits for other fragments.
    pub(crate) fn receive(&mut self, packet: &[u8]) -> Result<Option<Vec<u8>>, Discard> {
        self.receive_by(path(4500), packet)
    }

    pub(crate) fn receive_by(
        &mut self,
        path: Path,
        packet: &[u8],
    ) -> Result<Option<Vec<u8>>, Discard> {
        let arrival = Arrival { path, encapsulated: true, ecn: 0 };
        let mut packet = packet.to_vec();
        match self.gateway.handle_esp(self.now, &arrival, &mut packet)? {
            Delivery::Packet(packet, _) => Ok(Some(packet.to_vec())),
            Delivery::Reassembled => {
                let mut whole = Vec::new();
                self.gateway.reassembled(|packet| whole.extend(packet));
                Ok(Some(whole))
            }
            Delivery::Held => Ok(None),
        }
    }

    /// Sends a packet from a system.
    pub(crate) fn send(&mut self, packet: &[u8]) -> (Result<Sent, Discard>, Taken) {
        self.send_super(VnetHeader::default(), packet)
    }

    pub(crate) fn send_super(
        &mut self,
        vnet: VnetHeader,
        packet: &[u8],
    ) -> (Result<Sent, Discard>, Taken) {
        let (mut taken, mut packet) = (Taken::default(), packet.to_vec());
        let Self { gateway, now, departures } = self;
        let sent = gateway.handle_inner(*now, vnet, &mut packet, departures, &mut taken);
        departures.flush(&mut taken);
        (sent, taken)
    }

    /// Sends what another gateway put together.
    pub(crate) fn send_gathered(&mut self, gathered: (u32, &[u8])) -> Result<Sent, Discard> {
        let Self { gateway, now, departures } = self;
        gateway.handle_gathered(*now, gathered, departures, &mut Taken::default())
    }
}

/// The ones' complement sum (RFC 1071), the slow way.
fn sum(octets: &[u8]) -> u16 {
    let mut sum = 0;
    for pair in octets.chunks(2) {
        sum += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |&low| u32::from(low));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// An IP packet that routers may fragment, where IPv4 has it so.
pub(crate) fn ip(source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let [l0, l1] = ((20 + payload.len()) as u16).to_be_bytes();
    let addresses = [octets(source), octets(destination)].concat();
    let mut header = if source.is_ipv4() {
        let mut header = vec![0x45, 0, l0, l1, payload.len() as u8, 7, 0, 0, 64, protocol, 0, 0];
        header.extend(addresses);
        let checksum = !sum(&header);
        header[10..12].copy_from_slice(&checksum.to_be_bytes());
        header
    } else {
        let [l0, l1] = (payload.len() as u16).to_be_bytes();
        [vec![0x60, 0, 0, 0, l0, l1, protocol, 64], addresses].concat()
    };
    header.extend(payload);
    header
}

fn with_checksum(from: IpAddr, to: IpAddr, protocol: u8, at: usize, mut upper: Vec<u8>) -> Vec<u8> {
    let mut covered = match protocol {
        1 => Vec::new(),
        _ => [octets(from), octets(to)].concat(),
    };
    if protocol != 1 {
        covered.extend((upper.len() as u32).to_be_bytes());
        covered.extend([0, 0, 0, protocol]);
    }
    covered.extend(&upper);
    let checksum = match !sum(&covered) {
        0 => 0xffff,
        checksum => checksum,
    };
    upper[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
    ip(from, to, protocol, &upper)
}

fn ends(from: &str, to: &str) -> (SocketAddr, SocketAddr) {
    (from.parse().unwrap(), to.parse().unwrap())
}

pub(crate) fn udp(from: &str, to: &str, payload: &[u8]) -> Vec<u8> {
    let (from, to) = ends(from, to);
    let mut upper = [from.port().to_be_bytes(), to.port().to_be_bytes()].concat();
    upper.extend((8 + payload.len() as u16).to_be_bytes());
    upper.extend([0, 0]);
    upper.extend(payload);
    with_checksum(from.ip(), to.ip(), 17, 6, upper)
}

/// A TCP segment; a SYN says how much it takes.
pub(crate) fn tcp(from: &str, to: &str, flags: u8, payload: &[u8]) -> Vec<u8> {
    let (from, to) = ends(from, to);
    let syn = flags & packet::Tcp::SYN != 0;
    let mut upper = [from.port().to_be_bytes(), to.port().to_be_bytes()].concat();
    upper.extend([0, 0, 0, 9, 0, 0, 0, 0, if syn { 0x60 } else { 0x50 }, flags, 1, 0, 0, 0, 0, 0]);
    if syn {
        upper.extend([2, 4, 5, 180]);
    }
    upper.extend(payload);
    with_checksum(from.ip(), to.ip(), 6, 16, upper)
}

/// An ICMP or ICMPv6 message: type, code, the other four octets of its header, and the rest.
pub(crate) fn icmp(from: &str, to: &str, kind: [u8; 2], rest: [u8; 4], data: &[u8]) -> Vec<u8> {
    let (from, to): (IpAddr, IpAddr) = (from.parse().unwrap(), to.parse().unwrap());
    let upper = [&kind[..], &[0, 0], &rest, data].concat();
    with_checksum(from, to, if from.is_ipv4() { 1 } else { 58 }, 2, upper)
}
