//! Every payload of every kind, written and read back.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::*;

/// Octets that live as long as a borrowed payload may want.
fn octets(length: std::ops::Range<usize>) -> impl Strategy<Value = &'static [u8]> {
    vec(any::<u8>(), length).prop_map(|octets| &*octets.leak())
}

fn transform() -> impl Strategy<Value = Transform> {
    (any::<u8>(), any::<u16>(), any::<Option<u16>>()).prop_map(|(kind, id, key_length)| Transform {
        kind: TransformType(kind),
        id,
        key_length,
        unknown_attribute: false,
    })
}

fn proposal() -> impl Strategy<Value = Proposal> {
    let protocol_and_spi = prop_oneof![
        Just((Protocol::Ike, Spi::None)),
        any::<u64>().prop_map(|spi| (Protocol::Ike, Spi::Ike(spi))),
        any::<u32>().prop_map(|spi| (Protocol::Esp, Spi::Esp(spi))),
        any::<u32>().prop_map(|spi| (Protocol::Ah, Spi::Esp(spi))),
    ];
    (any::<u8>(), protocol_and_spi, vec(transform(), 0..8)).prop_map(
        |(number, (protocol, spi), transforms)| Proposal { number, protocol, spi, transforms },
    )
}

fn selector() -> impl Strategy<Value = TrafficSelector> {
    let sorted = |(a, b): (u16, u16)| (a.min(b), a.max(b));
    let ports = prop_oneof![Just((u16::MAX, 0)), any::<(u16, u16)>().prop_map(sorted)];
    let addresses = prop_oneof![
        any::<(Ipv4Addr, Ipv4Addr)>().prop_map(|(a, b)| AddressRange::V4(a.min(b), a.max(b))),
        any::<(Ipv6Addr, Ipv6Addr)>().prop_map(|(a, b)| AddressRange::V6(a.min(b), a.max(b))),
    ];
    (any::<u8>(), ports, addresses).prop_map(|(protocol, ports, addresses)| TrafficSelector {
        protocol,
        ports,
        addresses,
    })
}

fn identification() -> impl Strategy<Value = Identification<'static>> {
    prop_oneof![
        (Just(IdType::ID_IPV4_ADDR), octets(4..5)),
        (Just(IdType::ID_IPV6_ADDR), octets(16..17)),
        (Just(IdType::ID_NULL), octets(0..1)),
        (select(vec![IdType::ID_FQDN, IdType::ID_KEY_ID, IdType(201)]), octets(1..200)),
    ]
    .prop_map(|(kind, data)| Identification { kind, data })
}

fn notify() -> impl Strategy<Value = Notify<'static>> {
    let spi = prop_oneof![
        Just(Spi::None),
        any::<u32>().prop_map(Spi::Esp),
        any::<u64>().prop_map(Spi::Ike)
    ];
    (any::<u8>(), spi, any::<u16>(), octets(0..60)).prop_map(|(protocol, spi, kind, data)| Notify {
        protocol,
        spi,
        kind: NotifyType(kind),
        data,
    })
}

fn delete() -> impl Strategy<Value = Delete> {
    let child = select(vec![Protocol::Ah, Protocol::Esp]);
    prop_oneof![
        Just(Delete { protocol: Protocol::Ike, spis: Vec::new() }),
        (child, vec(any::<u32>(), 0..9)).prop_map(|(protocol, spis)| Delete { protocol, spis }),
    ]
}

fn attribute() -> impl Strategy<Value = Attribute<'static>> {
    let net4 = (any::<Ipv4Addr>(), 0u8..=32).prop_map(|(ip, len)| Ipv4Net::new(ip, len).unwrap());
    let net6 = (any::<Ipv6Addr>(), 0u8..=128).prop_map(|(ip, len)| Ipv6Net::new(ip, len).unwrap());
    prop_oneof![
        any::<Option<Ipv4Addr>>().prop_map(Attribute::InternalIp4Address),
        any::<Option<Ipv4Addr>>().prop_map(Attribute::InternalIp4Netmask),
        any::<Option<Ipv4Addr>>().prop_map(Attribute::InternalIp4Dns),
        option::of(net4).prop_map(Attribute::InternalIp4Subnet),
        option::of((any::<Ipv6Addr>(), 0u8..=128)).prop_map(Attribute::InternalIp6Address),
        any::<Option<Ipv6Addr>>().prop_map(Attribute::InternalIp6Dns),
        option::of(net6).prop_map(Attribute::InternalIp6Subnet),
        octets(0..20).prop_map(Attribute::ApplicationVersion),
        (16u16..0x7fff, octets(0..20)).prop_map(|(kind, data)| Attribute::Unknown { kind, data }),
    ]
}

fn payload() -> impl Strategy<Value = Payload<'static>> {
    prop_oneof![
        vec(proposal(), 1..4).prop_map(Payload::SecurityAssociation),
        (any::<u16>(), octets(1..300))
            .prop_map(|(group, data)| Payload::KeyExchange(KeyExchange { group, data })),
        identification().prop_map(Payload::IdInitiator),
        identification().prop_map(Payload::IdResponder),
        (any::<u8>().prop_map(CertificateEncoding), octets(1..300))
            .prop_map(|(encoding, data)| Payload::Certificate(Certificate { encoding, data })),
        (any::<u8>().prop_map(CertificateEncoding), octets(0..60)).prop_map(|(encoding, data)| {
            Payload::CertificateRequest(CertificateRequest { encoding, data })
        }),
        (any::<u8>().prop_map(AuthMethod), octets(1..300))
            .prop_map(|(method, data)| Payload::Authentication(Authentication { method, data })),
        octets(16..257).prop_map(Payload::Nonce),
        notify().prop_map(Payload::Notify),
        delete().prop_map(Payload::Delete),
        octets(0..40).prop_map(Payload::VendorId),
        vec(selector(), 0..4).prop_map(Payload::SelectorsInitiator),
        vec(selector(), 0..4).prop_map(Payload::SelectorsResponder),
        (any::<u8>().prop_map(ConfigurationType), vec(attribute(), 0..6)).prop_map(
            |(kind, attributes)| Payload::Configuration(Configuration { kind, attributes })
        ),
        octets(1..60).prop_map(Payload::ExtensibleAuthentication),
    ]
}

fn header() -> impl Strategy<Value = Header> {
    any::<(u64, u64, u8, u8, u8, u32)>().prop_map(
        |(initiator_spi, responder_spi, next_payload, exchange, flags, message_id)| Header {
            initiator_spi,
            responder_spi,
            next_payload,
            exchange: ExchangeType(exchange),
            flags: Flags(flags),
            message_id,
            length: 0,
        },
    )
}

proptest! {
    #[test]
    fn payloads_read_back_as_written(header in header(), payloads in vec(payload(), 0..=MAX_CERTIFICATES)) {
        let datagram = emit_clear(header, &payloads).unwrap();
        let envelope = Envelope::parse(&datagram).unwrap();
        let Content::Clear { first, body } = envelope.content else { panic!("not clear") };
        let read = parse_payloads(first, &datagram[body]).unwrap();
        prop_assert!(read.iter().eq(&payloads));
        let Header { next_payload, length, .. } = envelope.header;
        prop_assert_eq!(envelope.header, Header { next_payload, length, ..header });
    }

    #[test]
    fn fragments_read_back_as_written(header in header(), first: u8, number in 1u16.., length in 0usize..2000) {
        let prefix = fragment_prefix(header, first, number, u16::MAX, length).unwrap();
        let datagram = [&prefix[..], &vec![0; length]].concat();
        let first_inner = if number == 1 { first } else { 0 };
        let body = prefix.len()..datagram.len();
        let expected = Content::Fragment { first_inner, number, total: u16::MAX, body };
        prop_assert_eq!(Envelope::parse(&datagram).unwrap().content, expected);
    }
}

#[test]
fn what_has_no_room_is_refused_not_cut() {
    let header = Header::parse(super::capture::SA_INIT_REQUEST).unwrap();
    let too_long = vec![0; 65_532];
    let payload = Payload::VendorId(&too_long);
    assert_eq!(emit_payloads(&[payload]), Err(TooLong::Payload(PayloadType::V)));
    let half = Payload::VendorId(&too_long[..40_000]);
    assert_eq!(emit_clear(header, &[half.clone(), half]), Err(TooLong::Message));
    assert_eq!(encrypted_prefix(header, 41, usize::MAX), Err(TooLong::Message));
    assert!(encrypted_prefix(header, 41, MAX_MESSAGE - 32).is_ok());
    let selector: TrafficSelector = "10.0.0.0/8".parse::<ipnet::IpNet>().unwrap().into();
    let payload = Payload::SelectorsInitiator(vec![selector; 256]);
    assert_eq!(emit_payloads(&[payload]), Err(TooLong::Payload(PayloadType::TS_I)));
}
