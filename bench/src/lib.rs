//! What several of the benchmarks share: a network of realistic size, its certificates, a
//! connection log in a directory of its own, and what criterion does not measure.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up stops")]

pub mod certificates;
pub mod cpu;
pub mod figures;
pub mod log;
pub mod memory;
pub mod population;
pub mod random;
