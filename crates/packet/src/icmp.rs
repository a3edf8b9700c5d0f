//! ICMP errors: the one that the gateway sends, and those that it relates to a flow.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::checksum::{pseudo_header, sum};
use crate::headers::{Headers, Transport, ipv4, ipv6, protocol, transport};
use crate::octets::{field, put};

/// The longest error that is made, in octets: the minimum MTU of IPv6 (RFC 4443 §3.2).
pub const MAX_ERROR_LEN: usize = 1280;

/// The longest ICMP error over IPv4, in octets (RFC 1812 §4.3.2.3).
const MAX_ERROR_LEN_IPV4: usize = 576;
/// Length of the ICMP header in an error, in octets.
const ICMP_LEN: usize = 8;
const HOP_LIMIT: u8 = 64;
/// Precedence 6, internetwork control (RFC 1812 §4.3.2.5).
const INTERNETWORK_CONTROL: u8 = 0xc0;

const DESTINATION_UNREACHABLE: u8 = 3;
const FRAGMENTATION_NEEDED: u8 = 4;
const TIME_EXCEEDED: u8 = 11;
const PARAMETER_PROBLEM: u8 = 12;

const DESTINATION_UNREACHABLE_V6: u8 = 1;
const PACKET_TOO_BIG: u8 = 2;
const TIME_EXCEEDED_V6: u8 = 3;
const PARAMETER_PROBLEM_V6: u8 = 4;
const REDIRECT_V6: u8 = 137;

/// Writes to `out` the error which says that `original` did not fit a link of `mtu` octets:
/// Fragmentation Needed (RFC 1191 §4) or Packet Too Big (RFC 4443 §3.2), from the address `from`.
/// Its length, in octets; `out` should have [`MAX_ERROR_LEN`].
///
/// None if there must be no error: about an ICMP error, a later fragment or a packet to many
/// (RFC 1122 §3.2.2); or if `from` is of the other IP version or `out` is too short.
pub fn fragmentation_needed(
    original: &[u8],
    headers: &Headers,
    mtu: u16,
    from: IpAddr,
    out: &mut [u8],
) -> Option<usize> {
    if !may_be_answered(headers) {
        return None;
    }
    match (from, headers.source) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let quote_len = MAX_ERROR_LEN_IPV4 - ipv4::HEADER_LEN - ICMP_LEN;
            let quote = original.get(..headers.len().min(quote_len))?;
            let icmp_len = ICMP_LEN + quote.len();
            let (header, icmp) = split(out, ipv4::HEADER_LEN, icmp_len)?;
            write_icmp(icmp, DESTINATION_UNREACHABLE, FRAGMENTATION_NEEDED, mtu, quote);
            put(icmp, 2, sum(icmp).checksum().to_be_bytes());
            write_ipv4(header, from, to, icmp_len);
            Some(ipv4::HEADER_LEN + icmp_len)
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let quote_len = MAX_ERROR_LEN - ipv6::HEADER_LEN - ICMP_LEN;
            let quote = original.get(..headers.len().min(quote_len))?;
            let icmp_len = ICMP_LEN + quote.len();
            let (header, icmp) = split(out, ipv6::HEADER_LEN, icmp_len)?;
            write_icmp(icmp, PACKET_TOO_BIG, 0, mtu, quote);
            let pseudo = pseudo_header(from.into(), to.into(), protocol::ICMPV6, icmp_len as u32);
            put(icmp, 2, (pseudo + sum(icmp)).checksum().to_be_bytes());
            write_ipv6(header, from, to, icmp_len);
            Some(ipv6::HEADER_LEN + icmp_len)
        }
        _ => None,
    }
}

fn may_be_answered(headers: &Headers) -> bool {
    let is_to_one = match headers.destination {
        IpAddr::V4(address) => !address.is_multicast() && !address.is_broadcast(),
        IpAddr::V6(address) => !address.is_multicast(),
    };
    let may_be_answered = match headers.transport {
        Transport::Icmp(icmp) if headers.protocol == protocol::ICMP => {
            // Errors and redirects; other types ask or answer.
            !matches!(icmp.kind, 3..=5 | TIME_EXCEEDED | PARAMETER_PROBLEM)
        }
        Transport::Icmp(icmp) => icmp.kind >= 128 && icmp.kind != REDIRECT_V6,
        Transport::Absent => false,
        Transport::Tcp(_) | Transport::Udp(_) | Transport::Other => true,
    };
    is_to_one && may_be_answered
}

/// The places of the IP header and of the ICMP message.
fn split(out: &mut [u8], header_len: usize, icmp_len: usize) -> Option<(&mut [u8], &mut [u8])> {
    let out = out.get_mut(..header_len + icmp_len)?;
    out.split_at_mut_checked(header_len)
}

/// All but the checksum. In both versions the MTU ends the eight octets of the header.
fn write_icmp(icmp: &mut [u8], kind: u8, code: u8, mtu: u16, quote: &[u8]) {
    let [high, low] = mtu.to_be_bytes();
    put(icmp, 0, [kind, code, 0, 0, 0, 0, high, low]);
    if let Some(place) = icmp.get_mut(ICMP_LEN..) {
        place.copy_from_slice(quote);
    }
}

fn write_ipv4(header: &mut [u8], from: Ipv4Addr, to: Ipv4Addr, payload_len: usize) {
    let [l0, l1] = ((ipv4::HEADER_LEN + payload_len) as u16).to_be_bytes();
    let [f0, f1] = ipv4::DONT_FRAGMENT.to_be_bytes();
    // Never fragmented, so that it needs no identification (RFC 6864 §4.1).
    put(header, 0, [0x45, INTERNETWORK_CONTROL, l0, l1, 0, 0, f0, f1]);
    put(header, 8, [HOP_LIMIT, protocol::ICMP, 0, 0]);
    put(header, 12, from.octets());
    put(header, 16, to.octets());
    put(header, 10, sum(header).checksum().to_be_bytes());
}

fn write_ipv6(header: &mut [u8], from: Ipv6Addr, to: Ipv6Addr, payload_len: usize) {
    let [l0, l1] = (payload_len as u16).to_be_bytes();
    put(header, 0, [0x60, 0, 0, 0, l0, l1, protocol::ICMPV6, HOP_LIMIT]);
    put(header, 8, from.octets());
    put(header, 24, to.octets());
}

/// What an ICMP error says of the packet that caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// Source address of the quoted packet.
    pub source: IpAddr,
    /// Destination address of the quoted packet.
    pub destination: IpAddr,
    /// Protocol of its upper layer.
    pub protocol: u8,
    /// By what its upper layer tells one flow from another.
    pub flow: QuotedFlow,
    /// The MTU that it exceeded, in octets, where the error tells: Fragmentation Needed and
    /// Packet Too Big. Whoever made the error can have put any number there.
    pub mtu: Option<u16>,
}

/// By what an upper layer tells one flow from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotedFlow {
    /// TCP and UDP: source and destination port.
    Ports(u16, u16),
    /// ICMP echo: the identifier.
    Echo(u16),
    /// Other protocols have nothing of the kind.
    Protocol,
}

/// The packet that an ICMP error quotes: Destination Unreachable, Packet Too Big, Time Exceeded or
/// Parameter Problem.
///
/// None if `packet` is no such error, or quotes too little to relate it to a flow, or quotes a
/// later fragment or an ICMP message that is no echo. `packet` must be what `headers` were parsed
/// from; whether its checksum holds is the caller's to ask.
pub fn quoted(packet: &[u8], headers: &Headers) -> Option<Quoted> {
    let Transport::Icmp(icmp) = headers.transport else {
        return None;
    };
    let message = packet.get(usize::from(headers.transport_at)..headers.len())?;
    let (header, quote) = message.split_first_chunk::<ICMP_LEN>()?;
    let &[_, _, _, _, m0, m1, m2, m3] = header;
    if headers.protocol == protocol::ICMP {
        let mtu = match (icmp.kind, icmp.code) {
            (DESTINATION_UNREACHABLE, FRAGMENTATION_NEEDED) => u16::from_be_bytes([m2, m3]),
            (DESTINATION_UNREACHABLE | TIME_EXCEEDED | PARAMETER_PROBLEM, _) => 0,
            _ => return None,
        };
        quoted_ipv4(quote, mtu)
    } else {
        let mtu = match icmp.kind {
            PACKET_TOO_BIG => u32::from_be_bytes([m0, m1, m2, m3]),
            DESTINATION_UNREACHABLE_V6 | TIME_EXCEEDED_V6 | PARAMETER_PROBLEM_V6 => 0,
            _ => return None,
        };
        quoted_ipv6(quote, u16::try_from(mtu).unwrap_or(u16::MAX))
    }
}

fn quoted_ipv4(quote: &[u8], mtu: u16) -> Option<Quoted> {
    let header: &[u8; ipv4::HEADER_LEN] = quote.first_chunk()?;
    let [version_and_ihl] = field(header, 0);
    let header_len = usize::from(version_and_ihl & 0xf) * 4;
    let is_later = u16::from_be_bytes(field(header, 6)) & ipv4::OFFSET != 0;
    if version_and_ihl >> 4 != 4 || header_len < ipv4::HEADER_LEN || is_later {
        return None;
    }
    let [protocol] = field(header, 9);
    if protocol == protocol::ICMPV6 {
        return None;
    }
    Some(Quoted {
        source: IpAddr::from(field::<4>(header, 12)),
        destination: IpAddr::from(field::<4>(header, 16)),
        protocol,
        flow: quoted_flow(protocol, quote.get(header_len..)?)?,
        mtu: (mtu > 0).then_some(mtu),
    })
}

fn quoted_ipv6(quote: &[u8], mtu: u16) -> Option<Quoted> {
    let header: &[u8; ipv6::HEADER_LEN] = quote.first_chunk()?;
    let [version, .., next, _] = field::<8>(header, 0);
    if version >> 4 != 6 {
        return None;
    }
    let chain = ipv6::Chain::walk(quote, next).ok()?;
    let is_later = chain.fragment().is_some_and(|fragment| fragment.offset > 0);
    if is_later || chain.protocol == protocol::ICMP {
        return None;
    }
    Some(Quoted {
        source: IpAddr::from(field::<16>(header, 8)),
        destination: IpAddr::from(field::<16>(header, 24)),
        protocol: chain.protocol,
        flow: quoted_flow(chain.protocol, quote.get(chain.transport_at..)?)?,
        mtu: (mtu > 0).then_some(mtu),
    })
}

fn quoted_flow(protocol: u8, upper: &[u8]) -> Option<QuotedFlow> {
    match protocol {
        protocol::TCP | protocol::UDP => {
            let &[s0, s1, d0, d1] = upper.first_chunk()?;
            let source = u16::from_be_bytes([s0, s1]);
            Some(QuotedFlow::Ports(source, u16::from_be_bytes([d0, d1])))
        }
        protocol::ICMP | protocol::ICMPV6 => {
            let &[kind, _, _, _, i0, i1] = upper.first_chunk()?;
            let is_echo = transport::is_echo(protocol, kind);
            is_echo.then_some(QuotedFlow::Echo(u16::from_be_bytes([i0, i1])))
        }
        _ => Some(QuotedFlow::Protocol),
    }
}

#[cfg(test)]
mod tests;
