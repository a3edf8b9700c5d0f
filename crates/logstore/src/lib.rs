//! The durable connection log: one writer thread, a SQLite file for every day, queries.
//!
//! [`Writer::start`] takes the log directory for this gateway alone and gives a
//! [`Recorder`] to all who have something to record:
//!
//! ```text
//! open(record) ──► Ticket ──► durable().await ──► relay ──► close(reason, traffic, time)
//!      │                                                        │
//!      └────────────── queue, bounded by rooms ─────────────────┴──► writer thread
//!                                                   one transaction for all that waits
//! ```
//!
//! A ticket holds the room of its close record from the start, so an open record is
//! followed by exactly one close record. When the store fails, new connections are
//! refused or, if so configured, admitted; what could then not be kept is counted and
//! the count is itself recorded. [`Log`] reads the day files, from any process, while
//! the writer runs.
#![forbid(unsafe_code)]

mod clock;
mod config;
mod day;
mod dayfile;
mod days;
mod directory;
mod error;
mod filter;
mod read;
mod reasons;
mod recorder;
mod schema;
mod shared;
mod state;
mod tail;
mod ticket;
mod worker;
mod writer;

#[cfg(test)]
mod tests;

pub use clock::{fresh_id, now};
pub use config::{Clock, Config, OnFailure};
pub use error::{LogError, Unwritable};
pub use filter::{Kind, Query, Verdict};
pub use read::{Log, Records};
pub use reasons::LogReason;
pub use recorder::{Claim, Recorder};
pub use state::{Cause, Figures, LogState};
pub use tail::Tail;
pub use ticket::Ticket;
pub use writer::Writer;
