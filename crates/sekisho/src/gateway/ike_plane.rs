//! Between IKE and the data plane: what the one says, in the other's words.

use std::sync::{Arc, OnceLock};

use connlog::Traffic;
use datapath::Handle;
use esp::{Inbound, Limits, Outbound, Parameters, Suite};
use ike::{ChildId, ChildSa, Nat, Path, Peer, Proof, SessionId};
use ike_negotiation::{ChildSuite, Cipher};
use ike_wire::{AddressRange, TrafficSelector};
use iked::{Notice, Service};
use policy::Fingerprint;
use tunnel::{Arrival, Credential, Member, NewChild, Selector, Selectors, Way};

use crate::config::Ipsec;

/// The hard limit of a CHILD_SA's octets and packets is its soft one and an eighth: room for what
/// flows while its successor is negotiated.
const HARD: u64 = 8;

/// What IKE speaks to.
#[derive(Clone)]
pub(super) struct Plane {
    handle: Arc<Handle>,
    replay_window: u32,
    limits: Limits,
}

impl Plane {
    pub(super) fn new(handle: Arc<Handle>, ipsec: &Ipsec) -> Self {
        let limits = Limits {
            soft_packets: ipsec.child_packets,
            hard_packets: beyond(ipsec.child_packets),
            soft_octets: ipsec.child_bytes,
            hard_octets: beyond(ipsec.child_bytes),
        };
        Self { handle, replay_window: ipsec.tunnel.replay_window, limits }
    }

    fn child(&self, child: &ChildSa, peer: &Peer) -> Result<NewChild, esp::Error> {
        let (suite, esn) = (suite_of(&child.suite), child.suite.esn);
        let (encryption, integrity) = (&child.keys_in.encryption, &child.keys_in.integrity);
        let (encryption, integrity) = (encryption.as_bytes(), integrity.as_bytes());
        let inbound = Parameters { spi: child.spi_in, suite, encryption, integrity, esn };
        let (encryption, integrity) = (&child.keys_out.encryption, &child.keys_out.integrity);
        let (encryption, integrity) = (encryption.as_bytes(), integrity.as_bytes());
        let outbound = Parameters { spi: child.spi_out, suite, encryption, integrity, esn };
        Ok(NewChild {
            id: child.id.0,
            replaces: child.replaces.map(|id| id.0),
            member: Arc::new(Member {
                session: child.session.0,
                credential: credential(peer),
                recorded: iked::credential(peer),
            }),
            spi_in: child.spi_in,
            spi_out: child.spi_out,
            inbound: Inbound::new(&inbound, self.replay_window, self.limits)?,
            outbound: Outbound::new(&outbound, self.limits)?,
            selectors: Selectors {
                local: child.local.iter().map(selector).collect(),
                remote: child.remote.iter().map(selector).collect(),
            },
            way: way(child.path, peer.nat, child.encapsulate),
            send_at_once: child.send_at_once,
        })
    }
}

/// The hard limit after a soft one.
fn beyond(soft: u64) -> u64 {
    soft.saturating_add(soft / HARD)
}

fn suite_of(suite: &ChildSuite) -> Suite {
    match suite.cipher {
        Cipher::Aead(algorithm) => Suite::Aead(algorithm),
        Cipher::Cbc { key, integrity } => Suite::CbcHmac { key_len: key.octets(), integrity },
    }
}

fn credential(peer: &Peer) -> Credential {
    match &peer.proof {
        Proof::Certificate(certificate) => {
            Credential::Certificate(Fingerprint(certificate.leaf.fingerprint))
        }
        Proof::PreSharedKey => Credential::Identity(peer.identity.to_string().into()),
    }
}

fn selector(given: &TrafficSelector) -> Selector {
    let (first, last) = match given.addresses {
        AddressRange::V4(first, last) => (first.into(), last.into()),
        AddressRange::V6(first, last) => (first.into(), last.into()),
    };
    Selector { protocol: given.protocol, first, last, ports: given.ports }
}

/// Without UDP, ports mean nothing.
fn way(path: Path, nat: Nat, encapsulated: bool) -> Way {
    let (mut local, mut remote) = (path.local, path.remote);
    if !encapsulated {
        local.set_port(0);
        remote.set_port(0);
    }
    Way {
        path: tunnel::Path { local, remote },
        encapsulated,
        follow: nat.remote,
        keep_alive: nat.local,
    }
}

impl iked::DataPlane for Plane {
    fn install(&mut self, child: ChildSa, peer: &Peer) {
        match self.child(&child, peer) {
            Ok(child) => self.handle.install(child),
            // IKE draws keys as its suites need them.
            Err(error) => tracing::error!(spi = child.spi_in, %error, "a CHILD_SA is not in use"),
        }
    }

    fn remove(&mut self, child: ChildId) -> Traffic {
        let carried = self.handle.remove(child.0);
        Traffic {
            bytes_in: carried.octets_in,
            bytes_out: carried.octets_out,
            packets_in: carried.packets_in,
            packets_out: carried.packets_out,
        }
    }

    fn moved(&mut self, session: SessionId, path: Path, nat: Nat) {
        self.handle.moved(session.0, way(path, nat, nat.any()));
    }
}

impl iked::EspSink for Plane {
    fn receive(&self, path: Path, packet: &[u8]) {
        let path = tunnel::Path { local: path.local, remote: path.remote };
        self.handle.receive(Arrival { path, encapsulated: true, ecn: 0 }, packet);
    }
}

/// Where the data plane's news go, once IKE is there; without the IPsec road it never is.
#[derive(Default)]
pub(super) struct ToIke(OnceLock<Arc<Service>>);

impl ToIke {
    pub(super) fn connect(&self, service: &Arc<Service>) {
        // There is one service.
        let _ = self.0.set(Arc::clone(service));
    }
}

impl datapath::Ike for ToIke {
    fn message(&self, path: &tunnel::Path, message: &[u8]) {
        if let Some(service) = self.0.get() {
            service.deliver(Path { local: path.local, remote: path.remote }, message);
        }
    }

    fn notice(&self, notice: tunnel::Notice) {
        let Some(service) = self.0.get() else { return };
        service.notice(match notice {
            tunnel::Notice::Alive(session) => Notice::Alive(SessionId(session)),
            tunnel::Notice::Moved(session, path) => {
                let path = Path { local: path.local, remote: path.remote };
                Notice::Moved(SessionId(session), path)
            }
            tunnel::Notice::RekeyDue { session, child } => {
                Notice::RekeyDue(SessionId(session), ChildId(child))
            }
            tunnel::Notice::Spent { session, child } => {
                Notice::Spent(SessionId(session), ChildId(child))
            }
        });
    }
}
