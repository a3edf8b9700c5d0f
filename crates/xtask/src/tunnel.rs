//! `cargo xtask bench tunnel`: tunnels side by side. The benchmark prints its own tables.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::error::Error;
use crate::needs::Group;
use crate::workspace::Workspace;
use crate::{bench, host, install, process};

/// What the benchmark takes beside `--peers`, each with a value.
pub(crate) const OPTIONS: [&str; 3] = ["--seconds", "--rounds", "--only"];

/// Runs it with its `options`. The plot is put beside the JSON.
///
/// # Errors
///
/// When it does not build, fails, or the file cannot be written.
pub(crate) fn run(
    workspace: &Workspace,
    peers: bool,
    options: &[OsString],
    json: Option<&Path>,
) -> Result<(), Error> {
    install::ensure(workspace, &[Group::Build, Group::Test, Group::Tunnel])?;
    if peers {
        install::attempt(workspace, &[Group::Peers])?;
    }
    // It drives this program.
    process::run(process::cargo(&workspace.root).args(["build", "--release", "-p", "sekisho"]))?;
    let directory = workspace.target.join("tunnel");
    fs::create_dir_all(&directory)
        .map_err(|source| Error::Write { path: directory.clone(), source })?;
    let results = directory.join("results.json");
    let plot = std::path::absolute(json.unwrap_or(&results).with_extension("svg"))
        .map_err(|source| Error::Write { path: results.clone(), source })?;
    let mut bench = process::cargo(&workspace.root);
    bench.args(["bench", "-p", "bench", "--bench", "tunnel", "--"]).args(options);
    bench.arg("--programs").arg(workspace.peers().join("bin"));
    bench.arg("--json").arg(&results).arg("--svg").arg(&plot);
    if peers {
        bench.arg("--peers");
    }
    process::run(&mut bench)?;
    match json {
        Some(path) => {
            let report = json!({"host": host::describe(), "results": read(&results)?});
            bench::write(path, &report)
        }
        None => Ok(()),
    }
}

fn read(results: &Path) -> Result<Value, Error> {
    let path = || results.to_owned();
    let text = fs::read(results).map_err(|source| Error::Read { path: path(), source })?;
    let origin = results.display().to_string();
    serde_json::from_slice(&text).map_err(|source| Error::Json { origin, source })
}
