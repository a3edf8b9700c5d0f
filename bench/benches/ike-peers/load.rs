//! Terminals that begin sessions, many at once.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bench::log;
use bench::random::Kernel;
use crypto::signature::PrivateKey;
use ike::{
    ChildPlan, Config, Credentials, Endpoint, Event, Now, OwnCertificate, Path, SessionId, Target,
};
use ike_wire::{IdType, Identity};
use pki::Leaf;

use crate::network::{self, Network};
use crate::pki_files::{self, Files, GATEWAY};
use crate::sockets::Sockets;

/// Sessions that are being made at any time: few enough for the defaults of the gateway.
const AT_ONCE: usize = 48;
/// Longer than any exchange takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest wait for a datagram.
const TICK: Duration = Duration::from_millis(20);

pub(crate) struct Load {
    terminals: Vec<Terminal>,
    sockets: Sockets,
}

/// A session that is established.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    terminal: usize,
    session: SessionId,
}

/// What sessions are to be.
#[derive(Clone)]
pub(crate) struct Wish {
    pub(crate) responder: IpAddr,
    pub(crate) config: Arc<Config>,
    pub(crate) child: Option<ChildPlan>,
}

struct Terminal {
    endpoint: Endpoint,
    address: IpAddr,
    identity: Identity,
}

/// What came of one look at the sockets.
#[derive(Default)]
struct Seen {
    established: Vec<Held>,
    datagrams: usize,
}

impl Load {
    pub(crate) fn new(files: &Files, network: &Network) -> Self {
        let terminals = (0..pki_files::TERMINALS).map(|number| Terminal::new(files, number));
        Self { terminals: terminals.collect(), sockets: network.terminals.within(Sockets::bind) }
    }

    /// Establishes so many sessions, of all terminals in turn.
    pub(crate) fn begin(&mut self, wish: &Wish, sessions: usize) -> Vec<Held> {
        for terminal in &mut self.terminals {
            terminal.endpoint.set_config(Arc::clone(&wish.config));
        }
        let mut held = Vec::with_capacity(sessions);
        let (mut begun, mut heard) = (0, Instant::now());
        while held.len() < sessions {
            while begun < sessions && begun - held.len() < AT_ONCE {
                let turn = begun % self.terminals.len();
                self.terminals[turn].begin(wish);
                begun += 1;
            }
            let seen = self.look();
            if seen.datagrams > 0 {
                heard = Instant::now();
            }
            held.extend(seen.established);
            assert!(heard.elapsed() < PATIENCE, "{} of {begun} are established", held.len());
        }
        held
    }

    /// Deletes sessions, and waits until their responder has confirmed it.
    pub(crate) fn end(&mut self, held: &[Held]) {
        for some in held.chunks(AT_ONCE) {
            let start = Instant::now();
            for &Held { terminal, session } in some {
                self.terminals[terminal].endpoint.close(now(), session);
            }
            let mut answers = 0;
            while answers < some.len() {
                answers += self.look().datagrams;
                assert!(start.elapsed() < PATIENCE, "{answers} of {} are deleted", some.len());
            }
        }
    }

    /// Sends what is to be sent, and takes what comes.
    fn look(&mut self) -> Seen {
        let mut seen = Seen::default();
        for terminal in &mut self.terminals {
            if terminal.endpoint.poll_timeout().is_some_and(|due| due <= Instant::now()) {
                terminal.endpoint.handle_timeout(now());
            }
            while let Some(transmit) = terminal.endpoint.poll_transmit() {
                self.sockets.send(&transmit);
            }
        }
        self.sockets.wait(TICK);
        let terminals = &mut self.terminals;
        self.sockets.receive(|path, message| {
            let terminal = network::terminal_at(path.local.ip());
            terminals[terminal].endpoint.handle_datagram(now(), path, message);
            seen.datagrams += 1;
        });
        for (number, terminal) in self.terminals.iter_mut().enumerate() {
            seen.established.extend(terminal.established(number));
        }
        seen
    }
}

impl Terminal {
    fn new(files: &Files, number: u16) -> Self {
        let pki_files::Terminal { chain, key } = files.terminal(number);
        let leaf = Leaf::from_der(&chain[0]).unwrap();
        let identity = Identity { kind: IdType::ID_DER_ASN1_DN, data: leaf.subject_der.into() };
        let trust = files.trust();
        let certificate = OwnCertificate {
            chain,
            authorities: trust.key_ids().copied().collect(),
            key: PrivateKey::from_pkcs8(&key.to_pkcs8_der().unwrap()).unwrap(),
        };
        let credentials = Credentials {
            identities: vec![identity.clone()],
            certificates: vec![certificate],
            trust: Some(trust),
            pre_shared_keys: HashMap::new(),
            ppks: HashMap::new(),
        };
        let config = Arc::new(Config::default());
        let endpoint =
            Endpoint::new(Instant::now(), config, Arc::new(credentials), Box::new(Kernel));
        Self { endpoint, address: network::terminal(number), identity }
    }

    fn begin(&mut self, wish: &Wish) {
        let [local, remote] =
            [self.address, wish.responder].map(|address| SocketAddr::new(address, 500));
        let target = Target {
            path: Path { local, remote },
            identity: self.identity.clone(),
            peer: GATEWAY.parse().unwrap(),
            pre_shared_key: false,
            subject: "gateway".into(),
            children: wish.child.clone().into_iter().collect(),
            virtual_addresses: (false, false),
            initial_contact: false,
        };
        self.endpoint.initiate(now(), target).unwrap();
    }

    #[allow(clippy::wildcard_enum_match_arm, reason = "the rest is as it should be")]
    fn established(&mut self, terminal: usize) -> Vec<Held> {
        let mut established = Vec::new();
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Established(session, ..) => established.push(Held { terminal, session }),
                Event::Refused(..) | Event::ExchangeFailed(..) => panic!("{event:?}"),
                _ => {}
            }
        }
        established
    }
}

fn now() -> Now {
    Now { instant: Instant::now(), unix: log::now().unix_micros / 1_000_000 }
}
