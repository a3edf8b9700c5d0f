//! Outer addresses, and what NATs do to them (RFC 7296 §2.23).

use std::net::{IpAddr, SocketAddr};

use crypto::digest::sha1;

/// Between which two outer addresses messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// Our address and port.
    pub local: SocketAddr,
    /// The peer's, as we see it.
    pub remote: SocketAddr,
}

impl Path {
    /// Where a stored answer goes when its request comes again by `path`: a repetition proves
    /// nothing, so to another address it is not reflected.
    pub(crate) fn for_repetition(self, path: Self) -> Self {
        if path.remote.ip() == self.remote.ip() { path } else { self }
    }
}

/// Which ends of a path a NAT hides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nat {
    /// We are behind one.
    pub local: bool,
    /// The peer is behind one.
    pub remote: bool,
}

impl Nat {
    /// Whether ESP must travel in UDP.
    pub fn any(self) -> bool {
        self.local || self.remote
    }

    /// Compares what the peer says of both addresses with what we see. `sources` and
    /// `destination` are the data of its NAT_DETECTION notifications; without any it does
    /// not know NATs.
    pub(crate) fn detect<'a>(
        spis: (u64, u64),
        path: &Path,
        mut sources: impl Iterator<Item = &'a [u8]>,
        destination: Option<&[u8]>,
    ) -> Option<Self> {
        let destination = destination?;
        let theirs = hash(spis, path.remote);
        Some(Self {
            local: destination != hash(spis, path.local),
            remote: !sources.any(|source| source == theirs),
        })
    }
}

/// NAT_DETECTION_*_IP data: SHA-1 over SPIs, address and port (RFC 7296 §2.23).
pub(crate) fn hash((initiator, responder): (u64, u64), address: SocketAddr) -> [u8; 20] {
    let port = address.port().to_be_bytes();
    let spis = [initiator.to_be_bytes(), responder.to_be_bytes()].concat();
    match address.ip() {
        IpAddr::V4(ip) => sha1(&[&spis, &ip.octets(), &port]),
        IpAddr::V6(ip) => sha1(&[&spis, &ip.octets(), &port]),
    }
}

/// Who counts as one source: an IPv4 address, or an IPv6 /64, which one customer has.
pub(crate) fn source_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6([a, b, c, d, 0, 0, 0, 0].into())
        }
    }
}
