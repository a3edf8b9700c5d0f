//! A CHILD_SA as the data plane holds it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use esp::{Inbound, Outbound};

use crate::Member;
use crate::selector::Selectors;

/// The least MTU of an IPv6 link (RFC 8200 §5).
const LEAST_V6: u16 = 1280;
/// What every IPv4 host takes whole (RFC 791 §3.2); paths below it are not believed.
const LEAST_V4: u16 = 576;

/// Between which two outer addresses packets travel. Without UDP the ports are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// Our address and port.
    pub local: SocketAddr,
    /// The peer's, as we see it.
    pub remote: SocketAddr,
}

/// How packets to the peer travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// From where to where.
    pub path: Path,
    /// In UDP (RFC 3948), or by themselves.
    pub encapsulated: bool,
    /// The peer is behind a NAT: where its authentic packets come from is where it is
    /// (RFC 7296 §2.23).
    pub follow: bool,
    /// We are behind a NAT, and must keep its mapping alive (RFC 3948 §4).
    pub keep_alive: bool,
}

impl Way {
    /// Octets around an ESP packet.
    fn outer_headers(&self) -> usize {
        let ip = if self.path.remote.is_ipv4() { 20 } else { 40 };
        ip + if self.encapsulated { 8 } else { 0 }
    }

    /// The least path MTU that is believed of it.
    pub(crate) fn least_mtu(&self) -> u16 {
        if self.path.remote.is_ipv4() { LEAST_V4 } else { LEAST_V6 }
    }
}

/// A CHILD_SA to install.
pub struct NewChild {
    /// Its id; unique as long as the gateway runs.
    pub id: u64,
    /// The one it replaces.
    pub replaces: Option<u64>,
    /// Whose it is.
    pub member: Arc<Member>,
    /// SPI of what the peer sends.
    pub spi_in: u32,
    /// SPI of what we send.
    pub spi_out: u32,
    /// What the peer sends.
    pub inbound: Inbound,
    /// What we send.
    pub outbound: Outbound,
    /// What it is for.
    pub selectors: Selectors,
    /// How packets travel.
    pub way: Way,
    /// Whether to send by it at once; otherwise when the peer has, or when the one it replaces
    /// is gone (RFC 7296 §2.8).
    pub send_at_once: bool,
}

/// Whether packets to the peer go by an SA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// Not yet: the peer may not have it.
    Waiting,
    /// They do.
    Current,
    /// No longer: its successor is in use.
    Superseded,
}

/// Where a CHILD_SA is in the table, and which one was meant: places are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChildRef {
    pub(crate) slot: u32,
    pub(crate) id: u64,
}

/// A CHILD_SA.
pub(crate) struct Child {
    pub(crate) inbound: Inbound,
    pub(crate) outbound: Outbound,
    pub(crate) id: u64,
    pub(crate) member: Arc<Member>,
    pub(crate) sending: Sending,
    /// Something authentic has come since housekeeping last looked.
    pub(crate) heard: bool,
    /// It was followed to another address since then. More than that is no NAT's doing.
    pub(crate) moved: bool,
    /// IKE was told that nothing more goes by it.
    pub(crate) spent: bool,
    /// IKE has forgotten it; what the peer sent before it knew still comes in.
    pub(crate) retired: bool,
    pub(crate) way: Way,
    /// The longest packet that goes outside, in octets.
    pub(crate) path_mtu: u16,
    /// The longest packet that goes inside, in octets.
    pub(crate) inner_mtu: u16,
    pub(crate) selectors: Selectors,
    pub(crate) replaces: Option<u64>,
    pub(crate) spis: (u32, u32),
}

impl Child {
    pub(crate) fn new(new: NewChild, path_mtu: u16) -> Self {
        let mut child = Self {
            inbound: new.inbound,
            outbound: new.outbound,
            id: new.id,
            member: new.member,
            sending: if new.send_at_once { Sending::Current } else { Sending::Waiting },
            heard: false,
            moved: false,
            spent: false,
            retired: false,
            way: new.way,
            path_mtu,
            inner_mtu: 0,
            selectors: new.selectors,
            replaces: new.replaces,
            spis: (new.spi_in, new.spi_out),
        };
        child.set_path_mtu(path_mtu);
        child
    }

    pub(crate) fn is_current(&self) -> bool {
        self.sending == Sending::Current
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.sending == Sending::Waiting
    }

    /// Outer packets of up to `octets` get through.
    pub(crate) fn set_path_mtu(&mut self, octets: u16) {
        self.path_mtu = octets;
        let room = usize::from(octets).saturating_sub(self.way.outer_headers());
        let inner = self.outbound.max_inner_len(room);
        self.inner_mtu = u16::try_from(inner).unwrap_or(u16::MAX);
    }

    /// The largest TCP segment that gets through, of packets to or from `address`.
    pub(crate) fn mss(&self, address: IpAddr) -> u16 {
        self.inner_mtu.saturating_sub(if address.is_ipv4() { 40 } else { 60 })
    }
}
