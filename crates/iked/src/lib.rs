//! The IPsec road's shell around [`ike`]: what the pure state machine is told, and what is made of
//! what it says.
//!
//! Two threads. `ike-udp` receives: it tells IKE from ESP and does no cryptography. `ike` owns the
//! `ike::Endpoint`: datagrams, time, the answers of policy and log, and changes of either reach it
//! by queues, and it alone sends.
//!
//! | module | holds |
//! |---|---|
//! | `sockets` | both ports of every address, bound; sending |
//! | `datagram` | IKE, ESP or keepalive (RFC 3948) |
//! | `receiver` | the thread `ike-udp` |
//! | `service` | [`Service`], by which the rest of the gateway speaks to the road, and [`Threads`] |
//! | `engine` | the thread `ike`: one loop over all that can happen |
//! | `events` | what becomes of each `ike::Event` |
//! | `verdict` | the policy asked about a peer, first and again |
//! | `session` | what is known of one IKE SA, beside the endpoint's own state |
//! | `journal`, `facts` | records |
//! | `data_plane` | [`DataPlane`], [`EspSink`] and [`Notice`], where packets are somebody else's |
#![forbid(unsafe_code)]

mod cause;
mod data_plane;
mod datagram;
mod engine;
mod events;
mod facts;
mod journal;
mod random;
mod reasons;
mod receiver;
mod service;
mod session;
mod sockets;
mod tally;
#[cfg(test)]
mod tests;
mod verdict;

pub use data_plane::{DataPlane, EspSink, Notice};
pub use facts::credential;
pub use reasons::{Discarded, Milestone, Withdrawal};
pub use service::{Material, NotEnded, Parts, Service, Settings, Snapshot, StartError, Threads};
pub use session::{ChildStatus, SessionState, SessionStatus};
pub use sockets::{BindError, Sharing, Sockets};
