//! Why a command did not succeed, and what to do about it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::{fmt, io};

use crate::architecture::Violation;
use crate::install;

/// Everything that ends a command early.
#[derive(Debug)]
pub(crate) enum Error {
    /// The caller's command line.
    Usage(Usage),
    /// A program could not be started.
    Start { command: String, source: io::Error },
    /// A program ran and failed; it has said why itself.
    Failed { command: String, status: ExitStatus },
    /// Something on disk cannot be read.
    Read { path: PathBuf, source: io::Error },
    /// Something on disk cannot be written.
    Write { path: PathBuf, source: io::Error },
    /// A program or a file does not hold the JSON it should.
    Json { origin: String, source: serde_json::Error },
    /// JSON that lacks a member.
    Missing { origin: String, member: &'static str },
    /// The machine lacks something that could not be installed.
    Install(install::Error),
    /// Network namespaces and TUN devices are root's to make.
    NotRoot { command: &'static str },
    /// The crates and crates/README.md disagree.
    Architecture(Vec<Violation>),
    /// Tests passed, but some checks could not run, and CI accepts no gaps.
    ChecksNotRun(usize),
    /// A benchmark ran without measuring anything.
    NoResults { directory: PathBuf },
    /// A step of `ci` failed; it has said why already.
    Step(&'static str),
}

/// What is wrong with the command line.
#[derive(Debug)]
pub(crate) enum Usage {
    /// Nothing was asked for.
    NoCommand,
    /// No such command.
    UnknownCommand(String),
    /// An argument the command does not take.
    Unexpected { command: &'static str, argument: OsString },
    /// An option without its value.
    NoValue { option: &'static str },
    /// `bench` without the family to run.
    NoBench,
}

impl Error {
    /// The exit status of `cargo xtask`: 1 failed, 2 wrong command line.
    pub(crate) fn exit_status(&self) -> u8 {
        if matches!(self, Error::Usage(_)) { 2 } else { 1 }
    }
}

impl From<Usage> for Error {
    fn from(usage: Usage) -> Self {
        Error::Usage(usage)
    }
}

impl From<install::Error> for Error {
    fn from(error: install::Error) -> Self {
        Error::Install(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(usage) => usage.fmt(f),
            Error::Start { command, source } => write!(f, "cannot start `{command}`: {source}"),
            Error::Failed { command, status } => write!(f, "`{command}` failed: {status}"),
            Error::Read { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            Error::Write { path, source } => write!(f, "cannot write {}: {source}", path.display()),
            Error::Json { origin, source } => write!(f, "{origin} holds no usable JSON: {source}"),
            Error::Missing { origin, member } => write!(f, "{origin} lacks `{member}`"),
            Error::Install(error) => error.fmt(f),
            Error::NotRoot { command } => write!(
                f,
                "`{command}` makes network namespaces and TUN devices: \
                 run `cargo xtask {command}` as root"
            ),
            Error::Architecture(violations) => {
                write!(f, "crates and crates/README.md disagree:")?;
                violations.iter().try_for_each(|violation| write!(f, "\n  {violation}"))
            }
            Error::ChecksNotRun(count) => write!(
                f,
                "{count} of the checks could not run, which CI=true does not accept: \
                 give the machine what they name, or unset CI"
            ),
            Error::NoResults { directory } => write!(
                f,
                "the benchmark left no new results below {}: see above what it lacked",
                directory.display()
            ),
            Error::Step(step) => write!(f, "stopped at `{step}`: see above"),
        }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Usage::NoCommand => write!(f, "no command given: see `cargo xtask --help`"),
            Usage::UnknownCommand(command) => {
                write!(f, "no command `{command}`: see `cargo xtask --help`")
            }
            Usage::Unexpected { command, argument } => write!(
                f,
                "`{command}` takes no `{}`: see `cargo xtask {command} --help`",
                argument.to_string_lossy()
            ),
            Usage::NoValue { option } => write!(f, "`{option}` needs a value after it"),
            Usage::NoBench => {
                write!(
                    f,
                    "which benchmarks: core, tls, ike or tunnel? See `cargo xtask bench --help`"
                )
            }
        }
    }
}
