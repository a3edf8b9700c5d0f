//! IKEv2 as a pure state machine.
//!
//! | module | holds |
//! |---|---|
//! | [`keys`] | the keys of an IKE SA and of its Child SAs |
//! | [`protection`] | sealing and opening messages, whole and in fragments |
//! | [`reassembly`] | fragments put together again |
//! | [`authentication`] | what the AUTH payload covers, made and verified |
#![forbid(unsafe_code)]

pub mod authentication;
pub mod keys;
pub mod protection;
pub mod reassembly;
