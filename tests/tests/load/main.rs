//! The gateway under load. By themselves, so that no other test waits for the processor.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says why"
)]

mod bulk;
mod crowd;
mod killed;
