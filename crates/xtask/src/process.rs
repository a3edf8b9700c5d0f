//! Starting other programs.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::Error;
use crate::terminal;

/// Where Debian keeps `ip` and `haproxy`; not on the `PATH` of an ordinary user.
const SYSTEM_DIRECTORIES: [&str; 2] = ["/usr/sbin", "/sbin"];

/// The `cargo` that runs us, in `directory`, without what it told us about ourselves: build
/// scripts that watch those variables would see them change and build again.
pub(crate) fn cargo(directory: &Path) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(directory).env("PATH", search_path());
    for (name, _) in env::vars_os() {
        let told = name.to_string_lossy();
        if told.starts_with("CARGO_PKG_") || told.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs `command` to its end, after showing it.
pub(crate) fn run(command: &mut Command) -> Result<(), Error> {
    terminal::note(&format!("$ {}", shown(command)));
    let status = command.status().map_err(|source| not_started(command, source))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed { command: shown(command), status })
}

/// Runs `command` to its end and returns what it wrote to standard output.
pub(crate) fn read(command: &mut Command) -> Result<Vec<u8>, Error> {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|source| not_started(command, source))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(Error::Failed { command: shown(command), status: output.status })
}

/// Whether `command` runs and succeeds; what it prints is not shown.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Becomes `command`: its exit status is ours, and signals such as Ctrl-C are its own.
/// Returns only when it cannot be started.
pub(crate) fn become_program(command: &mut Command) -> Error {
    terminal::note(&format!("$ {}", shown(command)));
    let source = command.exec();
    not_started(command, source)
}

/// Where `program` is found, if it is installed.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&search_path())
        .map(|directory| directory.join(program))
        .find(|path| path.is_file())
}

fn search_path() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories = env::split_paths(&path).chain(SYSTEM_DIRECTORIES.map(PathBuf::from));
    // Joining fails only on a directory with a colon in its name, which splitting cannot yield.
    env::join_paths(directories).unwrap_or(path)
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn not_started(command: &Command, source: std::io::Error) -> Error {
    Error::Start { command: shown(command), source }
}
