//! `sekisho`: the gateway and the commands around it.
#![forbid(unsafe_code)]

mod ca;
mod cli;
mod commands;
mod config;
mod files;
mod firewall;
mod gateway;
mod material;
mod output;
mod reasons;

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser as _;

/// Whatever keeps a command from its end; printed once, by [`main`].
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The exit status of an answer that is no: neither a success nor a failure.
const DENIED: u8 = 3;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    output::log_to_stderr(cli.verbose);
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if is_closed_pipe(&failure) => ExitCode::SUCCESS,
        Err(failure) if failure.is::<commands::Refused>() => ExitCode::from(DENIED),
        Err(failure) => {
            output::failure(&failure);
            ExitCode::FAILURE
        }
    }
}

/// The reader of our output (`head`, `less`) has seen enough.
fn is_closed_pipe(failure: &Failure) -> bool {
    let io = failure.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Seconds since the epoch.
fn unix_now() -> policy::UnixSeconds {
    unix_micros().div_euclid(1_000_000)
}

/// Microseconds since the epoch.
fn unix_micros() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)
}
