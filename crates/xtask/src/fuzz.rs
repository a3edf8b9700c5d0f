//! `cargo xtask fuzz`: fuzz targets of `tests/fuzz`, under libFuzzer for a while.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Usage};
use crate::needs::Group;
use crate::workspace::Workspace;
use crate::{install, process};

/// Seconds for each target, unless told otherwise.
const SECONDS: u32 = 60;

/// A run that takes longer, in seconds, or more memory, in MiB, than this is a fault as well.
const LIMITS: [&str; 2] = ["-timeout=10", "-rss_limit_mb=1024"];

/// The command line of `fuzz`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    target: Option<OsString>,
    seconds: u32,
    keep: bool,
}

impl Request {
    /// Reads `[TARGET] [--seconds N] [--keep]`.
    ///
    /// # Errors
    ///
    /// When it is anything else.
    pub(crate) fn parse(arguments: &[OsString]) -> Result<Self, Usage> {
        let unexpected = |argument: &OsString| {
            let argument = argument.clone();
            Usage::Unexpected { command: "fuzz", argument }
        };
        let mut request = Self { target: None, seconds: SECONDS, keep: false };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            if argument == "--seconds" {
                let number = rest.next().ok_or(Usage::NoValue { option: "--seconds" })?;
                let seconds = number.to_str().and_then(|text| text.parse().ok());
                request.seconds = seconds.ok_or_else(|| unexpected(number))?;
            } else if argument == "--keep" {
                request.keep = true;
            } else if argument.to_string_lossy().starts_with('-') || request.target.is_some() {
                return Err(unexpected(argument));
            } else {
                request.target = Some(argument.clone());
            }
        }
        Ok(request)
    }
}

/// Runs the target, or each in turn.
///
/// # Errors
///
/// When it does not build, or an input finds a fault: libFuzzer names the file that it is in.
pub(crate) fn run(workspace: &Workspace, request: &Request) -> Result<(), Error> {
    let package = workspace.root.join("tests/fuzz");
    let targets = targets(&package)?;
    let chosen = match &request.target {
        None => targets,
        Some(target) if targets.contains(target) => vec![target.clone()],
        Some(target) => {
            return Err(Usage::Unexpected { command: "fuzz", argument: target.clone() }.into());
        }
    };
    install::ensure(workspace, &[Group::Build, Group::Fuzz])?;
    let output = workspace.target.join("fuzz");
    for target in &chosen {
        let found = output.join("corpus").join(target);
        fs::create_dir_all(&found)
            .map_err(|source| Error::Write { path: found.clone(), source })?;
        let kept = package.join("corpus").join(target);
        let time = format!("-max_total_time={}", request.seconds);
        let fuzzer = |corpora: [&Path; 2], options: &[&str]| {
            let mut cargo = process::cargo(&workspace.root);
            // Nothing here is unsafe, and coverage by itself needs no unstable compiler.
            cargo.args(["fuzz", "run", "--sanitizer", "none", "--fuzz-dir"]).arg(&package);
            cargo.arg("--target-dir").arg(&output).arg(target).args(corpora).arg("--");
            process::run(cargo.args(options))
        };
        // What is found goes into the first of the two.
        fuzzer([&found, &kept], &[&LIMITS[..], &[&time]].concat())?;
        if request.keep {
            fuzzer([&kept, &found], &["-merge=1"])?;
        }
    }
    Ok(())
}

/// The names of the targets, in order.
fn targets(package: &Path) -> Result<Vec<OsString>, Error> {
    let path = package.join("fuzz_targets");
    let files = fs::read_dir(&path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let files = files.map_err(|source| Error::Read { path, source })?;
    let mut names: Vec<OsString> = files
        .iter()
        .map(fs::DirEntry::path)
        .filter_map(|file: PathBuf| file.file_stem().map(OsStr::to_owned))
        .collect();
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Request, Usage> {
        Request::parse(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn reads_its_command_line_in_any_order() {
        let request = Request { target: Some("ike_inner".into()), seconds: 5, keep: true };
        assert_eq!(parse("--keep --seconds 5 ike_inner").unwrap(), request);
        assert_eq!(parse("").unwrap(), Request { target: None, seconds: SECONDS, keep: false });
        assert!(matches!(parse("--seconds"), Err(Usage::NoValue { .. })));
        assert!(matches!(parse("--seconds soon"), Err(Usage::Unexpected { .. })));
        assert!(matches!(parse("one two"), Err(Usage::Unexpected { .. })));
    }
}
