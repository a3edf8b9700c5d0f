//! The IPv6 header and its extension headers (RFC 8200 §3, §4).

use std::net::{IpAddr, Ipv6Addr};

use super::{Fragment, Headers, MAX_DATAGRAM, MAX_EXTENSION_HEADERS, Malformed};
use super::{protocol, transport};

/// Length of the header without extension headers, in octets.
pub(crate) const HEADER_LEN: usize = 40;
/// Length of a fragment header, in octets.
pub(crate) const FRAGMENT_HEADER_LEN: usize = 8;
/// Where the IPv6 header says what follows it, in octets.
pub(crate) const NEXT_HEADER_AT: usize = 6;

#[inline(never)]
pub(super) fn parse(packet: &[u8]) -> Result<Headers, Malformed> {
    let (&[v0, v1, _, _, l0, l1, next, _hop_limit], addresses) =
        packet.split_first_chunk::<8>().ok_or(Malformed::Truncated)?;
    let (source, destination) = addresses.split_first_chunk::<16>().ok_or(Malformed::Truncated)?;
    let destination = destination.first_chunk::<16>().ok_or(Malformed::Truncated)?;
    let payload_len = u16::from_be_bytes([l0, l1]);
    if payload_len == 0 && next == protocol::HOP_BY_HOP {
        return Err(Malformed::Jumbogram);
    }
    let length = HEADER_LEN + usize::from(payload_len);
    let packet = packet.get(..length).ok_or(Malformed::Truncated)?;
    if !may_send(source) {
        return Err(Malformed::Source);
    }
    let chain = Chain::walk(packet, next)?;
    let fragment = chain.fragment();
    if let Some(header) = &chain.fragment_header {
        header.check(packet.len())?;
    }
    let payload = packet.get(chain.transport_at..).unwrap_or_default();
    let protocol_to_read = (chain.protocol != protocol::ICMP).then_some(chain.protocol);
    Ok(Headers {
        source: IpAddr::V6(Ipv6Addr::from(*source)),
        destination: IpAddr::V6(Ipv6Addr::from(*destination)),
        traffic_class: v0 << 4 | v1 >> 4,
        dont_fragment: true,
        fragment,
        protocol: chain.protocol,
        transport_at: chain.transport_at as u16,
        length: length as u32,
        transport: transport::parse(protocol_to_read, fragment.as_ref(), payload)?,
    })
}

/// Not multicast, unspecified or loopback, and not of the IPv4-compatible or IPv4-mapped blocks,
/// which stay within a host (RFC 4291 §2.5.5).
#[inline]
fn may_send(source: &[u8; 16]) -> bool {
    let source = u128::from_be_bytes(*source);
    source >> 120 != 0xff && !matches!(source >> 32, 0 | 0xffff)
}

/// The extension headers of a packet.
pub(crate) struct Chain {
    /// What follows them; in a later fragment, what its fragment header says of the first.
    pub(crate) protocol: u8,
    /// Where that begins, in octets from the packet's first; in a later fragment, its data.
    pub(crate) transport_at: usize,
    /// The fragment header.
    pub(crate) fragment_header: Option<FragmentHeader>,
}

/// A fragment header (RFC 8200 §4.5).
pub(crate) struct FragmentHeader {
    /// Where it begins, in octets from the packet's first.
    pub(crate) at: usize,
    /// Where the header before it says that it follows, in octets from the packet's first.
    pub(crate) announced_at: usize,
    /// What follows it, at the beginning of the whole datagram.
    pub(crate) next_header: u8,
    fragment: Fragment,
}

impl FragmentHeader {
    /// Whether the fragment has its place in a datagram.
    #[cold]
    fn check(&self, packet_len: usize) -> Result<(), Malformed> {
        if self.fragment.offset == 0 && !self.fragment.more {
            return Ok(());
        }
        let data_len = packet_len.saturating_sub(self.at + FRAGMENT_HEADER_LEN);
        transport::check_fragment(&self.fragment, self.next_header, data_len)?;
        // The payload length counts the extension headers that stay in front.
        let front = self.at - HEADER_LEN;
        if front + usize::from(self.fragment.offset) + data_len > MAX_DATAGRAM {
            return Err(Malformed::FragmentTooLong);
        }
        Ok(())
    }
}

impl Chain {
    /// Walks the headers of `packet` from its first: `next`. The packet may end where it likes
    /// behind them.
    #[inline]
    pub(crate) fn walk(packet: &[u8], next: u8) -> Result<Self, Malformed> {
        let mut chain = Self { protocol: next, transport_at: HEADER_LEN, fragment_header: None };
        if is_extension(next) {
            chain.walk_extensions(packet)?;
        }
        Ok(chain)
    }

    /// The fragment that it is. A fragment header with which the packet is whole does not count
    /// (RFC 6946).
    #[inline]
    pub(crate) fn fragment(&self) -> Option<Fragment> {
        let fragment = self.fragment_header.as_ref()?.fragment;
        (fragment.offset > 0 || fragment.more).then_some(fragment)
    }

    #[cold]
    fn walk_extensions(&mut self, packet: &[u8]) -> Result<(), Malformed> {
        let mut announced_at = NEXT_HEADER_AT;
        for _ in 0..MAX_EXTENSION_HEADERS {
            let at = self.transport_at;
            let ending = self.beyond_the_end();
            let (&[next, len, third, fourth, i0, i1, i2, i3], _) =
                packet.get(at..).and_then(<[u8]>::split_first_chunk::<8>).ok_or(ending)?;
            let mut octets = (usize::from(len) + 1) * 8;
            match self.protocol {
                protocol::HOP_BY_HOP if at != HEADER_LEN => return Err(Malformed::ExtensionOrder),
                protocol::ROUTING => check_routing(third, fourth)?,
                protocol::FRAGMENT if self.fragment_header.is_some() => {
                    return Err(Malformed::ExtensionOrder);
                }
                protocol::FRAGMENT => {
                    octets = FRAGMENT_HEADER_LEN;
                    let word = u16::from_be_bytes([third, fourth]);
                    self.fragment_header = Some(FragmentHeader {
                        at,
                        announced_at,
                        next_header: next,
                        fragment: Fragment {
                            identification: u32::from_be_bytes([i0, i1, i2, i3]),
                            offset: word & !7,
                            more: word & 1 != 0,
                        },
                    });
                }
                _ => {}
            }
            if at + octets > packet.len() {
                return Err(ending);
            }
            announced_at = at;
            self.protocol = next;
            self.transport_at = at + octets;
            let is_later = self.fragment().is_some_and(|fragment| fragment.offset > 0);
            if is_later || !is_extension(next) {
                return Ok(());
            }
        }
        Err(Malformed::TooManyExtensions)
    }

    /// What it means that the packet ends within a header.
    fn beyond_the_end(&self) -> Malformed {
        match self.fragment() {
            Some(_) => Malformed::TinyFragment,
            None => Malformed::Truncated,
        }
    }
}

#[inline]
fn is_extension(next: u8) -> bool {
    matches!(
        next,
        protocol::HOP_BY_HOP
            | protocol::ROUTING
            | protocol::FRAGMENT
            | protocol::DESTINATION_OPTIONS
    )
}

/// A routing header that has done its work is ignored (RFC 8200 §4.4); one with segments left
/// would lead the packet past the policy.
fn check_routing(kind: u8, segments_left: u8) -> Result<(), Malformed> {
    if kind == 0 || segments_left > 0 {
        return Err(Malformed::SourceRoute);
    }
    Ok(())
}
