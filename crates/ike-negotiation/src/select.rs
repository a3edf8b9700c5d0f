//! The responder's choice (RFC 7296 §2.7, §3.3.6).

#[cfg(test)]
mod tests;

use ike_wire::{Proposal, Protocol, Spi, Transform};

use crate::algorithm::NONE;
use crate::choice::{Choice, Rules, choose};
use crate::menu::Menu;
use crate::{ChildProposal, ChildSuite, IkeProposal, IkeSuite, Mismatch};

/// Whether a CHILD SA can have a key exchange of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyExchange {
    /// In IKE_AUTH: it has no KE payload, and groups mean nothing there (RFC 7296 §1.2).
    Forbidden,
    /// In CREATE_CHILD_SA: as both ends want it.
    Possible,
}

/// What the responder chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected<S> {
    /// What it means.
    pub suite: S,
    /// What the SA payload of the answer says: one transform for each type in the peer's
    /// proposal, under the number the peer gave it. Its SPI is for the caller to fill in.
    pub answer: Proposal,
}

/// Chooses for an IKE SA. `ke_group` is the group of the KE payload that came with the offer.
///
/// Our order decides: of `configured` first, then of ciphers, PRFs, additional key exchanges and
/// groups in turn, over all proposals offered. Only the group whose value the peer has sent
/// already goes before better ones, because choosing another costs a round trip
/// (INVALID_KE_PAYLOAD); a suite can have another group when the one sent is not acceptable.
///
/// Whether the peer has announced IKE_INTERMEDIATE (RFC 9242 §3), which additional key exchanges
/// need, is for the caller to check.
///
/// # Errors
/// [`Mismatch`]: answer NO_PROPOSAL_CHOSEN.
pub fn select_ike(
    configured: &[IkeProposal],
    offered: &[Proposal],
    ke_group: Option<u16>,
) -> Result<Selected<IkeSuite>, Mismatch> {
    let menus: Vec<&Menu> = configured.iter().map(|proposal| &proposal.0).collect();
    let rules = Rules { key_exchange: KeyExchange::Possible, sent: ke_group };
    select(&menus, Protocol::Ike, offered, rules, IkeSuite::from_transforms)
}

/// Chooses for a CHILD SA, as [`select_ike`] does. `ke_group` is that of the KE payload, if one
/// came.
///
/// # Errors
/// [`Mismatch`]: answer NO_PROPOSAL_CHOSEN.
pub fn select_child(
    configured: &[ChildProposal],
    offered: &[Proposal],
    key_exchange: KeyExchange,
    ke_group: Option<u16>,
) -> Result<Selected<ChildSuite>, Mismatch> {
    let menus: Vec<&Menu> = configured.iter().map(|proposal| &proposal.0).collect();
    let rules = Rules { key_exchange, sent: Some(ke_group.unwrap_or(NONE)) };
    select(&menus, Protocol::Esp, offered, rules, ChildSuite::from_transforms)
}

fn select<S>(
    menus: &[&Menu],
    protocol: Protocol,
    offered: &[Proposal],
    rules: Rules,
    suite: impl Fn(&[Transform]) -> Option<S>,
) -> Result<Selected<S>, Mismatch> {
    let offers: Vec<(&Proposal, Menu)> = offered
        .iter()
        .filter(|proposal| proposal.protocol == protocol)
        .map(|proposal| (proposal, Menu::of(proposal)))
        .collect();
    let selected = menus.iter().find_map(|menu| {
        let choices = offers.iter().filter_map(|(proposal, offer)| {
            choose(menu, offer, rules).ok().map(|choice| (proposal, choice))
        });
        let (proposal, Choice { transforms, .. }) =
            choices.min_by(|(_, one), (_, other)| one.rank.cmp(&other.rank))?;
        let suite = suite(&transforms)?;
        let answer = Proposal { number: proposal.number, protocol, spi: Spi::None, transforms };
        Some(Selected { suite, answer })
    });
    selected.ok_or_else(|| Mismatch::new(menus, protocol, offered, rules))
}
