//! What two IKEv2 ends can agree on (RFC 7296 §2.7, §2.9, §3.3), and why they cannot.
//!
//! | module | holds |
//! |---|---|
//! | `suite` | what was agreed: [`IkeSuite`], [`ChildSuite`] and their [`Cipher`] |
//! | `configured` | what we would accept, in order of preference: [`IkeProposal`], [`ChildProposal`] |
//! | `parse` | reading those from strongSwan's notation |
//! | `select`, `choice` | the responder's choice: [`select_ike`], [`select_child`] |
//! | `offer` | the initiator's side: [`offer_ike`], [`offer_child`], [`accept_ike`], [`accept_child`] |
//! | `renewal` | what an SA that is rekeyed may become |
//! | `mismatch`, `remedy` | why nothing was agreed, in words: [`Mismatch`], [`Remedy`] |
//! | `selector` | traffic selectors: [`narrow`], [`is_subset`] |
//! | `algorithm`, `name`, `menu` | transforms of the wire by algorithm and by name, and sets of them |
//!
//! No algorithm below RFC 8247 and CRYPTREC's list can be configured: `crypto` does not have
//! them. What a peer sends costs time in proportion to its length.
#![forbid(unsafe_code)]

mod algorithm;
mod choice;
mod configured;
#[cfg(test)]
mod log_notation;
mod menu;
mod mismatch;
mod name;
mod offer;
mod parse;
mod remedy;
mod renewal;
mod select;
mod selector;
mod suite;

pub use configured::{ChildProposal, IkeProposal};
pub use mismatch::Mismatch;
pub use offer::{UnacceptableAnswer, accept_child, accept_ike, offer_child, offer_ike};
pub use parse::ProposalError;
pub use remedy::Remedy;
pub use select::{KeyExchange, Selected, select_child, select_ike};
pub use selector::{MAX_SELECTORS, is_subset, narrow};
pub use suite::{AdditionalKeyExchange, AesKey, ChildSuite, Cipher, IkeSuite};
