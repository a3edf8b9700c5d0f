//! Octets from the network as IKE messages: what can be read can be written, and reads back
//! as the same.

use ike_wire::{
    Content, Envelope, Header, Identity, Malformed, Payload, Payloads, emit_payloads,
    encrypted_prefix, fragment_prefix, parse_payloads,
};

/// The input is a datagram; the same with a length and version that fit; and payloads after
/// the type of the first.
///
/// # Panics
///
/// When reading and writing disagree.
pub fn run(input: &[u8]) {
    datagram(input);
    datagram(&with_fitting_header(input));
    if let Some((&first, body)) = input.split_first() {
        payloads(first, body);
    }
}

/// Random octets would seldom get past the length.
fn with_fitting_header(input: &[u8]) -> Vec<u8> {
    let mut header = Header::peek(input).map_or([0; Header::LEN], |header| {
        Header { length: u32::try_from(input.len()).unwrap_or_default(), ..header }.emit()
    });
    let body = input.get(Header::LEN..).unwrap_or_else(|| {
        header[Header::LEN - 1] = 28;
        &[]
    });
    [&header, body].concat()
}

fn datagram(datagram: &[u8]) {
    let envelope = match Envelope::parse(datagram) {
        Ok(envelope) => envelope,
        Err(malformed) => return explained(malformed),
    };
    let header = envelope.header;
    let prefix = match &envelope.content {
        Content::Clear { first, body } => return payloads(*first, &datagram[body.clone()]),
        Content::Encrypted { first_inner, body } => {
            encrypted_prefix(header, *first_inner, body.len()).unwrap().to_vec()
        }
        Content::Fragment { first_inner, number, total, body } => {
            fragment_prefix(header, *first_inner, *number, *total, body.len()).unwrap().to_vec()
        }
    };
    let again = [&prefix, &datagram[prefix.len()..]].concat();
    assert_eq!(Envelope::parse(&again), Ok(envelope));
}

fn payloads(first: u8, body: &[u8]) {
    let read = match parse_payloads(first, body) {
        Ok(read) => read,
        Err(malformed) => return explained(malformed),
    };
    ask(&read);
    let mut known: Vec<Payload<'_>> = read.iter().cloned().collect();
    known.iter_mut().for_each(forget_what_is_not_written);
    // An SA payload of unknown protocols only has nothing left to write.
    known.retain(|payload| !matches!(payload, Payload::SecurityAssociation(all) if all.is_empty()));
    let (first, written) = emit_payloads(&known).unwrap();
    assert!(written.len() <= body.len());
    let again = parse_payloads(first, &written).unwrap();
    assert!(again.iter().eq(&known), "{known:?} became {again:?}");
    assert_eq!(again.skipped(), 0);
}

/// An attribute that is not known only says that its transform cannot be chosen.
fn forget_what_is_not_written(payload: &mut Payload<'_>) {
    if let Payload::SecurityAssociation(proposals) = payload {
        for transform in proposals.iter_mut().flat_map(|proposal| &mut proposal.transforms) {
            transform.unknown_attribute = false;
        }
    }
}

/// Everything that a state machine or a record asks of a message.
fn ask(payloads: &Payloads<'_>) {
    let _ = payloads.security_association().map(|proposals| format!("{proposals:?}"));
    let _ = (payloads.key_exchange(), payloads.nonce(), payloads.authentication());
    let _ = (payloads.configuration(), payloads.extensible_authentication());
    let _ = (payloads.certificates().count(), payloads.certificate_requests().count());
    let _ = (payloads.error_notify(), payloads.deletes().count(), payloads.vendor_ids().count());
    for id in [payloads.id_initiator(), payloads.id_responder()].into_iter().flatten() {
        assert_eq!(id.to_string().parse(), Ok(Identity::from(id)));
        let text = id.to_text();
        assert!(text.chars().count() <= 255 && !text.chars().any(char::is_control), "{text}");
    }
    if let Ok((initiator, responder)) = payloads.selectors() {
        for selector in initiator.iter().chain(responder) {
            assert!(!selector.is_empty() && selector.contains(selector), "{selector}");
        }
    }
}

/// Every refusal has words and an answer.
fn explained(malformed: Malformed) {
    assert!(!malformed.to_string().is_empty());
    assert!(malformed.answer().is_error());
    let _ = malformed.reason();
}
