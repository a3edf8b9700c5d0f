//! Packets merged into super-packets on their way to a TUN device (receive offload).

#[cfg(test)]
mod tests;

use std::io::IoSlice;

use crate::{
    checksum,
    headers::{Headers, Tcp, Transport},
    octets::{field, put},
    vnet::VnetHeader,
};

/// Most packets in a super-packet: as many as Linux before 6.9 takes for UDP.
const MAX_PACKETS: usize = 64;
/// The header for the device and those of the super-packet go before the payloads.
const SLICES: usize = 2 + MAX_PACKETS;
/// IPv6 without extension headers and TCP with all its options.
const MAX_HEADERS: usize = 40 + 60;

/// Gathers packets into super-packets, without copying what they carry.
///
/// Packets leave in the order they came in. One super-packet grows at a time, as long as the next
/// packet continues it: then splitting it gives back every packet as it was, but for the
/// identification of an IPv4 packet that may not be fragmented, which says nothing (RFC 6864
/// §4.1). The other rules of Linux's own receive offload hold too; packets with FIN, SYN, RST, URG, ECE
/// or CWR, IPv4 options, IPv6 extension headers or a wrong checksum are not merged at all.
///
/// What goes to the device is handed to a `write` as slices for one `writev`: first the octets of
/// a [`VnetHeader`], then the packet.
pub struct Merger<'a> {
    offload: Offload,
    group: Option<Group<'a>>,
    /// From the third on: the payloads of the group.
    slices: [IoSlice<'a>; SLICES],
}

/// What the TUN device takes, beside super-packets of TCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offload {
    /// Super-packets of UDP (`TUN_F_USO4` and `TUN_F_USO6`, Linux 6.2).
    pub uso: bool,
}

impl<'a> Merger<'a> {
    /// With nothing gathered.
    #[must_use]
    pub fn new(offload: Offload) -> Self {
        Self { offload, group: None, slices: [IoSlice::new(&[]); SLICES] }
    }

    /// Adds the next packet, whose headers are `headers`; what follows its length is left out.
    /// It or those before it may be written now or later.
    pub fn push(
        &mut self,
        packet: &'a [u8],
        headers: &Headers,
        write: &mut impl FnMut(&[IoSlice<'_>]),
    ) {
        let packet = packet.get(..headers.len()).unwrap_or(packet);
        let Some(piece) = Piece::new(packet, headers, self.offload) else {
            self.finish(write);
            return write_alone(packet, write);
        };
        let joined = self.group.as_mut().is_some_and(|group| group.join(&piece));
        if !joined {
            self.finish(write);
            self.group = Some(Group::new(&piece));
        }
        let last = self.group.as_ref().map_or(0, |group| group.packets + 1);
        if let Some(slice) = self.slices.get_mut(last) {
            *slice = IoSlice::new(piece.payload);
        }
    }

    /// Writes what has been gathered.
    pub fn finish(&mut self, write: &mut impl FnMut(&[IoSlice<'_>])) {
        let Some(group) = self.group.take() else { return };
        if group.packets == 1 {
            return write_alone(group.first, write);
        }
        let mut space = [0; MAX_HEADERS];
        let (vnet, headers) = group.headers(&mut space);
        let vnet = vnet.to_octets();
        let mut slices: [IoSlice<'_>; SLICES] = self.slices;
        let [before, super_headers, ..] = &mut slices;
        *before = IoSlice::new(&vnet);
        *super_headers = IoSlice::new(headers);
        write(slices.get(..2 + group.packets).unwrap_or_default());
    }
}

fn write_alone(packet: &[u8], write: &mut impl FnMut(&[IoSlice<'_>])) {
    let vnet = VnetHeader::default().to_octets();
    write(&[IoSlice::new(&vnet), IoSlice::new(packet)]);
}

/// A packet that may be part of a super-packet, as far as it itself tells.
struct Piece<'a, 'h> {
    packet: &'a [u8],
    payload: &'a [u8],
    headers: &'h Headers,
    upper: Upper,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Upper {
    Tcp,
    Udp,
}

impl<'a, 'h> Piece<'a, 'h> {
    fn new(packet: &'a [u8], headers: &'h Headers, offload: Offload) -> Option<Self> {
        let network_len = if headers.source.is_ipv4() { 20 } else { 40 };
        let transport_at = usize::from(headers.transport_at);
        if headers.fragment.is_some() || transport_at != network_len {
            return None;
        }
        let (upper, len) = match headers.transport {
            Transport::Tcp(tcp) if tcp.flags & !Tcp::PSH == Tcp::ACK => {
                (Upper::Tcp, usize::from(tcp.header_len))
            }
            Transport::Udp(_) if offload.uso && is_plain_udp(packet.get(transport_at..)?) => {
                (Upper::Udp, 8)
            }
            Transport::Tcp(_)
            | Transport::Udp(_)
            | Transport::Icmp(_)
            | Transport::Other
            | Transport::Absent => return None,
        };
        let payload = packet.get(transport_at + len..).filter(|payload| !payload.is_empty())?;
        Some(Self { packet, payload, headers, upper })
    }

    fn ends_with_push(&self) -> bool {
        match self.headers.transport {
            Transport::Tcp(tcp) => tcp.flags & Tcp::PSH != 0,
            Transport::Udp(_) | Transport::Icmp(_) | Transport::Other | Transport::Absent => false,
        }
    }
}

/// Whether a datagram fills its packet and has a checksum.
fn is_plain_udp(datagram: &[u8]) -> bool {
    usize::from(u16::from_be_bytes(field(datagram, 4))) == datagram.len()
        && field(datagram, 6) != [0, 0]
}

/// Packets that make up one super-packet.
struct Group<'a> {
    first: &'a [u8],
    headers: Headers,
    upper: Upper,
    header_len: usize,
    /// Of each but the last.
    payload_len: usize,
    packets: usize,
    /// Of the super-packet.
    length: usize,
    /// Whether another may follow.
    open: bool,
    /// Whether the last packet asks for delivery at once.
    push: bool,
    /// Whether the first packet's checksums have been found right.
    verified: bool,
}

impl<'a> Group<'a> {
    fn new(first: &Piece<'a, '_>) -> Self {
        let push = first.ends_with_push();
        Self {
            first: first.packet,
            headers: *first.headers,
            upper: first.upper,
            header_len: first.packet.len() - first.payload.len(),
            payload_len: first.payload.len(),
            packets: 1,
            length: first.packet.len(),
            open: !push,
            push,
            verified: false,
        }
    }

    /// Whether the packet continues this group, which then has it.
    fn join(&mut self, next: &Piece<'a, '_>) -> bool {
        let joins = self.open
            && self.packets < MAX_PACKETS
            && next.payload.len() <= self.payload_len
            && self.length + next.payload.len() <= usize::from(u16::MAX)
            && self.continues(next)
            && self.is_verified()
            && checksums_hold(next.packet, next.headers);
        if joins {
            self.packets += 1;
            self.length += next.payload.len();
            self.push = next.ends_with_push();
            self.open = !self.push && next.payload.len() == self.payload_len;
        }
        joins
    }

    /// Whether the packet's headers are those that splitting would give it.
    fn continues(&self, next: &Piece<'_, '_>) -> bool {
        let (first, packet) = (self.first, next.packet);
        let before = self.length - self.header_len;
        let network = if self.headers.source.is_ipv4() {
            // Version, header length, type of service; flags, TTL, protocol; addresses, ports.
            same::<2>(first, packet, 0)
                && same::<4>(first, packet, 6)
                && same::<12>(first, packet, 12)
                && (self.headers.dont_fragment || self.identification_follows(packet))
        } else {
            // Version, traffic class, flow label; next header, hop limit, addresses, ports.
            same::<4>(first, packet, 0) && same::<38>(first, packet, 6)
        };
        let at = usize::from(self.headers.transport_at);
        network
            && match (self.headers.transport, next.headers.transport) {
                (Transport::Tcp(tcp), Transport::Tcp(next)) => {
                    // Acknowledgment number; window; options.
                    tcp.sequence.wrapping_add(before as u32) == next.sequence
                        && same::<5>(first, packet, at + 8)
                        && same::<2>(first, packet, at + 14)
                        && first.get(at + 18..self.header_len)
                            == packet.get(at + 18..self.header_len)
                }
                // Of the same protocol: UDP.
                _ => true,
            }
    }

    fn identification_follows(&self, packet: &[u8]) -> bool {
        let first = u16::from_be_bytes(field(self.first, 4));
        let next = u16::from_be_bytes(field(packet, 4));
        next.wrapping_sub(first) as usize == self.packets
    }

    /// Whether the first packet is sound; nothing joins it otherwise.
    fn is_verified(&mut self) -> bool {
        self.verified = self.verified || checksums_hold(self.first, &self.headers);
        self.verified
    }

    /// The headers of the super-packet, in `space`, and what the device is to know of it.
    fn headers<'s>(&self, space: &'s mut [u8; MAX_HEADERS]) -> (VnetHeader, &'s [u8]) {
        let headers = space.get_mut(..self.header_len).unwrap_or_default();
        for (new, first) in headers.iter_mut().zip(self.first) {
            *new = *first;
        }
        let transport_at = usize::from(self.headers.transport_at);
        let (network, transport) = headers.split_at_mut(transport_at.min(self.header_len));
        let gso_type = self.write_network(network);
        let length = (self.length - transport_at) as u16;
        let (gso_type, csum_offset) = match self.upper {
            Upper::Tcp => {
                let [flags] = field(transport, 13);
                put(transport, 13, [if self.push { flags | Tcp::PSH } else { flags }]);
                (gso_type, 16)
            }
            Upper::Udp => {
                put(transport, 4, length.to_be_bytes());
                (VnetHeader::UDP_L4, 6)
            }
        };
        let Headers { source, destination, protocol, .. } = self.headers;
        let sum = checksum::pseudo_header(source, destination, protocol, length.into());
        put(transport, csum_offset, sum.fold().to_be_bytes());
        let vnet = VnetHeader {
            flags: VnetHeader::NEEDS_CSUM,
            gso_type,
            hdr_len: self.header_len as u16,
            gso_size: self.payload_len as u16,
            csum_start: self.headers.transport_at,
            csum_offset: csum_offset as u16,
        };
        (vnet, headers)
    }

    /// Completes the IP header; the kind of super-packet if it is of TCP.
    fn write_network(&self, header: &mut [u8]) -> u8 {
        if self.headers.source.is_ipv4() {
            put(header, 2, (self.length as u16).to_be_bytes());
            put(header, 10, [0, 0]);
            put(header, 10, checksum::sum(header).checksum().to_be_bytes());
            VnetHeader::TCPV4
        } else {
            put(header, 4, ((self.length - 40) as u16).to_be_bytes());
            VnetHeader::TCPV6
        }
    }
}

/// Whether the checksums of a packet are right. Those of a super-packet are made anew: what was
/// damaged must not be given a right one.
fn checksums_hold(packet: &[u8], headers: &Headers) -> bool {
    checksum::ip_header_holds(packet) && checksum::transport_checksum_holds(headers, packet)
}

/// Whether both have the same `N` octets at `at`.
fn same<const N: usize>(a: &[u8], b: &[u8], at: usize) -> bool {
    field::<N>(a, at) == field::<N>(b, at)
}
