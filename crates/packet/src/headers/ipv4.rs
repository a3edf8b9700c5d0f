//! The IPv4 header (RFC 791 §3.1).

use std::net::{IpAddr, Ipv4Addr};

use super::{Fragment, Headers, MAX_DATAGRAM, Malformed, Transport, protocol, transport};

/// Length of a header without options, in octets.
pub(crate) const HEADER_LEN: usize = 20;
/// In the word of flags and fragment offset.
pub(crate) const DONT_FRAGMENT: u16 = 0x4000;
/// In the word of flags and fragment offset.
pub(crate) const MORE_FRAGMENTS: u16 = 0x2000;
/// In the word of flags and fragment offset, in units of 8 octets.
pub(crate) const OFFSET: u16 = 0x1fff;

const END_OF_OPTIONS: u8 = 0;
const NO_OPERATION: u8 = 1;
/// Loose Source and Record Route
const LSRR: u8 = 131;
/// Strict Source and Record Route
const SSRR: u8 = 137;

#[inline(never)]
pub(super) fn parse(packet: &[u8]) -> Result<Headers, Malformed> {
    #[rustfmt::skip]
    let [version_and_ihl, traffic_class, l0, l1, i0, i1, f0, f1, _hop_limit, protocol, _, _,
        s0, s1, s2, s3, d0, d1, d2, d3] = *packet
        .first_chunk::<HEADER_LEN>()
        .ok_or(Malformed::Truncated)?;
    let header_len = usize::from(version_and_ihl & 0xf) * 4;
    let length = u16::from_be_bytes([l0, l1]);
    if header_len < HEADER_LEN || usize::from(length) < header_len {
        return Err(Malformed::HeaderLength);
    }
    let packet = packet.get(..usize::from(length)).ok_or(Malformed::Truncated)?;
    if header_len > HEADER_LEN {
        check_options(packet.get(HEADER_LEN..header_len).unwrap_or_default())?;
    }
    let source = Ipv4Addr::new(s0, s1, s2, s3);
    if !may_send(source) {
        return Err(Malformed::Source);
    }
    let flags = u16::from_be_bytes([f0, f1]);
    let payload = packet.get(header_len..).unwrap_or_default();
    let protocol_to_read = (protocol != protocol::ICMPV6).then_some(protocol);
    let is_fragment = flags & (MORE_FRAGMENTS | OFFSET) != 0;
    let transport = match is_fragment {
        false => transport::parse(protocol_to_read, None, payload)?,
        true => Transport::Absent,
    };
    let headers = Headers {
        source: IpAddr::V4(source),
        destination: IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3)),
        traffic_class,
        dont_fragment: flags & DONT_FRAGMENT != 0,
        fragment: None,
        protocol,
        transport_at: header_len as u16,
        length: u32::from(length),
        transport,
    };
    if !is_fragment {
        return Ok(headers);
    }
    let fragment = Fragment {
        identification: u32::from(u16::from_be_bytes([i0, i1])),
        offset: (flags & OFFSET) << 3,
        more: flags & MORE_FRAGMENTS != 0,
    };
    check_fragment(&fragment, protocol, header_len, payload.len())?;
    let transport = transport::parse(protocol_to_read, Some(&fragment), payload)?;
    Ok(Headers { fragment: Some(fragment), transport, ..headers })
}

/// Not of "this network", loopback, multicast or reserved, which holds the broadcast address
/// (RFC 6890 §2.2.2).
#[inline]
fn may_send(source: Ipv4Addr) -> bool {
    let [network, ..] = source.octets();
    !matches!(network, 0 | 127 | 224..)
}

#[cold]
fn check_options(mut options: &[u8]) -> Result<(), Malformed> {
    while let Some((&kind, rest)) = options.split_first() {
        options = match kind {
            END_OF_OPTIONS => return Ok(()),
            NO_OPERATION => rest,
            LSRR | SSRR => return Err(Malformed::SourceRoute),
            _ => {
                let length = rest.first().map_or(0, |&length| usize::from(length));
                if length < 2 {
                    return Err(Malformed::Options);
                }
                options.get(length..).ok_or(Malformed::Options)?
            }
        };
    }
    Ok(())
}

#[cold]
fn check_fragment(
    fragment: &Fragment,
    protocol: u8,
    header_len: usize,
    payload_len: usize,
) -> Result<(), Malformed> {
    transport::check_fragment(fragment, protocol, payload_len)?;
    if header_len + usize::from(fragment.offset) + payload_len > MAX_DATAGRAM {
        return Err(Malformed::FragmentTooLong);
    }
    Ok(())
}
