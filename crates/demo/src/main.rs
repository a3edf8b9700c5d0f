//! `cargo xtask demo`: the gateway in front of five demo systems, tried by real clients.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a demo is for reading")]

mod driver;

use std::path::PathBuf;
use std::process::ExitCode;

use driver::{Failure, Options};

const HELP: &str = "\
The gateway in front of five demo systems, tried by real clients.

Usage: sekisho-demo --gateway PROGRAM [--once] [--json FILE] [--directory DIR]

  --gateway PROGRAM  the sekisho program
  --once             stop after the attempts; exit 0 only if each went as expected
  --json FILE        write the attempts there
  --directory DIR    where certificates and state are made anew [default: certs/demo]

Example: cargo xtask demo --once --json demo.json";

fn main() -> ExitCode {
    match options(std::env::args().skip(1)) {
        Ok(Some(options)) => match driver::run(&options) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(failure) => {
                eprintln!("demo: {failure}");
                ExitCode::FAILURE
            }
        },
        Ok(None) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("demo: {failure}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

/// `None` when help is asked for.
fn options(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, Failure> {
    let certs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../certs/demo");
    let (mut gateway, mut json, mut once) = (None, None, false);
    let mut directory = PathBuf::from(certs);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--gateway" => gateway = Some(PathBuf::from(value()?)),
            "--json" => json = Some(PathBuf::from(value()?)),
            "--directory" => directory = PathBuf::from(value()?),
            "--once" => once = true,
            "--help" | "-h" => return Ok(None),
            other => return Err(format!("unknown argument '{other}'").into()),
        }
    }
    let gateway = gateway.ok_or("--gateway is missing")?;
    Ok(Some(Options { gateway, json, directory, once }))
}
