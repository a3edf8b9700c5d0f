//! Programs: the `sekisho` under test, and those that others wrote.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::thread;

use crate::until;

/// So ends the report of what no machine of this distribution can run; `cargo xtask test` knows it.
const UNDISTRIBUTED: &str = "(not in the distribution)";

/// No program of a test runs longer than this many seconds.
const LIMIT: &str = "90";

/// What a program left behind.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit status; 124 when it had to be ended.
    pub status: ExitStatus,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
}

impl Outcome {
    /// Its standard output, if it succeeded.
    ///
    /// # Panics
    ///
    /// When it did not.
    pub fn expect_success(self) -> String {
        assert!(self.status.success(), "{self}");
        self.output
    }

    /// Whether either output holds `text`.
    pub fn says(&self, text: &str) -> bool {
        self.output.contains(text) || self.errors.contains(text)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}", self.status, self.output, self.errors)
    }
}

/// A command that is ended when it takes too long.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("timeout");
    command.arg(LIMIT).arg(program).env("PATH", search_path()).env("LC_ALL", "C.UTF-8");
    command
}

/// A command that runs for as long as it takes, with nothing to read and nobody to read it.
pub(crate) fn unbounded(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", search_path()).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// A program that serves a test; ended when dropped.
#[derive(Debug)]
pub struct Server(Child);

impl Server {
    /// Starts it, for as long as it takes.
    pub fn start(program: &str, change: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        Self::spawn(change(&mut unbounded(program)))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Waits until it accepts connections.
    pub fn wait_for(&mut self, address: SocketAddr) {
        until("the server listens", || {
            if let Some(status) = self.0.try_wait().unwrap() {
                panic!("the server ended at once: {status}");
            }
            TcpStream::connect(address).ok()
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a program to its end.
///
/// # Panics
///
/// When it cannot be started.
pub fn run<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = A>,
) -> Outcome {
    finish(command(program).args(arguments), b"")
}

/// Runs a command to its end, with `input` on its standard input.
///
/// # Panics
///
/// When it cannot be started.
pub fn finish(command: &mut Command, input: &[u8]) -> Outcome {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("coreutils' timeout starts");
    let mut stdin = child.stdin.take().expect("is piped");
    let input = input.to_vec();
    // A program that ends early does not read all of it.
    let writing = thread::spawn(move || drop(stdin.write_all(&input)));
    let done = child.wait_with_output().expect("its output can be read");
    writing.join().expect("the writer does not panic");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Outcome { status: done.status, output: text(&done.stdout), errors: text(&done.stderr) }
}

/// Whether this machine lacks `program`; then the running test is reported as one that
/// could not run, and should return.
pub fn lacks(program: &str) -> bool {
    let found = env::split_paths(&search_path()).any(|path| path.join(program).is_file());
    if !found {
        skip(program);
    }
    !found
}

/// Whether this machine lacks a file; reports as [`lacks`].
pub fn lacks_file(file: impl AsRef<Path>) -> bool {
    let file = file.as_ref();
    let exists = file.exists();
    if !exists {
        skip(&file.display().to_string());
    }
    !exists
}

/// Whether the tests do not run as root; reports as [`lacks`].
pub fn lacks_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skip("root");
    }
    !root
}

/// Reports that the running test cannot run for want of something that the distribution does not
/// have. Unlike what could be installed, that fails nothing.
pub fn skip_undistributed(lacking: &str) {
    skip(&format!("{lacking} {UNDISTRIBUTED}"));
}

/// To the file that `cargo xtask test` names, or to whoever watches.
fn skip(lacking: &str) {
    // The test harness calls each test's thread by the test's name.
    let line = format!("{}: {lacking}", thread::current().name().unwrap_or("a test"));
    match env::var_os("SEKISHO_SKIPPED_CHECKS") {
        Some(file) => {
            let mut file = OpenOptions::new().append(true).create(true).open(file).unwrap();
            // In one piece: other tests write there too.
            file.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        None => eprintln!("could not run: {line}"),
    }
}

fn search_path() -> std::ffi::OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    env::join_paths(env::split_paths(&path).chain(system)).unwrap()
}

/// The gateway under test: built beside the tests, from the sources as they are.
///
/// # Panics
///
/// When it is missing or older than its sources.
pub fn sekisho() -> &'static Path {
    static PROGRAM: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
        let ours = env::current_exe().unwrap();
        // Tests are one directory below the programs.
        let programs = ours.ancestors().skip(1).find(|directory| !directory.ends_with("deps"));
        let program = programs.unwrap().join("sekisho");
        let remedy = "build it with 'cargo build -p sekisho', or run 'cargo xtask test'";
        let Ok(built) = fs::metadata(&program).and_then(|file| file.modified()) else {
            return Err(format!("{} is missing: {remedy}", program.display()));
        };
        // Cargo lists beside a program the sources that it was made from.
        let sources = fs::read_to_string(program.with_extension("d")).unwrap_or_default();
        let newer = |source: &&str| {
            let changed = fs::metadata(source).and_then(|file| file.modified());
            changed.is_ok_and(|changed| changed > built)
        };
        match sources.split_whitespace().skip(1).find(newer) {
            Some(source) => Err(format!("{} is older than {source}: {remedy}", program.display())),
            None => Ok(program),
        }
    });
    match &*PROGRAM {
        Ok(program) => program,
        Err(why) => panic!("{why}"),
    }
}
