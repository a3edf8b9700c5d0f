//! The segment that tells a TCP sender that its connection is none (RFC 9293 §3.10.7.1).

use std::net::IpAddr;

use crate::checksum::{pseudo_header, sum};
use crate::headers::{Headers, Tcp, Transport, ipv4, ipv6, protocol};
use crate::octets::put;

/// The longest such packet, in octets.
pub const MAX_RESET_LEN: usize = ipv6::HEADER_LEN + TCP_LEN;

const TCP_LEN: usize = 20;
const HOP_LIMIT: u8 = 64;

/// Writes to `out` the answer to a segment of a connection that is not known, as if its receiver
/// gave it. Its length, in octets.
///
/// None for what is no TCP, and for a reset, which is not answered.
pub fn reset(segment: &Headers, out: &mut [u8; MAX_RESET_LEN]) -> Option<usize> {
    let Transport::Tcp(tcp) = segment.transport else { return None };
    if tcp.flags & Tcp::RST != 0 {
        return None;
    }
    let network_len = match segment.source {
        IpAddr::V4(_) => ipv4::HEADER_LEN,
        IpAddr::V6(_) => ipv6::HEADER_LEN,
    };
    let out = out.get_mut(..network_len + TCP_LEN)?;
    let (network, transport) = out.split_at_mut_checked(network_len)?;
    write_network(network, segment);
    let (sequence, acknowledgment, flags) = answer_to(segment, &tcp);
    put(transport, 0, tcp.destination.to_be_bytes());
    put(transport, 2, tcp.source.to_be_bytes());
    put(transport, 4, sequence.to_be_bytes());
    put(transport, 8, acknowledgment.to_be_bytes());
    put(transport, 12, [(TCP_LEN as u8 / 4) << 4, flags, 0, 0, 0, 0, 0, 0]);
    let (from, to) = (segment.destination, segment.source);
    let covered = pseudo_header(from, to, protocol::TCP, TCP_LEN as u32) + sum(transport);
    put(transport, 16, covered.checksum().to_be_bytes());
    Some(network_len + TCP_LEN)
}

/// Sequence number, acknowledgment number and flags.
fn answer_to(segment: &Headers, tcp: &Tcp) -> (u32, u32, u8) {
    if tcp.flags & Tcp::ACK != 0 {
        return (tcp.acknowledgment, 0, Tcp::RST);
    }
    let headers = usize::from(segment.transport_at) + usize::from(tcp.header_len);
    let controls = u32::from(tcp.flags & Tcp::SYN != 0) + u32::from(tcp.flags & Tcp::FIN != 0);
    let length = segment.len().saturating_sub(headers) as u32 + controls;
    (0, tcp.sequence.wrapping_add(length), Tcp::RST | Tcp::ACK)
}

fn write_network(header: &mut [u8], segment: &Headers) {
    match (segment.destination, segment.source) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let [l0, l1] = ((ipv4::HEADER_LEN + TCP_LEN) as u16).to_be_bytes();
            let [f0, f1] = ipv4::DONT_FRAGMENT.to_be_bytes();
            // Never fragmented, so that it needs no identification (RFC 6864 §4.1).
            put(header, 0, [0x45, 0, l0, l1, 0, 0, f0, f1, HOP_LIMIT, protocol::TCP, 0, 0]);
            put(header, 12, from.octets());
            put(header, 16, to.octets());
            put(header, 10, sum(header).checksum().to_be_bytes());
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            put(header, 0, [0x60, 0, 0, 0, 0, TCP_LEN as u8, protocol::TCP, HOP_LIMIT]);
            put(header, 8, from.octets());
            put(header, 24, to.octets());
        }
        // The headers of a packet have addresses of one family.
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::{ip_header_holds, transport_checksum_holds};
    use crate::test_packets::{Packet, Tcp as Segment, Upper};

    fn segment(ipv6: bool, flags: u8, payload: usize) -> Headers {
        let segment =
            Segment { sequence: 1000, acknowledgment: 77, flags, window: 1, timestamp: Some(1) };
        let packet = Packet {
            ipv6,
            traffic_class: 0,
            hop_limit: 9,
            dont_fragment: true,
            identification: 0,
            extended: true,
            ports: (1, 443),
            upper: Upper::Tcp(segment),
            payload: vec![0; payload],
        };
        Headers::parse(&packet.build()).unwrap()
    }

    #[test]
    fn a_reset_is_what_the_sender_believes() {
        for ipv6 in [false, true] {
            for (flags, payload, expected) in [
                (Tcp::ACK | Tcp::PSH, 5, (77, 0, Tcp::RST)),
                (Tcp::FIN, 5, (0, 1006, Tcp::RST | Tcp::ACK)),
                (Tcp::SYN, 0, (0, 1001, Tcp::RST | Tcp::ACK)),
            ] {
                let asked = segment(ipv6, flags, payload);
                let mut out = [0; MAX_RESET_LEN];
                let len = reset(&asked, &mut out).unwrap();
                let answer = &out[..len];
                let read = Headers::parse(answer).unwrap();
                let ends = (asked.destination, asked.source, len);
                assert_eq!((read.source, read.destination, read.len()), ends);
                assert!(ip_header_holds(answer) && transport_checksum_holds(&read, answer));
                let Transport::Tcp(tcp) = read.transport else { panic!("it is of TCP") };
                assert_eq!((tcp.source, tcp.destination), (443, 1));
                assert_eq!((tcp.sequence, tcp.acknowledgment, tcp.flags), expected);
            }
            let asked = segment(ipv6, Tcp::RST | Tcp::ACK, 0);
            assert_eq!(reset(&asked, &mut [0; MAX_RESET_LEN]), None);
        }
    }
}
