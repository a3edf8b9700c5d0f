//! What the benchmarks of both targets share: a network of realistic size, and a
//! connection log in a directory of its own.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up stops")]

pub mod log;
pub mod population;
