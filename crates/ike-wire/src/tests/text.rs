//! What people read and write: identities, selectors, names.

use std::collections::HashSet;

use ipnet::IpNet;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use reason::Reason;

use crate::*;

#[test]
fn identities_are_of_the_type_that_their_text_says() {
    for (text, kind, data) in [
        ("rtx.h1.example", IdType::ID_FQDN, &b"rtx.h1.example"[..]),
        ("taro@h1.example", IdType::ID_RFC822_ADDR, b"taro@h1.example"),
        ("192.0.2.1", IdType::ID_IPV4_ADDR, &[192, 0, 2, 1]),
        ("::2", IdType::ID_IPV6_ADDR, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]),
        ("keyid:本院 3", IdType::ID_KEY_ID, "本院 3".as_bytes()),
        ("keyid:0x00ff", IdType::ID_KEY_ID, &[0, 255]),
        ("dn:0x3000", IdType::ID_DER_ASN1_DN, &[0x30, 0]),
        ("id13:0x", IdType::ID_NULL, &[]),
    ] {
        let identity: Identity = text.parse().unwrap();
        assert_eq!(identity, Identity::new(kind, data));
        assert_eq!(identity.to_string(), text);
    }
    for (text, error) in [
        ("", IdentityError::Length),
        ("keyid:", IdentityError::Length),
        ("ipv4:0x0a", IdentityError::Length),
        ("rtx h1", IdentityError::Character),
        ("keyid: x", IdentityError::Character),
        ("dn:CN=x", IdentityError::Character),
        ("host:x", IdentityError::UnknownType),
        ("keyid:0x0", IdentityError::Hexadecimal),
        ("keyid:0x+1", IdentityError::Hexadecimal),
    ] {
        assert_eq!(text.parse::<Identity>(), Err(error), "{text}");
    }
}

/// A peer chooses its octets; the record must not show another identity, nor controls.
#[test]
fn no_identity_passes_for_another() {
    for (kind, data, text) in [
        (IdType::ID_FQDN, &b"192.0.2.1"[..], "fqdn:192.0.2.1"),
        (IdType::ID_FQDN, b"a@b", "fqdn:a@b"),
        (IdType::ID_FQDN, b"keyid:x", "fqdn:keyid:x"),
        (IdType::ID_FQDN, b"a\nb", "fqdn:0x610a62"),
        (IdType::ID_KEY_ID, b"0xff", "keyid:0x30786666"),
        (IdType::ID_KEY_ID, "\u{202e}x".as_bytes(), "keyid:0xe280ae78"),
        (IdType::ID_RFC822_ADDR, b"nobody", "email:nobody"),
    ] {
        assert_eq!(Identification { kind, data }.to_text(), text);
    }
    let long = Identification { kind: IdType::ID_KEY_ID, data: &[0; MAX_IDENTIFICATION] }.to_text();
    assert_eq!(long.chars().count(), 255);
}

proptest! {
    #[test]
    fn identities_survive_their_text(kind in select(vec![2u8, 3, 9, 10, 11, 12, 201]), data in vec(any::<u8>(), 1..40), text in ".{1,20}") {
        for data in [data, text.into_bytes()] {
            let identity = Identity::new(IdType(kind), data);
            prop_assert_eq!(identity.to_string().parse(), Ok(identity));
        }
    }
}

fn range(first: &str, last: &str) -> AddressRange {
    AddressRange::V4(first.parse().unwrap(), last.parse().unwrap())
}

#[test]
fn selectors_read_like_firewall_rules() {
    let network = range("10.0.0.0", "10.0.0.255");
    for (protocol, ports, addresses, text) in [
        (0, (0, 65535), network, "10.0.0.0/24"),
        (17, (0, 65535), network, "10.0.0.0/24 udp"),
        (6, (443, 443), network, "10.0.0.0/24 tcp/443"),
        (6, (1, 1023), range("10.0.0.1", "10.0.0.9"), "10.0.0.1-10.0.0.9 tcp/1-1023"),
        (1, (0x0800, 0x0800), network, "10.0.0.0/24 icmp/8.0"),
        (50, (65535, 0), network, "10.0.0.0/24 50/opaque"),
        (0, (53, 53), range("0.0.0.0", "255.255.255.255"), "0.0.0.0/0 any/53"),
    ] {
        assert_eq!(TrafficSelector { protocol, ports, addresses }.to_string(), text);
    }
    for net in ["0.0.0.0/0", "10.1.2.3/32", "2001:db8::/32", "::/0"] {
        let net: IpNet = net.parse().unwrap();
        assert_eq!(AddressRange::from(net).network(), Some(net));
    }
    assert_eq!(range("10.0.0.1", "10.0.0.2").network(), None);
}

#[test]
fn a_selector_contains_what_is_narrower() {
    let any: TrafficSelector = "10.0.0.0/8".parse::<IpNet>().unwrap().into();
    let https = TrafficSelector { protocol: 6, ports: (443, 443), ..any.clone() };
    let high = TrafficSelector { protocol: 6, ports: (400, 500), ..any.clone() };
    let opaque = TrafficSelector { protocol: 6, ports: (65535, 0), ..any.clone() };
    assert!(any.contains(&https) && high.contains(&https) && any.contains(&opaque));
    assert!(!https.contains(&high) && !https.contains(&any) && !high.contains(&opaque));
    assert!(!opaque.contains(&https) && opaque.contains(&opaque));
    let outside: TrafficSelector = "10.0.0.0/7".parse::<IpNet>().unwrap().into();
    assert!(!any.contains(&outside));
    assert!(!any.addresses.contains("::1".parse().unwrap()));
}

#[test]
fn names_are_ianas_and_codes_are_distinct() {
    assert_eq!(NotifyType::ADDITIONAL_KEY_EXCHANGE.to_string(), "ADDITIONAL_KEY_EXCHANGE");
    assert_eq!(NotifyType(40_960).to_string(), "40960");
    assert!(NotifyType::TS_MAX_QUEUE.is_error() && !NotifyType::INITIAL_CONTACT.is_error());
    let codes: HashSet<_> = MalformedReason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(codes.len(), MalformedReason::ALL.len());
    assert!(codes.iter().all(|code| code.starts_with("ike.malformed.")));
}
