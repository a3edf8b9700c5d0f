//! The connection record: what is written of every connection and every refusal.
//!
//! A [`Record`] holds addresses, identities, sizes and times. It never holds payload,
//! a URL or patient data. Its one list of named fields ([`FIELDS`]) is the row in the
//! day file and the object in JSON alike.
#![forbid(unsafe_code)]

mod denials;
mod dismissal;
mod fields;
mod json;
mod record;
mod refusals;

pub use denials::{Denials, Folded};
pub use dismissal::{Dismissal, Dismissed};
pub use fields::{FIELDS, Field, FieldError, FieldKind, Value};
pub use json::to_json;
pub use record::{
    ClockState, Code, ConnectionId, Credential, Event, Facts, Negotiated, Record, Timestamp,
    Traffic,
};
pub use refusals::{Refusals, Verdict};
