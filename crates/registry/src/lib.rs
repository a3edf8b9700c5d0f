//! The registry: institutions, terminals, credentials, operators, and the audit of acts.
//!
//! What support-desk staff change daily, kept in one SQLite database. A [`Registry`] is
//! opened by what changes it, a [`Reader`] by what only asks. Every change is an act at
//! the [`Desk`], done in somebody's name: one transaction that also writes the
//! [`AuditEntry`] and raises the version, so that nothing changes unseen. An act that
//! would change nothing succeeds and leaves no trace.
//!
//! What [`Reader::roster`] returns compiles into a policy: prefixes and credentials that
//! would be ambiguous are refused when they are registered, and the holder is named.
//!
//! The keys that site routers share with the gateway are kept sealed under a [`SealingKey`],
//! which is not in the database; neither audit nor export has them.
//!
//! Institutions and terminals travel as CSV and TOML: see [`Format`].
#![forbid(unsafe_code)]

mod act;
mod audit;
mod certificate;
mod counter;
mod error;
mod exchange;
mod ike;
mod institution;
mod operator;
mod record;
mod registry;
mod roster;
mod schema;
mod secret;
mod terminal;
mod text;

#[cfg(test)]
mod tests;

pub use act::{Actor, Desk};
pub use audit::{AuditEntry, AuditFilter};
pub use certificate::{
    Certificate, CertificateFacts, CertificateFilter, Revocation, RevocationReason,
    RevokedCertificate,
};
pub use error::{Error, Subject};
pub use exchange::{Fault, Format, ImportReport, Problem, Tally};
pub use ike::{IkeIdentity, KeyRing, Ppk, PreSharedKeys, SealedPpk};
pub use institution::{Institution, InstitutionChange};
pub use operator::{Operator, OperatorChange, Role};
pub use record::Filter;
pub use registry::{Reader, Registry};
pub use secret::{KeyProblem, Sealed, SealingKey, SharedKey};
pub use terminal::Terminal;
pub use text::TextProblem;
