//! The Encapsulating Security Payload (RFC 4303) in tunnel mode: one SA per direction, which
//! opens a packet where it lies, or seals one into the space where it leaves.
//!
//! | module | holds |
//! |---|---|
//! | [`inbound`] | [`Inbound`]: replay check, verify and decrypt, then commit; what was [`Rejected`] |
//! | [`outbound`] | [`Outbound`]: sequence numbers that never repeat; when it is [`Exhausted`] |
//! | [`suite`] | [`Suite`] and [`Parameters`]: algorithms, keys, lengths |
//! | [`lifetime`] | [`Limits`] and [`Usage`]: how much an SA may protect, and has |
//! | [`ecn`] | congestion marks and DSCP between inner and outer header (RFC 6040) |
//!
//! The crate does no I/O and reads no clock: lifetimes in seconds are IKE's. An SA belongs to
//! one thread, allocates nothing per packet, and holds its keys in `crypto`'s types only.
#![forbid(unsafe_code)]

pub mod ecn;
pub mod inbound;
pub mod lifetime;
pub mod outbound;
mod protection;
mod replay;
pub mod suite;
mod trailer;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

pub use inbound::{DEFAULT_WINDOW, Inbound, Opened, Rejected};
pub use lifetime::{Limits, Usage};
pub use outbound::{Exhausted, Outbound};
pub use suite::{Error, Parameters, Suite};
