//! Packets made by hand, with whatever source a test likes.

use std::net::{IpAddr, SocketAddr};

use packet::checksum;
use packet::headers::protocol::{TCP, UDP};
use packet::{Headers, Transport};
use socket2::{Domain, Protocol, Socket, Type};

use crate::netns::Namespace;

/// IPPROTO_RAW of <linux/in.h>: the packet brings its IP header.
const RAW: i32 = 255;

/// A UDP datagram.
///
/// # Panics
///
/// When the addresses are of two families, or the packet would be too long.
pub fn udp(from: SocketAddr, to: SocketAddr, octets: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + octets.len()).unwrap().to_be_bytes();
    let header = [from.port().to_be_bytes(), to.port().to_be_bytes(), length, [0; 2]].concat();
    whole(from.ip(), to.ip(), (UDP, 6), [&header, octets].concat())
}

/// A TCP segment without data; `flags` are those of [`packet::Tcp`].
///
/// # Panics
///
/// When the addresses are of two families.
pub fn tcp(from: SocketAddr, to: SocketAddr, flags: u8) -> Vec<u8> {
    let mut header = [from.port().to_be_bytes(), to.port().to_be_bytes()].concat();
    header.extend([0, 0, 0, 1, 0, 0, 0, 1, 5 << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
    whole(from.ip(), to.ip(), (TCP, 16), header)
}

/// With an IP header, and the checksum at its place in the payload.
fn whole(from: IpAddr, to: IpAddr, (protocol, at): (u8, usize), mut payload: Vec<u8>) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let sum = checksum::pseudo_header(from, to, protocol, length.into()) + checksum::sum(&payload);
    payload[at..at + 2].copy_from_slice(&sum.checksum().to_be_bytes());
    let mut packet = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let [high, low] = (20 + length).to_be_bytes();
            // The kernel fills in identification and checksum.
            let mut header = vec![0x45, 0, high, low, 0, 0, 0x40, 0, 64, protocol, 0, 0];
            header.extend(from.octets().into_iter().chain(to.octets()));
            header
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let mut header = vec![0x60, 0, 0, 0];
            header.extend(length.to_be_bytes().into_iter().chain([protocol, 64]));
            header.extend(from.octets().into_iter().chain(to.octets()));
            header
        }
        _ => panic!("{from} and {to} are of two families"),
    };
    packet.extend(payload);
    packet
}

/// Sends such packets from a namespace.
#[derive(Debug)]
pub struct Forger([Socket; 2]);

impl Forger {
    /// Opens its sockets.
    ///
    /// # Panics
    ///
    /// When the test does not run as root.
    pub fn new(namespace: &Namespace) -> Self {
        let open = |domain| Socket::new(domain, Type::RAW, Some(Protocol::from(RAW))).unwrap();
        Self(namespace.within(|| [Domain::IPV4, Domain::IPV6].map(open)))
    }

    /// Sends a packet where its destination is routed to; says whether it left.
    pub fn send(&self, packet: &[u8]) -> bool {
        let Self([v4, v6]) = self;
        let (socket, to) = match packet[0] >> 4 {
            4 => (v4, IpAddr::from(<[u8; 4]>::try_from(&packet[16..20]).unwrap())),
            _ => (v6, IpAddr::from(<[u8; 16]>::try_from(&packet[24..40]).unwrap())),
        };
        socket.send_to(packet, &SocketAddr::new(to, 0).into()).is_ok()
    }
}

/// Between which addresses and ports a packet goes; the ports of what has none are 0. `None` for
/// what is no IP packet.
pub fn ends(packet: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let headers = Headers::parse(packet).ok()?;
    let (from, to) = match headers.transport {
        Transport::Tcp(tcp) => (tcp.source, tcp.destination),
        Transport::Udp(udp) => (udp.source, udp.destination),
        Transport::Icmp(_) | Transport::Other | Transport::Absent => (0, 0),
    };
    Some((SocketAddr::new(headers.source, from), SocketAddr::new(headers.destination, to)))
}
