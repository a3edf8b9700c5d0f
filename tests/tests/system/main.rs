//! The gateway as a whole, against clients and systems that others wrote, and hostile ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and says why"
)]

mod certificates;
mod configuration;
mod conformance;
mod explain;
mod live;
mod policy;
mod privacy;
mod proxy;
mod relay;
mod routers;
mod sessions;
mod stalls;
mod stop;
mod storage;
