//! The gateway's IKE as the initiator. `sekisho` only answers; this is what it will begin
//! tunnels with: the same state machine, on sockets of a namespace and a thread of its own.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand;
use crypto::Secret;
use crypto::signature::PrivateKey;
use ike::protection::DirectionKeys;
use ike::{
    ChildId, ChildPlan, ChildSa, Config, Credentials, Ending, Endpoint, Event, Now, OwnCertificate,
    Path, Random, SessionId, Target, Transmit,
};
use ike_wire::{Identity, TrafficSelector};
use pki::path::Trust;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use socket2::{Domain, Socket, Type};

use crate::netns::Namespace;
use crate::peers::Credential;
use crate::site::Site;
use crate::until;

/// UDP ports of IKE, without and with ESP.
const PORTS: [u16; 2] = [500, 4500];
/// Before IKE on the second (RFC 3948, section 2.2).
const NON_ESP_MARKER: [u8; 4] = [0; 4];
/// Between two looks at the sockets.
const PAUSE: Duration = Duration::from_millis(2);

/// A peer to begin a session with, and who we are.
pub struct Plan {
    /// Settings; the ports are the usual ones.
    pub config: Config,
    /// Keys and certificates.
    pub credentials: Credentials,
    /// Own addresses, the first in use at the beginning.
    pub from: Vec<IpAddr>,
    /// The peer's address.
    pub to: IpAddr,
    /// What we call ourselves.
    pub identity: Identity,
    /// Whom we expect.
    pub peer: Identity,
    /// By pre-shared key, not by certificate.
    pub pre_shared_key: bool,
    /// CHILD_SAs: own network and the peer's.
    pub children: Vec<(&'static str, &'static str)>,
    /// Whether to ask for a virtual IPv4 address.
    pub virtual_address: bool,
    /// Who carries packets, on a socket that shares the port with ESP and was bound before.
    pub carrier: Option<Sender<Change>>,
}

/// What whoever carries packets must know.
#[derive(Debug)]
pub enum Change {
    /// A CHILD_SA to install.
    Up(Box<ChildSa>),
    /// One that is over.
    Down(ChildId),
}

impl Plan {
    /// The key of a pre-shared secret is between these two.
    pub fn by_key(identity: &str, peer: &str, key: &str) -> Self {
        let (identity, peer): (Identity, Identity) = (named(identity), named(peer));
        let secret = Secret::new(key.as_bytes().to_vec());
        let keys = HashMap::from([(peer.clone(), secret)]);
        let credentials = Credentials { pre_shared_keys: keys, ..nobody(&identity) };
        Self { pre_shared_key: true, ..Self::new(identity, peer, credentials) }
    }

    /// A terminal of a site, by its certificate, which calls itself by its subject.
    pub fn by_certificate(site: &Site, terminal: &str, peer: &str) -> Self {
        let (chain, key) = own(&site.terminal(terminal));
        let leaf = pki::Leaf::from_der(&chain[0]).unwrap();
        let identity = Identity::new(ike_wire::IdType::ID_DER_ASN1_DN, leaf.subject_der);
        let certificate = OwnCertificate { chain, authorities: Vec::new(), key };
        let credentials = Credentials {
            certificates: vec![certificate],
            trust: Some(trust(site)),
            ..nobody(&identity)
        };
        Self::new(identity, named(peer), credentials)
    }

    fn new(identity: Identity, peer: Identity, credentials: Credentials) -> Self {
        Self {
            config: Config::default(),
            credentials,
            from: Vec::new(),
            to: IpAddr::from([0; 4]),
            identity,
            peer,
            pre_shared_key: false,
            children: Vec::new(),
            virtual_address: false,
            carrier: None,
        }
    }

    /// An IKE_SA_INIT, for whoever only wants to begin.
    pub fn first_message(&self) -> Vec<u8> {
        let (config, credentials) = (Arc::new(self.config.clone()), nobody(&self.identity));
        let dice = Box::new(Dice);
        let mut endpoint = Endpoint::new(Instant::now(), config, Arc::new(credentials), dice);
        endpoint.initiate(now(), self.target()).unwrap();
        endpoint.poll_transmit().unwrap().datagram
    }

    fn target(&self) -> Target {
        let plan = |(local, remote): &(&str, &str)| ChildPlan {
            local: vec![network(local)],
            remote: vec![network(remote)],
        };
        Target {
            path: Path {
                local: SocketAddr::new(self.from[0], PORTS[0]),
                remote: SocketAddr::new(self.to, PORTS[0]),
            },
            identity: self.identity.clone(),
            peer: self.peer.clone(),
            pre_shared_key: self.pre_shared_key,
            subject: "peer".into(),
            children: self.children.iter().map(plan).collect(),
            virtual_addresses: (self.virtual_address, false),
            initial_contact: true,
        }
    }
}

/// What has happened to the session.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// What was negotiated last, once it is established.
    pub suite: Option<String>,
    /// Whether a post-quantum pre-shared key took part.
    pub ppk: bool,
    /// Virtual addresses we were given.
    pub addresses: Vec<IpAddr>,
    /// What runs within.
    pub children: BTreeMap<ChildId, Child>,
    /// How often the IKE SA was rekeyed.
    pub rekeyed: usize,
    /// CHILD_SAs that are over.
    pub down: Vec<Ending>,
    /// Why it did not come to be, or what within it was refused.
    pub refused: Vec<String>,
    /// How it ended.
    pub closed: Option<Ending>,
    /// Where its messages go.
    pub path: Option<Path>,
}

/// A CHILD_SA, as strongSwan shows the other end of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// SPI of what the peer sends, in hexadecimal.
    pub spi_in: String,
    /// SPI of what we send, likewise.
    pub spi_out: String,
    /// What was negotiated.
    pub suite: String,
    /// Own networks.
    pub local: Vec<String>,
    /// The peer's networks.
    pub remote: Vec<String>,
    /// Keys of what the peer sends.
    pub keys_in: Keys,
    /// Keys of what we send.
    pub keys_out: Keys,
}

/// Keys of one direction, in hexadecimal.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// Of the cipher; the salt of an AEAD after the key.
    pub encryption: String,
    /// Of the integrity check, if it is not the cipher's own.
    pub integrity: String,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Keys {
    fn of(keys: &DirectionKeys) -> Self {
        let text = |secret: &Secret| -> String {
            secret.as_bytes().iter().map(|octet| format!("{octet:02x}")).collect()
        };
        Self { encryption: text(&keys.encryption), integrity: text(&keys.integrity) }
    }
}

impl Child {
    fn of(child: &ChildSa) -> Self {
        let texts = |selectors: &[TrafficSelector]| -> Vec<String> {
            selectors.iter().map(ToString::to_string).collect()
        };
        Self {
            spi_in: format!("{:08x}", child.spi_in),
            spi_out: format!("{:08x}", child.spi_out),
            suite: child.suite.to_string(),
            local: texts(&child.local),
            remote: texts(&child.remote),
            keys_in: Keys::of(&child.keys_in),
            keys_out: Keys::of(&child.keys_out),
        }
    }
}

type Order = Box<dyn FnOnce(&mut Endpoint, Now, SessionId) + Send>;

/// A session that was begun; it is left without a word when dropped.
#[derive(Debug)]
pub struct Initiator {
    seen: Arc<Mutex<Seen>>,
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Initiator {
    /// Begins in a namespace.
    pub fn begin(namespace: &Namespace, plan: Plan) -> Self {
        let sockets = namespace.within(|| Sockets::bind(&plan.from, plan.carrier.is_some()));
        Self::on(sockets, plan)
    }

    /// Begins in the namespace of this process.
    pub fn begin_here(plan: Plan) -> Self {
        let sockets = Sockets::bind(&plan.from, plan.carrier.is_some());
        Self::on(sockets, plan)
    }

    fn on(sockets: Sockets, plan: Plan) -> Self {
        let target = plan.target();
        let (config, credentials) = (Arc::new(plan.config), Arc::new(plan.credentials));
        let mut endpoint = Endpoint::new(Instant::now(), config, credentials, Box::new(Dice));
        let session = endpoint.initiate(now(), target).unwrap();
        let (orders, ordered) = mpsc::channel();
        let seen = Arc::<Mutex<Seen>>::default();
        let carrier = plan.carrier;
        let seen_there = Arc::clone(&seen);
        let mut driver = Driver { endpoint, session, sockets, carrier, seen: seen_there };
        let thread = thread::spawn(move || driver.run(&ordered));
        Self { seen, orders: Some(orders), thread: Some(thread) }
    }

    /// What has happened so far.
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until what has happened is as a test wants it; what it makes of it.
    ///
    /// # Panics
    ///
    /// When that does not happen.
    pub fn wait_for<T>(&self, what: &str, fits: impl Fn(&Seen) -> Option<T>) -> T {
        until(what, || fits(&self.seen()))
    }

    /// Has the state machine do something about the session.
    pub fn order(&self, order: impl FnOnce(&mut Endpoint, Now, SessionId) + Send + 'static) {
        self.orders.as_ref().unwrap().send(Box::new(order)).unwrap();
    }
}

impl Drop for Initiator {
    fn drop(&mut self) {
        self.orders = None;
        let ended = self.thread.take().map_or(Ok(()), JoinHandle::join);
        if thread::panicking() {
            eprintln!("the initiator saw {:#?}", self.seen());
        } else {
            ended.expect("the state machine does not panic");
        }
    }
}

struct Driver {
    endpoint: Endpoint,
    session: SessionId,
    sockets: Sockets,
    carrier: Option<Sender<Change>>,
    seen: Arc<Mutex<Seen>>,
}

impl Driver {
    fn run(&mut self, orders: &Receiver<Order>) {
        loop {
            self.carry_out();
            while let Some((path, mut message)) = self.sockets.receive() {
                self.endpoint.handle_datagram(now(), path, &mut message);
                self.carry_out();
            }
            self.endpoint.handle_timeout(now());
            match orders.recv_timeout(PAUSE) {
                Ok(order) => order(&mut self.endpoint, now(), self.session),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn carry_out(&mut self) {
        while let Some(event) = self.endpoint.poll_event() {
            if let Some(change) = note(&mut self.seen.lock().unwrap(), event)
                && let Some(carrier) = &self.carrier
            {
                // A test that is over carries nothing.
                let _ = carrier.send(change);
            }
        }
        while let Some(transmit) = self.endpoint.poll_transmit() {
            self.sockets.send(&transmit);
        }
    }
}

/// Notes what happened; what whoever carries packets must know of it.
fn note(seen: &mut Seen, event: Event) -> Option<Change> {
    match event {
        Event::Established(_, peer, addresses) => {
            seen.suite = Some(peer.suite.to_string());
            (seen.ppk, seen.path, seen.addresses) = (peer.ppk, Some(peer.path), addresses);
        }
        Event::ChildUp(child) => {
            seen.children.insert(child.id, Child::of(&child));
            return Some(Change::Up(child));
        }
        Event::ChildDown(_, id, ending) => {
            seen.children.remove(&id);
            seen.down.push(ending);
            return Some(Change::Down(id));
        }
        Event::Rekeyed(_, suite) => {
            seen.suite = Some(suite.to_string());
            seen.rekeyed += 1;
        }
        Event::PathChanged(_, path, _) => seen.path = Some(path),
        Event::ExchangeFailed(_, reason, detail) => {
            seen.refused.push(format!("{reason:?} {detail:?}"));
        }
        Event::Refused(refused) => {
            seen.refused.push(format!("{:?} {:?}", refused.reason, refused.detail));
        }
        Event::Closed(_, ending) => seen.closed = Some(ending),
        Event::Authenticated(..) => unreachable!("only who answers is asked"),
    }
    None
}

/// Both ports of every own address.
struct Sockets(HashMap<SocketAddr, UdpSocket>);

impl Sockets {
    fn bind(addresses: &[IpAddr], shared: bool) -> Self {
        let all = addresses.iter().flat_map(|&ip| PORTS.map(|port| SocketAddr::new(ip, port)));
        let bound = all.map(|address| {
            let domain = Domain::for_address(address);
            let socket = Socket::new(domain, Type::DGRAM, None).unwrap();
            socket.set_reuse_port(shared && address.port() == PORTS[1]).unwrap();
            socket.bind(&address.into()).unwrap();
            let socket = UdpSocket::from(socket);
            socket.set_nonblocking(true).unwrap();
            (address, socket)
        });
        Self(bound.collect())
    }

    fn receive(&self) -> Option<(Path, Vec<u8>)> {
        let mut octets = [0; 65_536];
        self.0.iter().find_map(|(&local, socket)| {
            let (length, remote) = socket.recv_from(&mut octets).ok()?;
            let message = &octets[..length];
            let message = if local.port() == PORTS[0] {
                message
            } else {
                message.strip_prefix(&NON_ESP_MARKER)?
            };
            Some((Path { local, remote }, message.to_vec()))
        })
    }

    fn send(&self, transmit: &Transmit) {
        let Path { local, remote } = transmit.path;
        let marker = if local.port() == PORTS[0] { &[][..] } else { &NON_ESP_MARKER };
        let datagram = [marker, &transmit.datagram].concat();
        // What the network does not take is lost, and sent again.
        let _ = self.0[&local].send_to(&datagram, remote);
    }
}

/// The operating system's randomness.
struct Dice;

impl Random for Dice {
    fn fill(&mut self, octets: &mut [u8]) {
        rand::fill(octets).unwrap();
    }
}

fn now() -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Now { instant: Instant::now(), unix: unix.try_into().unwrap() }
}

fn named(identity: &str) -> Identity {
    identity.parse().unwrap()
}

fn network(text: &str) -> TrafficSelector {
    text.parse::<ipnet::IpNet>().unwrap().into()
}

fn nobody(identity: &Identity) -> Credentials {
    Credentials {
        identities: vec![identity.clone()],
        certificates: Vec::new(),
        trust: None,
        pre_shared_keys: HashMap::new(),
        ppks: HashMap::new(),
    }
}

fn own((chain, key): &Credential) -> (Vec<Vec<u8>>, PrivateKey) {
    let chain = CertificateDer::pem_file_iter(chain).unwrap();
    let chain = chain.map(|certificate| certificate.unwrap().to_vec()).collect();
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    (chain, PrivateKey::from_pkcs8(key.secret_der()).unwrap())
}

/// A site's CAs and CRLs.
fn trust(site: &Site) -> Trust {
    let cas = CertificateDer::pem_file_iter(site.ca()).unwrap();
    let cas: Vec<Vec<u8>> = cas.map(|ca| ca.unwrap().to_vec()).collect();
    let (anchors, intermediates) = cas.split_at(1);
    let lists = ["ca/root.crl", "ca/issuing.crl"]
        .map(|name| CertificateRevocationListDer::from_pem_file(site.path(name)).unwrap().to_vec());
    Trust::new(anchors, intermediates, &lists).unwrap()
}
