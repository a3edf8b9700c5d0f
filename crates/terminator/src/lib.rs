//! The TLS front: accept, handshake, authorize, relay, record.
//!
//! The way of a connection, and the module for each step:
//!
//! 1. [`workers`](Workers): a thread's socket accepts; [`limits`](Limits) gives it a place.
//! 2. `hello` and `handshake`: ClientHello → server name → system; [`Profile`] and [`Material`] make
//!    the configuration, `admission` judges the certificate and asks the policy.
//! 3. `connection`: the permit opens the record and, by `upstream`, the system.
//! 4. `relay`: bytes both ways, for as long as the permit holds.
//! 5. `connection` again: one close record.
//!
//! Between 3 and 5 it is listed (`live`), and an operator can end it.
//!
//! Whoever is refused on the way leaves with a [`Refusal`] or [`policy::Denial`], counted
//! and recorded.
#![forbid(unsafe_code)]

mod admission;
mod buffers;
mod connection;
mod front;
mod handshake;
mod hello;
mod limits;
mod live;
mod material;
mod profile;
mod proxy_v2;
mod reasons;
mod rejected;
mod relay;
mod resolver;
mod sockets;
mod upstream;
mod verified;
mod workers;

pub use front::{Front, Gauges, Settings, Timeouts};
pub use limits::Limits;
pub use live::{Connection, Stage};
pub use material::{Material, MaterialError, ServerIdentity};
pub use profile::{Profile, UnknownProfile};
pub use reasons::{Ending, Refusal};
pub use upstream::Upstream;
pub use workers::{ListenError, ListenerSettings, Listeners, Workers};
