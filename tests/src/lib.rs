//! The harness of the whole-system tests: a real gateway process with a CA, a registry and
//! systems behind it, and clients to send there.
//!
//! ```text
//! Site    a private directory with PKI and registry, made by `sekisho` itself
//! Setup   a site and the configuration of one gateway
//! Gateway a running `sekisho run`; ends with the test
//! ```
//!
//! Every test has a gateway of its own on ports that the system chose, so tests run in
//! parallel. Waiting is always bounded, and always for an event, never for time to pass.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says why"
)]

pub mod capture;
pub mod client;
pub mod foreign;
pub mod forge;
pub mod fuzz;
pub mod gateway;
pub mod hello;
pub mod initiator;
mod leftovers;
pub mod netns;
pub mod peers;
pub mod program;
pub mod record;
pub mod road;
pub mod router;
pub mod setup;
pub mod site;
pub mod strongswan;
pub mod systems;
pub mod time;
pub mod topology;

use std::time::{Duration, Instant};

/// Longer than anything takes that goes well, on a loaded machine too.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Asks until there is an answer.
///
/// # Panics
///
/// When there is none for [`PATIENCE`].
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
