//! Who may reach which system, by which road, when: the one decision of the gateway.
//!
//! [`Roster`] (what support-desk staff change) and [`System`]s (what operators
//! configure) compile into an immutable [`Policy`] with a generation number.
//! [`Policy::authorize`] answers a [`Request`] with a [`Permit`], which the next
//! step on every road requires, or a [`Denied`] with its reason; [`Policy::explain`] tells people
//! which check decided it, and what would change it. [`Policy::tunnel`] says
//! the same of an IPsec tunnel as a whole, before there is any traffic. Nothing is
//! permitted by default.
#![forbid(unsafe_code)]

mod authorize;
mod caller;
mod compile;
mod denial;
mod explain;
mod hours;
mod id;
mod model;
mod overlap;
mod prefixes;
mod system;
#[cfg(test)]
mod testing;
mod trace;
mod tunnel;

pub use authorize::{Denied, Permit, Request, Target};
pub use caller::Caller;
pub use compile::{Conflict, Policy};
pub use denial::Denial;
pub use explain::{Change, Explanation, Particular, Step, Value};
pub use hours::{Hours, HoursError, UtcOffset};
pub use id::{Fingerprint, IdError, InstitutionCode, SystemId, TerminalId, TerminalName};
pub use model::{
    Certificate, Credential, Institution, InstitutionKind, Network, Networks, Roster, Status,
    Terminal, UnknownWord,
};
pub use overlap::prefix_conflicts;
pub use system::{Destination, Maintenance, PortRange, System, Transport};
pub use trace::Check;
pub use tunnel::Tunnel;

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX).
pub type UnixSeconds = i64;
