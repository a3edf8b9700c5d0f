//! What the endpoint tells its shell, and what the shell answers.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use ike_negotiation::{ChildSuite, IkeSuite};
use ike_wire::{Identity, TrafficSelector};
use pki::Leaf;

use crate::path::{Nat, Path};
use crate::protection::DirectionKeys;
use crate::{Ending, Refusal};

/// The present moment: for time-outs, and for the dates in certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic.
    pub instant: Instant,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub unix: i64,
}

/// One IKE SA with all that replaces it when it is rekeyed, and its CHILD_SAs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// One CHILD_SA (a pair of ESP SAs). A rekeyed one gets a new id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChildId(pub u64);

/// A datagram to send. The shell puts the non-ESP marker before it when the local port is
/// the one for NAT traversal (RFC 3948 §2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// From where to where.
    pub path: Path,
    /// The IKE message.
    pub datagram: Vec<u8>,
}

/// How a peer proved who it is.
#[derive(Clone, Debug)]
pub enum Proof {
    /// By the key of a certificate whose path, revocation and strength are verified.
    Certificate(Arc<PeerCertificate>),
    /// By the pre-shared key of its identity.
    PreSharedKey,
}

/// A peer's certificate, kept so that it can be verified again when CAs or CRLs change.
#[derive(Clone, Debug)]
pub struct PeerCertificate {
    /// What it says.
    pub leaf: Leaf,
    /// Itself and the CAs that came with it, DER.
    pub chain: Vec<Vec<u8>>,
}

/// A peer that proved who it is.
#[derive(Clone, Debug)]
pub struct Peer {
    /// What it calls itself (IDi or IDr). With a certificate this is a claim: the
    /// certificate is the identity.
    pub identity: Identity,
    /// How it proved that.
    pub proof: Proof,
    /// Outer addresses.
    pub path: Path,
    /// NATs between.
    pub nat: Nat,
    /// What protects the IKE SA.
    pub suite: IkeSuite,
    /// Whether a post-quantum pre-shared key took part (RFC 8784).
    pub ppk: bool,
    /// What it may be, as its VendorIDs tell.
    pub vendor: Option<&'static str>,
    /// Whether it asked for a virtual address.
    pub wants_address: bool,
}

/// What the policy grants a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who it is, across sessions: virtual addresses follow it, and INITIAL_CONTACT ends
    /// its other sessions.
    pub subject: Arc<str>,
    /// What it may reach through us.
    pub reachable: Vec<TrafficSelector>,
    /// Which addresses may be behind it; ignored for a peer with a virtual address.
    pub inner: Vec<TrafficSelector>,
    /// Whether it may have virtual addresses.
    pub virtual_address: bool,
}

/// A CHILD_SA to install. It is installed before the message that completes it leaves.
#[derive(Debug)]
pub struct ChildSa {
    /// Its session.
    pub session: SessionId,
    /// Its id.
    pub id: ChildId,
    /// The one it replaces, which lives on until its own [`Event::ChildDown`].
    pub replaces: Option<ChildId>,
    /// SPI of what the peer sends; ours.
    pub spi_in: u32,
    /// SPI of what we send; the peer's.
    pub spi_out: u32,
    /// Cipher and extended sequence numbers.
    pub suite: ChildSuite,
    /// Keys for what the peer sends.
    pub keys_in: DirectionKeys,
    /// Keys for what we send.
    pub keys_out: DirectionKeys,
    /// What is on our side.
    pub local: Vec<TrafficSelector>,
    /// What is on the peer's side.
    pub remote: Vec<TrafficSelector>,
    /// Outer addresses.
    pub path: Path,
    /// Whether ESP travels in UDP (RFC 3948).
    pub encapsulate: bool,
    /// Whether to send on it at once. Otherwise the peer may not have it yet: send on the
    /// one it replaces until something arrives on this one, or that one is down
    /// (RFC 7296 §2.8).
    pub send_at_once: bool,
}

/// A negotiation or authentication that failed. The peer is told no more than the protocol
/// makes us tell.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The session, when one was named before.
    pub session: Option<SessionId>,
    /// From where to where.
    pub path: Path,
    /// Why.
    pub reason: Refusal,
    /// Particulars for the operator: what was offered, what is configured, what to do.
    pub detail: Option<String>,
    /// What the peer called itself; a claim.
    pub identity: Option<Identity>,
    /// The certificate it showed; a claim.
    pub certificate: Option<Box<Leaf>>,
    /// What it may be, as its VendorIDs tell.
    pub vendor: Option<&'static str>,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A peer proved who it is. Nothing is granted until
    /// [`Endpoint::admit`](crate::Endpoint::admit) or
    /// [`Endpoint::refuse`](crate::Endpoint::refuse) is called.
    Authenticated(SessionId, Box<Peer>),
    /// An IKE SA is up; with the virtual addresses it was given, or got.
    Established(SessionId, Box<Peer>, Vec<IpAddr>),
    /// A CHILD_SA is up: install it.
    ChildUp(Box<ChildSa>),
    /// A CHILD_SA is over: remove it.
    ChildDown(SessionId, ChildId, Ending),
    /// The IKE SA has new keys.
    Rekeyed(SessionId, IkeSuite),
    /// The peer's outer address changed (MOBIKE, or a NAT), for all its CHILD_SAs.
    PathChanged(SessionId, Path, Nat),
    /// A request within a living session failed: new CHILD_SA, rekeying.
    ExchangeFailed(SessionId, Refusal, Option<String>),
    /// A negotiation or authentication failed.
    Refused(Box<Refused>),
    /// A session is over, and every CHILD_SA of it was reported down.
    Closed(SessionId, Ending),
}
