//! Fuzz targets: what each does with an input. `tests/fuzz` runs them under libFuzzer, and
//! `--test fuzz` over the inputs that were found and kept.
//!
//! | module | holds |
//! |---|---|
//! | [`payloads`], [`fragments`], [`negotiation`] | targets for one part each |
//! | [`inner`], [`sequence`] | targets for the whole endpoint |
//! | [`packets`] | a target for packets: parsed, split, merged, cut, put together |
//! | [`tunnel`] | a target for the whole data plane |
//! | [`tunnel_world`], `tunnel_ip_vpn`, `tunnel_setup`, `tunnel_books`, [`octets`] | the data plane under test, its hostile peers, their packets |
//! | [`gateway`] | the endpoint under test, and what must hold of it |
//! | [`peer`], [`setup`], [`create`], [`content`] | its hostile peer, that peer's exchanges and messages |
//! | [`input`] | an input as a list of choices |

pub mod content;
pub mod create;
pub mod fragments;
pub mod gateway;
pub mod inner;
pub mod input;
pub mod negotiation;
pub mod octets;
pub mod packets;
pub mod payloads;
pub mod peer;
pub mod sequence;
pub mod setup;
pub mod tunnel;
mod tunnel_books;
mod tunnel_ip_vpn;
mod tunnel_setup;
pub mod tunnel_world;

/// A target: it panics at an input that finds a fault.
pub type Target = fn(&[u8]);

/// The targets by the names of their corpora.
pub const TARGETS: [(&str, Target); 7] = [
    ("ike_fragments", fragments::run),
    ("ike_inner", inner::run),
    ("ike_negotiation", negotiation::run),
    ("ike_payloads", payloads::run),
    ("ike_sequence", sequence::run),
    ("packets", packets::run),
    ("tunnel", tunnel::run),
];
