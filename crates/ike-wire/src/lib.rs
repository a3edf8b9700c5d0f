//! IKEv2 messages (RFC 7296 §3): what stands on the wire, parsed once and written once.
//!
//! A datagram becomes an [`Envelope`]: its [`Header`], and either payloads in the clear or
//! octets to decrypt. Either way [`parse_payloads`] makes [`Payloads`] of the plain octets,
//! and these answer by name what a state machine asks of them. [`emit_clear`],
//! [`emit_payloads`], [`encrypted_prefix`] and [`fragment_prefix`] go the other way.
//!
//! Whatever a peer sends, parsing takes time and memory linear in the message, and its limits
//! are the `MAX_…` constants. What is wrong with a message is [`Malformed`].
#![forbid(unsafe_code)]

mod code_points;
mod configuration;
mod credential;
mod delete;
mod envelope;
mod header;
mod identification;
mod identity;
mod malformed;
mod notify;
mod octets;
mod payload;
mod payloads;
mod proposal;
mod selector;

#[cfg(test)]
mod tests;

pub use configuration::{Attribute, Configuration, ConfigurationType, MAX_ATTRIBUTES};
pub use credential::{
    AuthMethod, Authentication, Certificate, CertificateEncoding, CertificateRequest,
};
pub use delete::{Delete, MAX_DELETE_SPIS};
pub use envelope::{Content, Envelope, encrypted_prefix, fragment_prefix};
pub use header::{ExchangeType, Flags, Header};
pub use identification::{IdType, Identification, MAX_IDENTIFICATION};
pub use identity::{Identity, IdentityError};
pub use malformed::{Malformed, MalformedReason};
pub use notify::{Notify, NotifyType};
pub use payload::{
    KeyExchange, MAX_MESSAGE, Payload, PayloadType, TooLong, emit_clear, emit_payloads,
};
pub use payloads::{MAX_CERTIFICATES, MAX_PAYLOADS, Payloads, parse_payloads};
pub use proposal::{
    MAX_PROPOSALS, MAX_TRANSFORMS, Proposal, Protocol, Spi, Transform, TransformType,
};
pub use selector::{AddressRange, TrafficSelector};
