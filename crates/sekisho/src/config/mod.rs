//! The static configuration, `sekisho.toml`.
//!
//! [`raw`] is the shape of the file, [`read`] turns it into a [`Config`] in which every
//! value has been checked, and a [`Problem`] says what was wrong, where, and what to do.

mod data_plane;
mod ipsec;
mod problem;
mod raw;
mod read;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use policy::{System, UtcOffset};
use terminator::{Limits, ListenerSettings, Timeouts, Upstream};

pub(crate) use data_plane::{DataPlane, IpVpn};
pub(crate) use ipsec::{Ipsec, IpsecLimits, Pool, Tunnel};
pub(crate) use problem::{Problem, Problems};

/// A path, and where in the configuration it was given.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    pub(crate) path: PathBuf,
    pub(crate) span: Range<usize>,
}

/// A server certificate's files.
#[derive(Clone, Debug)]
pub(crate) struct CertificateFiles {
    pub(crate) chain: Located,
    pub(crate) key: Located,
    pub(crate) passphrase: Option<Located>,
}

/// The certification authority this machine can issue from.
#[derive(Clone, Debug)]
pub(crate) struct CaFiles {
    pub(crate) directory: PathBuf,
    /// The trust domain of the identities in certificates, as `kmix-r.jp`.
    pub(crate) trust_domain: String,
    pub(crate) passphrase: Option<Located>,
}

/// The connection log.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) directory: PathBuf,
    pub(crate) capacity: u32,
    pub(crate) on_failure: logstore::OnFailure,
}

/// The TLS front.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) certificates: Vec<CertificateFiles>,
    pub(crate) client_ca: Vec<Located>,
    pub(crate) crl: Vec<Located>,
    pub(crate) listeners: Vec<ListenerSettings>,
    /// Where the address of each listener was given.
    pub(crate) listener_spans: Vec<Range<usize>>,
    pub(crate) timeouts: Timeouts,
    pub(crate) limits: Limits,
}

/// A checked configuration.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The file it came from, and its text: later problems point into it.
    pub(crate) path: PathBuf,
    pub(crate) source: Arc<str>,
    pub(crate) gateway: Arc<str>,
    pub(crate) offset: UtcOffset,
    pub(crate) workers: usize,
    /// Where the running gateway tells its status.
    pub(crate) socket: PathBuf,
    pub(crate) registry: PathBuf,
    /// The key that seals site routers' keys in the registry.
    pub(crate) sealing_key: Located,
    pub(crate) log: Log,
    pub(crate) ca: Option<CaFiles>,
    pub(crate) tls: Tls,
    pub(crate) data_plane: DataPlane,
    /// Without it the IP-VPN road is closed.
    pub(crate) ip_vpn: Option<IpVpn>,
    /// Without it the IPsec road is closed.
    pub(crate) ipsec: Option<Ipsec>,
    pub(crate) systems: Vec<System>,
    pub(crate) upstreams: Vec<Upstream>,
    /// What is made when it is missing, in folders that are not.
    pub(crate) made: Vec<Located>,
}

impl Config {
    /// Reads and checks a file, without looking at the files it names.
    pub(crate) fn load(path: &Path) -> Result<Self, Problems> {
        let source = std::fs::read_to_string(path).map_err(|error| {
            let remedy = "give the file with --config, or set SEKISHO_CONFIG; \
                          conf/sekisho.toml is a commented example";
            let problem = Problem::whole(format!("cannot read the configuration: {error}"), remedy);
            Problems::new(path, "", vec![problem])
        })?;
        read::read(path, &source).map_err(|list| Problems::new(path, &source, list))
    }

    /// Looks whether there is a folder for everything that is made when it is missing.
    pub(crate) fn check_folders(&self) -> Result<(), Problems> {
        let homeless = self.made.iter().filter_map(|made| {
            let folder = made.path.parent().filter(|folder| !folder.as_os_str().is_empty())?;
            let message = format!("the folder {} is not there", folder.display());
            let remedy = format!("run: mkdir -p {}", folder.display());
            (!folder.is_dir()).then(|| Problem::at(made.span.clone(), message, remedy))
        });
        let homeless: Vec<_> = homeless.collect();
        if homeless.is_empty() { Ok(()) } else { Err(self.problems(homeless)) }
    }

    /// Problems that point into this configuration.
    pub(crate) fn problems(&self, list: Vec<Problem>) -> Problems {
        Problems::new(&self.path, &self.source, list)
    }
}
