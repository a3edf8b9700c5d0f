//! ESP on IP (RFC 4303, protocol 50): one raw socket per worker and address.
//!
//! A kernel with IPsec policies of its own takes part in ESP too, and may answer or drop packets
//! of SPIs it does not know; raw sockets get a copy all the same.

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
use crate::steering::keep_own;

/// Octets of an IPv4 header without options (RFC 791 §3.1).
const IPV4_HEADER: usize = 20;

/// A worker's socket for ESP on IP.
#[derive(Debug)]
pub struct RawPort {
    endpoint: Endpoint,
    sender: Sender,
}

/// Binds a socket for each worker, in the order of their indexes; each receives the packets whose
/// SPI % `workers` is its index. The unspecified address receives for all of its family.
///
/// # Errors
/// As for want of CAP_NET_RAW.
pub fn bind(
    address: IpAddr,
    workers: NonZeroU32,
    dont_fragment: DontFragment,
) -> Result<Vec<RawPort>, BindError> {
    let address = SocketAddr::new(address, 0);
    (0..workers.get())
        .map(|index| RawPort::bind(address, index, workers, dont_fragment))
        .collect::<io::Result<_>>()
        .map_err(|cause| BindError { address, cause })
}

impl RawPort {
    fn bind(
        address: SocketAddr,
        index: u32,
        workers: NonZeroU32,
        dont_fragment: DontFragment,
    ) -> io::Result<Self> {
        let esp = Protocol::from(libc::IPPROTO_ESP);
        let socket = Socket::new(Domain::for_address(address), Type::RAW, Some(esp))?;
        keep_own(&socket, address.is_ipv4(), index, workers)?;
        socket.bind(&address.into())?;
        let endpoint = Endpoint::new(socket, dont_fragment)?;
        Ok(Self { endpoint, sender: Sender::new(false) })
    }

    /// The address it is bound to.
    pub fn local_address(&self) -> IpAddr {
        self.endpoint.local.ip()
    }

    /// What the kernel did not grant it.
    pub fn lacks(&self) -> &[Lack] {
        &self.endpoint.lacks
    }

    /// Receives what there is, without waiting, one packet into each buffer, at most
    /// [`crate::RECEIVE_BATCH`]. A buffer of less than 65,535 octets may lose the end of a packet.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when there is nothing. What ICMP reports is none.
    pub fn receive(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        received: &mut [Received],
    ) -> io::Result<usize> {
        let count = self.endpoint.receive(buffers, received)?;
        if self.endpoint.local.is_ipv4() {
            for (received, buffer) in received.iter_mut().zip(buffers.iter()).take(count) {
                let header = buffer.first().map_or(0, |first| usize::from(first & 0xf) * 4);
                received.offset = header.max(IPV4_HEADER).min(received.len);
            }
        }
        Ok(count)
    }

    /// Sends `octets` as ESP packets of `stride` octets, of which the last may be shorter: one
    /// system call for every [`crate::MAX_SEGMENTS`].
    ///
    /// # Errors
    /// How much left, and why the next packet did not.
    pub fn send(
        &self,
        departure: &Departure,
        octets: &[u8],
        stride: usize,
    ) -> Result<(), SendError> {
        // A raw socket over IPv6 takes the port for a protocol number (ipv6(7)).
        let mut departure = *departure;
        departure.destination.set_port(0);
        self.sender.send(&self.endpoint.socket, &departure, octets, stride)
    }

    /// The next path MTU error. While any is queued, epoll reports an error: take all. The
    /// sockets of all workers hear of it.
    pub fn path_mtu_error(&self) -> Option<MtuError> {
        next_mtu_error(self)
    }
}

impl AsFd for RawPort {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.endpoint.socket.as_fd()
    }
}
