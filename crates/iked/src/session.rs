//! What is known of one IKE SA beside the endpoint's own state, from the moment its peer is
//! believed to its close record.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use connlog::{ConnectionId, Dismissal, Facts, Traffic};
use ike::{ChildId, ChildSa, Grant, Nat, Peer, Proof};
use logstore::Ticket;
use policy::{TerminalName, UnixSeconds};

use crate::cause::Cause;
use crate::facts;

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: ConnectionId,
    pub(crate) peer: Box<Peer>,
    /// When its open record was made, microseconds since the epoch.
    pub(crate) since: i64,
    /// What its records say.
    pub(crate) facts: Facts,
    /// What the policy grants it.
    pub(crate) grant: Grant,
    /// When the passing of time alone may change that.
    pub(crate) recheck_at: Option<UnixSeconds>,
    /// CAs or CRLs have changed since its certificate was verified.
    pub(crate) verify: bool,
    /// `None` while its open record is on the way to the disk: it is not admitted before.
    pub(crate) ticket: Option<Ticket>,
    /// Why the gateway ends it, once it does.
    pub(crate) cause: Option<Cause>,
    /// Who ended it, if an operator did.
    pub(crate) dismissal: Option<Dismissal>,
    pub(crate) established: Option<Instant>,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) children: BTreeMap<ChildId, Child>,
    /// What CHILD_SAs have carried that are over.
    pub(crate) traffic: Traffic,
}

/// One CHILD_SA.
#[derive(Debug)]
pub(crate) struct Child {
    spi_in: u32,
    spi_out: u32,
    suite: String,
    local: Vec<String>,
    remote: Vec<String>,
    since: Instant,
    /// As its records say.
    pub(crate) detail: String,
}

impl Child {
    pub(crate) fn new(child: &ChildSa) -> Self {
        Self {
            spi_in: child.spi_in,
            spi_out: child.spi_out,
            suite: child.suite.to_string(),
            local: facts::selectors(&child.local),
            remote: facts::selectors(&child.remote),
            since: Instant::now(),
            detail: facts::child_detail(child),
        }
    }
}

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// The peer is permitted, and waits for its answer.
    Opening,
    /// Both sides have it.
    Established,
    /// The gateway has told the peer that it is over.
    Closing,
}

impl SessionState {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Established => "established",
            Self::Closing => "closing",
        }
    }
}

/// A session as operators see it.
#[derive(Clone, Debug)]
pub struct SessionStatus {
    /// Its id on record.
    pub connection: ConnectionId,
    /// How far it has come.
    pub state: SessionState,
    /// When it was opened, microseconds since the epoch.
    pub since: i64,
    /// Since something authentic last came from the peer; `None` until it is established.
    pub idle: Option<Duration>,
    /// What those of its CHILD_SAs have carried that are over.
    pub carried: Traffic,
    /// What the peer calls itself.
    pub identity: String,
    /// The subject of its certificate; without one it authenticated by pre-shared key.
    pub certificate: Option<String>,
    /// Whose it is, as the policy names it.
    pub owner: Option<TerminalName>,
    /// `INSTITUTION/TERMINAL`
    pub terminal: String,
    /// The peer's outer address.
    pub remote: SocketAddr,
    /// Ours.
    pub local: SocketAddr,
    /// NATs between.
    pub nat: Nat,
    /// What protects the IKE SA.
    pub suite: String,
    /// Whether a post-quantum pre-shared key took part.
    pub ppk: bool,
    /// What the peer may be.
    pub vendor: Option<&'static str>,
    /// Since it was established; `None` until then.
    pub age: Option<Duration>,
    /// Virtual addresses it was given.
    pub addresses: Vec<IpAddr>,
    /// Its CHILD_SAs.
    pub children: Vec<ChildStatus>,
}

/// A CHILD_SA as operators see it.
#[derive(Clone, Debug)]
pub struct ChildStatus {
    /// SPI of what the peer sends.
    pub spi_in: u32,
    /// SPI of what the gateway sends.
    pub spi_out: u32,
    /// What protects it.
    pub suite: String,
    /// Selectors of the gateway's side.
    pub local: Vec<String>,
    /// Selectors of the peer's side.
    pub remote: Vec<String>,
    /// Since it was installed.
    pub age: Duration,
}

impl Session {
    /// As operators see it; `heard` is when something last came from the peer.
    pub(crate) fn status(&self, heard: Option<Instant>) -> SessionStatus {
        let certificate = match &self.peer.proof {
            Proof::Certificate(certificate) => Some(certificate.leaf.subject.clone()),
            Proof::PreSharedKey => None,
        };
        SessionStatus {
            connection: self.id,
            state: match (self.cause, self.established) {
                (Some(_), _) => SessionState::Closing,
                (None, Some(_)) => SessionState::Established,
                (None, None) => SessionState::Opening,
            },
            since: self.since,
            idle: heard.map(|heard| heard.elapsed()),
            carried: self.traffic,
            identity: facts::of_itself(&self.peer),
            certificate,
            owner: self.facts.terminal.clone(),
            terminal: self.grant.subject.to_string(),
            remote: self.peer.path.remote,
            local: self.peer.path.local,
            nat: self.peer.nat,
            suite: self.peer.suite.to_string(),
            ppk: self.peer.ppk,
            vendor: self.peer.vendor,
            age: self.established.map(|since| since.elapsed()),
            addresses: self.addresses.clone(),
            children: self.children.values().map(Child::status).collect(),
        }
    }
}

impl Child {
    fn status(&self) -> ChildStatus {
        ChildStatus {
            spi_in: self.spi_in,
            spi_out: self.spi_out,
            suite: self.suite.clone(),
            local: self.local.clone(),
            remote: self.remote.clone(),
            age: self.since.elapsed(),
        }
    }
}
