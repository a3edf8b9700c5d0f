//! Who pretends to be somebody else on a layer-3 road gets nowhere, from either side, and that is
//! on record or counted. (Within a tunnel: `hostile` of the group `tunnel`.)

use packet::Tcp;
use sekisho_tests::capture::Capture;
use sekisho_tests::forge::{Forger, ends, tcp, udp};
use sekisho_tests::netns::{Namespace, lacks_namespaces};
use sekisho_tests::program;
use sekisho_tests::record::Record;
use sekisho_tests::road::ip;
use sekisho_tests::until;

use crate::hospitals::{BASIC, C1, H1, Hospitals, PLUS, SITE, TCP, UDP, at};
use crate::traffic::{Conversation, connects, echoes};

/// Source ports of forged packets; nobody else's.
const FORGED: u16 = 4242;
/// A host of `C1` within the prefix of `H1`.
const NESTED: &str = "10.50.7.10";

/// What comes to a namespace and was forged.
fn watch(namespace: &Namespace, own: &'static [&str]) -> Capture {
    Capture::begin(namespace, |packet| {
        ends(packet).is_some_and(|(from, to)| {
            from.port() == FORGED && own.iter().any(|own| ip(own) == to.ip())
        })
    })
}

/// Sends one packet, and expects that the gateway counts this reason for it.
fn counts(hospitals: &Hospitals, from: &Namespace, packet: &[u8], reason: &str) {
    let before = hospitals.count(reason);
    assert!(Forger::new(from).send(packet));
    let (source, to) = ends(packet).unwrap();
    until(&format!("{reason} is counted for {source} to {to}"), || {
        (hospitals.count(reason) > before).then_some(())
    });
}

/// Would catch a road that believes a source without asking whose it is, and a way from hospital
/// to hospital.
#[test]
fn a_source_on_the_ip_vpn_is_its_institutions_own() {
    if lacks_namespaces() {
        return;
    }
    let hospitals = Hospitals::new();
    hospitals.sekisho("barrier install").expect_success();
    let Hospitals { h1, c1, plus, .. } = &hospitals;
    let captures = [watch(plus, &PLUS), watch(c1, &C1)];
    const NOBODY: &str = "policy.source-not-registered";
    for (source, system) in [
        ("10.70.0.1", PLUS[0]),
        ("fd00:70::1", PLUS[1]),
        // A system, a host behind a tunnel, and the link to the gateway.
        (BASIC, PLUS[0]),
        (SITE, PLUS[0]),
        ("172.16.50.2", PLUS[0]),
        // The gateway's own.
        ("fd00:16:50::1", PLUS[1]),
        ("fd00:20:3::1", PLUS[1]),
    ] {
        counts(&hospitals, h1, &udp(at(source, FORGED), at(system, UDP), b"forged"), NOBODY);
        let is_it = |record: &Record| {
            record.is("denied")
                && record.reason() == NOBODY
                && record.text("inner_source") == source
        };
        let record = hospitals.road.gateway.record(is_it);
        assert_eq!(record.text("network"), "ip-vpn", "{record:?}");
        assert_eq!(record.text("institution"), "", "{record:?}");
    }
    for to in [C1[0], SITE] {
        let reason = "policy.session-to-session";
        counts(&hospitals, h1, &udp(at(H1[0], FORGED), at(to, UDP), b"forged"), reason);
    }
    for source in ["172.16.50.1", "10.20.3.1"] {
        // The gateway's own: its kernel discards that as it comes in (RFC 1812, section 5.3.7).
        assert!(Forger::new(h1).send(&udp(at(source, FORGED), at(PLUS[0], UDP), b"forged")));
    }
    // With the strict test of sources (RFC 3704, section 2.2), an interface is part of who it is.
    for (interface, test) in [("all", "0"), ("vpn0", "1"), ("vpn1", "1")] {
        hospitals.road.centre.set(&format!("net.ipv4.conf.{interface}.rp_filter"), test);
    }
    let as_c1 = udp(at(C1[0], FORGED), at(PLUS[0], UDP), b"forged");
    let before = discarded_sources(&hospitals);
    assert!(Forger::new(h1).send(&as_c1));
    until("it is discarded", || (discarded_sources(&hospitals) > before).then_some(()));
    assert!(echoes(h1, H1[0], at(PLUS[0], UDP)) && echoes(c1, C1[0], at(PLUS[0], UDP)));
    for capture in captures {
        assert_eq!(capture.packets(), Vec::<Vec<u8>>::new());
    }
}

/// Packets whose source the gateway's kernel did not expect where they came in.
fn discarded_sources(hospitals: &Hospitals) -> u64 {
    const COUNTER: &str = "TcpExtIPReversePathFilter";
    let mut nstat = hospitals.road.centre.command("nstat");
    let listed = program::finish(nstat.args(["-asz", COUNTER]), b"").expect_success();
    let line = listed.lines().find_map(|line| line.strip_prefix(COUNTER)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Would catch a system that reaches a hospital which did not ask, under its own name or another.
#[test]
fn a_system_only_answers() {
    if lacks_namespaces() {
        return;
    }
    let hospitals = Hospitals::new();
    hospitals.sekisho("barrier install").expect_success();
    let Hospitals { h1, c1, plus, basic, .. } = &hospitals;
    let captures = [watch(h1, &H1), watch(c1, &C1), watch(basic, &[BASIC])];
    let talk = Conversation::udp(h1, H1[0], at(PLUS[0], UDP));
    let begun = talk.local.port();
    for (packet, why) in [
        (udp(at(PLUS[0], FORGED), at(H1[0], 9), b"forged"), "begins"),
        (udp(at(PLUS[1], FORGED), at(H1[1], 9), b"forged"), "begins in IPv6"),
        (tcp(at(PLUS[0], FORGED), at(H1[0], 9), Tcp::SYN | Tcp::ACK), "answers nobody"),
        (udp(at(PLUS[0], FORGED), at(H1[0], begun), b"forged"), "answers from another port"),
        (udp(at(BASIC, FORGED), at(H1[0], begun), b"forged"), "answers for another system"),
        (udp(at(PLUS[0], FORGED), at(C1[0], begun), b"forged"), "answers another hospital"),
        (udp(at(H1[0], FORGED), at(C1[0], UDP), b"forged"), "is a hospital to another"),
        (udp(at(C1[0], FORGED), at(H1[0], UDP), b"forged"), "is the other to the first"),
    ] {
        println!("a system that {why}");
        counts(&hospitals, plus, &packet, "tunnel.no-flow");
    }
    // From system to system there is no road: that is the firewall's.
    for from in [H1[0], PLUS[0]] {
        assert!(Forger::new(plus).send(&udp(at(from, FORGED), at(BASIC, UDP), b"forged")));
    }
    talk.goes_on();
    assert_eq!(talk.told().lost, 0);
    for capture in captures {
        assert_eq!(capture.packets(), Vec::<Vec<u8>>::new());
    }
}

/// Would catch flows that are bound to the interface by which they began: systems answer by
/// whichever leg their routes say.
#[test]
fn answers_by_another_leg_belong_to_their_flow() {
    if lacks_namespaces() {
        return;
    }
    let hospitals = Hospitals::new();
    hospitals.sekisho("barrier install").expect_success();
    let Hospitals { h1, plus, road, .. } = &hospitals;
    road.centre.link("plus2", plus, "second");
    road.centre.address("plus2", "172.16.20.1/24");
    plus.address("second", "172.16.20.2/24");
    plus.ip("route add 10.50.0.0/16 via 172.16.20.1");
    for namespace in [&road.centre, plus] {
        namespace.set("net.ipv4.conf.all.rp_filter", "0");
    }
    for device in ["plus2", "plus"] {
        road.centre.set(&format!("net.ipv4.conf.{device}.rp_filter"), "0");
    }
    let back = Capture::begin(&road.centre, |packet| {
        ends(packet).is_some_and(|(from, to)| from == at(PLUS[0], UDP) && to.ip() == ip(H1[0]))
    });
    road.centre.discard("plus", &format!("ip daddr {}", H1[0]));
    let talk = Conversation::udp(h1, H1[0], at(PLUS[0], UDP));
    let stream = Conversation::tcp(h1, H1[0], at(PLUS[0], TCP));
    talk.goes_on();
    stream.goes_on();
    assert!(!back.packets().is_empty());
    assert_eq!((talk.told().lost, stream.told().lost), (0, 0));
    let forged = udp(at(PLUS[0], FORGED), at(H1[0], talk.local.port()), b"forged");
    counts(&hospitals, plus, &forged, "tunnel.no-flow");
    // The other way round: who sees only one half of a connection does not take it for one.
    road.centre.discard("plus2", "tcp sport 80");
    assert!(!connects(h1, H1[0], at(PLUS[0], TCP)));
}

/// Would catch a shorter prefix, or the order of registration, deciding who somebody is.
#[test]
fn of_nested_prefixes_the_longest_is_meant() {
    if lacks_namespaces() {
        return;
    }
    let hospitals = Hospitals::new();
    let Hospitals { h1, road, .. } = &hospitals;
    h1.address("lo", NESTED);
    assert!(echoes(h1, NESTED, at(BASIC, UDP)), "it is H1's so far");
    let prefixes = "10.60.0.0/16,fd00:60::/32,10.50.7.0/24";
    let change = format!("institution change C1 --ip-vpn-prefixes {prefixes}");
    let refused = road.site().sekisho(change.split(' '));
    assert_eq!(refused.status.code(), Some(1), "{refused}");
    road.gateway.sekisho(&format!("{change} --within H1"));
    let is_of = |institution, from| {
        let is_it = |record: &Record| {
            record.text("inner_source") == from && record.text("institution") == institution
        };
        road.gateway.record(is_it)
    };
    // C1 may not use what H1 may.
    until("it is C1's from now on", || (!echoes(h1, NESTED, at(BASIC, UDP))).then_some(()));
    let denied = |record: &Record, reason| record.is("denied") && record.reason() == reason;
    let refused = |reason| road.gateway.record(|record| denied(record, reason));
    let denied = refused("policy.system-not-permitted");
    assert_eq!((denied.text("institution"), denied.text("inner_source")), ("C1", NESTED));
    assert!(echoes(h1, NESTED, at(PLUS[0], UDP)));
    assert!(is_of("C1", NESTED).number("inner_source_port") > 0);
    assert!(echoes(h1, H1[0], at(BASIC, UDP)), "around it nothing has changed");
    assert!(is_of("H1", H1[0]).is("open"));
    // Suspended, it does not fall back to the prefix around it.
    road.gateway.sekisho("institution suspend C1");
    until("nobody speaks for it", || (!echoes(h1, NESTED, at(PLUS[0], UDP))).then_some(()));
    assert_eq!(refused("policy.institution-stopped").text("institution"), "C1");
    assert!(echoes(h1, H1[0], at(BASIC, UDP)));
}
