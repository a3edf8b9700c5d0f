//! The initiator's side: what it offers, and whether an answer keeps to that.

#[cfg(test)]
mod tests;

use ike_wire::{Proposal, Protocol, Spi, Transform, TransformType};
use reason::reasons;

use crate::algorithm::{NONE, is_key_exchange, transform};
use crate::menu::Menu;
use crate::{ChildProposal, ChildSuite, IkeProposal, IkeSuite, KeyExchange};

reasons! {
    /// What is wrong with the SA payload of an answer. The fault is the peer's.
    pub enum UnacceptableAnswer {
        /// No proposal, or several.
        NotOneProposal = "ike.answer-not-one-proposal",
            ja "相手の応答に含まれる提案が 1 つではありません。相手機器の不具合です。",
            en "the answer does not hold exactly one proposal: the peer is faulty";
        /// Its number or protocol is none of ours.
        NoSuchProposal = "ike.answer-no-such-proposal",
            ja "相手の応答は、こちらが送っていない提案を選んでいます。相手機器の不具合です。",
            en "the answer takes a proposal that was not sent: the peer is faulty";
        /// An algorithm that the proposal does not have.
        NotOffered = "ike.answer-not-offered",
            ja "相手の応答は、こちらが提案していないアルゴリズムを含みます。相手機器の不具合か改ざんです。",
            en "the answer has an algorithm that was not offered: the peer is faulty, or someone \
                changed the message";
        /// Several algorithms of one type, or none where one is needed.
        NotOneOfEach = "ike.answer-not-one-of-each",
            ja "相手の応答は、各種類のアルゴリズムを 1 つずつ選んでいません。相手機器の不具合です。",
            en "the answer does not take one algorithm of each type: the peer is faulty";
        /// One key-exchange method for two exchanges (RFC 9370 §2.2.2).
        SameMethodTwice = "ike.answer-same-method-twice",
            ja "相手の応答は、同じ鍵交換方式を 2 回選んでいます。相手機器の不具合です。",
            en "the answer takes one key-exchange method twice: the peer is faulty";
    }
}

/// The proposals of an IKE SA, best first, numbered from 1, all with this SPI:
/// [`Spi::None`] in IKE_SA_INIT.
#[must_use]
pub fn offer_ike(configured: &[IkeProposal], spi: Spi) -> Vec<Proposal> {
    number(configured.iter().map(|one| one.0.transforms().collect()), Protocol::Ike, spi)
}

/// The proposals of a CHILD SA, as [`offer_ike`]; without key exchanges where those are
/// forbidden.
#[must_use]
pub fn offer_child(
    configured: &[ChildProposal],
    spi: Spi,
    key_exchange: KeyExchange,
) -> Vec<Proposal> {
    let is_offered =
        |one: &Transform| key_exchange == KeyExchange::Possible || !is_key_exchange(one.kind);
    let offers = configured.iter().map(|one| one.0.transforms().filter(is_offered).collect());
    number(offers, Protocol::Esp, spi)
}

fn number(
    offers: impl Iterator<Item = Vec<Transform>>,
    protocol: Protocol,
    spi: Spi,
) -> Vec<Proposal> {
    let mut different: Vec<Vec<Transform>> = Vec::new();
    for offer in offers {
        if !different.contains(&offer) {
            different.push(offer);
        }
    }
    let numbered = (1..=u8::MAX).zip(different);
    numbered.map(|(number, transforms)| Proposal { number, protocol, spi, transforms }).collect()
}

/// What the responder chose for an IKE SA, of what was `sent`.
///
/// # Errors
/// [`UnacceptableAnswer`]: give up the exchange.
pub fn accept_ike(sent: &[Proposal], answer: &[Proposal]) -> Result<IkeSuite, UnacceptableAnswer> {
    let transforms = accept(sent, answer)?;
    IkeSuite::from_transforms(transforms).ok_or(UnacceptableAnswer::NotOneOfEach)
}

/// What the responder chose for a CHILD SA, of what was `sent`.
///
/// # Errors
/// [`UnacceptableAnswer`]: do without this SA.
pub fn accept_child(
    sent: &[Proposal],
    answer: &[Proposal],
) -> Result<ChildSuite, UnacceptableAnswer> {
    let transforms = accept(sent, answer)?;
    ChildSuite::from_transforms(transforms).ok_or(UnacceptableAnswer::NotOneOfEach)
}

fn accept<'a>(
    sent: &[Proposal],
    answer: &'a [Proposal],
) -> Result<&'a [Transform], UnacceptableAnswer> {
    let [answer] = answer else { return Err(UnacceptableAnswer::NotOneProposal) };
    let is_answered =
        |one: &&Proposal| one.number == answer.number && one.protocol == answer.protocol;
    let sent = sent.iter().find(is_answered).ok_or(UnacceptableAnswer::NoSuchProposal)?;
    let (sent, chosen) = (Menu::of(sent), Menu::of(answer));
    if !answer.transforms.iter().all(|&one| is_offered(&sent, one)) {
        return Err(UnacceptableAnswer::NotOffered);
    }
    if !sent.kinds().iter().chain(&chosen.kinds()).all(|&kind| is_one(&sent, &chosen, kind)) {
        return Err(UnacceptableAnswer::NotOneOfEach);
    }
    check_exchanges(&answer.transforms)?;
    Ok(&answer.transforms)
}

/// No method twice, and no additional exchange without a first.
fn check_exchanges(chosen: &[Transform]) -> Result<(), UnacceptableAnswer> {
    let mut methods: Vec<Transform> =
        chosen.iter().copied().filter(|one| is_key_exchange(one.kind) && one.id != NONE).collect();
    methods.sort_unstable_by_key(|one| one.kind);
    if methods.first().is_some_and(|one| one.kind != TransformType::KEY_EXCHANGE) {
        return Err(UnacceptableAnswer::NotOneOfEach);
    }
    methods.sort_unstable_by_key(|one| one.id);
    let is_pair = |pair: &[Transform]| matches!(pair, [one, other] if one.id == other.id);
    if methods.windows(2).any(is_pair) {
        return Err(UnacceptableAnswer::SameMethodTwice);
    }
    Ok(())
}

/// Some say "no integrity" with an AEAD though nobody asked.
fn is_offered(sent: &Menu, one: Transform) -> bool {
    let nobody_asked =
        one == transform(TransformType::INTEGRITY, NONE) && sent.of_kind(one.kind).is_empty();
    sent.contains(one) || nobody_asked
}

/// Silence stands for the transform that says none, where that was offered.
fn is_one(sent: &Menu, chosen: &Menu, kind: TransformType) -> bool {
    match chosen.of_kind(kind) {
        [] => sent.contains(transform(kind, NONE)),
        [_] => true,
        [..] => false,
    }
}
