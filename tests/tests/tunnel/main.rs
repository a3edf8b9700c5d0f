//! Packets through the tunnels: sites and terminals with strongSwan, or a hand that has the keys,
//! on one side of the gateway, and systems behind it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says why"
)]

mod centre;
mod ends;
mod hand;
mod hostile;
mod mtu;
mod paths;
mod reach;
mod rekeying;
mod relay;
mod suites;
mod traffic;
