//! The road whole, over loopback, with an `ike::Endpoint` as the peer.

use std::collections::{HashMap, HashSet};
use std::fs::Permissions;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use connlog::{Dismissal, Record, Traffic};
use crypto::Secret;
use ike::{
    ChildId, ChildPlan, ChildSa, Credentials, Endpoint, Event, Grant, Nat, Now, Path, SessionId,
    Target,
};
use ike_wire::{Identity, TrafficSelector};
use logstore::{Log, Query, Writer};
use policy::{
    Credential, Destination, Institution, InstitutionKind, Networks, Policy, Roster, Status,
    System, Terminal, UtcOffset,
};
use tokio::sync::watch;

use crate::datagram::NON_ESP_MARKER;
use crate::random::OsRandom;
use crate::{
    DataPlane, EspSink, Material, NotEnded, Parts, Service, SessionState, Settings, Sharing,
    Sockets, Threads,
};

const PATIENCE: Duration = Duration::from_secs(10);

/// Institution `H1` with the router `rtx.h1`, in a roster that is then changed.
pub(crate) fn policy(generation: u64, change: impl FnOnce(&mut Roster)) -> Policy {
    let place = |network: &str, service: &str| Destination {
        network: network.parse().unwrap(),
        services: vec![service.parse().unwrap()],
    };
    let system = |id: &str, destinations| System {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        hosts: Vec::new(),
        destinations,
        maintenance: Vec::new(),
    };
    let basic = [place("10.20.0.10/32", "tcp/443"), place("10.20.0.10/31", "icmp")];
    let systems = vec![
        system("basic", basic.into()),
        system("plus", vec![place("10.20.0.12/31", "tcp/80"), place("fd00::1/128", "tcp/80")]),
        system("other", vec![place("10.20.9.9/32", "tcp/80")]),
    ];
    let institution = Institution {
        code: "H1".parse().unwrap(),
        name: String::new(),
        kind: InstitutionKind::Hospital,
        status: Status::Active,
        networks: Networks::ALL,
        systems: ["basic", "plus"].map(|id| id.parse().unwrap()).into(),
        hours: None,
        ip_vpn_prefixes: Vec::new(),
        inner_prefixes: vec!["10.2.0.0/16".parse().unwrap()],
        within: Vec::new(),
    };
    let terminal = Terminal {
        name: "H1/rtx".parse().unwrap(),
        status: Status::Active,
        credentials: vec![(Credential::IkeIdentity("rtx.h1".to_owned()), Status::Active)],
    };
    let mut roster = Roster { institutions: vec![institution], terminals: vec![terminal] };
    change(&mut roster);
    Policy::compile(generation, UtcOffset::default(), systems, &roster).unwrap()
}

fn suspended(roster: &mut Roster) {
    roster.terminals[0].status = Status::Suspended;
}

fn credentials(own: &str, peer: &str, key: &str) -> Arc<Credentials> {
    let secret = Secret::new(key.as_bytes().to_vec());
    Arc::new(Credentials {
        identities: vec![own.parse().unwrap()],
        certificates: Vec::new(),
        trust: None,
        pre_shared_keys: HashMap::from([(peer.parse().unwrap(), secret)]),
        ppks: HashMap::new(),
    })
}

/// Notes what is installed.
#[derive(Clone, Default)]
struct Installed(Arc<Mutex<HashSet<ChildId>>>);

impl DataPlane for Installed {
    fn install(&mut self, child: ChildSa, _peer: &ike::Peer) {
        self.0.lock().unwrap().insert(child.id);
    }

    fn remove(&mut self, child: ChildId) -> Traffic {
        self.0.lock().unwrap().remove(&child);
        Traffic { bytes_in: 1, ..Traffic::default() }
    }

    fn moved(&mut self, _session: SessionId, _path: Path, _nat: Nat) {}
}

impl EspSink for Installed {
    fn receive(&self, _path: Path, _packet: &[u8]) {}
}

/// A running road with its log.
struct Road {
    service: Service,
    threads: Threads,
    policies: watch::Sender<Arc<Policy>>,
    installed: Installed,
    nat_port: u16,
    writer: Writer,
    directory: tempfile::TempDir,
}

impl Road {
    fn start() -> Self {
        let private = Permissions::from_mode(0o700);
        let directory = tempfile::Builder::new().permissions(private).tempdir().unwrap();
        let offset = UtcOffset::default();
        let clock = Arc::new(move || logstore::now(offset));
        let config = logstore::Config::new(directory.path().to_owned(), "gw1".into(), clock);
        let (recorder, writer) = Writer::start(config).unwrap();
        let (policies, changes) = watch::channel(Arc::new(policy(1, |_| {})));
        let sockets = Sockets::bind(&["127.0.0.1".parse().unwrap()], 0, 0, Sharing::None).unwrap();
        let (nat_port, installed) = (sockets.nat_port(), Installed::default());
        let (service, threads) = Service::start(Parts {
            settings: Settings { gateway: "gw1".into(), offset, config: ike::Config::default() },
            sockets,
            credentials: credentials("gw.example", "rtx.h1", "correct horse"),
            policies: changes,
            recorder,
            data_plane: Box::new(installed.clone()),
            esp: Arc::new(Installed::default()),
        })
        .unwrap();
        Self { service, threads, policies, installed, nat_port, writer, directory }
    }

    fn records(&self) -> Vec<Record> {
        let log = Log::new(self.directory.path().to_owned());
        let records = log.records(&Query::default()).unwrap();
        records.map(Result::unwrap).collect()
    }

    /// Waits for a record of this kind and reason, the newest.
    fn recorded(&self, kind: &str, reason: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let records = self.records();
            if records.iter().any(|r| r.kind() == kind && r.reason() == Some(reason)) {
                return;
            }
            assert!(Instant::now() < deadline, "no {kind} {reason} among {records:#?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The router.
struct Peer {
    endpoint: Endpoint,
    socket: UdpSocket,
}

fn now() -> Now {
    Now { instant: Instant::now(), unix: 0 }
}

impl Peer {
    /// Begins from an address of its own, on the port that IKE shares with ESP.
    fn begin(road: &Road, number: u8) -> Self {
        let at = |number| SocketAddr::from(([127, 0, 0, number], road.nat_port));
        let socket = UdpSocket::bind(at(number)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let local = socket.local_addr().unwrap();
        let config = ike::Config { nat_port: road.nat_port, ..ike::Config::default() };
        let credentials = credentials("rtx.h1", "gw.example", "correct horse");
        let mut endpoint =
            Endpoint::new(Instant::now(), Arc::new(config), credentials, Box::new(OsRandom));
        let selector = |text: &str| TrafficSelector::from(text.parse::<ipnet::IpNet>().unwrap());
        let plan = ChildPlan {
            local: vec![selector("10.2.0.0/16")],
            remote: vec![selector("10.20.0.10/32")],
        };
        let target = Target {
            path: Path { local, remote: at(1) },
            identity: identity("rtx.h1"),
            peer: identity("gw.example"),
            pre_shared_key: true,
            subject: "gateway".into(),
            children: vec![plan],
            virtual_addresses: (false, false),
            initial_contact: false,
        };
        endpoint.initiate(now(), target).unwrap();
        Self { endpoint, socket }
    }

    /// Goes on until an event fits; those before it are let pass.
    fn until<T>(&mut self, what: &str, fits: impl Fn(&Event) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut octets = [0; 65_536];
        loop {
            while let Some(event) = self.endpoint.poll_event() {
                if let Event::Authenticated(id, _) = &event {
                    let all: ipnet::IpNet = "0.0.0.0/0".parse().unwrap();
                    let grant = Grant {
                        subject: "gateway".into(),
                        reachable: vec![all.into()],
                        inner: vec![all.into()],
                        virtual_address: false,
                    };
                    self.endpoint.admit(now(), *id, grant);
                }
                if let Some(found) = fits(&event) {
                    return found;
                }
            }
            while let Some(transmit) = self.endpoint.poll_transmit() {
                let marked = [&NON_ESP_MARKER, &*transmit.datagram].concat();
                self.socket.send_to(&marked, transmit.path.remote).unwrap();
            }
            assert!(Instant::now() < deadline, "{what} does not happen");
            if let Ok((length, remote)) = self.socket.recv_from(&mut octets) {
                let path = Path { local: self.socket.local_addr().unwrap(), remote };
                self.endpoint.handle_datagram(now(), path, &mut octets[4..length]);
            }
            self.endpoint.handle_timeout(now());
        }
    }

    fn is_up(&mut self) {
        self.until("CHILD_SA", |event| matches!(event, Event::ChildUp(_)).then_some(()));
    }

    fn is_refused(&mut self) {
        self.until("refusal", |event| matches!(event, Event::Refused(_)).then_some(()));
    }

    fn is_ended(&mut self) {
        self.until("end", |event| matches!(event, Event::Closed(..)).then_some(()));
    }
}

fn identity(text: &str) -> Identity {
    text.parse().unwrap()
}

#[test]
fn a_session_lives_between_its_records_and_while_policy_and_key_hold() {
    let road = Road::start();
    let mut peer = Peer::begin(&road, 2);
    peer.is_up();
    // Before the peer had its answer: on disk, and installed.
    let opened: Vec<Record> = road.records().into_iter().filter(|r| r.kind() == "open").collect();
    assert_eq!(opened[0].facts.terminal.as_ref().unwrap().to_string(), "H1/rtx");
    assert_eq!(road.installed.0.lock().unwrap().len(), 1);
    let [session] = &road.service.snapshot().unwrap().sessions[..] else { panic!("{opened:?}") };
    assert_eq!((&*session.terminal, session.children.len()), ("H1/rtx", 1));
    assert_eq!(session.connection, opened[0].connection);
    road.recorded("control", "ike.child-up");

    road.policies.send_replace(Arc::new(policy(2, suspended)));
    peer.is_ended();
    road.recorded("close", "policy.terminal-stopped");
    assert!(road.installed.0.lock().unwrap().is_empty());
    Peer::begin(&road, 3).is_refused();
    road.recorded("denied", "policy.terminal-stopped");

    road.policies.send_replace(Arc::new(policy(3, |_| {})));
    let mut peer = Peer::begin(&road, 4);
    peer.is_up();
    let replace = |key| {
        let credentials = credentials("gw.example", "rtx.h1", key);
        road.service.replace_material(Material { credentials, trust_changed: true });
    };
    replace("correct horse");
    assert_eq!(road.service.snapshot().unwrap().sessions.len(), 1, "the same key changes nothing");
    replace("battery staple");
    peer.is_ended();
    road.recorded("close", "ike.end.key-changed");
    Peer::begin(&road, 5).is_refused();
    road.recorded("denied", "ike.pre-shared-key");

    replace("correct horse");
    let mut peer = Peer::begin(&road, 6);
    peer.is_up();
    let Road { threads, writer, directory, .. } = road;
    threads.stop();
    peer.is_ended();
    writer.stop(Instant::now() + PATIENCE).unwrap();
    let log = Log::new(directory.path().to_owned());
    let records: Vec<Record> =
        log.records(&Query::default()).unwrap().map(Result::unwrap).collect();
    let of = |kind| records.iter().filter(move |record| record.kind() == kind);
    assert_eq!(of("open").count(), of("close").count(), "{records:#?}");
    assert!(of("close").any(|record| record.reason() == Some("ike.end.gateway-stopped")));
}

#[test]
fn an_operator_ends_one_session_and_no_other() {
    let road = Road::start();
    let (mut ended, mut spared) = (Peer::begin(&road, 2), Peer::begin(&road, 3));
    ended.is_up();
    spared.is_up();
    let sessions = road.service.snapshot().unwrap().sessions;
    let at = |number| std::net::Ipv4Addr::new(127, 0, 0, number);
    let of = |number| sessions.iter().find(|one| one.remote.ip() == at(number)).unwrap();
    assert_eq!(of(2).state, SessionState::Established);
    assert_eq!(of(2).owner.as_ref().unwrap().to_string(), "H1/rtx");
    let id = of(2).connection;
    let order = |name: &str| {
        let by = Dismissal { operator: name.into(), words: Some("保守".into()) };
        road.service.end(id, by).map(|ended| ended.connection)
    };
    assert_eq!(order("tanaka"), Ok(id));
    assert_eq!(order("suzuki"), Err(NotEnded::NoSuchSession), "it has the order already");
    ended.is_ended();
    road.recorded("close", "close.operator");
    let closed = road.records().into_iter().find(|record| record.kind() == "close").unwrap();
    assert_eq!(closed.connection, id);
    let connlog::Event::Closed { detail, traffic, .. } = &closed.event else { panic!() };
    assert_eq!(detail.as_deref(), Some("by tanaka: 保守"));
    assert_eq!(traffic.bytes_in, 1, "with what its CHILD_SA has carried");
    let left = road.service.snapshot().unwrap().sessions;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].connection, of(3).connection);
}
