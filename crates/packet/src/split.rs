//! Super-packets split into the packets they stand for (segmentation offload).

#[cfg(test)]
mod tests;

use std::{fmt, ops::Range};

use crate::{
    checksum::{self, Sum},
    headers::{Headers, Tcp, Transport},
    octets::{field, put},
    vnet::VnetHeader,
};

/// Most octets of headers of a super-packet. IPv4 and TCP with all their options have 120; IPv6
/// extension headers could have any number.
const MAX_HEADERS: usize = 256;

/// Splits what a TUN device gave, `packet` with the header `vnet` before it, into the packets it
/// stands for: itself, with its checksum completed, unless it is a super-packet.
///
/// `headers` are those of `packet`. The segments use up the packet.
///
/// # Errors
///
/// `vnet` does not fit the packet, which is then unchanged.
pub fn split<'a>(
    vnet: &VnetHeader,
    headers: &Headers,
    packet: &'a mut [u8],
) -> Result<Segments<'a>, Unsplittable> {
    let packet = packet.get_mut(..headers.len()).ok_or(Unsplittable::Truncated)?;
    let Some(form) = Form::new(vnet, headers, packet)? else {
        if vnet.needs_checksum() {
            complete_checksum(vnet, packet)?;
        }
        return Ok(Segments { packet, form: None, count: 1, left: 1 });
    };
    let payload = packet.len().checked_sub(form.header_len).ok_or(Unsplittable::Truncated)?;
    let count = payload.div_ceil(form.payload_len).max(1);
    Ok(Segments { packet, form: Some(form), count, left: count })
}

/// Completes the checksum of a single packet, whose place holds the sum of the pseudo-header.
fn complete_checksum(vnet: &VnetHeader, packet: &mut [u8]) -> Result<(), Unsplittable> {
    let covered =
        packet.get_mut(usize::from(vnet.csum_start)..).ok_or(Unsplittable::ChecksumPlace)?;
    let complete = written(checksum::sum(covered));
    let place = covered.get_mut(usize::from(vnet.csum_offset)..).unwrap_or_default();
    *place.first_chunk_mut().ok_or(Unsplittable::ChecksumPlace)? = complete;
    Ok(())
}

/// The checksum that goes with `sum`. What would be 0 is written as 0xffff, the same number in
/// ones' complement: in UDP, 0 says that there is no checksum (RFC 768).
fn written(sum: Sum) -> [u8; 2] {
    match sum.checksum() {
        0 => [0xff, 0xff],
        checksum => checksum.to_be_bytes(),
    }
}

/// The packets that a super-packet stands for, in order.
///
/// No payload moves: each packet's headers are written directly before its payload, over the end
/// of the packet before, whose reader has done with it.
pub struct Segments<'a> {
    packet: &'a mut [u8],
    form: Option<Form>,
    count: usize,
    left: usize,
}

/// How many packets a super-packet stands for; 1 for what is none.
#[must_use]
#[inline]
pub fn count(vnet: &VnetHeader, headers: &Headers) -> u64 {
    let transport = match headers.transport {
        Transport::Tcp(tcp) => usize::from(tcp.header_len),
        Transport::Udp(_) => 8,
        Transport::Icmp(_) | Transport::Other | Transport::Absent => 0,
    };
    let payload = headers.len().saturating_sub(usize::from(headers.transport_at) + transport);
    match (vnet.gso_type, vnet.gso_size) {
        (VnetHeader::NONE, _) | (_, 0) => 1,
        (_, size) => payload.div_ceil(usize::from(size)).max(1) as u64,
    }
}

impl Segments<'_> {
    /// How many packets there are in all.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Length of each packet but the last, or of the only one, in octets.
    #[must_use]
    pub fn segment_len(&self) -> usize {
        match &self.form {
            Some(form) if self.count > 1 => form.header_len + form.payload_len,
            Some(_) | None => self.packet.len(),
        }
    }

    /// The next packet, whole and with its checksums.
    #[expect(clippy::should_implement_trait, reason = "it lends, as no Iterator can")]
    pub fn next(&mut self) -> Option<&[u8]> {
        let number = self.count - self.left;
        self.left = self.left.checked_sub(1)?;
        let last = self.left == 0;
        let Some(form) = &self.form else { return Some(self.packet) };
        let at = number * form.payload_len;
        let end = if last { self.packet.len() } else { at + self.segment_len() };
        let segment = self.packet.get_mut(at..end)?;
        form.write(segment, Place { number, last })?;
        Some(segment)
    }
}

/// Where a packet stands among those of its super-packet.
#[derive(Clone, Copy)]
struct Place {
    number: usize,
    last: bool,
}

/// What a super-packet says of the packets it stands for.
struct Form {
    /// The super-packet's headers. (A packet's are written from here, not from those of the packet
    /// before: reading what was written a moment ago in other sizes makes a processor wait.)
    template: [u8; MAX_HEADERS],
    network: Network,
    upper: Upper,
    transport_at: usize,
    header_len: usize,
    payload_len: usize,
    /// The sum of the pseudo-header and the upper layer's header, without what differs from packet
    /// to packet.
    constant: Sum,
}

#[derive(Clone, Copy)]
enum Network {
    Ipv4 {
        identification: u16,
        /// The sum of the header, without what differs from packet to packet.
        constant: Sum,
    },
    Ipv6,
}

#[derive(Clone, Copy)]
enum Upper {
    Tcp(Tcp),
    Udp,
}

impl Form {
    /// None for a packet that stands for itself.
    fn new(
        vnet: &VnetHeader,
        headers: &Headers,
        packet: &[u8],
    ) -> Result<Option<Self>, Unsplittable> {
        let Some((upper, upper_len)) = upper(vnet, headers)? else { return Ok(None) };
        if headers.fragment.is_some() {
            return Err(Unsplittable::Fragment);
        }
        if vnet.gso_size == 0 {
            return Err(Unsplittable::NoPayload);
        }
        if vnet.needs_checksum() && vnet.csum_start != headers.transport_at {
            return Err(Unsplittable::ChecksumPlace);
        }
        let transport_at = usize::from(headers.transport_at);
        let header_len = transport_at + upper_len;
        let mut template = [0; MAX_HEADERS];
        let all = packet.get(..header_len).ok_or(Unsplittable::Truncated)?;
        template.get_mut(..header_len).ok_or(Unsplittable::LongHeaders)?.copy_from_slice(all);
        let (network, transport) = all.split_at(transport_at);
        Ok(Some(Self {
            template,
            network: Network::new(network, headers),
            upper,
            transport_at,
            header_len,
            payload_len: usize::from(vnet.gso_size),
            constant: upper.constant(transport, headers),
        }))
    }

    /// Writes the headers of the packet at `place` before its payload.
    fn write(&self, packet: &mut [u8], place: Place) -> Option<()> {
        let length = packet.len();
        let (headers, payload) = packet.split_at_mut_checked(self.header_len)?;
        headers.copy_from_slice(self.template.get(..self.header_len)?);
        let (network, transport) = headers.split_at_mut_checked(self.transport_at)?;
        self.network.write(network, length, place)?;
        // It fits, since the super-packet's did.
        let length = (transport.len() + payload.len()) as u16;
        let sum = self.constant + Sum::word(length) + checksum::sum(payload);
        match &self.upper {
            Upper::Tcp(tcp) => {
                let before = (place.number * self.payload_len) as u32;
                write_tcp(transport.first_chunk_mut()?, tcp, before, sum, place);
            }
            Upper::Udp => write_udp(transport.first_chunk_mut()?, length, sum),
        }
        Some(())
    }
}

impl Network {
    fn new(header: &[u8], headers: &Headers) -> Self {
        if headers.source.is_ipv6() {
            return Self::Ipv6;
        }
        Self::Ipv4 {
            identification: u16::from_be_bytes(field(header, 4)),
            // Total length, identification; checksum.
            constant: sum_without(header, [2..6, 10..12]),
        }
    }

    /// Identifications count up, as Linux lets them where the sender's segments are not known.
    fn write(self, header: &mut [u8], length: usize, place: Place) -> Option<()> {
        match self {
            Self::Ipv4 { identification, constant } => {
                let header: &mut [u8; 20] = header.first_chunk_mut()?;
                let length = length as u16;
                let identification = identification.wrapping_add(place.number as u16);
                let sum = constant + Sum::word(length) + Sum::word(identification);
                put(header, 2, length.to_be_bytes());
                put(header, 4, identification.to_be_bytes());
                put(header, 10, sum.checksum().to_be_bytes());
            }
            Self::Ipv6 => put(header, 4, (length.saturating_sub(40) as u16).to_be_bytes()),
        }
        Some(())
    }
}

impl Upper {
    fn constant(self, header: &[u8], headers: &Headers) -> Sum {
        let header = match self {
            // Sequence number; data offset, flags; checksum.
            Self::Tcp(_) => sum_without(header, [4..8, 12..14, 16..18]),
            // Length, checksum.
            Self::Udp => sum_without(header, [4..6, 6..8]),
        };
        let Headers { source, destination, protocol, .. } = *headers;
        header + checksum::pseudo_header(source, destination, protocol, 0)
    }
}

/// The sum of `octets` without those in `gaps`, which begin and end at even places, in order.
fn sum_without<const N: usize>(octets: &[u8], gaps: [Range<usize>; N]) -> Sum {
    let mut sum = Sum::ZERO;
    let mut at = 0;
    for gap in gaps {
        sum += checksum::sum(octets.get(at..gap.start).unwrap_or_default());
        at = gap.end;
    }
    sum + checksum::sum(octets.get(at..).unwrap_or_default())
}

/// The upper layer that a super-packet is of, and the length of its header; none for a packet
/// that stands for itself.
fn upper(vnet: &VnetHeader, headers: &Headers) -> Result<Option<(Upper, usize)>, Unsplittable> {
    if vnet.gso_type == VnetHeader::NONE {
        return Ok(None);
    }
    let tcp_kind = if headers.source.is_ipv4() { VnetHeader::TCPV4 } else { VnetHeader::TCPV6 };
    match (vnet.gso_type & !VnetHeader::ECN, headers.transport) {
        (kind, Transport::Tcp(tcp)) if kind == tcp_kind => {
            Ok(Some((Upper::Tcp(tcp), usize::from(tcp.header_len))))
        }
        (VnetHeader::UDP_L4, Transport::Udp(_)) => Ok(Some((Upper::Udp, 8))),
        (VnetHeader::TCPV4 | VnetHeader::TCPV6 | VnetHeader::UDP_L4, _) => {
            Err(Unsplittable::OtherProtocol)
        }
        _ => Err(Unsplittable::UnknownKind),
    }
}

/// FIN and PSH belong to the last octet of the data, and CWR is said once (RFC 3168 §6.1.2).
fn write_tcp(header: &mut [u8; 20], tcp: &Tcp, before: u32, sum: Sum, place: Place) {
    let not_here = if place.number == 0 { 0 } else { Tcp::CWR }
        | if place.last { 0 } else { Tcp::FIN | Tcp::PSH };
    let sequence = tcp.sequence.wrapping_add(before);
    let [offset] = field(header, 12);
    let flags = u16::from_be_bytes([offset, tcp.flags & !not_here]);
    let sum = sum + words(sequence) + Sum::word(flags);
    put(header, 4, sequence.to_be_bytes());
    put(header, 12, flags.to_be_bytes());
    put(header, 16, written(sum));
}

fn write_udp(header: &mut [u8; 8], length: u16, sum: Sum) {
    put(header, 4, length.to_be_bytes());
    put(header, 6, written(sum + Sum::word(length)));
}

fn words(number: u32) -> Sum {
    Sum::word((number >> 16) as u16) + Sum::word(number as u16)
}

/// Why what a TUN device gave cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsplittable {
    /// The packet is shorter than its headers say.
    Truncated,
    /// A kind of super-packet that was not asked for.
    UnknownKind,
    /// A super-packet of another protocol or IP version than the packet's.
    OtherProtocol,
    /// A super-packet that is a fragment.
    Fragment,
    /// A super-packet whose packets carry nothing.
    NoPayload,
    /// A super-packet with more than 256 octets of headers.
    LongHeaders,
    /// The checksum's place is not in the packet, or not where a super-packet has it.
    ChecksumPlace,
}

impl fmt::Display for Unsplittable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "the packet is shorter than its headers say",
            Self::UnknownKind => "the device gave a kind of super-packet it was not asked for",
            Self::OtherProtocol => "the super-packet is of another protocol than the device says",
            Self::Fragment => "the super-packet is a fragment",
            Self::LongHeaders => "the super-packet has more than 256 octets of headers",
            Self::NoPayload => "the packets of the super-packet carry nothing",
            Self::ChecksumPlace => "the checksum has no place in the packet",
        })
    }
}

impl std::error::Error for Unsplittable {}
