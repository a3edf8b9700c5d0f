//! What an attacker sends, named after whom it broke.

use proptest::collection::vec;
use proptest::prelude::*;

use super::capture::{AUTH_REQUEST, SA_INIT_REQUEST};
use crate::*;

/// A payload: next type, critical bit and body.
fn payload(next: PayloadType, critical: bool, body: &[u8]) -> Vec<u8> {
    let mut out = vec![next.0, u8::from(critical) << 7];
    out.extend(u16::try_from(body.len() + 4).unwrap().to_be_bytes());
    out.extend(body);
    out
}

fn reason(first: PayloadType, octets: &[u8]) -> MalformedReason {
    parse_payloads(first.0, octets).unwrap_err().reason()
}

/// A message of this first payload and body, whatever they are.
fn message(first: PayloadType, body: &[u8]) -> Vec<u8> {
    let header = Header {
        initiator_spi: 1,
        responder_spi: 2,
        next_payload: first.0,
        exchange: ExchangeType::IKE_AUTH,
        flags: Flags::INITIATOR,
        message_id: 1,
        length: u32::try_from(Header::LEN + body.len()).unwrap(),
    };
    [&header.emit(), body].concat()
}

#[test]
fn every_truncation_is_an_error() {
    for length in 0..SA_INIT_REQUEST.len() {
        assert!(Envelope::parse(&SA_INIT_REQUEST[..length]).is_err(), "{length}");
    }
    for length in 0..AUTH_REQUEST.len() {
        let result = parse_payloads(PayloadType::ID_I.0, &AUTH_REQUEST[..length]);
        assert_eq!(result.unwrap_err().answer(), NotifyType::INVALID_SYNTAX, "{length}");
    }
}

/// An identity longer than the buffer for it, in IKE_AUTH before any authentication.
#[test]
fn watchguard_cve_2025_9242_long_identification() {
    let id = |kind: IdType, length: usize| {
        payload(PayloadType::NONE, false, &[&[kind.0, 0, 0, 0][..], &vec![b'a'; length]].concat())
    };
    for (kind, length) in [
        (IdType::ID_FQDN, MAX_IDENTIFICATION + 1),
        (IdType::ID_KEY_ID, 60_000),
        (IdType::ID_FQDN, 0),
        (IdType::ID_IPV4_ADDR, 16),
        (IdType::ID_IPV6_ADDR, 15),
    ] {
        let octets = id(kind, length);
        assert_eq!(reason(PayloadType::ID_I, &octets), MalformedReason::IdentificationLength);
    }
    assert!(parse_payloads(PayloadType::ID_I.0, &id(IdType::ID_FQDN, MAX_IDENTIFICATION)).is_ok());
}

/// REKEY_SA with an SPI of another size crashed what answers it.
#[test]
fn libreswan_cve_2023_38710_spi_of_another_size() {
    let rekey = |size: u8| {
        let [high, low] = NotifyType::REKEY_SA.0.to_be_bytes();
        let head = [Protocol::Esp as u8, size, high, low];
        payload(PayloadType::NONE, false, &[&head[..], &vec![7; usize::from(size)]].concat())
    };
    for size in [1, 2, 3, 5, 7, 9, 255] {
        assert_eq!(reason(PayloadType::N, &rekey(size)), MalformedReason::SpiSize, "{size}");
    }
    for (size, spi) in [(0, Spi::None), (4, Spi::Esp(0x0707_0707))] {
        let octets = rekey(size);
        let payloads = parse_payloads(PayloadType::N.0, &octets).unwrap();
        assert_eq!(payloads.notify(NotifyType::REKEY_SA).unwrap().spi, spi);
    }
}

#[test]
fn libreswan_cve_2026_12413_too_many_payloads() {
    let chain = |count: usize| {
        let mut octets = payload(PayloadType::V, false, b"x").repeat(count - 1);
        octets.extend(payload(PayloadType::NONE, false, b"x"));
        octets
    };
    assert!(parse_payloads(PayloadType::V.0, &chain(MAX_PAYLOADS)).is_ok());
    let too_many = chain(MAX_PAYLOADS + 1);
    assert_eq!(reason(PayloadType::V, &too_many), MalformedReason::TooManyPayloads);
    // Skipped ones count too.
    let unknown = payload(PayloadType(200), false, b"").repeat(10_000);
    assert_eq!(reason(PayloadType(200), &unknown), MalformedReason::TooManyPayloads);

    let certificates = payload(PayloadType::CERT, false, b"\x04x").repeat(MAX_CERTIFICATES + 1);
    assert_eq!(reason(PayloadType::CERT, &certificates), MalformedReason::TooManyCertificates);
}

#[test]
fn payload_lengths_that_lie_are_refused() {
    for length in [0u8, 3, 200] {
        assert_eq!(reason(PayloadType::V, &[0, 0, 0, length, 1]), MalformedReason::Truncated);
    }
    assert_eq!(reason(PayloadType::V, &[0, 0, 0, 4, 1]), MalformedReason::TrailingOctets);
    assert_eq!(reason(PayloadType::NONE, b"x"), MalformedReason::TrailingOctets);
    for length in [15, 257] {
        let nonce = payload(PayloadType::NONE, false, &vec![1; length]);
        assert_eq!(reason(PayloadType::NONCE, &nonce), MalformedReason::NonceLength);
    }
    let key_exchange = payload(PayloadType::NONE, false, &[0, 19, 0, 0]);
    assert_eq!(reason(PayloadType::KE, &key_exchange), MalformedReason::Empty);
}

#[test]
fn unknown_payloads_are_skipped_unless_critical() {
    let unknown = |critical| {
        let nonce = payload(PayloadType::NONE, true, &[7; 32]);
        [payload(PayloadType::NONCE, critical, b"?"), nonce].concat()
    };
    let octets = unknown(false);
    let payloads = parse_payloads(200, &octets).unwrap();
    assert_eq!((payloads.skipped(), payloads.nonce().unwrap()), (1, &[7; 32][..]));
    let refused = parse_payloads(200, &unknown(true)).unwrap_err();
    assert_eq!(refused, Malformed::UnsupportedCritical(PayloadType(200)));
    assert_eq!(refused.answer(), NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD);
}

#[test]
fn other_versions_are_named_and_can_be_answered() {
    let mut datagram = SA_INIT_REQUEST.to_vec();
    datagram[17] = 0x10;
    let refused = Envelope::parse(&datagram).unwrap_err();
    assert_eq!(refused.reason(), MalformedReason::IkeV1);
    datagram[17] = 0x31;
    let refused = Envelope::parse(&datagram).unwrap_err();
    assert_eq!(refused, Malformed::Version { major: 3, minor: 1 });
    assert_eq!(refused.answer(), NotifyType::INVALID_MAJOR_VERSION);
    let header = Header::peek(&datagram).unwrap();
    assert_eq!(header, Header::parse(SA_INIT_REQUEST).unwrap());
    datagram[17] = 0x21;
    assert!(Envelope::parse(&datagram).is_ok(), "a higher minor version is ignored");
}

#[test]
fn encrypted_payloads_stand_alone() {
    let body = [0; 40];
    let after_another = [payload(PayloadType::SK, false, b"x"), body.to_vec()].concat();
    assert_eq!(reason(PayloadType::V, &after_another), MalformedReason::EncryptedMisplaced);
    let followed = [payload(PayloadType::NONE, false, &body), b"x".to_vec()].concat();
    for kind in [PayloadType::SK, PayloadType::SKF] {
        let refused = Envelope::parse(&message(kind, &followed)).unwrap_err();
        assert_eq!(refused.reason(), MalformedReason::EncryptedMisplaced);
    }
}

#[test]
fn fragment_numbers_must_agree() {
    let fragment = |first_inner: PayloadType, number: u16, total: u16| {
        let numbers = [number.to_be_bytes(), total.to_be_bytes()].concat();
        let body = payload(first_inner, false, &[&numbers[..], b"ciphertext"].concat());
        Envelope::parse(&message(PayloadType::SKF, &body))
    };
    let parsed = fragment(PayloadType::ID_I, 1, 3).unwrap();
    assert_eq!(
        parsed.content,
        Content::Fragment { first_inner: 35, number: 1, total: 3, body: 36..46 }
    );
    assert!(fragment(PayloadType::NONE, 3, 3).is_ok());
    for (first_inner, number, total) in
        [(PayloadType::ID_I, 0, 3), (PayloadType::NONE, 4, 3), (PayloadType::ID_I, 2, 3)]
    {
        let refused = fragment(first_inner, number, total).unwrap_err();
        assert_eq!(refused.reason(), MalformedReason::FragmentNumber);
    }
}

#[test]
fn proposals_must_add_up() {
    // One ESP proposal with one transform, right but for the octet that is replaced.
    let proposal = |position: usize, octet: u8| {
        let mut body = vec![0, 0, 0, 20, 1, 3, 4, 1, 9, 9, 9, 9, 0, 0, 0, 8, 1, 0, 0, 20];
        body[position] = octet;
        payload(PayloadType::NONE, false, &body)
    };
    assert!(parse_payloads(PayloadType::SA.0, &proposal(0, 0)).is_ok());
    for (position, octet, expected) in [
        (0, 1, MalformedReason::ProposalStructure), // marker
        (0, 2, MalformedReason::Truncated),         // another is announced
        (5, 1, MalformedReason::SpiSize),           // IKE
        (6, 0, MalformedReason::SpiSize),
        (7, 0, MalformedReason::TrailingOctets), // transforms counted
        (7, 2, MalformedReason::ProposalStructure),
        (12, 3, MalformedReason::ProposalStructure),
        (15, 7, MalformedReason::Truncated),
    ] {
        assert_eq!(reason(PayloadType::SA, &proposal(position, octet)), expected, "{position}");
    }
    let unknown_protocol = proposal(5, 4);
    let payloads = parse_payloads(PayloadType::SA.0, &unknown_protocol).unwrap();
    assert_eq!(payloads.security_association(), Ok(&[][..]));

    let many = [2, 0, 0, 8, 1, 1, 0, 0].repeat(MAX_PROPOSALS + 1);
    let many = payload(PayloadType::NONE, false, &many);
    assert_eq!(reason(PayloadType::SA, &many), MalformedReason::TooManyProposals);
    let transforms = [3, 0, 0, 8, 1, 0, 0, 20].repeat(254);
    let mut transforms = [transforms, vec![0, 0, 0, 8, 1, 0, 0, 20]].concat();
    transforms.splice(..0, [2, 0, 8, 0, 1, 1, 0, 255]);
    let many = payload(PayloadType::NONE, false, &transforms.repeat(2));
    assert_eq!(reason(PayloadType::SA, &many), MalformedReason::TooManyTransforms);
}

#[test]
fn unknown_transform_attributes_are_marked() {
    for attribute in [&[0x80, 99, 0, 1][..], &[0, 99, 0, 2, 7, 7], &[0, 14, 0, 2, 1, 0]] {
        let transform = [&[1, 0, 0, 12, 0x80, 14, 1, 0][..], attribute].concat();
        let transform = payload(PayloadType::NONE, false, &transform);
        let proposal = [&[1, 1, 0, 1][..], &transform].concat();
        let sa = payload(PayloadType::NONE, false, &payload(PayloadType::NONE, false, &proposal));
        let payloads = parse_payloads(PayloadType::SA.0, &sa).unwrap();
        let [proposal] = payloads.security_association().unwrap() else { panic!("one") };
        assert_eq!(format!("{:?}", proposal.transforms), "[1:12/256?]");
    }
}

#[test]
fn selectors_must_not_be_inverted_and_unknown_types_are_left_out() {
    let ts = |kind: u8, ports: [u8; 4], last: u8| {
        let range = [10, 0, 0, 5, 10, 0, 0, last];
        let body = [&[kind, 0, 0, 16], &ports[..], &range].concat();
        let known = [7, 17, 0, 16, 0, 53, 0, 53, 10, 0, 0, 1, 10, 0, 0, 1];
        payload(PayloadType::NONE, false, &[&[2, 0, 0, 0], &body[..], &known].concat())
    };
    let any = [0, 0, 255, 255];
    let count =
        |octets: &[u8]| match parse_payloads(PayloadType::TS_I.0, octets).unwrap().iter().next() {
            Some(Payload::SelectorsInitiator(selectors)) => selectors.len(),
            other => panic!("{other:?}"),
        };
    assert_eq!(count(&ts(7, any, 9)), 2);
    assert_eq!(count(&ts(9, any, 9)), 1);
    assert_eq!(count(&ts(7, [255, 255, 0, 0], 9)), 2, "OPAQUE");
    for octets in [ts(7, any, 4), ts(7, [0, 2, 0, 1], 9)] {
        assert_eq!(reason(PayloadType::TS_I, &octets), MalformedReason::SelectorRange);
    }
}

#[test]
fn deletes_and_notifications_must_fit_their_protocol() {
    for (kind, body, expected) in [
        (PayloadType::D, &[1u8, 8, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8][..], MalformedReason::SpiSize),
        (PayloadType::D, &[3, 8, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8], MalformedReason::SpiSize),
        (PayloadType::D, &[9, 4, 0, 0], MalformedReason::Protocol),
        (PayloadType::D, &[3, 4, 0, 2, 1, 2, 3, 4], MalformedReason::Truncated),
        (PayloadType::D, &[3, 4, 255, 255], MalformedReason::TooManySpis),
        (PayloadType::N, &[3, 5, 64, 9, 1, 2, 3, 4, 5], MalformedReason::SpiSize),
        (PayloadType::N, &[3, 4, 64, 9, 1, 2, 3], MalformedReason::Truncated),
    ] {
        assert_eq!(reason(kind, &payload(PayloadType::NONE, false, body)), expected);
    }
}

#[test]
fn attributes_must_be_what_their_type_says() {
    let configuration = |attributes: &[u8]| {
        payload(PayloadType::NONE, false, &[&[1, 0, 0, 0], attributes].concat())
    };
    let ip6 = |prefix_len: u8| [&[0, 8, 0, 17][..], &[0; 16], &[prefix_len]].concat();
    assert!(parse_payloads(PayloadType::CP.0, &configuration(&ip6(128))).is_ok());
    for (attributes, expected) in [
        (&[0, 1, 0, 3, 10, 0, 0][..], MalformedReason::Attribute),
        (&[0, 13, 0, 8, 10, 0, 0, 0, 255, 0, 255, 0], MalformedReason::Attribute), // mask
        (&ip6(129), MalformedReason::Attribute),
        (&[0, 1, 0, 4, 10, 0, 0], MalformedReason::Truncated),
        (&[0, 1, 0, 0].repeat(MAX_ATTRIBUTES + 1), MalformedReason::TooManyAttributes),
    ] {
        assert_eq!(reason(PayloadType::CP, &configuration(attributes)), expected);
    }
}

#[test]
fn missing_and_doubled_payloads_are_named() {
    let nonce = payload(PayloadType::NONCE, false, &[7; 32]);
    let last = payload(PayloadType::NONE, false, &[7; 32]);
    let doubled = [nonce, last].concat();
    let payloads = parse_payloads(PayloadType::NONCE.0, &doubled).unwrap();
    assert_eq!(payloads.nonce(), Err(Malformed::Doubled(PayloadType::NONCE)));
    assert_eq!(payloads.key_exchange(), Err(Malformed::Missing(PayloadType::KE)));
    assert_eq!(payloads.optional_key_exchange(), Ok(None));
    assert_eq!(payloads.selectors(), Err(Malformed::Missing(PayloadType::TS_I)));
}

/// What is accepted can be written again, and then is accepted as the same.
fn stable(first: u8, octets: &[u8]) {
    let Ok(payloads) = parse_payloads(first, octets) else { return };
    let mut list: Vec<_> = payloads.iter().cloned().collect();
    for payload in &mut list {
        let Payload::SecurityAssociation(proposals) = payload else { continue };
        for transform in proposals.iter_mut().flat_map(|proposal| &mut proposal.transforms) {
            transform.unknown_attribute = false;
        }
    }
    // A payload with nothing left in it reads back only where nothing is allowed.
    list.retain(|payload| !matches!(payload, Payload::SecurityAssociation(all) if all.is_empty()));
    let (first, octets) = emit_payloads(&list).unwrap();
    let again = parse_payloads(first, &octets).unwrap();
    assert!(again.iter().eq(&list));
}

proptest! {
    #[test]
    fn noise_never_panics(first: u8, octets in vec(any::<u8>(), 0..300)) {
        stable(first, &octets);
        let _ = Envelope::parse(&octets);
        let _ = Envelope::parse(&message(PayloadType(first), &octets));
    }

    #[test]
    fn damage_never_panics(damage in vec((0..AUTH_REQUEST.len(), any::<u8>()), 1..6)) {
        let mut octets = AUTH_REQUEST.to_vec();
        for (position, octet) in damage {
            octets[position] = octet;
        }
        stable(PayloadType::ID_I.0, &octets);
    }
}
