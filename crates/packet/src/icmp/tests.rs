use proptest::prelude::*;

use super::*;
use crate::checksum::{ip_header_holds, transport_checksum_holds};

const ROUTER_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const ROUTER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

/// A packet from 10.0.0.1 to 10.0.0.2 whose upper layer, 1400 octets, begins as given.
fn ipv4_packet(protocol: u8, upper: &[u8]) -> Vec<u8> {
    let length = 1420_u16.to_be_bytes();
    let mut packet = vec![0x45, 0, length[0], length[1], 0, 1, 0x40, 0, 64, protocol, 0, 0];
    packet.extend([10, 0, 0, 1, 10, 0, 0, 2]);
    packet.extend(upper);
    packet.resize(1420, 0x55);
    packet
}

/// The same over IPv6, behind these extension headers.
fn ipv6_packet(protocol: u8, extensions: &[u8], upper: &[u8]) -> Vec<u8> {
    let length = 1400_u16.to_be_bytes();
    let mut packet = vec![0x60, 0, 0, 0, length[0], length[1], protocol, 64];
    packet.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    packet.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
    packet.extend(extensions);
    packet.extend(upper);
    packet.resize(1440, 0x55);
    packet
}

const TCP: [u8; 20] = [0x1f, 0x90, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x10, 1, 1, 0, 0, 0, 0];

fn error(original: &[u8], mtu: u16, from: IpAddr) -> Option<Vec<u8>> {
    let mut out = [0; MAX_ERROR_LEN];
    let headers = Headers::parse(original).unwrap();
    let length = fragmentation_needed(original, &headers, mtu, from, &mut out)?;
    Some(out[..length].to_vec())
}

/// What we write is a right packet, and we read in it what it is about.
fn check(original: &[u8], from: IpAddr, length: usize, flow: QuotedFlow) {
    let packet = error(original, 1280, from).unwrap();
    let about = Headers::parse(original).unwrap();
    let headers = Headers::parse(&packet).unwrap();
    assert_eq!(packet.len(), length);
    assert_eq!((headers.source, headers.destination), (from, about.source));
    assert!(ip_header_holds(&packet) && transport_checksum_holds(&headers, &packet));
    let quoted = quoted(&packet, &headers).unwrap();
    assert_eq!((quoted.source, quoted.destination), (about.source, about.destination));
    assert_eq!((quoted.protocol, quoted.flow), (about.protocol, flow));
    assert_eq!(quoted.mtu, Some(1280));
    // Nothing is said about an error, and nothing to those who cannot have sent it.
    assert_eq!(error(&packet, 500, from), None);
}

#[test]
fn too_big_and_its_flow() {
    let ports = QuotedFlow::Ports(8080, 80);
    check(&ipv4_packet(6, &TCP), ROUTER_V4, 576, ports);
    check(&ipv6_packet(6, &[], &TCP), ROUTER_V6, 1280, ports);
    check(&ipv6_packet(60, &[6, 0, 1, 4, 0, 0, 0, 0], &TCP), ROUTER_V6, 1280, ports);
    let echo = QuotedFlow::Echo(0x1234);
    check(&ipv4_packet(1, &[8, 0, 0, 0, 0x12, 0x34, 0, 1]), ROUTER_V4, 576, echo);
    check(&ipv6_packet(58, &[], &[129, 0, 0, 0, 0x12, 0x34, 0, 1]), ROUTER_V6, 1280, echo);
    check(&ipv4_packet(50, &[]), ROUTER_V4, 576, QuotedFlow::Protocol);
    // The first fragment of an IPv6 datagram, quoted in part.
    let first = ipv6_packet(44, &[6, 0, 0, 1, 0, 0, 0, 7], &TCP);
    check(&first, ROUTER_V6, 1280, ports);
}

#[test]
fn no_error_where_there_must_be_none() {
    let mut multicast = ipv4_packet(6, &TCP);
    multicast[16..20].copy_from_slice(&[224, 0, 0, 1]);
    assert_eq!(error(&multicast, 1280, ROUTER_V4), None);
    let mut later = ipv4_packet(6, &[0; 20]);
    later[6..8].copy_from_slice(&[0, 100]);
    assert_eq!(error(&later, 1280, ROUTER_V4), None);
    let redirect = ipv4_packet(1, &[5, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(error(&redirect, 1280, ROUTER_V4), None);
    let redirect = ipv6_packet(58, &[], &[137, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(error(&redirect, 1280, ROUTER_V6), None);
    assert_eq!(error(&ipv4_packet(6, &TCP), 1280, ROUTER_V6), None);
    let headers = Headers::parse(&multicast).unwrap();
    assert_eq!(quoted(&multicast, &headers), None);
}

/// RFC 792: a router that predates RFC 1191 gives no MTU, and quotes eight octets.
#[test]
fn old_router() {
    let mut packet = error(&ipv4_packet(6, &TCP), 0, ROUTER_V4).unwrap();
    packet.truncate(20 + 8 + 20 + 8);
    packet[2..4].copy_from_slice(&56_u16.to_be_bytes());
    let headers = Headers::parse(&packet).unwrap();
    let quoted = quoted(&packet, &headers).unwrap();
    assert_eq!((quoted.flow, quoted.mtu), (QuotedFlow::Ports(8080, 80), None));
}

proptest! {
    /// A quote is whatever a stranger put there, of any length.
    #[test]
    fn any_quote(kind in 0_u8..13, start in prop_oneof![Just(0x45_u8), Just(0x60), any::<u8>()], mut quote in proptest::collection::vec(any::<u8>(), 1..120)) {
        quote[0] = start;
        if let Some(next) = quote.get_mut(6).filter(|_| start == 0x60) {
            *next = [0, 43, 44, 60, 6, 17, 58][usize::from(*next % 7)];
        }
        for (ipv6, mut packet) in [(false, ipv4_packet(1, &[])), (true, ipv6_packet(58, &[], &[]))] {
            packet.truncate(if ipv6 { 40 } else { 20 });
            packet.extend([kind, 4, 0, 0, 0, 0, 5, 0]);
            packet.extend(&quote);
            let length = packet.len() as u16;
            match ipv6 {
                false => put(&mut packet, 2, length.to_be_bytes()),
                true => put(&mut packet, 4, (length - 40).to_be_bytes()),
            }
            let headers = Headers::parse(&packet).unwrap();
            if let Some(quoted) = quoted(&packet, &headers) {
                prop_assert_eq!(quoted.source.is_ipv4(), !ipv6);
            }
        }
    }
}
