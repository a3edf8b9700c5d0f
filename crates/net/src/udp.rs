//! ESP in UDP (RFC 3948): one socket per worker, all on one port, with GSO, GRO and ECN.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, Socket, Type};

use crate::datagram::{Departure, Received, SendError};
use crate::lack::Lack;
use crate::mtu_error::{MtuError, next_mtu_error};
use crate::sender::Sender;
use crate::socket::{BindError, DontFragment, Endpoint};

/// A worker's socket for ESP in UDP.
#[derive(Debug)]
pub struct UdpPort {
    endpoint: Endpoint,
    sender: Sender,
}

/// Binds a socket for each worker, in the order of their indexes. They share the port by
/// SO_REUSEPORT, and so can another of this user's: one bound afterwards for IKE has the index
/// after the workers'. Port 0 takes a free one. An IPv6 address takes IPv6 only.
///
/// # Errors
/// Also when the port is taken, even by a socket that would share it.
pub fn bind(
    address: IpAddr,
    port: u16,
    workers: NonZeroU32,
    dont_fragment: DontFragment,
) -> Result<Vec<UdpPort>, BindError> {
    let address = SocketAddr::new(address, port);
    bind_all(address, workers, dont_fragment).map_err(|cause| BindError { address, cause })
}

fn bind_all(
    mut address: SocketAddr,
    workers: NonZeroU32,
    dont_fragment: DontFragment,
) -> io::Result<Vec<UdpPort>> {
    // Without SO_REUSEPORT the bind fails when any other socket has the port. With it a second
    // gateway would join, and take a part of the first one's packets.
    let probe = bound_socket(address, false)?.local_addr()?;
    address.set_port(probe.as_socket().map_or(0, |local| local.port()));
    (0..workers.get()).map(|_| UdpPort::new(bound_socket(address, true)?, dont_fragment)).collect()
}

fn bound_socket(address: SocketAddr, share: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_port(share)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

impl UdpPort {
    fn new(socket: Socket, dont_fragment: DontFragment) -> io::Result<Self> {
        let mut endpoint = Endpoint::new(socket, dont_fragment)?;
        let gso = endpoint.state.max_gso_segments() > 1;
        if !gso {
            endpoint.lacks.push(Lack::UdpSend);
        }
        if endpoint.state.gro_segments() == 1 {
            endpoint.lacks.push(Lack::UdpReceive);
        }
        Ok(Self { endpoint, sender: Sender::new(gso) })
    }

    /// Where it is bound.
    pub fn local_address(&self) -> SocketAddr {
        self.endpoint.local
    }

    /// What the kernel did not grant it.
    pub fn lacks(&self) -> &[Lack] {
        &self.endpoint.lacks
    }

    /// Receives what there is, without waiting, into as many of the first buffers as it says:
    /// at most [`crate::RECEIVE_BATCH`]. A buffer of less than 65,535 octets may lose the end of
    /// what GRO combined.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when there is nothing. What ICMP reports is none.
    pub fn receive(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        received: &mut [Received],
    ) -> io::Result<usize> {
        self.endpoint.receive(buffers, received)
    }

    /// Sends `octets` as datagrams of `stride` octets, of which the last may be shorter: by GSO in
    /// one system call when they are at most [`crate::MAX_SEGMENTS`] and
    /// [`crate::MAX_BATCH_OCTETS`]. Where the kernel refuses GSO for a destination they go singly,
    /// and so does what follows to it for a minute.
    ///
    /// # Errors
    /// How much left, and why the next datagram did not.
    pub fn send(
        &self,
        departure: &Departure,
        octets: &[u8],
        stride: usize,
    ) -> Result<(), SendError> {
        self.sender.send(&self.endpoint.socket, departure, octets, stride)
    }

    /// The next path MTU error. While any is queued, epoll reports an error: take all.
    pub fn path_mtu_error(&self) -> Option<MtuError> {
        next_mtu_error(self)
    }
}

impl AsFd for UdpPort {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.endpoint.socket.as_fd()
    }
}
