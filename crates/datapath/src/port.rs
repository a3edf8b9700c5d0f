//! A worker's sockets, alike for ESP in UDP and ESP on IP.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use net::{Departure, MtuError, RawPort, Received, SendError, UdpPort};
use tunnel::Path;

/// One socket.
#[derive(Debug)]
pub(crate) enum Port {
    Udp(UdpPort),
    Raw(RawPort),
}

impl Port {
    pub(crate) fn encapsulated(&self) -> bool {
        matches!(self, Self::Udp(_))
    }

    fn local(&self) -> SocketAddr {
        match self {
            Self::Udp(port) => port.local_address(),
            Self::Raw(port) => SocketAddr::new(port.local_address(), 0),
        }
    }

    /// Whether packets leave here that travel by `path`.
    pub(crate) fn serves(&self, path: &Path, encapsulated: bool) -> bool {
        let own = self.local().ip();
        self.encapsulated() == encapsulated
            && own.is_ipv4() == path.local.is_ipv4()
            && (own == path.local.ip() || own.is_unspecified())
    }

    /// Between which addresses what was received travelled.
    pub(crate) fn path(&self, received: &Received) -> Path {
        let own = self.local();
        let ip: IpAddr = received.destination.unwrap_or(own.ip());
        Path { local: SocketAddr::new(ip, own.port()), remote: received.source }
    }

    pub(crate) fn receive(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        received: &mut [Received],
    ) -> io::Result<usize> {
        match self {
            Self::Udp(port) => port.receive(buffers, received),
            Self::Raw(port) => port.receive(buffers, received),
        }
    }

    pub(crate) fn send(
        &self,
        departure: &Departure,
        octets: &[u8],
        stride: usize,
    ) -> Result<(), SendError> {
        match self {
            Self::Udp(port) => port.send(departure, octets, stride),
            Self::Raw(port) => port.send(departure, octets, stride),
        }
    }

    pub(crate) fn path_mtu_error(&self) -> Option<MtuError> {
        match self {
            Self::Udp(port) => port.path_mtu_error(),
            Self::Raw(port) => port.path_mtu_error(),
        }
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Udp(port) => port.as_fd(),
            Self::Raw(port) => port.as_fd(),
        }
    }
}
