//! What the operator sets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use ike_negotiation::{ChildProposal, IkeProposal};
use ipnet::{Ipv4Net, Ipv6Net};

/// Settings of an [`Endpoint`](crate::Endpoint); replaced whole.
#[derive(Clone, Debug)]
pub struct Config {
    /// UDP port of IKE (RFC 7296 §2), 500 but in tests.
    pub port: u16,
    /// UDP port of IKE and ESP behind NAT (RFC 3948), 4500 but in tests.
    pub nat_port: u16,
    /// What IKE SAs may use, in order of preference.
    pub ike_proposals: Vec<IkeProposal>,
    /// What CHILD_SAs may use, in order of preference.
    pub child_proposals: Vec<ChildProposal>,
    /// Lifetimes, repetition and patience.
    pub timers: Timers,
    /// Upper bounds.
    pub limits: Limits,
    /// Largest IKE message sent in one datagram, octets of UDP payload; longer ones are
    /// fragmented (RFC 7383) where the peer can. The default fits IPv6's minimum MTU.
    pub fragment_size: usize,
    /// Virtual addresses and name servers for terminals that ask (RFC 7296 §3.15).
    pub pool: PoolConfig,
    /// Pretend to be behind a NAT, so that ESP always travels in UDP (RFC 7296 §2.23).
    pub force_encapsulation: bool,
    /// Of how many parts the data plane is made. All inbound SPIs of one subject have the same
    /// remainder by this number, so that one part has them all.
    pub lanes: NonZeroU32,
}

/// Where virtual addresses come from.
#[derive(Clone, Debug, Default)]
pub struct PoolConfig {
    /// IPv4 prefixes.
    pub v4: Vec<Ipv4Net>,
    /// IPv6 prefixes.
    pub v6: Vec<Ipv6Net>,
    /// Name servers, of either family.
    pub dns: Vec<IpAddr>,
}

impl PoolConfig {
    /// The name servers that IPv4 attributes can carry.
    pub(crate) fn dns_v4(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.dns.iter().filter_map(|server| match server {
            IpAddr::V4(server) => Some(*server),
            IpAddr::V6(_) => None,
        })
    }

    /// The name servers that IPv6 attributes can carry.
    pub(crate) fn dns_v6(&self) -> impl Iterator<Item = Ipv6Addr> {
        self.dns.iter().filter_map(|server| match server {
            IpAddr::V6(server) => Some(*server),
            IpAddr::V4(_) => None,
        })
    }
}

/// Lifetimes, repetition and patience.
#[derive(Clone, Copy, Debug)]
pub struct Timers {
    /// An IKE SA is rekeyed after this, less jitter.
    pub ike_lifetime: Duration,
    /// A CHILD_SA is rekeyed after this, less jitter.
    pub child_lifetime: Duration,
    /// What was not replaced is ended this long after its rekeying was due.
    pub margin: Duration,
    /// A peer not heard of for so long is asked whether it lives (RFC 7296 §2.4).
    pub liveness: Duration,
    /// First wait for an answer; each further one is twice as long (RFC 7296 §2.1).
    pub retransmit: Duration,
    /// Longest wait between two transmissions.
    pub retransmit_cap: Duration,
    /// How often a request is sent before its peer counts as dead.
    pub transmissions: u8,
    /// From IKE_SA_INIT to the end of IKE_AUTH.
    pub setup: Duration,
    /// How long an SA that is over still answers retransmitted requests.
    pub linger: Duration,
    /// How long an IKE SA without CHILD_SAs is kept.
    pub childless: Duration,
    /// Mean wait after TEMPORARY_FAILURE (RFC 7296 §2.25).
    pub retry: Duration,
}

impl Timers {
    /// How long a request may be under way: from its first transmission to giving up.
    pub fn patience(&self) -> Duration {
        let mut wait = self.retransmit;
        let mut total = Duration::ZERO;
        for _ in 0..self.transmissions {
            total += wait;
            wait = (wait * 2).min(self.retransmit_cap);
        }
        total
    }
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            ike_lifetime: Duration::from_secs(8 * 3600),
            child_lifetime: Duration::from_secs(3600),
            margin: Duration::from_secs(540),
            liveness: Duration::from_secs(30),
            retransmit: Duration::from_secs(1),
            retransmit_cap: Duration::from_secs(16),
            transmissions: 8,
            setup: Duration::from_secs(30),
            linger: Duration::from_secs(10),
            childless: Duration::from_secs(60),
            retry: Duration::from_secs(5),
        }
    }
}

/// Upper bounds on what peers can make us hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// IKE SAs not yet authenticated, in all.
    pub half_open: usize,
    /// The same from one source: an IPv4 address or an IPv6 /64.
    pub half_open_per_source: usize,
    /// From so many half-open SAs on, or begun within a second, sources prove themselves with
    /// a COOKIE first (RFC 7296 §2.6).
    pub cookie_threshold: usize,
    /// IKE SAs in all.
    pub sessions: usize,
    /// IKE SAs of one peer; beyond them its oldest ends.
    pub sessions_per_subject: usize,
    /// CHILD_SAs of one IKE SA.
    pub children: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            half_open: 4096,
            half_open_per_source: 64,
            cookie_threshold: 128,
            sessions: 65536,
            sessions_per_subject: 16,
            children: 64,
        }
    }
}

/// Default of [`Config::fragment_size`]: IPv6's minimum MTU less IPv6, UDP and the
/// non-ESP marker.
pub const DEFAULT_FRAGMENT_SIZE: usize = 1280 - 40 - 8 - 4;

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 500,
            nat_port: 4500,
            ike_proposals: IkeProposal::defaults(),
            child_proposals: ChildProposal::defaults(),
            timers: Timers::default(),
            limits: Limits::default(),
            fragment_size: DEFAULT_FRAGMENT_SIZE,
            pool: PoolConfig::default(),
            force_encapsulation: false,
            lanes: NonZeroU32::MIN,
        }
    }
}
