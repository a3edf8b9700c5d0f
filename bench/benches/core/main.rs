//! What a connection costs beside its packets and its cryptography: the decision, the
//! record, the durable log.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up stops")]

mod log;
mod policy;
mod record;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    policy::bench(&mut criterion);
    record::bench(&mut criterion);
    log::bench(&mut criterion);
    criterion.final_summary();
}
