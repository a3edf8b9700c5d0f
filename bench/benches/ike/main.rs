//! IKEv2 without sockets, policy and log: what a responder's part of handshakes and of the
//! exchanges after them takes, and the memory of its sessions.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up stops")]
#![allow(clippy::panic, reason = "a benchmark whose peers disagree stops and says how")]

mod ends;
mod exchanges;
mod handshakes;
mod pair;
mod sessions;

use bench::figures;
use criterion::Criterion;

fn main() {
    // First, while the process holds nothing else.
    figures::report(&sessions::memory());
    let mut criterion = Criterion::default().configure_from_args();
    handshakes::bench(&mut criterion);
    exchanges::bench(&mut criterion);
    criterion.final_summary();
}
