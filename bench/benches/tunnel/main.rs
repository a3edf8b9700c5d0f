//! Tunnels side by side: the same traffic through each of them, between the same two gateways, in
//! network namespaces. Rounds are interleaved and medians counted, as the machine may be shared.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up stops")]
#![allow(clippy::panic, reason = "a peer that does not come up is reported, and why")]
#![allow(clippy::indexing_slicing, reason = "a benchmark that is mistaken stops")]
#![allow(clippy::print_stdout, reason = "results for people")]
#![allow(clippy::print_stderr, reason = "progress for people")]

mod flood;
mod iperf;
mod latency;
mod measures;
mod options;
mod peers;
mod plot;
mod report;
mod road;
mod rounds;
mod usage;

use std::env;
use std::fs;
use std::process::ExitCode;

use sekisho_tests::netns::lacks_namespaces;
use sekisho_tests::program;

use crate::options::Options;
use crate::peers::{Programs, sekisho};

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1).peekable();
    if arguments.next_if(|first| first == sekisho::SITE_ROUTER).is_some() {
        sekisho::be_site_router(arguments.collect());
        return ExitCode::FAILURE;
    }
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::from(2);
        }
    };
    // As the missing are named to people and to `cargo xtask`.
    if lacks_namespaces() || program::lacks("iperf3") {
        return ExitCode::FAILURE;
    }
    let contestants = peers::all(&Programs::below(options.programs.clone()), options.peers);
    let subjects = rounds::run(&options, contestants);
    println!("{}", report::markdown(&options, &subjects));
    if let Some(file) = &options.json {
        fs::write(file, report::json(&options, &subjects).to_string()).unwrap();
    }
    if let Some(file) = &options.svg {
        fs::write(file, plot::svg(&subjects)).unwrap();
        eprintln!("plot: {}", file.display());
    }
    ExitCode::SUCCESS
}
