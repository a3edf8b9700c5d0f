//! `cargo xtask demo`: the gateway in front of five demo systems.

use std::ffi::OsStr;
use std::process::Command;

use crate::error::Error;
use crate::needs::Group;
use crate::workspace::Workspace;
use crate::{install, process};

/// Asks for all three roads.
const ROADS: &str = "--roads";

/// Prepares the demo and becomes it, so that Ctrl-C and the exit status are its own.
///
/// # Errors
///
/// When something cannot be installed, built or started.
pub(crate) fn run_in_place(
    workspace: &Workspace,
    arguments: &[impl AsRef<OsStr>],
) -> Result<(), Error> {
    Err(process::become_program(&mut prepare(workspace, arguments)?))
}

/// Prepares the demo and runs it to its end.
///
/// # Errors
///
/// As [`run_in_place`], and when the demo itself fails.
pub(crate) fn run(workspace: &Workspace, arguments: &[impl AsRef<OsStr>]) -> Result<(), Error> {
    process::run(&mut prepare(workspace, arguments)?)
}

/// Builds the programs that the demo and the whole-system tests start.
///
/// # Errors
///
/// When they do not build.
pub(crate) fn build(workspace: &Workspace) -> Result<(), Error> {
    process::run(process::cargo(&workspace.root).args(["build", "-p", "sekisho", "-p", "demo"]))
}

fn prepare(workspace: &Workspace, arguments: &[impl AsRef<OsStr>]) -> Result<Command, Error> {
    let (roads, arguments): (Vec<_>, Vec<_>) =
        arguments.iter().map(AsRef::as_ref).partition(|&argument| argument == ROADS);
    if !roads.is_empty() {
        return prepare_roads(workspace, &arguments);
    }
    install::ensure(workspace, &[Group::Build, Group::Demo])?;
    build(workspace)?;
    let mut demo = Command::new(workspace.program("sekisho-demo"));
    demo.arg("--gateway").arg(workspace.program("sekisho")).args(arguments);
    Ok(demo)
}

/// The demo of all three roads stands on the tests' networks, and is beside them.
fn prepare_roads(workspace: &Workspace, arguments: &[&OsStr]) -> Result<Command, Error> {
    if !install::is_root() {
        return Err(Error::NotRoot { command: "demo --roads" });
    }
    install::ensure(workspace, &[Group::Build, Group::Demo, Group::Roads])?;
    let mut cargo = process::cargo(&workspace.root);
    process::run(cargo.args(["build", "-p", "sekisho"]))?;
    let mut cargo = process::cargo(&workspace.root);
    process::run(cargo.args(["build", "-p", "sekisho-tests", "--bin", "sekisho-demo-roads"]))?;
    let mut demo = Command::new(workspace.program("sekisho-demo-roads"));
    demo.args(arguments);
    Ok(demo)
}
