//! What arrives and what leaves, alike for ESP in UDP and ESP on IP.

use std::fmt;
use std::io;
use std::mem::size_of;
use std::net::{IpAddr, SocketAddr};

use quinn_udp::RecvMeta;

/// Most datagrams in one system call; Linux has UDP_MAX_SEGMENTS at least this.
pub const MAX_SEGMENTS: usize = 64;

/// Most octets in one GSO batch: what one UDP datagram over IPv4 may hold.
pub const MAX_BATCH_OCTETS: usize = 65_507;

/// What came in one buffer: one datagram, or by GRO several of one sender.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// Who sent it; port 0 for ESP on IP.
    pub source: SocketAddr,
    /// Which of our addresses it was sent to; `None` when the kernel does not say.
    pub destination: Option<IpAddr>,
    /// ECN of the outer header, the same for all datagrams (RFC 3168 §5).
    pub ecn: u8,
    /// Octets in the buffer.
    pub len: usize,
    /// Octets of each datagram, of which the last may be shorter.
    pub stride: usize,
    /// Octets before the first ESP packet: the IPv4 header of a raw socket. At most `len`.
    pub offset: usize,
}

impl Default for Received {
    fn default() -> Self {
        Self::from(&RecvMeta::default())
    }
}

impl From<&RecvMeta> for Received {
    fn from(meta: &RecvMeta) -> Self {
        Self {
            source: meta.addr,
            destination: meta.dst_ip,
            ecn: meta.ecn.map_or(0, |ecn| ecn as u8),
            len: meta.len,
            stride: meta.stride,
            offset: 0,
        }
    }
}

/// How a batch leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure {
    /// To whom; the port is ignored for ESP on IP.
    pub destination: SocketAddr,
    /// From which of our addresses; `None` leaves it to the kernel.
    pub source: Option<IpAddr>,
    /// DSCP and, in the lowest two bits, ECN of the outer header.
    pub traffic_class: u8,
}

/// A batch did not leave whole.
#[derive(Debug)]
pub struct SendError {
    /// Octets of the batch that did leave. What follows begins with the datagram that did not.
    pub sent: usize,
    /// Why.
    pub reason: SendFailure,
}

/// Why a datagram did not leave.
#[derive(Debug)]
pub enum SendFailure {
    /// The socket's buffer is full: wait until it is writable, then send the rest.
    WouldBlock,
    /// The interface's queue was full, and dropped the datagram.
    QueueFull,
    /// Longer than the path or the interface takes, and not to be fragmented.
    TooLong,
    /// Anything else, as an address that no route leads to.
    Other(io::Error),
}

impl SendError {
    pub(crate) fn new(sent: usize, cause: io::Error) -> Self {
        let reason = match cause.raw_os_error() {
            Some(libc::EAGAIN) => SendFailure::WouldBlock,
            Some(libc::ENOBUFS) => SendFailure::QueueFull,
            Some(libc::EMSGSIZE) => SendFailure::TooLong,
            _ => SendFailure::Other(cause),
        };
        Self { sent, reason }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            SendFailure::WouldBlock => f.write_str("the socket's send buffer is full"),
            SendFailure::QueueFull => f.write_str("the interface's queue is full"),
            SendFailure::TooLong => f.write_str("the datagram is longer than the path takes"),
            SendFailure::Other(cause) => write!(f, "cannot send: {cause}"),
        }
    }
}

impl std::error::Error for SendError {}

/// Control messages of a sendmsg(2) in the layout of CMSG(3): traffic class, source, segment size.
pub(crate) struct Control {
    octets: [u8; Self::ROOM],
    len: usize,
}

impl Control {
    const HEADER: usize = size_of::<libc::cmsghdr>();
    const ROOM: usize = 128;

    pub(crate) fn new(departure: &Departure, segment: Option<u16>) -> Self {
        let mut control = Self { octets: [0; Self::ROOM], len: 0 };
        let class = i32::from(departure.traffic_class).to_ne_bytes();
        match departure.destination {
            SocketAddr::V4(_) => control.push(libc::IPPROTO_IP, libc::IP_TOS, &class),
            SocketAddr::V6(_) => control.push(libc::IPPROTO_IPV6, libc::IPV6_TCLASS, &class),
        }
        match departure.source {
            // struct in_pktinfo: interface index, source address, (unused) header address.
            Some(IpAddr::V4(ip)) => {
                let mut info = [0; 12];
                info[4..8].copy_from_slice(&ip.octets());
                control.push(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
            }
            // struct in6_pktinfo: source address, interface index.
            Some(IpAddr::V6(ip)) => {
                let mut info = [0; 20];
                info[..16].copy_from_slice(&ip.octets());
                control.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
            }
            None => {}
        }
        if let Some(segment) = segment {
            control.push(libc::SOL_UDP, libc::UDP_SEGMENT, &segment.to_ne_bytes());
        }
        control
    }

    pub(crate) fn octets(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }

    /// What is pushed above fits [`Control::ROOM`], as the tests try.
    fn push(&mut self, level: i32, kind: i32, data: &[u8]) {
        let length = Self::HEADER + data.len();
        let end = self.len + length.next_multiple_of(size_of::<usize>());
        let Some(room) = self.octets.get_mut(self.len..end) else { return };
        let (header, rest) = room.split_at_mut(Self::HEADER);
        let (len, kinds) = header.split_at_mut(Self::HEADER - 8);
        let (level_at, kind_at) = kinds.split_at_mut(4);
        len.copy_from_slice(&length.to_ne_bytes());
        level_at.copy_from_slice(&level.to_ne_bytes());
        kind_at.copy_from_slice(&kind.to_ne_bytes());
        rest.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
        self.len = end;
    }
}

/// The control messages in what recvmsg(2) gave: level, kind, data.
pub(crate) fn control_messages(mut octets: &[u8]) -> impl Iterator<Item = (i32, i32, &[u8])> {
    std::iter::from_fn(move || {
        let (len, rest) = octets.split_first_chunk()?;
        let (level, rest) = rest.split_first_chunk()?;
        let (kind, _) = rest.split_first_chunk()?;
        let len = usize::from_ne_bytes(*len);
        let data = octets.get(Control::HEADER..len)?;
        octets = octets.get(len.next_multiple_of(size_of::<usize>())..).unwrap_or_default();
        Some((i32::from_ne_bytes(*level), i32::from_ne_bytes(*kind), data))
    })
}

// cmsghdr as written and read above: a word, then two ints, without padding.
const _: () = assert!(size_of::<libc::cmsghdr>() == size_of::<usize>() + 8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_messages_are_read_as_written() {
        let departure = Departure {
            destination: "[2001:db8::1]:4500".parse().unwrap(),
            source: Some("2001:db8::2".parse().unwrap()),
            traffic_class: 0xb9,
        };
        let control = Control::new(&departure, Some(1408));
        let all: Vec<_> = control_messages(control.octets()).collect();
        let kinds: Vec<_> =
            all.iter().map(|(level, kind, data)| (*level, *kind, data.len())).collect();
        assert_eq!(
            kinds,
            [
                (libc::IPPROTO_IPV6, libc::IPV6_TCLASS, 4),
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, 20),
                (libc::SOL_UDP, libc::UDP_SEGMENT, 2),
            ]
        );
        assert_eq!(all[0].2, [0xb9, 0, 0, 0]);
        assert_eq!(all[2].2, 1408_u16.to_ne_bytes());
    }

    #[test]
    fn a_truncated_control_message_ends_the_list() {
        let departure = Departure {
            destination: "192.0.2.1:4500".parse().unwrap(),
            source: None,
            traffic_class: 0,
        };
        let control = Control::new(&departure, None);
        for len in 0..Control::HEADER + 4 {
            assert_eq!(control_messages(&control.octets()[..len]).count(), 0);
        }
    }
}
