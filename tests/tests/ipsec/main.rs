//! The IPsec road, in networks of namespaces with strongSwan as the peer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and says why"
)]

mod addresses;
mod certificates;
mod defences;
mod fragments;
mod harness;
mod initiating;
mod liveness;
mod paths;
mod quantum;
mod refusals;
mod rekeying;
mod routers;
mod selectors;
mod sessions;
mod suites;

use sekisho_tests::road;
