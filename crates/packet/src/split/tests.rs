use proptest::prelude::*;

use super::{Unsplittable, split};
use crate::{
    Headers,
    test_packets::{Packet, Tcp, Upper},
    vnet::VnetHeader,
};

/// The packets that a super-packet stands for, each made from scratch.
fn reference(whole: &Packet, gso_size: usize) -> Vec<Vec<u8>> {
    let count = whole.payload.chunks(gso_size).count();
    let parts = whole.payload.chunks(gso_size).enumerate();
    let segment = |(number, payload): (usize, &[u8])| {
        let mut segment = Packet { payload: payload.to_vec(), ..whole.clone() };
        segment.identification = whole.identification.wrapping_add(number as u16);
        if let Upper::Tcp(tcp) = &mut segment.upper {
            tcp.sequence = tcp.sequence.wrapping_add((number * gso_size) as u32);
            if number > 0 {
                tcp.flags &= !crate::Tcp::CWR;
            }
            if number + 1 < count {
                tcp.flags &= !(crate::Tcp::FIN | crate::Tcp::PSH);
            }
        }
        segment.build()
    };
    parts.map(segment).collect()
}

/// What Linux puts before a super-packet, but for the length of the headers.
fn vnet(whole: &Packet, gso_size: usize) -> VnetHeader {
    let gso_type = match (&whole.upper, whole.ipv6) {
        (Upper::Tcp(_), false) => VnetHeader::TCPV4,
        (Upper::Tcp(_), true) => VnetHeader::TCPV6,
        (Upper::Udp, _) => VnetHeader::UDP_L4,
    };
    VnetHeader {
        flags: VnetHeader::NEEDS_CSUM,
        gso_type,
        hdr_len: 0,
        gso_size: gso_size as u16,
        csum_start: whole.transport_at() as u16,
        csum_offset: whole.checksum_at() as u16,
    }
}

fn tcp(flags: u8, payload: usize) -> Packet {
    let sequence = u32::MAX - 5000;
    Packet {
        ipv6: false,
        traffic_class: 2,
        hop_limit: 63,
        dont_fragment: true,
        identification: 0xfffe,
        extended: false,
        ports: (443, 50000),
        upper: Upper::Tcp(Tcp {
            sequence,
            acknowledgment: 7,
            flags,
            window: 99,
            timestamp: Some(1),
        }),
        payload: (0..payload).map(|place| (place * 7) as u8).collect(),
    }
}

fn super_packets() -> impl Strategy<Value = (Packet, usize)> {
    let upper = prop_oneof![
        Just(Upper::Udp),
        (any::<u32>(), any::<u8>(), prop::option::of(any::<u32>())).prop_map(
            |(sequence, flags, timestamp)| {
                Upper::Tcp(Tcp { sequence, acknowledgment: 5, flags, window: 512, timestamp })
            }
        ),
    ];
    let network = (any::<bool>(), any::<u8>(), any::<u16>(), any::<bool>());
    // Also segments that are shorter than their headers.
    let payload = prop::collection::vec(any::<u8>(), 1..6000);
    (network, upper, payload, prop_oneof![1..120usize, 500..1500usize]).prop_map(
        |((ipv6, traffic_class, identification, extended), upper, payload, gso_size)| {
            let base = Packet { ipv6, traffic_class, identification, extended, ..tcp(0, 0) };
            (Packet { upper, payload, ..base }, gso_size)
        },
    )
}

proptest! {
    #[test]
    fn splits_as_if_each_packet_were_made_from_scratch((whole, gso_size) in super_packets()) {
        let expected = reference(&whole, gso_size);
        let mut packet = whole.build_partial();
        let headers = Headers::parse(&packet).unwrap();
        let mut segments = split(&vnet(&whole, gso_size), &headers, &mut packet).unwrap();
        prop_assert_eq!(segments.count(), expected.len());
        prop_assert_eq!(segments.segment_len(), expected[0].len());
        for segment in expected {
            prop_assert_eq!(segments.next().unwrap(), segment);
        }
        prop_assert!(segments.next().is_none());
    }

    /// Whatever the device says, there is an answer, and no packet from beyond the one given.
    #[test]
    fn believes_nothing_the_device_says(
        (whole, _) in super_packets(),
        octets in any::<[u8; 10]>(),
        likely in any::<bool>(),
    ) {
        let mut vnet = VnetHeader::parse(&octets);
        if likely {
            vnet.gso_type &= 7;
            vnet.csum_start = whole.transport_at() as u16;
        }
        let mut packet = whole.build();
        let (headers, length) = (Headers::parse(&packet).unwrap(), packet.len());
        if let Ok(mut segments) = split(&vnet, &headers, &mut packet) {
            let (mut count, longest) = (0, segments.segment_len());
            while let Some(segment) = segments.next() {
                count += 1;
                prop_assert!(segment.len() <= longest.min(length));
            }
            prop_assert_eq!(count, segments.count());
        }
    }
}

#[test]
fn splits_the_longest_packets() {
    let flags = crate::Tcp::ACK | crate::Tcp::PSH;
    let ipv4 = tcp(flags, 65_535 - 52);
    let ipv6 = Packet { ipv6: true, ..tcp(flags, 65_535 - 32) };
    for (whole, gso_size) in [(&ipv4, 1448), (&ipv6, 1448), (&ipv6, 65_535)] {
        let mut packet = whole.build_partial();
        let headers = Headers::parse(&packet).unwrap();
        let mut segments = split(&vnet(whole, gso_size), &headers, &mut packet).unwrap();
        for segment in reference(whole, gso_size) {
            assert_eq!(segments.next().unwrap(), segment);
        }
        assert!(segments.next().is_none());
    }
}

#[test]
fn makes_one_packet_of_a_super_packet_without_payload() {
    let whole = tcp(crate::Tcp::ACK, 0);
    let mut packet = whole.build_partial();
    let headers = Headers::parse(&packet).unwrap();
    let mut segments = split(&vnet(&whole, 1448), &headers, &mut packet).unwrap();
    assert_eq!(segments.next().unwrap(), whole.build());
    assert!(segments.next().is_none());
}

#[test]
fn completes_a_partial_checksum() {
    for upper in [Upper::Udp, tcp(0x18, 0).upper] {
        let whole = Packet { upper, ..tcp(0, 333) };
        let expected = whole.build();
        let vnet = VnetHeader { gso_type: VnetHeader::NONE, ..vnet(&whole, 0) };
        let mut packet = whole.build_partial();
        let headers = Headers::parse(&packet).unwrap();
        let mut segments = split(&vnet, &headers, &mut packet).unwrap();
        assert_eq!(segments.next().unwrap(), expected);
        assert!(segments.next().is_none());
    }
}

#[test]
fn leaves_a_complete_packet_alone() {
    let mut packet = tcp(0x10, 100).build();
    packet[50] ^= 1;
    let expected = packet.clone();
    let headers = Headers::parse(&packet).unwrap();
    // Link-layer padding is no part of it.
    packet.extend([0; 6]);
    let mut segments = split(&VnetHeader::default(), &headers, &mut packet).unwrap();
    assert_eq!((segments.count(), segments.segment_len()), (1, expected.len()));
    assert_eq!(segments.next().unwrap(), expected);
}

#[test]
fn names_what_does_not_fit() {
    let whole = tcp(0x10, 3000);
    let mut packet = whole.build();
    let headers = Headers::parse(&packet).unwrap();
    let fits = vnet(&whole, 1000);
    let alone = VnetHeader { gso_type: VnetHeader::NONE, ..fits };
    let cases = [
        (VnetHeader { gso_size: 0, ..fits }, Unsplittable::NoPayload),
        (VnetHeader { gso_type: VnetHeader::TCPV6, ..fits }, Unsplittable::OtherProtocol),
        (VnetHeader { gso_type: VnetHeader::UDP_L4, ..fits }, Unsplittable::OtherProtocol),
        (VnetHeader { gso_type: 3, ..fits }, Unsplittable::UnknownKind),
        (VnetHeader { gso_type: VnetHeader::ECN, ..fits }, Unsplittable::UnknownKind),
        (VnetHeader { csum_start: 40, ..fits }, Unsplittable::ChecksumPlace),
        (VnetHeader { csum_offset: 3031, ..alone }, Unsplittable::ChecksumPlace),
        (VnetHeader { csum_start: 3053, ..alone }, Unsplittable::ChecksumPlace),
    ];
    for (vnet, expected) in cases {
        assert_eq!(split(&vnet, &headers, &mut packet).err(), Some(expected), "{vnet:?}");
    }
    assert_eq!(split(&fits, &headers, &mut packet[..999]).err(), Some(Unsplittable::Truncated));
    assert_eq!(packet, whole.build());
}
