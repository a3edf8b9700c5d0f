//! Proposals and selectors: the notation of the configuration, and what is chosen of anything
//! that a peer may offer.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::str::FromStr;
use std::sync::LazyLock;

use ike_negotiation::{
    ChildProposal, IkeProposal, KeyExchange, Mismatch, Selected, accept_child, accept_ike,
    is_subset, narrow, offer_child, offer_ike, select_child, select_ike,
};
use ike_wire::{Payload, Proposal, Protocol, Spi, Transform, TransformType, parse_payloads};

use super::input::Input;

/// Made once: reading them takes longer than a run.
static IKE: LazyLock<Vec<IkeProposal>> = LazyLock::new(IkeProposal::defaults);
static CHILD: LazyLock<Vec<ChildProposal>> = LazyLock::new(ChildProposal::defaults);

/// The input is a text in the notation, and payloads with proposals and selectors or choices
/// that make proposals.
///
/// # Panics
///
/// When the two ends of a negotiation would not understand each other.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let by_choices = input.octet() % 2 == 1;
    let text = String::from_utf8_lossy(input.piece());
    let mut ike = IKE.clone();
    let mut child = CHILD.clone();
    ike.splice(..0, read(&text));
    child.splice(..0, read(&text));
    let rest = input.rest();
    if by_choices {
        negotiate(&ike, &child, &proposals(&mut input));
    } else if let Some((&first, body)) = rest.split_first()
        && let Ok(payloads) = parse_payloads(first, body)
    {
        for payload in payloads.iter() {
            if let Payload::SecurityAssociation(proposals) = payload {
                negotiate(&ike, &child, proposals);
            }
        }
        if let Ok((proposed, permitted)) = payloads.selectors() {
            let narrowed = narrow(proposed, permitted);
            assert!(is_subset(&narrowed, proposed) && is_subset(&narrowed, permitted));
        }
    }
}

/// What is displayed reads back.
fn read<T: FromStr<Err: Display> + Display + PartialEq + Debug>(text: &str) -> Option<T> {
    match text.parse::<T>() {
        Ok(proposal) => {
            let again = proposal.to_string().parse::<T>();
            assert_eq!(again.ok().as_ref(), Some(&proposal));
            Some(proposal)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

fn negotiate(ike: &[IkeProposal], child: &[ChildProposal], offered: &[Proposal]) {
    // Who numbers two proposals alike cannot tell which one was taken.
    let numbers: BTreeSet<u8> = offered.iter().map(|proposal| proposal.number).collect();
    let distinct = numbers.len() == offered.len();
    let group = |offered: &[Proposal]| {
        let mut all = offered.iter().flat_map(|proposal| &proposal.transforms);
        all.find(|one| one.kind == TransformType::KEY_EXCHANGE).map(|one| one.id)
    };
    match select_ike(ike, offered, group(offered)) {
        Ok(Selected { suite, answer }) => {
            fits(&answer, Protocol::Ike);
            if distinct && is_regular(offered, &answer) {
                assert_eq!(accept_ike(offered, &[answer]), Ok(suite));
            }
        }
        Err(mismatch) => explained(&mismatch),
    }
    for key_exchange in [KeyExchange::Possible, KeyExchange::Forbidden] {
        match select_child(child, offered, key_exchange, group(offered)) {
            Ok(Selected { suite, answer }) => {
                fits(&answer, Protocol::Esp);
                let possible = key_exchange == KeyExchange::Possible;
                if distinct && possible && is_regular(offered, &answer) {
                    assert_eq!(accept_child(offered, &[answer]), Ok(suite));
                }
            }
            Err(mismatch) => explained(&mismatch),
        }
    }
    // As answers to our own offers they are seldom right, but never a fault of ours.
    let _ = accept_ike(&offer_ike(ike, Spi::None), offered);
    let _ = accept_child(&offer_child(child, Spi::Esp(256), KeyExchange::Possible), offered);
}

/// One transform of each type, and none that carries what we do not know.
fn fits(answer: &Proposal, protocol: Protocol) {
    assert_eq!(answer.protocol, protocol);
    let kinds: BTreeSet<TransformType> = answer.transforms.iter().map(|one| one.kind).collect();
    assert_eq!(kinds.len(), answer.transforms.len(), "{answer:?}");
    assert!(!answer.transforms.iter().any(|one| one.unknown_attribute), "{answer:?}");
}

/// Integrity algorithms beside an AEAD (against RFC 7296 §3.3.3) are left out of an answer. We
/// never offer that, and so do not accept it.
fn is_regular(offered: &[Proposal], answer: &Proposal) -> bool {
    let of = offered.iter().find(|one| one.number == answer.number);
    let has_integrity = |proposal: &Proposal| {
        proposal.transforms.iter().any(|one| one.kind == TransformType::INTEGRITY)
    };
    of.is_some_and(|of| has_integrity(of) == has_integrity(answer))
}

fn explained(mismatch: &Mismatch) {
    let text = mismatch.to_string();
    assert!(!text.is_empty() && text.chars().count() <= 8192, "{} characters", text.len());
}

/// Transforms that mean something, so that choices come about.
const USUAL: [(u8, u16, Option<u16>); 24] = [
    (1, 20, Some(256)),
    (1, 20, Some(128)),
    (1, 28, None),
    (1, 12, Some(256)),
    (1, 12, Some(128)),
    (2, 5, None),
    (2, 6, None),
    (2, 7, None),
    (3, 0, None),
    (3, 12, None),
    (3, 13, None),
    (3, 14, None),
    (4, 0, None),
    (4, 14, None),
    (4, 19, None),
    (4, 20, None),
    (4, 31, None),
    (5, 0, None),
    (5, 1, None),
    (6, 0, None),
    (6, 36, None),
    (7, 36, None),
    (7, 31, None),
    (12, 20, None),
];

fn proposals(input: &mut Input<'_>) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    while !input.is_empty() && proposals.len() < ike_wire::MAX_PROPOSALS {
        let number = input.octet();
        let protocols = [Protocol::Ike, Protocol::Esp, Protocol::Ah];
        let protocol = input.pick(&protocols).copied().unwrap_or(Protocol::Ike);
        let count = input.below(16);
        let transforms = (0..count).map(|_| transform(input)).collect();
        proposals.push(Proposal { number, protocol, spi: Spi::None, transforms });
    }
    proposals
}

fn transform(input: &mut Input<'_>) -> Transform {
    let choice = usize::from(input.octet());
    if let Some(&(kind, id, key_length)) = USUAL.get(choice) {
        return Transform { kind: TransformType(kind), id, key_length, unknown_attribute: false };
    }
    let (kind, id) = (TransformType(input.octet()), input.short());
    let key_length = (choice & 2 != 0).then(|| input.short());
    Transform { kind, id, key_length, unknown_attribute: choice & 1 != 0 }
}
