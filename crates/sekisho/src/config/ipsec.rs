//! The IPsec road's part of the configuration.

use std::net::IpAddr;
use std::time::Duration;

use ike_negotiation::{ChildProposal, IkeProposal};
use ipnet::IpNet;
use toml::Spanned;

use super::{CertificateFiles, Located};

/// The IPsec road.
#[derive(Clone, Debug)]
pub(crate) struct Ipsec {
    /// Local addresses; each with both ports.
    pub(crate) listen: Vec<IpAddr>,
    /// UDP port of IKE (RFC 7296 §2).
    pub(crate) port: u16,
    /// UDP port of IKE and ESP behind address translation (RFC 3948).
    pub(crate) nat_port: u16,
    /// What the gateway calls itself (IDr): a host name in lower case, or an address.
    pub(crate) identity: Spanned<String>,
    /// In order of preference; without any, peers authenticate us by pre-shared key alone.
    pub(crate) certificates: Vec<CertificateFiles>,
    pub(crate) client_ca: Vec<Located>,
    pub(crate) crl: Vec<Located>,
    /// What IKE SAs may use, in order of preference.
    pub(crate) ike_proposals: Vec<IkeProposal>,
    /// What CHILD_SAs may use, in order of preference.
    pub(crate) esp_proposals: Vec<ChildProposal>,
    pub(crate) ike_lifetime: Duration,
    pub(crate) child_lifetime: Duration,
    /// Octets after which a CHILD_SA is rekeyed.
    pub(crate) child_bytes: u64,
    /// Packets after which a CHILD_SA is rekeyed.
    pub(crate) child_packets: u64,
    /// A peer not heard of for so long is asked whether it lives (RFC 7296 §2.4).
    pub(crate) dpd_interval: Duration,
    pub(crate) limits: IpsecLimits,
    /// Addresses for terminals that ask for one; without it they get none.
    pub(crate) pool: Option<Pool>,
    pub(crate) tunnel: Tunnel,
}

/// How packets in tunnels are carried.
#[derive(Clone, Debug)]
pub(crate) struct Tunnel {
    /// Longest outer packet, in octets, until a path proves shorter.
    pub(crate) path_mtu: u16,
    /// Whether routers may not fragment outer packets (DF).
    pub(crate) dont_fragment: bool,
    /// Packets that may come out of order (RFC 4303 §3.4.3).
    pub(crate) replay_window: u32,
}

/// Upper bounds on what peers can make the gateway hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IpsecLimits {
    /// IKE SAs not yet authenticated, in all.
    pub(crate) half_open: usize,
    /// The same from one source: an IPv4 address or an IPv6 /64.
    pub(crate) half_open_per_source: usize,
    /// From so many on, sources prove themselves with a cookie first (RFC 7296 §2.6).
    pub(crate) cookie_threshold: usize,
    /// IKE SAs in all.
    pub(crate) sas: usize,
}

/// Virtual addresses (RFC 7296 §3.15).
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    /// None overlaps another, or where a system is.
    pub(crate) addresses: Vec<IpNet>,
    /// Name servers.
    pub(crate) dns: Vec<IpAddr>,
}
