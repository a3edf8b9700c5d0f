//! Three roads, one policy: IP-VPN, IPsec and TLS before the same systems.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says why"
)]

mod barrier;
mod border;
mod change;
mod crowd;
mod fail_closed;
mod hospitals;
mod scan;
mod spoofing;
mod topology;
mod traffic;
