//! Installing what a machine lacks.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::{fmt, fs, io};

use crate::error::Error as TaskError;
use crate::needs::{self, Group, Need, Source};
use crate::process;
use crate::terminal;
use crate::workspace::Workspace;

type Names = BTreeSet<&'static str>;

/// Why a machine could not be given what it lacks.
#[derive(Debug)]
pub(crate) enum Error {
    /// Neither Debian nor a descendant: we do not know how its packages are called.
    UnknownSystem { packages: Names },
    /// Neither root nor a way to become root.
    NotPermitted { packages: Names },
    /// The toolchain lacks components and is not rustup's.
    NoRustup { components: Names },
    /// Everything was installed, and still something is not found.
    StillMissing { subjects: Vec<String> },
}

/// Installs what the needs of `groups` lack, after saying what and why.
///
/// # Errors
///
/// When something is lacking and cannot be installed.
pub(crate) fn ensure(workspace: &Workspace, groups: &[Group]) -> Result<(), TaskError> {
    let missing = missing(workspace, groups)?;
    if missing.is_empty() {
        return Ok(());
    }
    announce(&missing);
    provide(workspace, &missing)?;
    let still: Vec<_> = missing.iter().filter(|need| !need.is_met(workspace)).collect();
    if still.is_empty() {
        return Ok(());
    }
    Err(Error::StillMissing { subjects: still.iter().map(|need| need.subject()).collect() }.into())
}

/// Installs what it can of what `groups` lack, each by itself: what fails is said, and left out.
///
/// # Errors
///
/// When it cannot be seen what is lacking.
pub(crate) fn attempt(workspace: &Workspace, groups: &[Group]) -> Result<(), TaskError> {
    let missing = missing(workspace, groups)?;
    if !missing.is_empty() {
        announce(&missing);
    }
    for need in missing {
        if let Err(error) = provide(workspace, &[need]) {
            terminal::note(&format!("goes on without {}: {error}", need.subject()));
        }
    }
    Ok(())
}

fn provide(workspace: &Workspace, missing: &[&Need]) -> Result<(), TaskError> {
    let [mut packages, mut components, mut programs, mut peers] = [const { Names::new() }; 4];
    for need in missing {
        let names = match need.source {
            Source::Apt(_) => &mut packages,
            Source::Rustup(_) => &mut components,
            Source::Crates(_) => &mut programs,
            Source::Peer(_) => &mut peers,
        };
        names.insert(need.source.name());
    }
    install_packages(packages)?;
    install_components(workspace, components)?;
    install_programs(workspace, programs)?;
    install_peers(workspace, peers)
}

fn missing(workspace: &Workspace, groups: &[Group]) -> Result<Vec<&'static Need>, TaskError> {
    let path = workspace.root.join("Cargo.lock");
    // cargo wrote it when it built this program.
    let lock = fs::read_to_string(&path).map_err(|source| TaskError::Read { path, source })?;
    Ok(needs::of(groups, &lock).filter(|need| !need.is_met(workspace)).collect())
}

fn announce(missing: &[&Need]) {
    terminal::note("This machine lacks:");
    for need in missing {
        let origin = match need.source {
            Source::Apt(_) => "package",
            Source::Rustup(_) => "rustup component",
            Source::Crates(_) | Source::Peer(_) => "from crates.io:",
        };
        let (subject, purpose, name) = (need.subject(), need.purpose, need.source.name());
        terminal::note(&format!("  {subject}: {purpose} ({origin} {name})"));
    }
}

fn install_packages(names: Names) -> Result<(), TaskError> {
    if names.is_empty() {
        return Ok(());
    }
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    if !descends_from_debian(&system) {
        return Err(Error::UnknownSystem { packages: names }.into());
    }
    let Some(elevation) = elevation() else {
        return Err(Error::NotPermitted { packages: names }.into());
    };
    process::run(as_root(elevation).args(["apt-get", "update"]))?;
    process::run(as_root(elevation).args(["sh", "-c", INSTALL, "sh"]).args(names))
}

/// Installs without starting the services that come with some packages: nginx and haproxy
/// are here for the tests, which start their own (invoke-rc.d(8), policy-rc.d).
const INSTALL: &str = r#"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi
apt-get install -y --no-install-recommends "$@"
"#;

/// os-release(5): the `ID` of the system itself, and `ID_LIKE` of those it descends from.
fn descends_from_debian(os_release: &str) -> bool {
    os_release
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
        .flat_map(|value| value.trim_matches(['"', '\'']).split_whitespace())
        .any(|id| id == "debian" || id == "ubuntu")
}

/// Whether this runs as root.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// The words to put before a command to run it as root, if there is a way.
fn elevation() -> Option<&'static [&'static str]> {
    if is_root() {
        return Some(&[]);
    }
    process::find("sudo")?;
    if process::succeeds(Command::new("sudo").args(["-n", "true"])) {
        return Some(&["sudo", "-n"]);
    }
    io::stdin().is_terminal().then_some(&["sudo"])
}

fn as_root(elevation: &[&str]) -> Command {
    // Through env(1), as sudo drops the caller's environment.
    let words = ["env", "DEBIAN_FRONTEND=noninteractive"];
    let mut line = elevation.iter().copied().chain(words);
    let mut command = Command::new(line.next().unwrap_or("env"));
    command.args(line);
    command
}

fn install_components(workspace: &Workspace, names: Names) -> Result<(), TaskError> {
    if names.is_empty() {
        return Ok(());
    }
    if process::find("rustup").is_none() {
        return Err(Error::NoRustup { components: names }.into());
    }
    let mut rustup = Command::new("rustup");
    rustup.current_dir(&workspace.root).args(["component", "add"]).args(names);
    process::run(&mut rustup)
}

fn install_programs(workspace: &Workspace, names: Names) -> Result<(), TaskError> {
    names.into_iter().try_for_each(|name| {
        let mut install = process::cargo(&workspace.root);
        process::run(install.args(["install", name, "--locked", "--debug"]))
    })
}

fn install_peers(workspace: &Workspace, names: Names) -> Result<(), TaskError> {
    names.into_iter().try_for_each(|name| {
        let mut install = process::cargo(&workspace.root);
        install.args(["install", name, "--locked", "--root"]).arg(workspace.peers());
        process::run(&mut install)
    })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::UnknownSystem { packages } => write!(
                f,
                "this system descends from neither Debian nor Ubuntu: \
                 install what these Debian packages hold, and try again: {}",
                listed(packages)
            ),
            Error::NotPermitted { packages } => write!(
                f,
                "installing needs root or sudo: \
                 have `apt-get install --no-install-recommends {}` run, and try again",
                listed(packages)
            ),
            Error::NoRustup { components } => write!(
                f,
                "the Rust toolchain lacks {} and rustup is not there to add it: \
                 install Rust from https://rustup.rs",
                listed(components)
            ),
            Error::StillMissing { subjects } => write!(
                f,
                "installed, and yet not found: {}; is it elsewhere than on PATH?",
                subjects.join(", ")
            ),
        }
    }
}

fn listed(names: &Names) -> String {
    names.iter().copied().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_and_its_descendants_are_known() {
        assert!(descends_from_debian("PRETTY_NAME=\"Debian\"\nID=debian\n"));
        assert!(descends_from_debian("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"));
        assert!(!descends_from_debian("ID=fedora\nVARIANT_ID=debian\n"));
    }
}
