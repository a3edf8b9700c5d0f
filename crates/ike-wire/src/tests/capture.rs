//! What strongSwan sent, read and written back octet for octet.

use crate::*;

pub(super) const SA_INIT_REQUEST: &[u8] = include_bytes!("captures/ike-sa-init-request.bin");
const SA_INIT_RESPONSE: &[u8] = include_bytes!("captures/ike-sa-init-response.bin");
pub(super) const AUTH_REQUEST: &[u8] = include_bytes!("captures/ike-auth-request-content.bin");
const AUTH_RESPONSE: &[u8] = include_bytes!("captures/ike-auth-response-content.bin");
const CREATE_CHILD_SA: &[u8] = include_bytes!("captures/create-child-sa-request-content.bin");
const INFORMATIONAL: &[u8] = include_bytes!("captures/informational-request.bin");

/// The payloads of a message as strongSwan's log lists them.
fn transcript(payloads: &Payloads<'_>) -> String {
    let word = |payload: &Payload<'_>| {
        let Payload::Notify(notify) = payload else { return payload.kind().to_string() };
        format!("N({})", notify.kind)
    };
    payloads.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn content(first: PayloadType, octets: &[u8], expected: &str) {
    let payloads = parse_payloads(first.0, octets).unwrap();
    assert_eq!(transcript(&payloads), expected);
    let list: Vec<_> = payloads.iter().cloned().collect();
    assert_eq!(emit_payloads(&list).unwrap(), (first.0, octets.to_vec()));
}

#[test]
fn strongswan_contents_are_read_and_written_back() {
    content(
        PayloadType::ID_I,
        AUTH_REQUEST,
        "ID_I CERT N(INITIAL_CONTACT) CERTREQ ID_R AUTH CP SA TS_I TS_R N(MOBIKE_SUPPORTED) \
         N(NO_ADDITIONAL_ADDRESSES) N(MULTIPLE_AUTH_SUPPORTED) N(EAP_ONLY_AUTHENTICATION) \
         N(IKEV2_MESSAGE_ID_SYNC_SUPPORTED)",
    );
    content(
        PayloadType::ID_R,
        AUTH_RESPONSE,
        "ID_R CERT AUTH CP N(MOBIKE_SUPPORTED) N(NO_ADDITIONAL_ADDRESSES) N(NO_PROPOSAL_CHOSEN)",
    );
    content(PayloadType::SA, CREATE_CHILD_SA, "SA NONCE KE TS_I TS_R");
}

#[test]
fn strongswan_clear_messages_are_read_and_written_back() {
    for (datagram, expected) in [
        (
            SA_INIT_REQUEST,
            "SA KE NONCE N(NAT_DETECTION_SOURCE_IP) N(NAT_DETECTION_DESTINATION_IP) \
             N(IKEV2_FRAGMENTATION_SUPPORTED) N(SIGNATURE_HASH_ALGORITHMS) N(REDIRECT_SUPPORTED)",
        ),
        (
            SA_INIT_RESPONSE,
            "SA KE NONCE N(NAT_DETECTION_SOURCE_IP) N(NAT_DETECTION_DESTINATION_IP) CERTREQ \
             N(IKEV2_FRAGMENTATION_SUPPORTED) N(SIGNATURE_HASH_ALGORITHMS) \
             N(CHILDLESS_IKEV2_SUPPORTED) N(MULTIPLE_AUTH_SUPPORTED)",
        ),
    ] {
        let envelope = Envelope::parse(datagram).unwrap();
        let Content::Clear { first, body } = envelope.content else { panic!("not clear") };
        let payloads = parse_payloads(first, &datagram[body]).unwrap();
        assert_eq!(transcript(&payloads), expected);
        let list: Vec<_> = payloads.iter().cloned().collect();
        assert_eq!(emit_clear(envelope.header, &list).unwrap(), datagram);
    }
}

#[test]
fn strongswan_values_mean_what_its_configuration_said() {
    let payloads = parse_payloads(PayloadType::ID_I.0, AUTH_REQUEST).unwrap();
    assert_eq!(payloads.id_initiator().unwrap().to_text(), "rtx.h1.example");
    assert_eq!(payloads.optional_id_responder().unwrap().unwrap().to_text(), "gw.example");
    assert_eq!(payloads.authentication().unwrap().method, AuthMethod::DIGITAL_SIGNATURE);
    assert_eq!(
        payloads.certificates().next().unwrap().encoding,
        CertificateEncoding::X509_SIGNATURE
    );
    let (initiator, responder) = payloads.selectors().unwrap();
    let texts: Vec<_> = initiator.iter().chain(responder).map(ToString::to_string).collect();
    assert_eq!(texts, ["10.1.0.0/24", "2001:db8::/64", "10.2.0.5/32 tcp/443", "10.2.1.0/24"]);
    assert_eq!(
        payloads.configuration().unwrap().unwrap().attributes,
        [Attribute::InternalIp4Address(None), Attribute::InternalIp6Address(None)]
    );
    let [first, ..] = payloads.security_association().unwrap() else { panic!("no proposal") };
    assert_eq!((first.number, first.protocol), (1, Protocol::Esp));
    assert_eq!(format!("{:?}", first.transforms), "[1:20/256, 5:0]");

    let reply = parse_payloads(PayloadType::ID_R.0, AUTH_RESPONSE).unwrap();
    assert_eq!(reply.error_notify().unwrap().kind, NotifyType::NO_PROPOSAL_CHOSEN);
    assert_eq!(
        reply.configuration().unwrap().unwrap().attributes,
        [
            Attribute::InternalIp4Address(Some("10.1.0.1".parse().unwrap())),
            Attribute::InternalIp6Address(Some(("2001:db8::1".parse().unwrap(), 64))),
            Attribute::InternalIp4Dns(Some("10.2.0.53".parse().unwrap())),
        ]
    );
}

#[test]
fn strongswan_encrypted_message_gives_its_additional_data_and_body() {
    let envelope = Envelope::parse(INFORMATIONAL).unwrap();
    let Content::Encrypted { first_inner, body } = envelope.content else {
        panic!("not encrypted")
    };
    assert_eq!((first_inner, body.clone()), (PayloadType::D.0, 32..INFORMATIONAL.len()));
    assert_eq!(envelope.header.exchange, ExchangeType::INFORMATIONAL);
    assert!(envelope.header.flags.contains(Flags::INITIATOR));
    let prefix = encrypted_prefix(envelope.header, first_inner, body.len()).unwrap();
    assert_eq!(prefix, INFORMATIONAL[..body.start]);
}
