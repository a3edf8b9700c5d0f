//! What UDP and raw sockets have in common: buffers, DF, receiving, and why one cannot be had.

use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use rustix::net::sockopt::{self, Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
use socket2::Socket;

use crate::datagram::Received;
use crate::lack::Lack;
use crate::mtu_error::report_mtu_errors;
use crate::sender::past_icmp;
use crate::sys;

/// Most buffers that one call to `receive` fills.
pub const RECEIVE_BATCH: usize = quinn_udp::BATCH_SIZE;

/// Asked of the kernel for each socket and direction, in octets: room for what comes while a
/// worker is busy with the other direction.
pub const BUFFER_OCTETS: usize = 7 << 20;

/// Whether routers may fragment what we send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DontFragment {
    /// They may not. The kernel's own idea of the path MTU is ignored; errors tell ours.
    Set,
    /// They may, and this machine fragments what exceeds the interface.
    Clear,
}

/// A socket cannot be had.
#[derive(Debug)]
pub struct BindError {
    /// Where it should receive; port 0 for ESP on IP.
    pub address: SocketAddr,
    /// What the system says.
    pub cause: io::Error,
}

impl BindError {
    /// What to do about it.
    #[allow(clippy::wildcard_enum_match_arm, reason = "the system's errors are an open list")]
    pub fn remedy(&self) -> &'static str {
        match self.cause.kind() {
            io::ErrorKind::AddrInUse => {
                "another gateway or IKE daemon has this port; 'ss -lnup' shows which"
            }
            io::ErrorKind::PermissionDenied => {
                "ESP on IP needs CAP_NET_RAW, and a port below 1024 CAP_NET_BIND_SERVICE"
            }
            io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
            _ => "give an address of this machine",
        }
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, cause } = self;
        match address.port() {
            0 => write!(f, "cannot receive ESP on {}: {cause}", address.ip()),
            _ => write!(f, "cannot receive ESP in UDP on {address}: {cause}"),
        }
    }
}

impl std::error::Error for BindError {}

/// A bound socket that tells ECN, addresses and path MTU errors.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) socket: Socket,
    pub(crate) state: UdpSocketState,
    pub(crate) local: SocketAddr,
    pub(crate) lacks: Vec<Lack>,
}

impl Endpoint {
    /// `UdpSocketState` serves raw sockets too: what only UDP has it finds lacking.
    pub(crate) fn new(socket: Socket, dont_fragment: DontFragment) -> io::Result<Self> {
        let local = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // quinn-udp asks for time stamps, but has not the room to receive them together with GRO,
        // address and ECN: ECN, being last, was lost.
        sys::set_option(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 0)?;
        if dont_fragment == DontFragment::Clear {
            permit_fragmentation(&socket, local.ip())?;
        }
        report_mtu_errors(&socket, local.ip())?;
        let lacks = enlarge_buffers(&socket);
        Ok(Self { socket, state, local, lacks })
    }

    pub(crate) fn receive(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        received: &mut [Received],
    ) -> io::Result<usize> {
        let mut metas = [RecvMeta::default(); RECEIVE_BATCH];
        let room = buffers.len().min(received.len()).min(RECEIVE_BATCH);
        let buffers = buffers.get_mut(..room).unwrap_or_default();
        let count =
            past_icmp(|| self.state.recv(UdpSockRef::from(&self.socket), buffers, &mut metas))?;
        for (received, meta) in received.iter_mut().zip(&metas).take(count) {
            *received = Received::from(meta);
        }
        Ok(count)
    }
}

/// quinn-udp sets DF on every datagram.
fn permit_fragmentation(socket: &Socket, local: IpAddr) -> io::Result<()> {
    if local.is_ipv4() {
        sockopt::set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::DONT)?;
    } else {
        sockopt::set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::DONT)?;
        sys::set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG, 0)?;
    }
    Ok(())
}

/// With privilege beyond the system's limit, else up to it.
fn enlarge_buffers(socket: &Socket) -> Vec<Lack> {
    if sockopt::set_socket_recv_buffer_size_force(socket, BUFFER_OCTETS).is_err() {
        let _ = sockopt::set_socket_recv_buffer_size(socket, BUFFER_OCTETS);
    }
    if sockopt::set_socket_send_buffer_size_force(socket, BUFFER_OCTETS).is_err() {
        let _ = sockopt::set_socket_send_buffer_size(socket, BUFFER_OCTETS);
    }
    // The kernel doubles what it grants, for its own book-keeping (socket(7)).
    let receive = sockopt::socket_recv_buffer_size(socket).unwrap_or(0) / 2;
    let send = sockopt::socket_send_buffer_size(socket).unwrap_or(0) / 2;
    let mut lacks = Vec::new();
    if receive < BUFFER_OCTETS {
        lacks.push(Lack::ReceiveBuffer { granted: receive });
    }
    if send < BUFFER_OCTETS {
        lacks.push(Lack::SendBuffer { granted: send });
    }
    lacks
}
