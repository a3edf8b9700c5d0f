use proptest::prelude::*;

use super::*;
use crate::octets::put;

const UDP: [u8; 12] = [0x12, 0x34, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4];
const TCP: [u8; 24] =
    [0x1f, 0x90, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8, 0x60, 0x12, 1, 1, 0, 0, 0, 0, 2, 4, 5, 0xb4];
const PING: [u8; 8] = [8, 0, 0, 0, 0xab, 0xcd, 0, 1];

/// From 10.0.0.1 to 10.0.0.2, with the flags and offset, and options.
fn ipv4(protocol: u8, flags_and_offset: u16, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let header_len = 20 + options.len();
    let mut packet = vec![0; 20];
    packet.extend([options, payload].concat());
    let length = packet.len() as u16;
    put(&mut packet, 0, [0x40 | (header_len / 4) as u8, 0xb9]);
    put(&mut packet, 2, length.to_be_bytes());
    put(&mut packet, 4, [0x77, 0x88]);
    put(&mut packet, 6, flags_and_offset.to_be_bytes());
    put(&mut packet, 8, [64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    packet
}

/// From 2001:db8::1 to 2001:db8::2.
fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).to_be_bytes();
    let mut packet = vec![0x6b, 0x91, 2, 3, length[0], length[1], next, 64];
    for host in [1, 2] {
        packet.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
    }
    packet.extend(payload);
    packet
}

/// Eight octets of an extension header.
fn extension(next: u8) -> [u8; 8] {
    [next, 0, 1, 4, 0, 0, 0, 0]
}

fn fragment_header(next: u8, offset: u16, more: bool) -> [u8; 8] {
    let [high, low] = (offset | u16::from(more)).to_be_bytes();
    [next, 0, high, low, 0, 1, 2, 3]
}

#[test]
fn reads_every_field() {
    let headers = Headers::parse(&ipv4(6, 0x4000, &[], &TCP)).unwrap();
    let tcp = Tcp {
        source: 8080,
        destination: 80,
        sequence: 0x0102_0304,
        acknowledgment: 0x0506_0708,
        flags: Tcp::SYN | Tcp::ACK,
        header_len: 24,
    };
    let expected = Headers {
        source: "10.0.0.1".parse().unwrap(),
        destination: "10.0.0.2".parse().unwrap(),
        traffic_class: 0xb9,
        dont_fragment: true,
        fragment: None,
        protocol: 6,
        transport_at: 20,
        length: 44,
        transport: Transport::Tcp(tcp),
    };
    assert_eq!(headers, expected);
    let headers = Headers::parse(&ipv6(6, &TCP)).unwrap();
    let expected = Headers {
        source: "2001:db8::1".parse().unwrap(),
        destination: "2001:db8::2".parse().unwrap(),
        transport_at: 40,
        length: 64,
        ..expected
    };
    assert_eq!(headers, expected);
}

#[test]
fn passes_over_options_and_extension_headers() {
    let packet = ipv4(17, 0, &[1, 7, 3, 4], &UDP);
    let udp = Transport::Udp(Udp { source: 0x1234, destination: 53 });
    let headers = Headers::parse(&packet).unwrap();
    assert_eq!((headers.transport_at, headers.transport), (24, udp));
    let chain = [&extension(60)[..], &extension(43), &[17, 1, 4, 0], &[0; 12], &UDP].concat();
    let headers = Headers::parse(&ipv6(0, &chain)).unwrap();
    assert_eq!((headers.transport_at, headers.transport), (72, udp));
    assert_eq!((headers.protocol, headers.length), (17, 84));
    // What follows a packet is padding.
    let padded = [packet, vec![0xff; 300]].concat();
    assert_eq!(Headers::parse(&padded).unwrap().length, 36);
}

#[test]
fn icmp_of_its_own_version_only() {
    let icmp = |kind| Transport::Icmp(Icmp { kind, code: 0, identifier: 0xabcd });
    let transport = |packet: &[u8]| Headers::parse(packet).unwrap().transport;
    assert_eq!(transport(&ipv4(1, 0, &[], &PING)), icmp(8));
    assert_eq!(transport(&ipv4(58, 0, &[], &PING)), Transport::Other);
    assert_eq!(transport(&ipv6(1, &PING)), Transport::Other);
    let ping = [128, 0, 0, 0, 0xab, 0xcd, 0, 1];
    assert_eq!(transport(&ipv6(58, &ping)), icmp(128));
    // In ICMPv6, 8 is no echo.
    let other = Icmp { kind: 8, code: 0, identifier: 0 };
    assert_eq!(transport(&ipv6(58, &PING)), Transport::Icmp(other));
}

#[test]
fn fragments() {
    let first = Headers::parse(&ipv4(6, 0x2000, &[], &TCP)).unwrap();
    let fragment = Fragment { identification: 0x7788, offset: 0, more: true };
    assert_eq!(first.fragment, Some(fragment));
    assert!(matches!(first.transport, Transport::Tcp(_)));
    let later = Headers::parse(&ipv4(6, 100, &[], &TCP[..5])).unwrap();
    let fragment = Fragment { offset: 800, more: false, ..fragment };
    assert_eq!((later.fragment, later.transport), (Some(fragment), Transport::Absent));

    // The UDP length of a first fragment is that of the whole datagram.
    let udp = [0, 1, 0, 2, 0x20, 0, 0, 0];
    let first = [fragment_header(17, 0, true), udp].concat();
    let headers = Headers::parse(&ipv6(44, &first)).unwrap();
    assert!(matches!(headers.transport, Transport::Udp(_)));
    assert_eq!(headers.fragment.unwrap().identification, 0x0001_0203);
    // RFC 6946: a fragment header with which the packet is whole.
    let whole = [&fragment_header(17, 0, false)[..], &UDP].concat();
    let headers = Headers::parse(&ipv6(44, &whole)).unwrap();
    assert_eq!((headers.fragment, headers.transport_at), (None, 48));
    assert!(matches!(headers.transport, Transport::Udp(_)));
    // What a later fragment says it begins with may be an extension header: it is not there.
    let later = [fragment_header(60, 80, false), [0xff; 8]].concat();
    let headers = Headers::parse(&ipv6(44, &later)).unwrap();
    assert_eq!((headers.protocol, headers.transport), (60, Transport::Absent));
}

#[test]
fn refuses_by_name() {
    use Malformed::*;
    let refusal = |packet: &[u8]| Headers::parse(packet).unwrap_err();
    let changed = |mut packet: Vec<u8>, at: usize, to: &[u8]| {
        packet[at..at + to.len()].copy_from_slice(to);
        Headers::parse(&packet).unwrap_err()
    };
    let tcp = || ipv4(6, 0, &[], &TCP);
    assert_eq!(refusal(&[]), Truncated);
    assert_eq!(changed(tcp(), 0, &[0x55]), Version);
    assert_eq!(changed(tcp(), 0, &[0x44]), HeaderLength);
    assert_eq!(changed(tcp(), 2, &[0, 0]), HeaderLength);
    assert_eq!(changed(tcp(), 2, &[0, 45]), Truncated);
    assert_eq!(changed(tcp(), 32, &[0x40]), TcpHeaderLength);
    assert_eq!(changed(tcp(), 32, &[0x70]), Truncated);
    for source in [[0, 1, 2, 3], [127, 0, 0, 1], [224, 0, 0, 1], [255; 4]] {
        assert_eq!(changed(tcp(), 12, &source), Source);
    }
    let mut mapped = [0; 16];
    mapped[10..].copy_from_slice(&[0xff, 0xff, 10, 0, 0, 1]);
    for source in [[0xff; 16], [0; 16], mapped] {
        assert_eq!(changed(ipv6(6, &TCP), 8, &source), Source);
    }
    assert_eq!(refusal(&ipv4(17, 0, &[131, 3, 4, 0], &UDP)), SourceRoute);
    assert_eq!(refusal(&ipv4(17, 0, &[1, 1, 1, 137], &UDP)), SourceRoute);
    assert_eq!(refusal(&ipv4(17, 0, &[7, 5, 4, 0], &UDP)), Options);
    assert_eq!(refusal(&ipv4(17, 0, &[7, 0, 4, 0], &UDP)), Options);
    assert_eq!(changed(ipv4(17, 0, &[], &UDP), 24, &[0, 7]), UdpLength);
    assert_eq!(changed(ipv4(17, 0, &[], &UDP), 24, &[0, 13]), UdpLength);
    assert_eq!(refusal(&ipv4(17, 0, &[], &UDP[..7])), Truncated);
    assert_eq!(refusal(&ipv4(1, 0, &[], &PING[..7])), Truncated);

    let after = |header: [u8; 8], payload: &[u8]| [&header[..], payload].concat();
    assert_eq!(changed(ipv6(0, &[]), 4, &[0, 0]), Jumbogram);
    assert_eq!(refusal(&ipv6(43, &after([17, 0, 0, 0, 0, 0, 0, 0], &UDP))), SourceRoute);
    assert_eq!(refusal(&ipv6(43, &after([17, 0, 4, 1, 0, 0, 0, 0], &UDP))), SourceRoute);
    assert_eq!(refusal(&ipv6(60, &after(extension(0), &extension(17)))), ExtensionOrder);
    assert_eq!(refusal(&ipv6(60, &after([17, 2, 0, 0, 0, 0, 0, 0], &UDP))), Truncated);
    assert_eq!(refusal(&ipv6(60, &[50, 1, 0, 0, 0, 0, 0, 0])), Truncated);
    let deep = [extension(60); 8].concat();
    assert_eq!(refusal(&ipv6(60, &deep)), TooManyExtensions);
}

#[test]
fn refuses_fragments_by_name() {
    use Malformed::*;
    let v4 = |flags, payload: &[u8]| Headers::parse(&ipv4(6, flags, &[], payload)).unwrap_err();
    assert_eq!(v4(0x2000, &TCP[..16]), TinyFragment);
    assert_eq!(v4(0x0001, &TCP), TinyFragment);
    assert_eq!(v4(0x2003, &TCP[..20]), FragmentLength);
    assert_eq!(v4(0x0003, &[]), FragmentLength);
    assert_eq!(v4(0x1ffc, &TCP), FragmentTooLong);

    let v6 = |next, offset, more, payload: &[u8]| {
        let payload = [&fragment_header(next, offset, more)[..], payload].concat();
        Headers::parse(&ipv6(44, &payload)).unwrap_err()
    };
    assert_eq!(v6(6, 0, true, &TCP[..16]), TinyFragment);
    // RFC 7112: the headers go on beyond the fragment.
    assert_eq!(v6(60, 0, true, &[6, 2, 0, 0, 0, 0, 0, 0]), TinyFragment);
    assert_eq!(v6(60, 0, true, &extension(6)), TinyFragment);
    assert_eq!(v6(44, 0, true, &fragment_header(6, 0, true)), ExtensionOrder);
    assert_eq!(v6(6, 8, false, &TCP), TinyFragment);
    assert_eq!(v6(6, 80, true, &TCP[..20]), FragmentLength);
    assert_eq!(v6(6, 65_528, false, &TCP), FragmentTooLong);
}

fn some_packet() -> impl Strategy<Value = Vec<u8>> {
    let chain = [&extension(60)[..], &fragment_header(6, 0, true), &TCP].concat();
    let packets = vec![
        ipv4(6, 0x4000, &[], &TCP),
        ipv4(17, 0, &[1, 7, 3, 4], &UDP),
        ipv4(1, 0x2000, &[], &PING),
        ipv6(6, &TCP),
        ipv6(0, &chain),
        ipv6(58, &PING),
    ];
    proptest::sample::select(packets)
}

/// What [`Headers::parse`] promises.
fn check(packet: &[u8]) {
    let Ok(headers) = Headers::parse(packet) else {
        return;
    };
    assert!(headers.len() <= packet.len());
    let upper = headers.len() - usize::from(headers.transport_at);
    match headers.transport {
        Transport::Tcp(tcp) => assert!((20..=upper).contains(&usize::from(tcp.header_len))),
        Transport::Udp(_) | Transport::Icmp(_) => assert!(upper >= 8),
        Transport::Other | Transport::Absent => {}
    }
    let is_later = headers.fragment.is_some_and(|fragment| fragment.offset > 0);
    assert_eq!(is_later, headers.transport == Transport::Absent);
    crate::checksum::transport_checksum_holds(&headers, packet);
}

proptest! {
    #[test]
    fn anything(mut packet in proptest::collection::vec(any::<u8>(), 1..120), six in any::<bool>()) {
        packet[0] = packet[0] & 0xf | if six { 0x60 } else { 0x40 };
        check(&packet);
    }

    #[test]
    fn nearly_right(mut packet in some_packet(), changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4), cut in any::<proptest::sample::Index>()) {
        for (at, octet) in changes {
            let at = at.index(packet.len());
            packet[at] = octet;
        }
        check(&packet);
        check(&packet[..cut.index(packet.len())]);
    }
}
