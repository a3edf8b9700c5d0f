//! Who is measured.

mod ip_vpn;
mod openvpn;
mod plain;
pub(crate) mod sekisho;
mod strongswan;
mod wireguard;

use std::any::Any;
use std::env;
use std::path::{Path, PathBuf};

use sekisho_tests::program;

use crate::road::Road;

/// The name of forwarding without a tunnel, with which everything is compared.
pub(crate) const PLAIN: &str = "plain";
/// The name of our own.
pub(crate) const OURS: &str = "sekisho";

/// A way between two gateways.
pub(crate) trait Peer {
    /// What it is called in results.
    fn name(&self) -> &'static str;

    /// What there is of it on this machine, with its version.
    ///
    /// # Errors
    ///
    /// In words, what it lacks.
    fn version(&self) -> Result<String, String>;

    /// Starts both ends. They run until what is returned is dropped.
    ///
    /// # Panics
    ///
    /// When they do not come up.
    fn start(&self, road: &Road) -> Box<dyn Any>;
}

/// Plain forwarding first, then our own on both roads; those of others only if wanted.
pub(crate) fn all(programs: &Programs, others: bool) -> Vec<Box<dyn Peer>> {
    let mut all: Vec<Box<dyn Peer>> = vec![Box::new(plain::Plain)];
    all.extend(sekisho::BOTH.map(|peer| Box::new(peer) as Box<dyn Peer>));
    all.push(Box::new(ip_vpn::IpVpn));
    if others {
        all.push(Box::new(strongswan::Libipsec));
        all.extend(wireguard::all(programs).map(|peer| Box::new(peer) as Box<dyn Peer>));
        all.push(Box::new(openvpn::OpenVpn::new(programs)));
    }
    all
}

/// Where programs are found.
#[derive(Clone)]
pub(crate) struct Programs {
    directories: Vec<PathBuf>,
}

impl Programs {
    /// First in `directory`, then where programs usually are.
    pub(crate) fn below(directory: PathBuf) -> Self {
        let path = env::var_os("PATH").unwrap_or_default();
        let usual = env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
        Self { directories: std::iter::once(directory).chain(usual).collect() }
    }

    /// The file of a program.
    ///
    /// # Errors
    ///
    /// That it is not there.
    fn find(&self, name: &str) -> Result<PathBuf, String> {
        let files = self.directories.iter().map(|directory| directory.join(name));
        let mut found = files.filter(|file| file.is_file());
        found.next().ok_or_else(|| format!("{name} is not installed"))
    }
}

/// The first line of what a program says of its version. Some fail when asked.
fn version(program: &Path) -> String {
    let said = program::run(program, ["--version"]).output;
    said.lines().next().unwrap_or("of unknown version").trim().to_owned()
}
