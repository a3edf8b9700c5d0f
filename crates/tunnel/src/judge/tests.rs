//! Who may begin, continue and take over a flow.

use std::time::Duration;

use policy::{Denial, Status};

use crate::testing::{
    FORBIDDEN, Notes, Rig, SYSTEM, SYSTEM_V6, child, icmp, ip, member, path, policy, selectors,
    tcp, udp,
};
use crate::{Discard, Dropped, FlowTimeouts, Forwarder, Sent, Settings};

const FROM: &str = "10.2.0.1:1000";
const TO: &str = "192.0.2.10:53";

fn dropped(forwarder: &Forwarder<Notes>, reason: Dropped) -> u64 {
    forwarder.tally().dropped.iter().find(|(other, _)| *other == reason).map_or(0, |(_, n)| n)
}

fn reason<T: std::fmt::Debug>(result: Result<T, Discard>) -> Dropped {
    match result {
        Err(Discard::Dropped(dropped)) => dropped,
        other => panic!("not dropped: {other:?}"),
    }
}

fn denial<T: std::fmt::Debug>(result: Result<T, Discard>) -> Denial {
    match result {
        Err(Discard::Denied(denial)) => denial,
        other => panic!("not denied: {other:?}"),
    }
}

#[test]
fn what_the_policy_permits_passes_both_ways_and_nothing_else_does() {
    let mut rig = Rig::new(Settings::default());
    let mut far = rig.install(1, 1, "pc-1");
    let request = udp(FROM, TO, b"query");
    assert_eq!(rig.receive(&far.seal(&request)).unwrap(), Some(request));
    let (sent, taken) = rig.send(&udp(TO, FROM, b"answer"));
    assert_eq!(sent, Ok(Sent::Sealed));
    let [(departure, packet)] = &taken.sent[..] else { panic!("one packet") };
    assert_eq!(departure.path, path(4500));
    let opened = far.inbound.open(&mut packet.clone()).unwrap().inner.to_vec();
    assert_eq!(opened, udp(TO, FROM, b"answer"));

    let not_begun = udp("192.0.2.10:53", "10.2.0.1:1001", b"answer");
    assert_eq!(reason(rig.send(&not_begun).0), Dropped::NoFlow);
    let mut denied = |to: &str| denial(rig.receive(&far.seal(&udp(FROM, to, b"query"))));
    assert_eq!(denied(&format!("{FORBIDDEN}:53")), Denial::SystemNotPermitted);
    assert_eq!(denied(&format!("{SYSTEM}:54")), Denial::PortNotServed);
    assert_eq!(denied("10.3.0.1:53"), Denial::SessionToSession);
    assert_eq!(denied("8.8.8.8:53"), Denial::DestinationNotASystem);
    let address = |text: &str| text.parse().unwrap();
    let gre = ip(address("10.2.0.1"), address(SYSTEM), 47, &[0; 8]);
    assert_eq!(reason(rig.receive(&far.seal(&gre))), Dropped::Protocol);
    let spoofed = udp("10.9.0.1:1000", TO, b"query");
    assert_eq!(reason(rig.receive(&far.seal(&spoofed))), Dropped::Selectors);
    assert_eq!(rig.gateway.held(), (1, 1));
}

#[test]
fn a_changed_policy_ends_what_it_no_longer_permits() {
    let mut rig = Rig::new(Settings::default());
    let mut far = rig.install(1, 1, "pc-1");
    let (request, answer) = (udp(FROM, TO, b"query"), udp(TO, FROM, b"answer"));
    let unreachable = icmp("10.2.0.1", SYSTEM, [3, 3], [0; 4], &answer);
    rig.receive(&far.seal(&request)).unwrap();
    rig.gateway.set_policy(policy(2, |_| {}));
    assert_eq!(rig.send(&answer).0, Ok(Sent::Sealed));
    assert!(rig.receive(&far.seal(&unreachable)).is_ok());
    rig.gateway.set_policy(policy(3, |r| r.terminals[0].status = Status::Suspended));
    // An error about the flow is no better than the flow.
    assert_eq!(denial(rig.receive(&far.seal(&unreachable))), Denial::TerminalStopped);
    assert_eq!(reason(rig.send(&answer).0), Dropped::NoFlow);
    assert_eq!(denial(rig.receive(&far.seal(&request))), Denial::TerminalStopped);
    assert_eq!(rig.gateway.held().1, 0);
}

#[test]
fn time_ends_a_permit_too() {
    let mut rig = Rig::new(Settings::default());
    let mut far = rig.install(1, 1, "pc-1");
    let hours = |generation| {
        policy(generation, |r| r.institutions[0].hours = Some("daily 09:00-10:00".parse().unwrap()))
    };
    rig.gateway.set_policy(hours(2));
    // 09:59:59 in Japan.
    rig.now.unix = 1_800_000_000 / 86_400 * 86_400 + 3599;
    assert!(rig.receive(&far.seal(&udp(FROM, TO, b"query"))).is_ok());
    assert_eq!(rig.send(&udp(TO, FROM, b"answer")).0, Ok(Sent::Sealed));
    rig.now.unix += 1;
    assert_eq!(denial(rig.send(&udp(TO, FROM, b"answer")).0), Denial::OutsideHours);
    assert_eq!(rig.gateway.held().1, 0);
}

#[test]
fn a_clock_that_is_set_back_ends_a_permit_too() {
    let mut rig = Rig::new(Settings::default());
    let mut far = rig.install(1, 1, "pc-1");
    rig.gateway.set_policy(policy(2, |r| {
        r.institutions[0].hours = Some("daily 09:00-10:00".parse().unwrap());
    }));
    // 09:30 in Japan, though it is 08:30.
    rig.now.unix = 1_800_000_000 / 86_400 * 86_400 + 1800;
    rig.receive(&far.seal(&udp(FROM, TO, b"query"))).unwrap();
    rig.pass(Duration::from_secs(1));
    rig.now.unix -= 3600;
    rig.pass(Duration::from_secs(1));
    assert_eq!(rig.gateway.held().1, 0);
}

#[test]
fn a_flow_goes_on_in_its_own_terminals_next_session_only() {
    let mut rig = Rig::new(Settings::default());
    let mut first = rig.install(1, 1, "pc-1");
    let mut other = rig.install(2, 2, "pc-2");
    let request = udp(FROM, TO, b"query");
    rig.receive(&first.seal(&request)).unwrap();
    assert_eq!(reason(rig.receive(&other.seal(&request))), Dropped::FlowOfAnother);
    // The next session of the same terminal, while the last still is there.
    let mut second = rig.install(3, 3, "pc-1");
    assert!(rig.receive(&second.seal(&request)).is_ok());
    let (_, taken) = rig.send(&udp(TO, FROM, b"answer"));
    assert!(second.inbound.open(&mut taken.sent[0].1.clone()).is_ok());
    assert_eq!(reason(rig.receive(&other.seal(&request))), Dropped::FlowOfAnother);
    // When no SA leads to the terminal any more, others may have the name.
    rig.gateway.remove(3);
    rig.gateway.remove(1);
    assert_eq!(reason(rig.send(&udp(TO, FROM, b"answer")).0), Dropped::NoSa);
    assert!(rig.receive(&other.seal(&request)).is_ok());
    assert_eq!(rig.gateway.held(), (1, 1));
}

#[test]
fn an_institution_has_so_many_flows_and_gets_places_back() {
    let timeouts = FlowTimeouts::default();
    let mut rig = Rig::new(Settings { flows_per_institution: 2, timeouts, ..Settings::default() });
    let (mut far, mut other) = (rig.install(1, 1, "pc-1"), rig.install(2, 2, "pc-3"));
    let from = |port: u16| udp(&format!("10.2.0.1:{port}"), TO, b"query");
    for port in [1, 2] {
        assert!(rig.receive(&far.seal(&from(port))).is_ok());
    }
    assert_eq!(reason(rig.receive(&far.seal(&from(3)))), Dropped::FlowLimit);
    assert!(rig.receive(&other.seal(&from(3))).is_ok(), "the limit is an institution's own");
    // A new SA is no way round it.
    rig.gateway.remove(1);
    let mut far = rig.install(4, 1, "pc-1");
    assert_eq!(reason(rig.receive(&far.seal(&from(4)))), Dropped::FlowLimit);
    rig.pass(timeouts.brief);
    assert!(rig.receive(&far.seal(&from(4))).is_ok());
    assert_eq!((rig.gateway.held().1, dropped(&rig.gateway, Dropped::FlowLimit)), (1, 2));
}

/// An ICMP error is let through for the flow that it is about. Its own destination and the rest
/// of it are the peer's free choice.
#[test]
fn icmp_errors_go_to_whom_they_concern() {
    let mut rig = Rig::new(Settings::default());
    let (mut far, mut other) = (rig.install(1, 1, "pc-1"), rig.install(2, 2, "pc-2"));
    rig.receive(&far.seal(&udp(FROM, TO, b"query"))).unwrap();
    let answer = udp(TO, FROM, b"answer");
    let error = |to, quoted: &[u8]| icmp("10.2.0.1", to, [3, 3], [0; 4], quoted);
    assert!(rig.receive(&far.seal(&error(SYSTEM, &answer))).is_ok());
    for stray in [
        error(FORBIDDEN, &answer),
        error(SYSTEM, &udp(TO, "10.2.0.1:1001", b"answer")),
        error(SYSTEM, &answer[..20]),
        icmp("10.2.0.1", SYSTEM, [5, 0], [0; 4], &answer),
        icmp("10.2.0.1", SYSTEM, [0, 0], [0; 4], &[]),
        icmp("10.2.0.1", SYSTEM, [128, 0], [0; 4], &[]),
    ] {
        assert_eq!(reason(rig.receive(&far.seal(&stray))), Dropped::IcmpUnrelated);
    }
    assert_eq!(reason(rig.receive(&other.seal(&error(SYSTEM, &answer)))), Dropped::IcmpUnrelated);

    let query = udp(FROM, TO, b"query");
    let error = |to, quoted: &[u8]| icmp("192.0.2.99", to, [3, 4], [0, 0, 4, 0], quoted);
    assert_eq!(rig.send(&error("10.2.0.1", &query)).0, Ok(Sent::Sealed));
    assert_eq!(reason(rig.send(&error("10.2.0.2", &query)).0), Dropped::IcmpUnrelated);
}

#[test]
fn echoes_are_flows_by_their_identifier() {
    let mut rig = Rig::new(Settings::default());
    let mut far = rig.install(1, 1, "pc-1");
    for (client, system, request, reply) in
        [("10.2.0.1", SYSTEM, 8, 0), ("2001:db8:2::1", SYSTEM_V6, 128, 129)]
    {
        let echo = icmp(client, system, [request, 0], [1, 2, 0, 1], b"data");
        assert_eq!(rig.receive(&far.seal(&echo)).unwrap(), Some(echo));
        let answer = |id| icmp(system, client, [reply, 0], [1, id, 0, 1], b"data");
        assert_eq!(rig.send(&answer(2)).0, Ok(Sent::Sealed));
        assert_eq!(reason(rig.send(&answer(3)).0), Dropped::NoFlow);
        // Nobody behind a tunnel is asked.
        let asked = icmp(system, client, [request, 0], [1, 2, 0, 1], b"data");
        assert_eq!(reason(rig.send(&asked).0), Dropped::IcmpUnrelated);
    }
}

/// Ports of selectors count, though IKE here grants none.
#[test]
fn selectors_bind_every_packet_of_a_flow() {
    let mut rig = Rig::new(Settings::default());
    let mut selectors = selectors(&["10.2.0.0/16"], &["192.0.2.10/32"]);
    selectors.remote[0].ports = (1000, 1999);
    selectors.remote[0].protocol = 6;
    let (new, mut far) = child(1, &member(1, "pc-1"), selectors);
    rig.gateway.install(new);
    let syn = |from| tcp(from, "192.0.2.10:443", packet::Tcp::SYN, &[]);
    assert!(rig.receive(&far.seal(&syn("10.2.0.1:1999"))).is_ok());
    assert_eq!(reason(rig.receive(&far.seal(&syn("10.2.0.1:2000")))), Dropped::Selectors);
    assert_eq!(reason(rig.receive(&far.seal(&udp(FROM, TO, b"")))), Dropped::Selectors);
}
