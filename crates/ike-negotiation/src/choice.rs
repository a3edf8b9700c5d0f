//! One transform of each type that both ends accept.

use std::slice;

use ike_wire::{Transform, TransformType};

use crate::algorithm::{NONE, is_additional, is_key_exchange, transform};
use crate::menu::Menu;
use crate::select::KeyExchange;

/// What the exchange under way adds to the two menus.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) key_exchange: KeyExchange,
    /// The group of the KE payload that came; [`NONE`] where a CHILD SA's offer had none.
    pub(crate) sent: Option<u16>,
}

/// What both ends accept of one proposal.
#[derive(Debug)]
pub(crate) struct Choice {
    /// One transform for each type in the offer.
    pub(crate) transforms: Vec<Transform>,
    /// How far it is from what the menu likes best: the smaller of two is better.
    pub(crate) rank: Vec<(u8, usize)>,
}

/// A transform that both accept, or the one that says none where both accept silence.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    transform: Transform,
    /// Its place in our order.
    rank: usize,
}

/// All that both accept of one type, in our order.
type Candidates = (TransformType, Vec<Candidate>);

/// Chooses from one proposal.
///
/// # Errors
/// The types of which no transform is acceptable to both; never empty.
pub(crate) fn choose(
    menu: &Menu,
    offer: &Menu,
    rules: Rules,
) -> Result<Choice, Vec<TransformType>> {
    let mut kinds = menu.kinds();
    kinds.append(&mut offer.kinds());
    kinds.insert(TransformType::KEY_EXCHANGE);
    let all: Vec<Candidates> =
        kinds.iter().map(|&kind| (kind, candidates(menu, offer, kind, rules))).collect();
    let misses: Vec<_> =
        all.iter().filter(|(_, common)| common.is_empty()).map(|&(kind, _)| kind).collect();
    if !misses.is_empty() {
        return Err(misses);
    }
    let (exchanges, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|&(kind, _)| is_key_exchange(kind));
    let Some(exchanges) = distinct(&exchanges) else {
        return Err(kinds.into_iter().filter(|&kind| is_additional(kind)).collect());
    };
    let mut chosen: Vec<Candidate> =
        others.iter().filter_map(|(_, common)| common.first().copied()).chain(exchanges).collect();
    chosen.sort_unstable_by_key(|candidate| candidate.transform.kind);
    Ok(Choice {
        transforms: chosen
            .iter()
            .map(|one| one.transform)
            .filter(|&one| offer.contains(one))
            .collect(),
        rank: rank(menu, &chosen),
    })
}

fn candidates(menu: &Menu, offer: &Menu, kind: TransformType, rules: Rules) -> Vec<Candidate> {
    let none = transform(kind, NONE);
    let integrity_is_built_in = kind == TransformType::INTEGRITY && menu.of_kind(kind).is_empty();
    let no_exchange = is_key_exchange(kind) && rules.key_exchange == KeyExchange::Forbidden;
    if integrity_is_built_in || no_exchange {
        return vec![Candidate { transform: none, rank: 0 }];
    }
    let theirs = spoken(offer.of_kind(kind), &none);
    let ours = spoken(menu.of_kind(kind), &none);
    let common = (1..).zip(ours).filter(|(_, transform)| theirs.contains(transform));
    let mut common: Vec<_> =
        common.map(|(rank, &transform)| Candidate { transform, rank }).collect();
    if kind == TransformType::KEY_EXCHANGE {
        prefer_sent(&mut common, rules.sent);
    }
    common
}

/// Who says nothing of a key exchange or of sequence numbers says none (RFC 7296 §3.3.3), and of
/// the latter should have said so.
fn spoken<'a>(transforms: &'a [Transform], none: &'a Transform) -> &'a [Transform] {
    let may_be_silent = is_key_exchange(none.kind) || none.kind == TransformType::SEQUENCE_NUMBERS;
    if transforms.is_empty() && may_be_silent { slice::from_ref(none) } else { transforms }
}

fn prefer_sent(common: &mut [Candidate], sent: Option<u16>) {
    if let Some(one) = common.iter_mut().find(|one| Some(one.transform.id) == sent) {
        one.rank = 0;
    }
    common.sort_by_key(|one| one.rank);
}

/// One candidate for each key exchange: no method twice (RFC 9370 §2.2.2), and no additional one
/// without a first. Of the first exchange every candidate is tried; then each takes the best
/// that is left.
fn distinct(exchanges: &[Candidates]) -> Option<Vec<Candidate>> {
    let ((_, firsts), additional) = exchanges.split_first()?;
    firsts.iter().find_map(|&first| {
        let mut taken = vec![first];
        for (_, common) in additional {
            let free = |one: &&Candidate| {
                let id = one.transform.id;
                let is_taken = taken.iter().any(|other| other.transform.id == id);
                id == NONE || first.transform.id != NONE && !is_taken
            };
            let next = common.iter().find(free).copied()?;
            taken.push(next);
        }
        Some(taken)
    })
}

/// Ciphers decide first, then PRFs, additional key exchanges, groups and sequence numbers. Types
/// that only the offer has are no merit of it.
fn rank(menu: &Menu, chosen: &[Candidate]) -> Vec<(u8, usize)> {
    let mut rank: Vec<_> = chosen
        .iter()
        .map(|one| (one.transform.kind, one.rank))
        .filter(|&(kind, _)| !menu.of_kind(kind).is_empty())
        .map(|(kind, rank)| (precedence(kind), rank))
        .collect();
    rank.sort_unstable();
    rank
}

fn precedence(kind: TransformType) -> u8 {
    match kind {
        TransformType::ENCRYPTION => 0,
        TransformType::INTEGRITY => 1,
        TransformType::PRF => 2,
        TransformType::KEY_EXCHANGE => u8::MAX - 1,
        TransformType::SEQUENCE_NUMBERS => u8::MAX,
        TransformType(additional) => additional,
    }
}
