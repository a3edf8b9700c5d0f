//! `cargo xtask`: everything a fresh machine needs, then the demo, the tests, the whole of CI,
//! the benchmarks or the fuzz targets.
//!
//! Exit status: 0 done, 1 failed, 2 the command line was wrong.

mod architecture;
mod bench;
mod ci;
mod criterion;
mod demo;
mod deny;
mod error;
mod figures;
mod fuzz;
mod help;
mod host;
mod install;
mod needs;
mod process;
mod terminal;
mod test;
mod tunnel;
mod workspace;

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use error::{Error, Usage};
use workspace::Workspace;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::note(&format!("error: {error}"));
            ExitCode::from(error.exit_status())
        }
    }
}

fn dispatch(arguments: &[OsString]) -> Result<(), Error> {
    let Some((command, arguments)) = arguments.split_first() else {
        return Err(Usage::NoCommand.into());
    };
    let command = command.to_string_lossy();
    let wants_help = arguments.first().is_some_and(|first| first == "--help" || first == "-h");
    match (command.as_ref(), wants_help) {
        ("--help" | "-h" | "help", _) => terminal::result(help::OVERVIEW),
        ("demo", true) => terminal::result(help::DEMO),
        ("test", true) => terminal::result(help::TEST),
        ("ci", true) => terminal::result(help::CI),
        ("bench", true) => terminal::result(help::BENCH),
        ("fuzz", true) => terminal::result(help::FUZZ),
        ("demo", false) => return demo::run_in_place(&Workspace::locate()?, arguments),
        ("test", false) => return test::run(&Workspace::locate()?, arguments).map(drop),
        ("ci", false) => {
            if let Some(argument) = arguments.first() {
                return Err(Usage::Unexpected { command: "ci", argument: argument.clone() }.into());
            }
            return ci::run(&Workspace::locate()?);
        }
        ("bench", false) => {
            let request = bench::Request::parse(arguments)?;
            return bench::run(&Workspace::locate()?, &request);
        }
        ("fuzz", false) => {
            let request = fuzz::Request::parse(arguments)?;
            return fuzz::run(&Workspace::locate()?, &request);
        }
        (unknown, _) => return Err(Usage::UnknownCommand(unknown.to_owned()).into()),
    }
    Ok(())
}
