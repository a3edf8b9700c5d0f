//! The TLS front on loopback, one worker: whole connections, and bytes through one
//! connection; beside a forwarder without TLS and the simplest one with it.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up stops")]

mod certificates;
mod client;
mod connections;
mod forwarder;
mod gateway;
mod relay;
mod setting;
mod system;
mod transfer;

use criterion::Criterion;

use crate::setting::Setting;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let setting = Setting::start();
    connections::bench(&mut criterion, &setting);
    relay::bench(&mut criterion, &setting);
    setting.stop();
    criterion.final_summary();
}
