//! Sets the stage, lets every client try, tells what happened, and stays.

mod attempts;
mod clients;
mod pki_files;
mod records;
mod report;
mod roster;
mod stage;

use std::path::PathBuf;

use demo::report::Row;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use stage::Stage;

/// Whatever keeps the demo from its end.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What was asked for.
pub(crate) struct Options {
    /// The sekisho program.
    pub(crate) gateway: PathBuf,
    /// Where to write the attempts.
    pub(crate) json: Option<PathBuf>,
    /// Where everything is made.
    pub(crate) directory: PathBuf,
    /// Stop after the attempts.
    pub(crate) once: bool,
}

/// Runs the demo; whether every attempt went as expected.
pub(crate) fn run(options: &Options) -> Result<bool, Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let stage = Stage::set(&options.gateway, &options.directory)?;
    let rows = attempts::all(&stage)?;
    report::table(&stage, &rows)?;
    if let Some(file) = &options.json {
        report::json(file, &rows)?;
    }
    report::records(&stage)?;
    let as_expected = rows.iter().all(Row::as_expected);
    if !options.once {
        report::by_hand(&stage);
        signals.forever().next();
        println!();
    }
    stage.strike()?;
    Ok(as_expected)
}
