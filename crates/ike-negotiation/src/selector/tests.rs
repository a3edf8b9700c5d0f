use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

const TCP: u8 = 6;
const ICMP: u8 = 1;

fn selector(protocol: u8, ports: (u16, u16), first: &str, last: &str) -> TrafficSelector {
    let addresses = match (first.parse::<Ipv4Addr>(), last.parse::<Ipv4Addr>()) {
        (Ok(first), Ok(last)) => AddressRange::V4(first, last),
        _ => AddressRange::V6(first.parse().unwrap(), last.parse().unwrap()),
    };
    TrafficSelector { protocol, ports, addresses }
}

fn subnet(first: &str, last: &str) -> TrafficSelector {
    selector(ANY_PROTOCOL, ANY_PORT, first, last)
}

#[test]
fn a_client_that_wants_everything_gets_what_is_permitted() {
    let all = [
        subnet("0.0.0.0", "255.255.255.255"),
        subnet("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ];
    let permitted = [subnet("10.1.0.0", "10.1.0.255"), subnet("fd00::", "fd00::ffff")];
    assert_eq!(narrow(&all, &permitted), permitted);
    assert_eq!(narrow(&permitted, &[subnet("192.0.2.0", "192.0.2.255")]), []);
}

#[test]
fn the_packet_that_made_the_peer_ask_is_within() {
    let trigger = selector(TCP, (443, 443), "10.1.0.7", "10.1.0.7");
    let proposed = [trigger, subnet("10.1.0.0", "10.1.255.255")];
    let narrowed = narrow(&proposed, &[subnet("10.1.0.0", "10.1.0.255")]);
    assert_eq!(narrowed, [subnet("10.1.0.0", "10.1.0.255")]);
    assert!(is_subset(&proposed[..1], &narrowed));
    // Only the packet's own service is permitted.
    let permitted = [selector(TCP, (443, 443), "10.1.0.0", "10.1.0.255")];
    assert!(is_subset(&proposed[..1], &narrow(&proposed, &permitted)));
}

#[test]
fn icmp_and_opaque_ports() {
    let address = "10.0.0.1";
    let any = [selector(ICMP, ANY_PORT, address, address)];
    let echo = [selector(ICMP, (0x0800, 0x08ff), address, address)];
    let opaque = [selector(ICMP, OPAQUE, address, address)];
    assert_eq!(narrow(&any, &echo), echo);
    assert_eq!(narrow(&any, &opaque), opaque);
    assert_eq!(narrow(&echo, &opaque), []);
    assert!(is_subset(&opaque, &any));
}

#[test]
fn the_first_are_kept_of_too_many() {
    let permitted: Vec<_> = (0..=u8::MAX)
        .map(|one| Ipv4Addr::new(10, 0, one, 1))
        .map(|one| TrafficSelector { addresses: AddressRange::V4(one, one), ..subnet("::", "::") })
        .collect();
    let narrowed = narrow(&[subnet("0.0.0.0", "255.255.255.255")], &permitted);
    assert_eq!(narrowed, permitted[..MAX_SELECTORS]);
}

/// A packet of a small world; a port can be unknown.
type Packet = (u8, Option<u16>, u8);

fn has(selectors: &[TrafficSelector], (protocol, port, address): Packet) -> bool {
    let address = Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, u16::from(address));
    selectors.iter().any(|one| {
        let AddressRange::V6(first, last) = one.addresses else { return false };
        let port_fits = match (port, one.ports) {
            (_, ANY_PORT) | (None, OPAQUE) => true,
            (None, _) => false,
            (Some(port), (from, to)) => from <= port && port <= to,
        };
        (one.protocol == 0 || one.protocol == protocol)
            && port_fits
            && first <= address
            && address <= last
    })
}

fn packets() -> impl Iterator<Item = Packet> {
    let ports = || (0..4).chain([u16::MAX]).map(Some).chain([None]);
    (1..3).flat_map(move |protocol| {
        ports().flat_map(move |port| (0..6).map(move |address| (protocol, port, address)))
    })
}

fn selectors() -> impl Strategy<Value = Vec<TrafficSelector>> {
    let ports = prop_oneof![Just(ANY_PORT), Just(OPAQUE), (0..4_u16, 0..4_u16)];
    let one = (0..3_u8, ports, 0..6_u16, 0..6_u16).prop_map(|(protocol, ports, first, last)| {
        let address = |last| Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, last);
        let addresses = AddressRange::V6(address(first), address(last));
        TrafficSelector { protocol, ports, addresses }
    });
    prop::collection::vec(one, 0..5)
}

proptest! {
    #[test]
    fn narrowing_is_intersection(proposed in selectors(), permitted in selectors()) {
        let narrowed = narrow(&proposed, &permitted);
        for packet in packets() {
            let expected = has(&proposed, packet) && has(&permitted, packet);
            prop_assert_eq!(has(&narrowed, packet), expected, "{:?}", packet);
        }
        prop_assert!(is_subset(&narrowed, &proposed) && is_subset(&narrowed, &permitted));
        for (index, one) in narrowed.iter().enumerate() {
            let others = [&narrowed[..index], &narrowed[index + 1..]].concat();
            prop_assert!(!is_subset(std::slice::from_ref(one), &others));
        }
    }

    #[test]
    fn a_subset_has_no_packet_of_its_own(inner in selectors(), outer in selectors()) {
        if is_subset(&inner, &outer) {
            prop_assert!(packets().all(|packet| !has(&inner, packet) || has(&outer, packet)));
        }
    }
}
