use std::io::IoSlice;

use proptest::prelude::*;

use super::{Merger, Offload};
use crate::{
    Headers,
    split::split,
    test_packets::{Packet, Tcp, Upper},
    vnet::VnetHeader,
};

const USO: Offload = Offload { uso: true };

/// What reaches the device when `packets` arrive in this order.
fn merge(packets: &[Vec<u8>], offload: Offload) -> Vec<(VnetHeader, Vec<u8>)> {
    let mut written = Vec::new();
    let mut write = |slices: &[IoSlice<'_>]| {
        let vnet = VnetHeader::parse(slices[0].first_chunk().unwrap());
        assert_eq!(slices[0].len(), VnetHeader::LEN);
        written.push((vnet, slices[1..].iter().flat_map(|slice| slice.to_vec()).collect()));
    };
    let mut merger = Merger::new(offload);
    for packet in packets {
        merger.push(packet, &Headers::parse(packet).unwrap(), &mut write);
    }
    merger.finish(&mut write);
    written
}

/// What the device makes of it.
fn unmerge(written: Vec<(VnetHeader, Vec<u8>)>) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    for (vnet, mut packet) in written {
        let headers = Headers::parse(&packet).unwrap();
        let mut segments = split(&vnet, &headers, &mut packet).unwrap();
        while let Some(segment) = segments.next() {
            packets.push(segment.to_vec());
        }
    }
    packets
}

/// Without what may change of an IPv4 packet that may not be fragmented.
fn significant(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    if packet[0] >> 4 == 4 && packet[6] & 0x40 != 0 {
        packet[4..6].fill(0);
        packet[10..12].fill(0);
    }
    packet
}

/// `count` packets of one flow that follow each other.
fn train(ipv6: bool, upper: Upper, count: usize, payload_len: usize) -> Vec<Packet> {
    let first = Packet {
        ipv6,
        traffic_class: 2,
        hop_limit: 64,
        dont_fragment: false,
        identification: 0xfffe,
        extended: false,
        ports: (1000, 2000),
        upper,
        payload: vec![1; payload_len],
    };
    let mut next = Next(first);
    (0..count).map(|_| next.take(payload_len)).collect()
}

/// The next packet of a flow.
struct Next(Packet);

impl Next {
    fn take(&mut self, payload_len: usize) -> Packet {
        let mut packet = self.0.clone();
        packet.payload =
            (0..payload_len).map(|at| (at as u8) ^ packet.identification as u8).collect();
        self.0.identification = packet.identification.wrapping_add(1);
        if let Upper::Tcp(tcp) = &mut self.0.upper {
            tcp.sequence = tcp.sequence.wrapping_add(payload_len as u32);
        }
        packet
    }
}

fn tcp(timestamp: Option<u32>) -> Upper {
    Upper::Tcp(Tcp {
        sequence: u32::MAX - 4000,
        acknowledgment: 77,
        flags: crate::Tcp::ACK,
        window: 512,
        timestamp,
    })
}

fn build(packets: &[Packet]) -> Vec<Vec<u8>> {
    packets.iter().map(Packet::build).collect()
}

#[test]
fn makes_one_of_a_train() {
    let kinds = [
        (false, tcp(None), VnetHeader::TCPV4, 40),
        (true, tcp(Some(5)), VnetHeader::TCPV6, 72),
        (false, Upper::Udp, VnetHeader::UDP_L4, 28),
        (true, Upper::Udp, VnetHeader::UDP_L4, 48),
    ];
    for (ipv6, upper, gso_type, hdr_len) in kinds {
        let mut train = train(ipv6, upper, 5, 1200);
        train[4].payload.truncate(300);
        if let Upper::Tcp(tcp) = &mut train[4].upper {
            tcp.flags |= crate::Tcp::PSH;
        }
        let (csum_start, csum_offset) = (train[0].transport_at(), train[0].checksum_at());
        let expected = VnetHeader {
            flags: VnetHeader::NEEDS_CSUM,
            gso_type,
            hdr_len,
            gso_size: 1200,
            csum_start: csum_start as u16,
            csum_offset: csum_offset as u16,
        };
        // The super-packet, made from scratch.
        let mut whole = train[0].clone();
        whole.upper = match (whole.upper, &train[4].upper) {
            (Upper::Tcp(tcp), Upper::Tcp(last)) => Upper::Tcp(Tcp { flags: last.flags, ..tcp }),
            (upper, _) => upper,
        };
        whole.payload = train.iter().flat_map(|packet| packet.payload.clone()).collect();
        assert_eq!(merge(&build(&train), USO), [(expected, whole.build_partial())]);
    }
}

#[test]
fn ends_a_super_packet_at_its_limits() {
    let long = merge(&build(&train(false, tcp(None), 50, 1400)), USO);
    assert_eq!(long.iter().map(|(_, whole)| whole.len()).max(), Some(40 + 46 * 1400));
    assert_eq!(long.len(), 2);
    let many = merge(&build(&train(true, Upper::Udp, 130, 10)), USO);
    let lengths: Vec<_> = many.iter().map(|(_, whole)| whole.len()).collect();
    assert_eq!(lengths, [48 + 640, 48 + 640, 48 + 20]);
}

#[test]
fn leaves_udp_alone_where_the_device_takes_none() {
    let packets = build(&train(false, Upper::Udp, 3, 100));
    let alone: Vec<_> = packets.iter().map(|p| (VnetHeader::default(), p.clone())).collect();
    assert_eq!(merge(&packets, Offload::default()), alone);
    // Nor where a datagram has no checksum: a super-packet's would all get one.
    let without = |mut packet: Vec<u8>| {
        packet[26..28].fill(0);
        packet
    };
    let packets: Vec<_> = packets.into_iter().map(without).collect();
    assert_eq!(merge(&packets, USO).len(), 3);
}

/// One change to the second of two packets that would be merged, and they are not.
#[test]
fn keeps_apart_what_differs() {
    fn change_tcp(packet: &mut Packet, change: impl Fn(&mut Tcp)) {
        if let Upper::Tcp(tcp) = &mut packet.upper {
            change(tcp);
        }
    }
    let changes: [fn(&mut Packet); 12] = [
        |packet| packet.traffic_class ^= 1,
        |packet| packet.hop_limit -= 1,
        |packet| packet.extended = true,
        |packet| packet.ports.0 += 1,
        |packet| packet.ports.1 += 1,
        |packet| packet.payload.push(0),
        |packet| change_tcp(packet, |tcp| tcp.sequence = tcp.sequence.wrapping_add(1)),
        |packet| change_tcp(packet, |tcp| tcp.acknowledgment += 1),
        |packet| change_tcp(packet, |tcp| tcp.flags |= crate::Tcp::FIN),
        |packet| change_tcp(packet, |tcp| tcp.flags |= crate::Tcp::CWR),
        |packet| change_tcp(packet, |tcp| tcp.window += 1),
        |packet| change_tcp(packet, |tcp| tcp.timestamp = Some(6)),
    ];
    let changes_of_ipv4: [fn(&mut Packet); 2] = [
        |packet| packet.dont_fragment ^= true,
        |packet| packet.identification = packet.identification.wrapping_add(1),
    ];
    let cases = changes_of_ipv4.map(|change| (false, change)).into_iter();
    let cases =
        cases.chain(changes.into_iter().flat_map(|change| [(false, change), (true, change)]));
    for (number, (ipv6, change)) in cases.enumerate() {
        let mut packets = train(ipv6, tcp(Some(5)), 2, 500);
        assert_eq!(merge(&build(&packets), USO).len(), 1);
        change(&mut packets[1]);
        assert_eq!(merge(&build(&packets), USO).len(), 2, "change {number}, IPv6 {ipv6}");
    }
}

#[test]
fn never_mends_a_damaged_packet() {
    for damaged in 0..3 {
        for place in [11, 12, 30, 45, 100] {
            let mut packets = build(&train(false, tcp(None), 3, 200));
            packets[damaged][place] ^= 4;
            let written = merge(&packets, USO);
            assert!(written.contains(&(VnetHeader::default(), packets[damaged].clone())));
            assert_eq!(unmerge(written), packets);
        }
    }
}

#[test]
fn gives_back_the_super_packet_that_was_split() {
    for (ipv6, upper) in [(false, tcp(Some(9))), (true, tcp(None)), (false, Upper::Udp)] {
        let mut whole = train(ipv6, upper, 1, 1).remove(0);
        whole.payload = (0..20_000u32).map(|at| (at * at) as u8).collect();
        let expected = merge(&build(&parts(&whole, 1000)), USO);
        let [(vnet, super_packet)] = expected.as_slice() else { panic!("{}", expected.len()) };
        assert_eq!(*super_packet, whole.build_partial());
        let packets = unmerge(expected.clone());
        assert_eq!(packets.len(), 20);
        assert_eq!(merge(&packets, USO), [(*vnet, super_packet.clone())]);
    }
}

fn parts(whole: &Packet, payload_len: usize) -> Vec<Packet> {
    let mut next = Next(whole.clone());
    let payloads = whole.payload.chunks(payload_len);
    payloads.map(|part| Packet { payload: part.to_vec(), ..next.take(part.len()) }).collect()
}

/// What happens to the next packet of a flow.
#[derive(Clone, Copy, Debug)]
enum Event {
    Full,
    Short(u8),
    Flags(u8),
    Lost,
    Acknowledges,
    Class(u8),
    Damaged(u16),
}

fn events() -> impl Strategy<Value = Vec<(usize, usize, Event)>> {
    let event = prop_oneof![
        20 => Just(Event::Full),
        2 => (1..100u8).prop_map(Event::Short),
        1 => Just(Event::Short(0)),
        2 => any::<u8>().prop_map(Event::Flags),
        1 => Just(Event::Flags(crate::Tcp::ACK | crate::Tcp::PSH)),
        1 => Just(Event::Lost),
        1 => Just(Event::Acknowledges),
        1 => (0..4u8).prop_map(Event::Class),
        2 => any::<u16>().prop_map(Event::Damaged),
    ];
    // Trains of one flow come together.
    prop::collection::vec((0..6usize, 1..12usize, event), 1..40)
}

fn arrivals(events: &[(usize, usize, Event)]) -> Vec<Vec<u8>> {
    let kinds = [(false, tcp(None)), (true, tcp(Some(3))), (false, Upper::Udp), (true, Upper::Udp)];
    let mut flows: Vec<_> = (0..6)
        .map(|flow| {
            let (ipv6, upper) = kinds[flow % 4].clone();
            let mut first = train(ipv6, upper, 1, 0).remove(0);
            first.ports.0 += flow as u16;
            first.dont_fragment = flow > 3;
            Next(first)
        })
        .collect();
    let mut packets = Vec::new();
    for &(flow, train, event) in events {
        let flow = &mut flows[flow];
        packets.extend((1..train).map(|_| flow.take(100).build()));
        let payload_len = if let Event::Short(len) = event { len.into() } else { 100 };
        let mut packet = flow.take(payload_len);
        match (event, &mut packet.upper, &mut flow.0.upper) {
            (Event::Flags(flags), Upper::Tcp(tcp), _) => tcp.flags = flags,
            (Event::Acknowledges, Upper::Tcp(tcp), Upper::Tcp(next)) => {
                tcp.acknowledgment += 100;
                next.acknowledgment += 100;
            }
            (Event::Class(class), ..) => packet.traffic_class = class,
            (Event::Lost, ..) => continue,
            _ => {}
        }
        let mut octets = packet.build();
        if let Event::Damaged(at) = event {
            let bits = packet.header_len() * 8..octets.len() * 8;
            let bit = bits.start + usize::from(at) % bits.len();
            octets[bit / 8] ^= 1 << (bit % 8);
        }
        packets.push(octets);
    }
    packets
}

proptest! {
    /// The device gets every packet, in order and as it was, however they are merged.
    #[test]
    fn the_device_gets_what_came(events in events(), uso in any::<bool>()) {
        let packets = arrivals(&events);
        let written = merge(&packets, Offload { uso });
        prop_assert!(written.iter().all(|(_, packet)| packet.len() <= 65_535));
        let got = unmerge(written);
        prop_assert_eq!(got.len(), packets.len());
        for (got, sent) in got.iter().zip(&packets) {
            prop_assert_eq!(significant(got), significant(sent));
        }
    }

    /// So too when any octets of the headers are damaged, as long as they are still headers.
    #[test]
    fn damaged_headers_stay_damaged(
        damage in prop::collection::vec((0..8usize, 0..60usize, any::<u8>()), 1..4),
        kind in 0..4usize,
    ) {
        let (ipv6, upper) =
            [(false, tcp(Some(1))), (true, tcp(None)), (false, Upper::Udp), (true, Upper::Udp)]
                [kind].clone();
        let mut packets = build(&train(ipv6, upper, 8, 64));
        for (packet, place, bits) in damage {
            packets[packet][place] ^= bits;
        }
        packets.retain(|packet| Headers::parse(packet).is_ok());
        let got = unmerge(merge(&packets, USO));
        prop_assert_eq!(got.len(), packets.len());
        for (got, sent) in got.iter().zip(&packets) {
            let length = got.len().min(sent.len());
            prop_assert_eq!(significant(got), significant(&sent[..length]));
        }
    }
}
