//! Making a CHILD_SA: the same in IKE_AUTH and in CREATE_CHILD_SA, whichever side asks
//! (RFC 7296 §1.2, §1.3.1, §1.3.3).

use std::net::IpAddr;
use std::sync::Arc;

use crypto::Secret;
use crypto::dh::{self, Group};
use crypto::prf::Prf;
use ike_negotiation::{
    ChildSuite, KeyExchange, Mismatch, Selected, UnacceptableAnswer, is_subset, narrow,
    select_child,
};
use ike_wire::{
    KeyExchange as KeyExchangePayload, Malformed, Notify, NotifyType, Payload, Payloads, Proposal,
    Protocol, Spi, TrafficSelector, TransformType,
};
use ipnet::IpNet;

use crate::Refusal;
use crate::event::{ChildId, Grant, SessionId};
use crate::keys::{IkeKeys, Nonces};
use crate::path::{Nat, Path};
use crate::session::agreed::{Agreed, OwnNonces};
use crate::session::context::Context;

/// A CHILD_SA wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildPlan {
    /// What is on our side.
    pub local: Vec<TrafficSelector>,
    /// What is on the peer's side.
    pub remote: Vec<TrafficSelector>,
}

/// Between whom and what a session's CHILD_SAs may be.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) subject: Arc<str>,
    /// What the peer may reach through us.
    pub(crate) local: Vec<TrafficSelector>,
    /// What may be behind the peer.
    pub(crate) remote: Vec<TrafficSelector>,
    /// Its virtual addresses.
    pub(crate) lease: Vec<IpAddr>,
}

impl Terms {
    /// A peer with virtual addresses sends from these alone.
    pub(crate) fn new(grant: Grant, lease: Vec<IpAddr>) -> Self {
        let remote = if lease.is_empty() {
            grant.inner
        } else {
            lease.iter().map(|&address| IpNet::from(address).into()).collect()
        };
        Self { subject: grant.subject, local: grant.reachable, remote, lease }
    }

    /// Whether they allow these, ours and the peer's.
    pub(crate) fn grant(&self, local: &[TrafficSelector], remote: &[TrafficSelector]) -> bool {
        is_subset(local, &self.local) && is_subset(remote, &self.remote)
    }

    /// Whoever begins a session asks for what it wants.
    pub(crate) fn of_initiator(grant: Grant) -> Self {
        let Grant { subject, reachable, inner, .. } = grant;
        Self { subject, local: reachable, remote: inner, lease: Vec::new() }
    }
}

/// What a CHILD_SA takes from its IKE SA and session.
#[derive(Clone, Copy)]
pub(crate) struct Parent<'a> {
    pub(crate) session: SessionId,
    pub(crate) prf: Prf,
    pub(crate) keys: &'a IkeKeys,
    pub(crate) path: Path,
    pub(crate) nat: Nat,
}

/// Why a CHILD_SA could not be made.
#[derive(Debug)]
pub(crate) enum ChildRefusal {
    Proposal(Box<Mismatch>),
    /// Another group is wanted (RFC 7296 §1.3).
    KeyExchangeGroup([u8; 2]),
    KeyExchange,
    Selectors(String),
    TooMany,
    /// The peer refused.
    Peer(NotifyType),
    /// No virtual address could be given (RFC 7296 §3.15.4).
    NoAddress,
    Malformed(Malformed),
    Answer(UnacceptableAnswer),
    AnswerNotOffered,
    Internal,
}

impl From<Malformed> for ChildRefusal {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<crypto::Error> for ChildRefusal {
    fn from(_: crypto::Error) -> Self {
        Self::Internal
    }
}

impl ChildRefusal {
    /// What the peer is told.
    pub(crate) fn notify(&self) -> Payload<'_> {
        let (kind, data): (NotifyType, &[u8]) = match self {
            Self::Proposal(_)
            | Self::Answer(_)
            | Self::Peer(_)
            | Self::AnswerNotOffered
            | Self::Internal => (NotifyType::NO_PROPOSAL_CHOSEN, &[]),
            Self::NoAddress => (NotifyType::INTERNAL_ADDRESS_FAILURE, &[]),
            Self::KeyExchangeGroup(group) => (NotifyType::INVALID_KE_PAYLOAD, group),
            Self::KeyExchange => (NotifyType::INVALID_SYNTAX, &[]),
            Self::Selectors(_) => (NotifyType::TS_UNACCEPTABLE, &[]),
            Self::TooMany => (NotifyType::NO_ADDITIONAL_SAS, &[]),
            Self::Malformed(malformed) => (malformed.answer(), &[]),
        };
        Payload::Notify(Notify { protocol: 0, spi: Spi::None, kind, data })
    }

    /// What the operator is told; nothing of what the protocol settles by itself.
    pub(crate) fn explain(&self) -> Option<(Refusal, Option<String>)> {
        Some(match self {
            Self::KeyExchangeGroup(_) => return None,
            Self::Proposal(mismatch) => {
                (Refusal::NoChildProposalChosen, Some(mismatch.to_string()))
            }
            Self::KeyExchange => (Refusal::KeyExchange, None),
            Self::Selectors(detail) => (Refusal::SelectorsUnacceptable, Some(detail.clone())),
            Self::TooMany => (Refusal::TooManyChildren, None),
            Self::Malformed(malformed) => (Refusal::InvalidSyntax, Some(malformed.to_string())),
            Self::NoAddress => (Refusal::AddressFailure, None),
            Self::Peer(error) => (Refusal::Peer, Some(error.to_string())),
            Self::Answer(fault) => (Refusal::AnswerNotOffered, Some(fault.to_string())),
            Self::AnswerNotOffered => (Refusal::AnswerNotOffered, None),
            Self::Internal => (Refusal::Internal, None),
        })
    }
}

/// Our side of the answer, kept while its payloads are written.
pub(crate) struct Answer {
    pub(crate) proposal: Proposal,
    pub(crate) key_exchange: Option<(Group, Vec<u8>)>,
    pub(crate) initiator: Vec<TrafficSelector>,
    pub(crate) responder: Vec<TrafficSelector>,
}

impl Answer {
    /// SA, Nr, KEr, TSi, TSr (RFC 7296 §1.3.1); in IKE_AUTH without nonce and key exchange.
    pub(crate) fn payloads<'a>(&'a self, nonce: Option<&'a [u8]>) -> Vec<Payload<'a>> {
        let mut payloads = vec![Payload::SecurityAssociation(vec![self.proposal.clone()])];
        payloads.extend(nonce.map(Payload::Nonce));
        payloads.extend(self.key_exchange.as_ref().map(|(group, data)| {
            Payload::KeyExchange(KeyExchangePayload { group: group.transform_id(), data })
        }));
        payloads.push(Payload::SelectorsInitiator(self.initiator.clone()));
        payloads.push(Payload::SelectorsResponder(self.responder.clone()));
        payloads
    }
}

/// Answers a peer's proposal.
pub(crate) fn accept(
    cx: &mut Context<'_>,
    terms: &Terms,
    payloads: &Payloads<'_>,
    nonces: Nonces<'_>,
    key_exchange: KeyExchange,
    replaces: Option<ChildId>,
) -> Result<(Agreed, Answer), ChildRefusal> {
    let offered = payloads.security_association()?;
    let ke = payloads.optional_key_exchange()?;
    let proposed = payloads.selectors()?;
    let group = ke.map(|ke| ke.group);
    let Selected { suite, answer } =
        select_child(&cx.config.child_proposals, offered, key_exchange, group)
            .map_err(|mismatch| ChildRefusal::Proposal(Box::new(mismatch)))?;
    let spi_out = peer_spi(offered, answer.number).ok_or(ChildRefusal::AnswerNotOffered)?;
    let remote = narrowed(proposed.0, &terms.remote)?;
    let local = narrowed(proposed.1, &terms.local)?;
    let (key_exchange, first) = answer_key_exchange(&suite, ke)?;
    let spi_in = cx.spis.allocate_esp(cx.random, &terms.subject, cx.config.lanes);
    let proposal = Proposal { spi: Spi::Esp(spi_in), ..answer };
    let answer =
        Answer { proposal, key_exchange, initiator: remote.clone(), responder: local.clone() };
    let nonces = OwnNonces::of(nonces);
    let additional = Vec::new();
    let agreed = Agreed {
        spi_in,
        spi_out,
        suite,
        local,
        remote,
        ours: false,
        replaces,
        nonces,
        first,
        additional,
    };
    Ok((agreed, answer))
}

pub(crate) fn peer_spi(offered: &[Proposal], number: u8) -> Option<u32> {
    let chosen = offered
        .iter()
        .find(|proposal| proposal.number == number && proposal.protocol == Protocol::Esp)?;
    match chosen.spi {
        Spi::Esp(spi) if spi != 0 => Some(spi),
        Spi::Esp(_) | Spi::Ike(_) | Spi::None => None,
    }
}

fn narrowed(
    proposed: &[TrafficSelector],
    permitted: &[TrafficSelector],
) -> Result<Vec<TrafficSelector>, ChildRefusal> {
    let narrowed = narrow(proposed, permitted);
    if narrowed.is_empty() {
        let list = |selectors: &[TrafficSelector]| {
            selectors.iter().take(8).map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        let (proposed, permitted) = (list(proposed), list(permitted));
        return Err(ChildRefusal::Selectors(format!("proposed {proposed}; permitted {permitted}")));
    }
    Ok(narrowed)
}

type KeyExchanged = (Option<(Group, Vec<u8>)>, Option<Secret>);

fn answer_key_exchange(
    suite: &ChildSuite,
    sent: Option<KeyExchangePayload<'_>>,
) -> Result<KeyExchanged, ChildRefusal> {
    let Some(group) = suite.group else { return Ok((None, None)) };
    match sent {
        Some(sent) if sent.group == group.transform_id() => {
            let (public, shared) =
                dh::respond(group, sent.data).map_err(|_| ChildRefusal::KeyExchange)?;
            Ok((Some((group, public)), Some(shared)))
        }
        _ => Err(ChildRefusal::KeyExchangeGroup(group.transform_id().to_be_bytes())),
    }
}

/// The group that the peer wants instead (INVALID_KE_PAYLOAD), if we offer it.
pub(crate) fn wanted_group(error: &Notify<'_>, offered: &[Proposal]) -> Option<Group> {
    let wanted = Group::from_transform_id(u16::from_be_bytes(error.data.try_into().ok()?))?;
    groups(offered).any(|group| group == wanted).then_some(wanted)
}

/// The group that we like best.
pub(crate) fn first_group(proposals: &[Proposal]) -> Option<Group> {
    groups(proposals).next()
}

/// The groups of proposals, in their order.
pub(crate) fn groups(proposals: &[Proposal]) -> impl Iterator<Item = Group> {
    proposals
        .iter()
        .flat_map(|proposal| &proposal.transforms)
        .filter(|transform| transform.kind == TransformType::KEY_EXCHANGE)
        .filter_map(|transform| Group::from_transform_id(transform.id))
}
