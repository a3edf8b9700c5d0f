//! What routers, time and lifetimes do to a gateway.

use std::time::Duration;

use esp::Limits;
use packet::{Headers, Tcp, Transport, VnetHeader};

use super::*;
use crate::testing::{
    FORBIDDEN, KEYMAT, Notes, Rig, SYSTEM, SYSTEM_V6, child, everywhere, member, path, selectors,
    spis, tcp, udp, way,
};
use crate::{Discard, Sent};

const FROM: &str = "10.2.0.1:1000";
const TO: &str = "192.0.2.10:443";

fn notices(gateway: &mut Forwarder<Notes>) -> Vec<Notice> {
    std::iter::from_fn(|| gateway.poll_notice()).collect()
}

/// The longest inner packet of the child with this id.
fn inner_mtu(rig: &mut Rig, id: u64) -> u16 {
    let table = &mut rig.gateway.table;
    let slot = table.by_id(id).unwrap();
    table.child(slot).unwrap().inner_mtu
}

/// A gateway with a TCP flow of session 1, from which one packet was sent.
fn sending() -> (Rig, crate::testing::Far) {
    let mut rig = Rig::new(Settings::default());
    let mut far = rig.install(1, 1, "pc-1");
    rig.receive(&far.seal(&tcp(FROM, TO, Tcp::SYN, &[]))).unwrap();
    assert_eq!(rig.send(&tcp(TO, FROM, Tcp::SYN | Tcp::ACK, &[])).0, Ok(Sent::Sealed));
    (rig, far)
}

#[test]
fn a_path_is_believed_to_be_shorter_when_it_may_be() {
    let (mut rig, _far) = sending();
    rig.install(2, 1, "pc-1");
    rig.install(3, 3, "pc-1");
    let (remote, out) = (path(4500).remote, spis(1).1);
    let whole = inner_mtu(&mut rig, 1);
    let now = rig.now.instant;
    let told = |rig: &mut Rig, after: u64, quoted, mtu| {
        let now = now + Duration::from_secs(after);
        rig.gateway.handle_path_mtu(now, remote, quoted, mtu)
    };
    for forged in [(out, 2), (out, 0), (out, u32::MAX), (out + 77, 1), (spis(1).0, 1)] {
        assert_eq!(told(&mut rig, 0, forged, 1400), Err(Dropped::PathMtuForged));
    }
    assert_eq!(told(&mut rig, 0, (out, 1), 1454), Err(Dropped::PathMtuForged));
    let elsewhere = "198.51.100.8:4500".parse().unwrap();
    let other = rig.gateway.handle_path_mtu(now, elsewhere, (out, 1), 1400);
    assert_eq!((other, inner_mtu(&mut rig, 1)), (Err(Dropped::PathMtuForged), whole));

    assert_eq!(told(&mut rig, 0, (out, 1), 1400), Ok(()));
    let shorter = inner_mtu(&mut rig, 1);
    assert!(shorter < whole && shorter + 54 <= whole + 3);
    assert_eq!((inner_mtu(&mut rig, 2), inner_mtu(&mut rig, 3)), (shorter, whole));
    // Never longer again by anybody's word, and never below what every path takes.
    assert_eq!(told(&mut rig, 300, (out, 1), 1453), Ok(()));
    assert_eq!(inner_mtu(&mut rig, 1), shorter);
    for _ in 0..1000 {
        assert_eq!(told(&mut rig, 300, (out, 1), 68), Ok(()));
    }
    let least = inner_mtu(&mut rig, 1);
    assert!((500..548).contains(&least), "{least}");
    assert_eq!(rig.gateway.shortened.len(), 2, "what says nothing new is not kept");
    rig.pass(PATH_MTU_AGE * 2);
    assert_eq!((inner_mtu(&mut rig, 1), inner_mtu(&mut rig, 2)), (whole, whole));
    assert!(rig.gateway.shortened.is_empty());
}

fn mss_of(packet: &[u8]) -> u16 {
    let headers = Headers::parse(packet).unwrap();
    assert!(packet::checksum::transport_checksum_holds(&headers, packet));
    let at = usize::from(headers.transport_at) + 22;
    u16::from_be_bytes([packet[at], packet[at + 1]])
}

/// What both ends say they take goes through the tunnel in one piece.
#[test]
fn tcp_is_told_of_the_tunnel() {
    for (client, system, ip) in [
        ("10.2.0.1:1000", format!("{SYSTEM}:443"), 20),
        ("[2001:db8:2::1]:1000", format!("[{SYSTEM_V6}]:443"), 40),
    ] {
        for clamp_mss in [true, false] {
            let mut rig = Rig::new(Settings { clamp_mss, ..Settings::default() });
            let mut far = rig.install(1, 1, "pc-1");
            let expected = if clamp_mss { inner_mtu(&mut rig, 1) - ip - 20 } else { 1460 };
            let syn = tcp(client, &system, Tcp::SYN, &[]);
            let passed = rig.receive(&far.seal(&syn)).unwrap().unwrap();
            assert_eq!(mss_of(&passed), expected);
            let (_, taken) = rig.send(&tcp(&system, client, Tcp::SYN | Tcp::ACK, &[]));
            let mut sealed = taken.sent[0].1.clone();
            assert_eq!(mss_of(far.inbound.open(&mut sealed).unwrap().inner), expected);
            // The longest segment that it stands for, and one octet more.
            let data = vec![7; usize::from(inner_mtu(&mut rig, 1) - ip - 20)];
            let mut segment = tcp(&system, client, Tcp::ACK, &data);
            segment[6] |= if ip == 20 { 0x40 } else { 0 };
            let (sent, taken) = rig.send(&segment);
            assert_eq!((sent, taken.answers.len()), (Ok(Sent::Sealed), 0));
            let outer = taken.sent[0].1.len() + 28;
            assert!((1451..=1454).contains(&outer), "{outer}");
            let mut segment = tcp(&system, client, Tcp::ACK, &[&data[..], &[7]].concat());
            segment[6] |= if ip == 20 { 0x40 } else { 0 };
            let (sent, taken) = rig.send(&segment);
            assert_eq!(sent, Err(Discard::Dropped(Dropped::TooBig)));
            let answer = Headers::parse(&taken.answers[0]).unwrap();
            assert!(matches!(answer.transport, Transport::Icmp(_)) && taken.sent.is_empty());
        }
    }
}

#[test]
fn what_may_be_fragmented_is_and_arrives_whole() {
    let mut rig = Rig::new(Settings::default());
    let mut far = rig.install(1, 1, "pc-1");
    let (from, to) = ("10.2.0.1:1000", "192.0.2.10:53");
    rig.receive(&far.seal(&udp(from, to, b"query"))).unwrap();
    let answer = udp(to, from, &(0..4000).map(|at| (at % 251) as u8).collect::<Vec<_>>());
    let (sent, taken) = rig.send(&answer);
    assert_eq!((sent, taken.sent.len()), (Ok(Sent::Sealed), 3));
    let mut whole = Reassembly::new(FragmentLimits::default());
    let mut complete = None;
    for (_, packet) in taken.sent {
        let mut packet = packet;
        let inner = far.inbound.open(&mut packet).unwrap().inner;
        let headers = Headers::parse(inner).unwrap();
        complete =
            whole.add(rig.now.instant, 0, &headers, inner).unwrap().map(|whole| whole.to_vec());
    }
    assert_eq!(complete, Some(answer.clone()));
    // The other way: fragments of the peer's, of which the policy sees the whole only.
    let fragments = |mut packet: Vec<u8>| {
        let headers = Headers::parse(&packet).unwrap();
        let mut cut = packet::fragment::fragments(&mut packet, &headers, 1300).unwrap();
        std::iter::from_fn(|| cut.next().map(<[u8]>::to_vec)).collect::<Vec<_>>()
    };
    let request = udp(from, to, &[9; 3000]);
    let mut results = Vec::new();
    for fragment in fragments(request.clone()) {
        results.push(rig.receive(&far.seal(&fragment)).unwrap());
    }
    assert_eq!(results, [None, None, Some(request)]);
    let refused = fragments(udp(from, &format!("{FORBIDDEN}:53"), &[9; 2000]));
    assert_eq!(rig.receive(&far.seal(&refused[0])), Ok(None));
    assert!(matches!(rig.receive(&far.seal(&refused[1])), Err(Discard::Denied(_))));
    // One that stays without the others is counted.
    assert_eq!(rig.receive(&far.seal(&refused[0])), Ok(None));
    rig.pass(Duration::from_secs(60));
    let counts = rig.gateway.tally().dropped.iter();
    let counted: Vec<_> = counts.filter(|(_, count)| *count > 0).collect();
    assert_eq!(counted, [(Dropped::FragmentTimeout, 1)]);
}

#[test]
fn a_super_packet_leaves_as_the_segments_it_stands_for() {
    let (mut rig, mut far) = sending();
    let data: Vec<u8> = (0..5000).map(|at| (at % 251) as u8).collect();
    let whole = tcp(TO, FROM, Tcp::ACK | Tcp::PSH, &data);
    let vnet = VnetHeader {
        flags: VnetHeader::NEEDS_CSUM,
        gso_type: VnetHeader::TCPV4,
        hdr_len: 40,
        gso_size: 1300,
        csum_start: 20,
        csum_offset: 16,
    };
    let (sent, taken) = rig.send_super(vnet, &whole);
    assert_eq!((sent, taken.sent.len()), (Ok(Sent::Sealed), 4));
    let mut carried: Vec<u8> = Vec::new();
    for (_, mut packet) in taken.sent {
        let inner = far.inbound.open(&mut packet).unwrap().inner.to_vec();
        let headers = Headers::parse(&inner).unwrap();
        assert!(packet::checksum::transport_checksum_holds(&headers, &inner));
        carried.extend(&inner[40..]);
    }
    assert_eq!(carried, data);
    let wrong = VnetHeader { gso_type: VnetHeader::TCPV6, ..vnet };
    assert_eq!(rig.send_super(wrong, &whole).0, Err(Discard::Dropped(Dropped::Unsplittable)));
}

#[test]
fn ike_hears_once_who_lives() {
    let mut rig = Rig::new(Settings::default());
    let mut far = rig.install(1, 1, "pc-1");
    let hear = |rig: &mut Rig, far: &mut crate::testing::Far| {
        rig.receive(&far.seal(&udp(FROM, "192.0.2.10:53", b""))).unwrap();
    };
    hear(&mut rig, &mut far);
    hear(&mut rig, &mut far);
    assert_eq!(notices(&mut rig.gateway), []);
    let tick = |rig: &mut Rig| {
        rig.pass(TICK);
        notices(&mut rig.gateway)
    };
    assert_eq!(tick(&mut rig), [Notice::Alive(1)]);
    assert_eq!(tick(&mut rig), []);
    // Who has the place of one that was heard is not heard because of it.
    hear(&mut rig, &mut far);
    rig.gateway.remove(1);
    rig.install(2, 2, "pc-2");
    assert_eq!(tick(&mut rig), []);
}

/// Only what is authentic and newest says where the peer is (RFC 7296 §2.23).
#[test]
fn a_peer_behind_a_nat_is_followed() {
    let mut rig = Rig::new(Settings::default());
    let mut far = rig.install(1, 1, "pc-1");
    let packet = udp(FROM, "192.0.2.10:53", b"query");
    let answer = udp("192.0.2.10:53", FROM, b"answer");
    let old = far.seal(&packet);
    rig.receive_by(path(2), &far.seal(&packet)).unwrap();
    assert_eq!(notices(&mut rig.gateway), [Notice::Moved(1, path(2))]);
    rig.receive_by(path(1), &old).unwrap();
    let mut forged = far.seal(&packet);
    forged[20] ^= 1;
    rig.receive_by(path(3), &forged).unwrap_err();
    rig.receive_by(path(3), &old).unwrap_err();
    assert_eq!(notices(&mut rig.gateway), []);
    assert_eq!(rig.send(&answer).1.sent[0].0.path, path(2));
    // What IKE says holds for all, and one that is not behind a NAT is not followed.
    rig.gateway.moved(1, Way { path: path(4), follow: false, ..way() });
    rig.receive_by(path(5), &far.seal(&packet)).unwrap();
    assert_eq!(rig.send(&answer).1.sent[0].0.path, path(4));
}

#[test]
fn ike_hears_once_what_an_sa_has_carried() {
    let mut rig = Rig::new(Settings::default());
    let limits =
        Limits { soft_packets: 2, hard_packets: 3, soft_octets: u64::MAX, hard_octets: u64::MAX };
    let (mut new, mut far) = child(1, &member(1, "pc-1"), everywhere());
    let parameters = |spi| esp::Parameters {
        spi,
        suite: esp::Suite::Aead(crypto::aead::Algorithm::Aes128Gcm),
        encryption: &KEYMAT,
        integrity: &[],
        esn: false,
    };
    new.outbound = esp::Outbound::new(&parameters(spis(1).1), limits).unwrap();
    new.inbound = esp::Inbound::new(&parameters(spis(1).0), 1024, limits).unwrap();
    rig.gateway.install(new);
    let due = Notice::RekeyDue { session: 1, child: 1 };
    let request = udp(FROM, "192.0.2.10:53", b"query");
    let answer = udp("192.0.2.10:53", FROM, b"answer");
    let mut heard = Vec::new();
    for _ in 0..3 {
        rig.receive(&far.seal(&request)).unwrap();
        assert_eq!(rig.send(&answer).0, Ok(Sent::Sealed));
        heard.push(notices(&mut rig.gateway));
    }
    // Each direction by itself.
    assert_eq!(heard, [vec![], vec![due, due], vec![]]);
    for expected in [vec![Notice::Spent { session: 1, child: 1 }], vec![]] {
        let expired = Err(Discard::Dropped(Dropped::Expired));
        assert_eq!(rig.send(&answer).0, expired.map(|()| Sent::Sealed));
        assert_eq!(notices(&mut rig.gateway), expected);
    }
    assert_eq!(rig.receive(&far.seal(&request)), Err(Discard::Dropped(Dropped::Expired)));
    let usage = rig.gateway.remove(1).unwrap();
    assert_eq!((usage.0.packets, usage.1.packets), (3, 3));
}

#[test]
fn mappings_of_our_nat_are_kept_alive() {
    let mut rig = Rig::new(Settings::default());
    let (new, _) = child(1, &member(1, "pc-1"), selectors(&["10.2.0.0/16"], &["0.0.0.0/0"]));
    let way = Way { path: path(9), keep_alive: true, ..way() };
    rig.gateway.install(NewChild { way, ..new });
    rig.install(2, 2, "pc-2");
    let mut kept = Vec::new();
    for second in 1..=60 {
        rig.now.instant += Duration::from_secs(1);
        rig.gateway.handle_timeout(rig.now, |path| kept.push((second, *path)));
    }
    assert_eq!(kept, [20, 40, 60].map(|second| (second, path(9))));
}
