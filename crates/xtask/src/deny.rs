//! The dependency policy of `deny.toml`.

use std::process::{Command, Stdio};

use crate::error::Error;
use crate::workspace::Workspace;
use crate::{process, terminal};

/// Seconds for fetching the advisory database.
const FETCH_LIMIT: &str = "120";

/// Judges bans, licences and sources, and the advisories when their database can be fetched;
/// returns a remark when it cannot.
///
/// # Errors
///
/// When a dependency breaks the policy.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<String>, Error> {
    let deny = || {
        let mut command = process::cargo(&workspace.root);
        command.arg("deny");
        command
    };
    process::run(deny().args(["check", "bans", "licenses", "sources"]))?;
    if let Err(reason) = fetch_advisories(&deny()) {
        let remark = format!("advisories: skipped, their database cannot be fetched: {reason}");
        terminal::note(&remark);
        return Ok(vec![remark]);
    }
    process::run(deny().args(["check", "--disable-fetch", "advisories"]))?;
    Ok(Vec::new())
}

/// Fetches the database within [`FETCH_LIMIT`]; failing that, returns what was said last.
fn fetch_advisories(deny: &Command) -> Result<(), String> {
    let mut fetch = Command::new("timeout");
    fetch.arg(FETCH_LIMIT).arg(deny.get_program()).args(deny.get_args()).args(["fetch", "db"]);
    fetch.env("GIT_TERMINAL_PROMPT", "0").stdin(Stdio::null());
    let output = fetch.output().map_err(|source| format!("timeout(1): {source}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
    Err(last.unwrap_or("no reason given").to_owned())
}
