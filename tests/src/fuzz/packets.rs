//! Packets of any kind through parser, split, merge, fragmentation and reassembly: each undoes
//! another, and none says what is not so.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use packet::merge::Offload;
use packet::reassembly::{Limits, Reassembly};
use packet::{
    ChecksumState, Headers, Merger, Transport, VnetHeader, checksum, fragment, rewrite, split,
};

use super::input::Input;
use super::octets::{Ip, Upper};

/// The input's first octet says which, the rest how.
///
/// # Panics
///
/// When anything contradicts itself.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    match input.octet() % 4 {
        0 => anything(&mut input),
        1 => trains(&mut input),
        2 => cut_and_joined(&mut input),
        _ => pieces(&mut input),
    }
}

/// What is true of headers of `octets`.
pub fn check_headers(headers: &Headers, octets: &[u8]) {
    assert!(headers.len() <= octets.len() && usize::from(headers.transport_at) <= headers.len());
    assert_eq!(headers.source.is_ipv4(), octets[0] >> 4 == 4);
    assert_eq!(headers.source.is_ipv4(), headers.destination.is_ipv4());
    let upper = headers.len() - usize::from(headers.transport_at);
    let least = match headers.transport {
        Transport::Tcp(tcp) => usize::from(tcp.header_len).max(20),
        Transport::Udp(_) | Transport::Icmp(_) => 8,
        Transport::Other | Transport::Absent => 0,
    };
    assert!(upper >= least);
    // What follows the packet changes nothing.
    assert_eq!(Headers::parse(&octets[..headers.len()]).as_ref(), Ok(headers));
}

/// Any octets, as a TUN device might give them.
fn anything(input: &mut Input<'_>) {
    let vnet: [u8; VnetHeader::LEN] = std::array::from_fn(|_| input.octet());
    let vnet = VnetHeader::parse(&vnet);
    assert_eq!(VnetHeader::parse(&vnet.to_octets()), vnet);
    let mss = input.short();
    let octets = input.rest();
    let Ok(mut headers) = Headers::parse(octets) else { return };
    check_headers(&headers, octets);
    let held = checksum::transport_checksum_holds(&headers, octets);
    packet::icmp::quoted(octets, &headers);
    let mut answer = [0; packet::icmp::MAX_ERROR_LEN];
    let to = headers.destination;
    if let Some(len) = packet::icmp::fragmentation_needed(octets, &headers, mss, to, &mut answer) {
        let error = Headers::parse(&answer[..len]);
        // From an address that may not send, it is not sent either.
        if let Ok(error) = error {
            assert!(checksum::transport_checksum_holds(&error, &answer[..len]));
        }
    }
    let mut changed = octets.to_vec();
    rewrite::clamp_mss(&mut changed, &headers, mss, ChecksumState::Complete);
    assert_eq!(checksum::transport_checksum_holds(&headers, &changed), held);
    rewrite::set_ecn(&mut changed, &mut headers, vnet.flags);
    assert_eq!(Headers::parse(&changed), Ok(headers));

    let len = headers.len();
    let Ok(mut segments) = split(&vnet, &headers, &mut changed) else { return };
    let (count, longest) = (segments.count(), segments.segment_len());
    let mut seen = 0;
    while let Some(segment) = segments.next() {
        seen += 1;
        assert!(segment.len() <= longest);
        if vnet.gso_type != VnetHeader::NONE {
            let one = Headers::parse(segment).expect("a segment of a super-packet");
            assert_eq!(
                (one.len(), one.source, one.protocol),
                (segment.len(), headers.source, headers.protocol)
            );
            let sum = checksum::transport_checksum_holds(&one, segment);
            assert!(sum && checksum::ip_header_holds(segment));
        }
    }
    assert!(seen == count && count <= len.max(1));
}

/// A packet of one of a few flows.
fn packet(input: &mut Input<'_>, sequences: &mut [u32; 4]) -> Vec<u8> {
    let (choice, shape) = (input.octet(), input.octet());
    let flow = usize::from(choice & 3);
    let len = match input.octet() {
        long @ 240.. => usize::from(long - 239) * 1000,
        len => usize::from(len),
    };
    let v4: [IpAddr; 2] = ["10.2.0.1".parse().unwrap(), "192.0.2.10".parse().unwrap()];
    let v6 = ["2001:db8:2::1".parse().unwrap(), "2001:db8:1::10".parse().unwrap()];
    let flags = [0x10, 0x10, 0x18, 0x11, 0x02, 0x90, 0x04, 0x50][usize::from(shape >> 5)];
    let sequence = sequences[flow];
    sequences[flow] = sequence.wrapping_add(len as u32).wrapping_add(u32::from(shape >> 4 & 1));
    let made = Ip {
        ends: if choice & 4 == 0 { v4 } else { v6 },
        class: if shape & 2 == 0 { 0 } else { 2 },
        dont_fragment: choice & 8 == 0,
        identification: sequence as u16,
        upper: match choice & 16 {
            0 => Upper::Tcp([1000 + flow as u16, 443], sequence, flags, shape & 1 != 0),
            _ => Upper::Udp([1000 + flow as u16, 53]),
        },
        payload: (0..len).map(|at| (at as u8).wrapping_mul(choice | 1)).collect(),
    };
    let mut packet = made.build(false);
    if choice & 32 != 0 {
        let at = usize::from(input.short()) % packet.len();
        packet[at] ^= input.octet();
    }
    packet
}

/// Merged and split, every packet is as it was, in order, but for the identification of an IPv4
/// packet that may not be fragmented.
fn trains(input: &mut Input<'_>) {
    let uso = input.octet() & 1 != 0;
    let (mut sequences, mut packets) = ([0; 4], Vec::new());
    while !input.is_empty() && packets.len() < 200 {
        packets.push(packet(input, &mut sequences));
    }
    packets.retain(|packet| Headers::parse(packet).is_ok());
    let mut written = Vec::new();
    let mut write = |slices: &[IoSlice<'_>]| {
        written.push(slices.iter().flat_map(|slice| slice.to_vec()).collect::<Vec<u8>>());
    };
    let mut merger = Merger::new(Offload { uso });
    for packet in &packets {
        merger.push(packet, &Headers::parse(packet).unwrap(), &mut write);
    }
    merger.finish(&mut write);
    let mut came = Vec::new();
    for mut one in written {
        let (vnet, packet) = one.split_first_chunk_mut::<{ VnetHeader::LEN }>().unwrap();
        let headers = Headers::parse(packet).expect("what is written is a packet");
        check_headers(&headers, packet);
        let mut segments = split(&VnetHeader::parse(vnet), &headers, packet).unwrap();
        while let Some(segment) = segments.next() {
            came.push(segment.to_vec());
        }
    }
    let plain = |packet: &Vec<u8>| {
        let headers = Headers::parse(packet).unwrap();
        let mut packet = packet[..headers.len()].to_vec();
        if headers.source.is_ipv4() && headers.dont_fragment && packet[0] == 0x45 {
            // Its identification, and the checksum with it where that was right.
            let right = checksum::ip_header_holds(&packet);
            packet[4..6].fill(0);
            if right {
                packet[10..12].fill(0);
            }
        }
        packet
    };
    assert!(came.iter().map(plain).eq(packets.iter().map(plain)));
}

/// A packet in fragments, in any order and some of them twice, is put together as it was.
fn cut_and_joined(input: &mut Input<'_>) {
    let mut sequences = [0; 4];
    let original = packet(input, &mut sequences);
    let Ok(headers) = Headers::parse(&original) else { return };
    if headers.fragment.is_some() || !checksum::ip_header_holds(&original) {
        return;
    }
    let mtu = 68 + usize::from(input.short() % 3000);
    let mut space = original.clone();
    let mut cut = Vec::new();
    match fragment::fragments(&mut space, &headers, mtu) {
        Ok(mut fragments) => {
            while let Some(fragment) = fragments.next() {
                assert!(fragment.len() <= mtu && checksum::ip_header_holds(fragment));
                cut.push(fragment.to_vec());
            }
        }
        Err(_) => return,
    }
    let original = &original[..headers.len()];
    if let [one] = &cut[..] {
        assert_eq!(one, original);
        return;
    }
    let mut reassembly = Reassembly::new(Limits::default());
    let now = Instant::now();
    let mut came = None;
    while !cut.is_empty() {
        let at = input.below(cut.len());
        let again = input.octet() & 7 == 7;
        let fragment = if again { cut[at].clone() } else { cut.swap_remove(at) };
        // One may be refused as cut too small: a header must be whole.
        let Ok(headers) = Headers::parse(&fragment) else { return };
        match reassembly.add(now, 1, &headers, &fragment) {
            Ok(Some(whole)) => came = Some(whole.to_vec()),
            Ok(None) => {}
            Err(packet::reassembly::Refused::Duplicate) => {}
            // With so many gaps as this order made.
            Err(
                packet::reassembly::Refused::TooManyGaps | packet::reassembly::Refused::GivenUp,
            ) => return,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(came.as_deref(), Some(original));
}

/// What was taken of a datagram: where it belongs, and the octets.
type Taken = Vec<(usize, Vec<u8>)>;

/// Fragments that need not belong together: what is put together is what was taken, each octet
/// once.
fn pieces(input: &mut Input<'_>) {
    let limits =
        Limits { datagrams: 3, datagrams_per_owner: 2, octets: 100_000, ..Limits::default() };
    let mut reassembly = Reassembly::new(limits);
    let mut now = Instant::now();
    let mut taken: BTreeMap<(u64, u16), Taken> = BTreeMap::new();
    for number in 0..200_u8 {
        if input.is_empty() {
            break;
        }
        let (choice, offset) = (input.octet(), usize::from(input.octet()) * 8);
        let len = usize::from(input.octet());
        now += Duration::from_secs(u64::from(choice >> 7) * 6);
        let (owner, identification) = (u64::from(choice & 1), u16::from(choice >> 1 & 1));
        let mut packet = Ip {
            ends: ["10.2.0.1".parse().unwrap(), "192.0.2.10".parse().unwrap()],
            class: choice >> 3 & 3,
            dont_fragment: false,
            identification,
            upper: Upper::Other(50),
            payload: vec![number; len],
        }
        .build(false);
        let word = (offset / 8) as u16 | if choice & 4 == 0 { 0x2000 } else { 0 };
        packet[6..8].copy_from_slice(&word.to_be_bytes());
        packet[10..12].fill(0);
        let checksum = !super::octets::sum(&packet[..20]);
        packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        let Ok(headers) = Headers::parse(&packet) else { continue };
        let list = taken.entry((owner, identification)).or_default();
        match reassembly.add(now, owner, &headers, &packet) {
            Ok(Some(whole)) => {
                let whole = whole.to_vec();
                list.push((offset, packet[20..].to_vec()));
                check_whole(&whole, list);
                list.clear();
            }
            Ok(None) => list.push((offset, packet[20..].to_vec())),
            Err(_) => {}
        }
    }
}

/// It is made of whole fragments, each of which has octets of its own. Not of all that were taken:
/// some may have been forgotten.
fn check_whole(whole: &[u8], taken: &Taken) {
    let headers = Headers::parse(whole).expect("what is put together is a packet");
    assert!(headers.fragment.is_none() && checksum::ip_header_holds(whole));
    assert_eq!(headers.len(), whole.len());
    let mut at = 0;
    for piece in whole[20..].chunk_by(|one, next| one == next) {
        let is_it = |(offset, data): &(usize, Vec<u8>)| *offset == at && data == piece;
        assert!(taken.iter().any(is_it), "octets {at} and on came from nowhere");
        at += piece.len();
    }
}
