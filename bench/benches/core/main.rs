//! What a connection costs beside its packets and its cryptography: the decision, the
//! record, the durable log. And what an IPsec packet costs in memory, without sockets.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up stops")]
#![allow(clippy::panic, reason = "a benchmark whose packets are dropped stops and says why")]
#![allow(clippy::indexing_slicing, reason = "of its own packets")]

mod esp;
mod gateway;
mod ip;
mod load;
mod log;
mod lookups;
mod packet;
mod pipeline;
mod policy;
mod record;
mod traffic;

use bench::figures;
use criterion::Criterion;

fn main() {
    let population = gateway::policy();
    // First, while the process holds nothing else.
    let mut results = lookups::figures(&population);
    results.extend(esp::figures());
    results.extend(pipeline::figures(&population));
    figures::report(&results);
    let mut criterion = Criterion::default().configure_from_args();
    policy::bench(&mut criterion);
    record::bench(&mut criterion);
    log::bench(&mut criterion);
    packet::bench(&mut criterion);
    esp::bench(&mut criterion);
    pipeline::bench(&mut criterion, &population);
    criterion.final_summary();
}
