//! The headers of TCP, UDP, ICMP and ICMPv6.

use super::{Fragment, Icmp, Malformed, Tcp, Transport, Udp, protocol};

const TCP_LEN: usize = 20;
const UDP_LEN: usize = 8;
const ICMP_LEN: usize = 8;

/// Types of echo and echo reply: of ICMP (RFC 792), and of ICMPv6 (RFC 4443 §4).
const ECHOES: [(u8, [u8; 2]); 2] = [(protocol::ICMP, [8, 0]), (protocol::ICMPV6, [128, 129])];

/// Reads what `payload` begins with. `protocol` is none when it is of the other IP version.
#[inline]
pub(super) fn parse(
    protocol: Option<u8>,
    fragment: Option<&Fragment>,
    payload: &[u8],
) -> Result<Transport, Malformed> {
    if fragment.is_some_and(|fragment| fragment.offset > 0) {
        return Ok(Transport::Absent);
    }
    let too_short = match fragment {
        Some(_) => Malformed::TinyFragment,
        None => Malformed::Truncated,
    };
    match protocol {
        Some(protocol::TCP) => tcp(payload, too_short).map(Transport::Tcp),
        Some(protocol::UDP) => udp(payload, fragment.is_some(), too_short).map(Transport::Udp),
        Some(protocol @ (protocol::ICMP | protocol::ICMPV6)) => {
            icmp(protocol, payload, too_short).map(Transport::Icmp)
        }
        _ => Ok(Transport::Other),
    }
}

#[inline]
fn tcp(payload: &[u8], too_short: Malformed) -> Result<Tcp, Malformed> {
    #[rustfmt::skip]
    let [s0, s1, d0, d1, n0, n1, n2, n3, a0, a1, a2, a3, data_offset, flags, ..] = *payload
        .first_chunk::<TCP_LEN>()
        .ok_or(too_short)?;
    let header_len = (data_offset >> 4) * 4;
    if usize::from(header_len) < TCP_LEN {
        return Err(Malformed::TcpHeaderLength);
    }
    if usize::from(header_len) > payload.len() {
        return Err(too_short);
    }
    Ok(Tcp {
        source: u16::from_be_bytes([s0, s1]),
        destination: u16::from_be_bytes([d0, d1]),
        sequence: u32::from_be_bytes([n0, n1, n2, n3]),
        acknowledgment: u32::from_be_bytes([a0, a1, a2, a3]),
        flags,
        header_len,
    })
}

/// The length in the header of a first fragment is that of the whole datagram.
#[inline]
fn udp(payload: &[u8], is_fragment: bool, too_short: Malformed) -> Result<Udp, Malformed> {
    let [s0, s1, d0, d1, l0, l1, ..] = *payload.first_chunk::<UDP_LEN>().ok_or(too_short)?;
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    if length < UDP_LEN || (length > payload.len() && !is_fragment) {
        return Err(Malformed::UdpLength);
    }
    Ok(Udp { source: u16::from_be_bytes([s0, s1]), destination: u16::from_be_bytes([d0, d1]) })
}

#[inline]
fn icmp(protocol: u8, payload: &[u8], too_short: Malformed) -> Result<Icmp, Malformed> {
    let [kind, code, _, _, i0, i1, ..] = *payload.first_chunk::<ICMP_LEN>().ok_or(too_short)?;
    let identifier = match is_echo(protocol, kind) {
        true => u16::from_be_bytes([i0, i1]),
        false => 0,
    };
    Ok(Icmp { kind, code, identifier })
}

/// Whether it is an echo request or reply, which have an identifier.
#[inline]
pub(crate) fn is_echo(protocol: u8, kind: u8) -> bool {
    ECHOES.iter().any(|(of, kinds)| *of == protocol && kinds.contains(&kind))
}

/// What must hold of every fragment, with `data_len` octets of data behind its headers.
pub(super) fn check_fragment(
    fragment: &Fragment,
    protocol: u8,
    data_len: usize,
) -> Result<(), Malformed> {
    if data_len == 0 || (fragment.more && !data_len.is_multiple_of(8)) {
        return Err(Malformed::FragmentLength);
    }
    // RFC 3128: what lies here belongs to the first fragment's header.
    let is_in_header = (1..TCP_LEN).contains(&usize::from(fragment.offset));
    if protocol == protocol::TCP && is_in_header {
        return Err(Malformed::TinyFragment);
    }
    Ok(())
}
