//! `cargo xtask test`: every test, and which checks this machine could not run.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::{env, fs};

use crate::error::Error;
use crate::needs::Group;
use crate::workspace::Workspace;
use crate::{demo, install, process, terminal};

/// Names the file to which a test that cannot run on this machine appends one line, its own
/// name and what it lacks, before it returns.
const SKIPPED_CHECKS: &str = "SEKISHO_SKIPPED_CHECKS";

/// So a line ends about what no machine of this distribution can run: that fails nothing.
const UNDISTRIBUTED: &str = "(not in the distribution)";

/// The package whose tests start the gateway and the demo systems as programs.
const WHOLE_SYSTEM: &str = "sekisho-tests";

/// Runs the tests that `arguments` of `cargo test` select, by default all; returns what could
/// not run, one remark each.
///
/// # Errors
///
/// When a test fails or, under `CI=true`, could not run.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<Vec<String>, Error> {
    install::ensure(workspace, &[Group::Build, Group::Test])?;
    let selected = selects_packages(arguments);
    if !selected || arguments.iter().any(|argument| argument == WHOLE_SYSTEM) {
        demo::build(workspace)?;
    }
    let skipped = SkippedChecks::new(workspace)?;
    let mut tests = process::cargo(&workspace.root);
    tests.args(["test", "--no-fail-fast"]).env(SKIPPED_CHECKS, &skipped.path);
    if !selected {
        tests.arg("--workspace");
    }
    let outcome = process::run(tests.args(arguments));
    let skipped = skipped.read()?;
    skipped.iter().for_each(|remark| terminal::note(remark));
    outcome?;
    let lacking = skipped.iter().filter(|remark| !remark.ends_with(UNDISTRIBUTED)).count();
    if lacking > 0 && env::var_os("CI").is_some_and(|ci| ci == "true") {
        return Err(Error::ChecksNotRun(lacking));
    }
    Ok(skipped)
}

/// Whether arguments for `cargo test` name packages, which `--workspace` would override.
fn selects_packages(arguments: &[OsString]) -> bool {
    arguments
        .iter()
        .take_while(|argument| *argument != "--")
        .map(|argument| OsStr::to_string_lossy(argument))
        .any(|argument| argument.starts_with("--package") || argument.starts_with("-p"))
}

/// The file in which tests name themselves when they cannot run.
struct SkippedChecks {
    path: PathBuf,
}

impl SkippedChecks {
    fn new(workspace: &Workspace) -> Result<Self, Error> {
        let path = workspace.target.join("skipped-checks");
        fs::write(&path, "").map_err(|source| Error::Write { path: path.clone(), source })?;
        Ok(Self { path })
    }

    fn read(self) -> Result<Vec<String>, Error> {
        let text = fs::read_to_string(&self.path);
        let text = text.map_err(|source| Error::Read { path: self.path, source })?;
        let checks: BTreeSet<&str> =
            text.lines().map(str::trim).filter(|check| !check.is_empty()).collect();
        Ok(checks.into_iter().map(|check| format!("could not run: {check}")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_options_are_told_from_those_of_the_tests() {
        let selects =
            |line: &str| selects_packages(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(selects("-p policy expired"));
        assert!(selects("--package=policy"));
        assert!(!selects("expired -- -p"));
    }
}
