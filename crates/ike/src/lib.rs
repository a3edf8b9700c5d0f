//! IKEv2 (RFC 7296) as a pure state machine: no sockets, no clock, no threads.
//!
//! An [`Endpoint`] holds all sessions. What happened goes in by its `handle_*` methods, what
//! follows comes out of its `poll_*` methods; the order is told there. Whom a peer may be
//! and what it may reach is not decided here: [`Event::Authenticated`] asks, and
//! [`Endpoint::admit`] or [`Endpoint::refuse`] answers, at any later time.
//!
//! | module | holds |
//! |---|---|
//! | `endpoint` | the sessions, their time-outs; IKE_SA_INIT from strangers |
//! | `session` | one session: `responder`, `initiator`, `established` (tasks, CREATE_CHILD_SA, collisions, INFORMATIONAL), `closing` |
//! | `sa` | one IKE SA: sealing and opening its messages, the windows of message ids |
//! | [`keys`] | the keys of an IKE SA and of its Child SAs |
//! | [`protection`] | sealing and opening messages, whole and in fragments |
//! | [`reassembly`] | fragments put together again |
//! | [`authentication`] | what the AUTH payload covers, made and verified |
//! | `cookie`, `pool`, `path`, `vendor` | COOKIE, virtual addresses, NATs, who made the peer |
#![forbid(unsafe_code)]

pub mod authentication;
mod config;
mod cookie;
mod counters;
mod credentials;
mod endpoint;
mod event;
pub mod keys;
mod path;
mod pool;
pub mod protection;
mod random;
mod reasons;
pub mod reassembly;
mod sa;
mod session;
mod suite;
mod vendor;

#[cfg(test)]
mod tests;

pub use config::{Config, DEFAULT_FRAGMENT_SIZE, Limits, PoolConfig, Timers};
pub use counters::Counters;
pub use credentials::{Credentials, OwnCertificate, Ppk};
pub use endpoint::{ChildView, Endpoint, SessionView};
pub use event::{
    ChildId, ChildSa, Event, Grant, Now, Peer, PeerCertificate, Proof, Refused, SessionId, Transmit,
};
pub use path::{Nat, Path};
pub use random::Random;
pub use reasons::{Dropped, Ending, Refusal};
pub use session::initiator::Target;
pub use session::offer::ChildPlan;
