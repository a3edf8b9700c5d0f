//! What the ledger is told of flows on both roads, and that it is told once.

use std::time::Duration;

use packet::{Headers, Tcp, Transport, VnetHeader, fragment};
use policy::Status;

use crate::testing::{FORBIDDEN, Note, Rig, SYSTEM, icmp, policy, tcp, udp};
use crate::{Discard, Dropped, Passage, Sent, Settings, Traffic};

const FROM: &str = "10.2.0.1:1000";
const TO: &str = "192.0.2.10:443";
/// On the IP-VPN, `H1`'s.
const CLIENT: &str = "172.16.1.1:1000";

fn rig() -> Rig {
    let mut rig = Rig::new(Settings::default());
    rig.gateway.set_policy(policy(2, on_ip_vpn));
    rig.pass(Duration::ZERO);
    rig
}

fn on_ip_vpn(roster: &mut policy::Roster) {
    roster.institutions[0].ip_vpn_prefixes = vec!["172.16.1.0/24".parse().unwrap()];
}

fn from_ip_vpn(rig: &mut Rig, packet: &[u8]) -> Result<Passage, Discard> {
    rig.gateway.handle_ip_vpn(rig.now, &VnetHeader::default(), packet)
}

fn closed(rig: &mut Rig) -> Vec<(u32, &'static str)> {
    let closed = |note| match note {
        Note::Closed(entry, reason, _) => Some((entry, reason)),
        Note::Opened(..) | Note::Refused(_) => None,
    };
    rig.notes().into_iter().filter_map(closed).collect()
}

#[test]
fn a_connection_on_the_ip_vpn_is_recorded_from_syn_to_fin() {
    let mut rig = rig();
    for (from_client, flags, octets) in [
        (true, Tcp::SYN, 44),
        (false, Tcp::SYN | Tcp::ACK, 44),
        (true, Tcp::ACK, 40),
        (true, Tcp::ACK | Tcp::FIN, 40),
        (false, Tcp::ACK | Tcp::FIN, 40),
        (true, Tcp::ACK, 40),
    ] {
        let (from, to) = if from_client { (CLIENT, TO) } else { (TO, CLIENT) };
        let packet = tcp(from, to, flags, &[]);
        assert_eq!(packet.len(), octets);
        match from_client {
            true => assert_eq!(from_ip_vpn(&mut rig, &packet), Ok(Passage::Through)),
            false => assert_eq!(rig.send(&packet).0, Ok(Sent::Through)),
        }
    }
    rig.pass(Duration::from_secs(2));
    let opened = format!("ip-vpn H1 {CLIENT} path {TO}");
    assert_eq!(rig.notes(), [Note::Opened(1, opened)], "stragglers may still come");
    rig.pass(Duration::from_secs(2));
    let traffic = Traffic { octets_in: 164, octets_out: 84, packets_in: 4, packets_out: 2 };
    assert_eq!(rig.notes(), [Note::Closed(1, "flow.finished", traffic)]);
    assert_eq!(rig.gateway.held().1, 0);
}

#[test]
fn nothing_from_the_ip_vpn_passes_without_a_permit() {
    let mut rig = rig();
    let mut refused = |packet: &[u8], code: &str| {
        let discard = from_ip_vpn(&mut rig, packet).unwrap_err();
        assert_eq!(discard.code(), code);
        let [Note::Refused(text)] = &rig.notes()[..] else { panic!("one note") };
        assert!(text.ends_with(code), "{text}");
    };
    refused(&tcp("172.16.2.1:1000", TO, Tcp::SYN, &[]), "policy.source-not-registered");
    // An address that is registered behind tunnels only, and a system's.
    refused(&tcp(FROM, TO, Tcp::SYN, &[]), "policy.source-not-registered");
    refused(&udp(TO, CLIENT, b"x"), "policy.source-not-registered");
    refused(&udp(CLIENT, &format!("{FORBIDDEN}:53"), b"x"), "policy.system-not-permitted");
    refused(&udp(CLIENT, "10.2.0.1:53", b"x"), "policy.session-to-session");
    refused(&udp(CLIENT, "172.16.1.2:53", b"x"), "policy.session-to-session");
    refused(&udp(CLIENT, "8.8.8.8:53", b"x"), "policy.destination-not-a-system");
    for flags in [Tcp::ACK, Tcp::SYN | Tcp::ACK, Tcp::RST, Tcp::FIN | Tcp::ACK] {
        refused(&tcp(CLIENT, TO, flags, b"x"), "tunnel.mid-stream");
    }
    assert_eq!(rig.gateway.held().1, 0);
    // A system speaks first to nobody.
    assert_eq!(rig.send(&udp(TO, CLIENT, b"x")).0, Ok(Sent::Unknown));
}

/// Whoever speaks of a connection that is none is told, by the road that he came by; nobody else.
#[test]
fn segments_of_no_connection_are_reset() {
    let mut rig = rig();
    let mut far = rig.install(1, 1, "pc-1");
    let segment = |from| tcp(from, TO, Tcp::ACK, b"x");
    assert!(rig.receive(&far.seal(&segment(FROM))).is_err());
    assert!(from_ip_vpn(&mut rig, &segment(CLIENT)).is_err());
    assert!(from_ip_vpn(&mut rig, &segment("172.16.2.1:1000")).is_err(), "nobody's");
    assert!(from_ip_vpn(&mut rig, &tcp(CLIENT, TO, Tcp::RST, &[])).is_err());
    let taken = rig.resets();
    let [(_, sealed)] = &taken.sent[..] else { panic!("one by the tunnel") };
    let inner = far.inbound.open(&mut sealed.clone()).unwrap().inner.to_vec();
    let [plain] = &taken.answers[..] else { panic!("one to the IP-VPN") };
    for (packet, client) in [(&inner, FROM), (plain, CLIENT)] {
        let headers = Headers::parse(packet).unwrap();
        let Transport::Tcp(tcp) = headers.transport else { panic!("it is of TCP") };
        assert_eq!(tcp.flags, Tcp::RST);
        assert_eq!(format!("{}:{}", headers.destination, tcp.destination), client);
    }
    assert!(!rig.gateway.owes_resets());
}

#[test]
fn an_error_comes_from_whom_it_can() {
    let mut rig = rig();
    rig.gateway.set_policy(policy(3, |roster| {
        on_ip_vpn(roster);
        roster.institutions[1].ip_vpn_prefixes = vec!["172.16.2.0/24".parse().unwrap()];
    }));
    from_ip_vpn(&mut rig, &udp(CLIENT, "192.0.2.10:53", b"x")).unwrap();
    let answer = udp("192.0.2.10:53", CLIENT, b"y");
    let mut from =
        |source: &str| from_ip_vpn(&mut rig, &icmp(source, SYSTEM, [3, 4], [0, 0, 4, 0], &answer));
    // The client's institution, and a router of the carrier.
    for source in ["172.16.1.1", "172.16.1.254", "172.31.0.1"] {
        assert_eq!(from(source), Ok(Passage::Through), "{source}");
    }
    // Another hospital, systems, and a terminal behind a tunnel.
    for source in ["172.16.2.1", SYSTEM, FORBIDDEN, "10.2.0.1"] {
        assert_eq!(from(source), Err(Dropped::IcmpUnrelated.into()), "{source}");
    }
}

/// They would be put together with those of another datagram.
#[test]
fn fragments_keep_their_identification_to_the_ip_vpn() {
    let mut rig = rig();
    rig.gateway.set_policy(policy(3, |roster| {
        roster.institutions[0].ip_vpn_prefixes = vec!["2001:db8:5::/48".parse().unwrap()];
    }));
    let (client, system) = ("[2001:db8:5::1]:1000", "[2001:db8:1::10]:53");
    from_ip_vpn(&mut rig, &udp(client, system, b"x")).unwrap();
    let answer = udp(system, client, &[7; 3000]);
    for identification in [0x0102_0304, 0x0506_0708] {
        let headers = Headers::parse(&answer).unwrap();
        let mut cut = fragment::fragments6(&answer, &headers, identification, 1280).unwrap();
        let (mut room, mut sent) = ([0; 1280], Ok(Sent::Held));
        while let Some(len) = cut.write_next(&mut room) {
            assert_eq!(sent, Ok(Sent::Held));
            sent = rig.send(&room[..len]).0;
        }
        assert_eq!(sent, Ok(Sent::Reassembled));
        rig.gateway.reassembled(|piece| {
            let fragment = Headers::parse(piece).unwrap().fragment.unwrap();
            assert_eq!(fragment.identification, identification);
        });
    }
}

/// The kernel gives fragments to a worker by their addresses alone, and the rest of a flow by its
/// ports too.
#[test]
fn a_datagram_put_together_elsewhere_finds_its_flow() {
    let (mut one, mut other) = (rig(), rig());
    from_ip_vpn(&mut other, &udp(CLIENT, "192.0.2.10:53", b"x")).unwrap();
    let mut answer = udp("192.0.2.10:53", CLIENT, &[7; 3000]);
    let (whole, headers) = (answer.clone(), Headers::parse(&answer).unwrap());
    let mut cut = fragment::fragments(&mut answer, &headers, 1500).unwrap();
    let mut sent = Ok(Sent::Held);
    while let Some(piece) = cut.next() {
        assert_eq!((sent, one.gateway.gathered()), (Ok(Sent::Held), None));
        sent = one.send(piece).0;
    }
    assert_eq!(sent, Ok(Sent::Unknown));
    let gathered = one.gateway.gathered().unwrap();
    assert_eq!(gathered.1, whole);
    assert_eq!(other.send_gathered(gathered), Ok(Sent::Reassembled));
    other.gateway.reassembled(|packet| assert_eq!(packet, whole));
}

#[test]
fn a_road_does_not_take_over_the_others_flow() {
    let mut rig = rig();
    let mut far = rig.install(1, 1, "pc-1");
    rig.receive(&far.seal(&udp(FROM, "192.0.2.10:53", b"x"))).unwrap();
    // Were the same addresses on the IP-VPN from now on.
    rig.gateway.set_policy(policy(3, |roster| {
        roster.institutions[0].ip_vpn_prefixes = vec!["10.2.0.0/24".parse().unwrap()];
    }));
    let packet = udp(FROM, "192.0.2.10:53", b"x");
    let discard = from_ip_vpn(&mut rig, &packet).unwrap_err();
    assert_eq!(discard, Dropped::FlowOfAnother.into());
    assert_eq!(rig.send(&udp("192.0.2.10:53", FROM, b"y")).0, Ok(Sent::Sealed));
}

#[test]
fn a_changed_policy_ends_idle_flows_that_lost_their_permit_and_no_other() {
    let mut rig = rig();
    let (mut one, mut two) = (rig.install(1, 1, "pc-1"), rig.install(2, 2, "pc-2"));
    rig.receive(&one.seal(&udp(FROM, "192.0.2.10:53", b"x"))).unwrap();
    rig.receive(&two.seal(&udp("10.2.0.2:1000", "192.0.2.10:53", b"x"))).unwrap();
    from_ip_vpn(&mut rig, &udp(CLIENT, "192.0.2.10:53", b"x")).unwrap();
    rig.notes();
    rig.gateway.set_policy(policy(3, |roster| {
        on_ip_vpn(roster);
        roster.terminals[1].status = Status::Suspended;
    }));
    assert!(rig.gateway.poll_timeout() <= rig.now.instant, "at once");
    rig.pass(Duration::ZERO);
    assert_eq!(closed(&mut rig), [(2, "policy.terminal-stopped")]);
    rig.gateway.set_policy(policy(4, |_| {}));
    rig.pass(Duration::ZERO);
    assert_eq!(closed(&mut rig), [(3, "policy.source-not-registered")]);
}

#[test]
fn flows_of_a_lost_tunnel_wait_for_the_next_and_then_end() {
    let mut rig = rig();
    let mut far = rig.install(1, 1, "pc-1");
    let syn = |flags| tcp(FROM, TO, flags, &[]);
    rig.receive(&far.seal(&syn(Tcp::SYN))).unwrap();
    rig.send(&tcp(TO, FROM, Tcp::SYN | Tcp::ACK, &[])).0.unwrap();
    rig.receive(&far.seal(&syn(Tcp::ACK))).unwrap();
    rig.gateway.remove(1);
    rig.pass(Duration::from_secs(20));
    let mut far = rig.install(2, 2, "pc-1");
    assert!(rig.receive(&far.seal(&syn(Tcp::ACK))).is_ok(), "its own connection goes on");
    rig.pass(Duration::from_secs(20));
    rig.gateway.remove(2);
    rig.install(3, 3, "pc-1");
    rig.pass(Duration::from_secs(40));
    assert_eq!(closed(&mut rig), [], "the next session has it, though nothing came by it");
    rig.gateway.remove(3);
    rig.pass(Duration::from_secs(40));
    assert_eq!(closed(&mut rig), [(1, "flow.sa-lost")]);
}

#[test]
fn what_cannot_be_recorded_does_not_begin() {
    let mut rig = rig();
    rig.gateway.ledger_mut().full = true;
    let discard = from_ip_vpn(&mut rig, &udp(CLIENT, "192.0.2.10:53", b"x")).unwrap_err();
    assert_eq!((discard, rig.gateway.held().1), (Dropped::Unrecorded.into(), 0));
}

#[test]
fn every_flow_has_one_end() {
    let mut rig = Rig::new(Settings { flows: 2, ..Settings::default() });
    rig.gateway.set_policy(policy(2, on_ip_vpn));
    let mut begin = |client: &str| {
        from_ip_vpn(&mut rig, &udp(client, "192.0.2.10:53", b"x")).unwrap();
    };
    for port in 1..=4 {
        begin(&format!("172.16.1.1:{port}"));
    }
    assert_eq!(closed(&mut rig), [(1, "flow.evicted"), (2, "flow.evicted")]);
    assert!(rig.gateway.end_flow(3, "end") && !rig.gateway.end_flow(3, "end"));
    let echo = icmp("172.16.1.1", SYSTEM, [8, 0], [0, 7, 0, 1], b"x");
    from_ip_vpn(&mut rig, &echo).unwrap();
    rig.pass(Duration::from_secs(31));
    rig.gateway.finish();
    assert_eq!(closed(&mut rig), [(3, "end"), (4, "flow.unanswered"), (5, "flow.unanswered")]);
}

/// Each is two records in the log, which is everybody's.
#[test]
fn an_institution_begins_so_many_flows_in_a_second() {
    let mut rig = Rig::new(Settings { flow_rate: 10, ..Settings::default() });
    rig.gateway.set_policy(policy(2, on_ip_vpn));
    let mut far = rig.install(1, 1, "pc-3");
    let reset = |rig: &mut Rig| {
        let began = from_ip_vpn(rig, &tcp(CLIENT, TO, Tcp::SYN, &[]));
        let _ = from_ip_vpn(rig, &tcp(CLIENT, TO, Tcp::RST, &[]));
        began
    };
    for _ in 0..10 {
        assert!(reset(&mut rig).is_ok());
    }
    assert_eq!(reset(&mut rig), Err(Dropped::FlowRate.into()));
    let other = udp("10.2.0.3:1000", "192.0.2.10:53", b"x");
    assert!(rig.receive(&far.seal(&other)).is_ok(), "another's is not touched");
    rig.pass(Duration::from_secs(1));
    assert!(reset(&mut rig).is_ok());
}

#[test]
fn a_flow_whose_addresses_are_anothers_now_ends() {
    let mut rig = rig();
    from_ip_vpn(&mut rig, &udp(CLIENT, "192.0.2.10:53", b"x")).unwrap();
    rig.gateway.set_policy(policy(3, |roster| {
        roster.institutions[1].ip_vpn_prefixes = vec!["172.16.1.0/24".parse().unwrap()];
    }));
    rig.pass(Duration::ZERO);
    assert_eq!(closed(&mut rig), [(1, "flow.reassigned")]);
}

/// Whoever opens many flows takes places from himself.
#[test]
fn a_crowd_of_flows_leaves_others_their_own() {
    let mut rig = Rig::new(Settings { flows: 100, ..Settings::default() });
    rig.gateway.set_policy(policy(2, on_ip_vpn));
    let mut far = rig.install(1, 1, "pc-3");
    rig.receive(&far.seal(&udp("10.2.0.3:1000", "192.0.2.10:53", b"x"))).unwrap();
    rig.pass(Duration::from_secs(1));
    for port in 1..=1000 {
        let client = format!("172.16.1.1:{port}");
        from_ip_vpn(&mut rig, &udp(&client, "192.0.2.10:53", b"x")).unwrap();
    }
    assert_eq!(rig.send(&udp("192.0.2.10:53", "10.2.0.3:1000", b"y")).0, Ok(Sent::Sealed));
    assert_eq!((rig.gateway.held().1, closed(&mut rig).len()), (100, 901));
}
