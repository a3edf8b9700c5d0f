//! A private directory with a CA, server certificates, and a registry, all made by
//! `sekisho` itself.
//!
//! | terminal | key | may reach |
//! |---|---|---|
//! | `H1/pc-1`, `H1/ct-1` | ECDSA P-256 | all five systems |
//! | `H1/old-1` | RSA-2048 | all five systems |
//! | `C1/pc-1` | ECDSA P-256 | `kmix-plus` |

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use demo::systems::Kind;
use tempfile::TempDir;

use crate::leftovers;
use crate::program::{self, Outcome};
use crate::setup::Configuration;

/// Each system with the host name that leads to it.
pub const HOSTS: [(Kind, &str); 5] = [
    (Kind::KmixRBasic, "basic.kmix-r.example"),
    (Kind::ChiikiKanja, "chiiki.kmix-r.example"),
    (Kind::KmixPlus, "plus.kmix-r.example"),
    (Kind::EnkakuDokuei, "dokuei.kmix-r.example"),
    (Kind::RenkeiPath, "path.kmix-r.example"),
];

/// What the gateway calls itself on the IPsec road.
pub const IPSEC: &str = "ipsec.kmix-r.example";

/// Where it is on that road, if a test builds one; its certificates name this as well.
pub const IPSEC_ADDRESS: &str = "192.0.2.1";

/// The host name of `kmix-plus`, the system most tests go to.
pub const PLUS: &str = "plus.kmix-r.example";

/// The file with the configuration.
pub const CONFIG: &str = "sekisho.toml";

/// The directory. Removed when dropped.
#[derive(Debug)]
pub struct Site {
    directory: TempDir,
}

impl Site {
    /// A copy of a site that is made once. The copy is kept in memory: nothing would remove
    /// its directory.
    pub fn new() -> Self {
        static ORIGINAL: LazyLock<Vec<Kept>> = LazyLock::new(|| Kept::all(&Site::make()));
        // What is wrong with it is better said here than from within the lock.
        let _ = program::sekisho();
        let copy = Self { directory: leftovers::directory() };
        ORIGINAL.iter().for_each(|kept| kept.put(&copy));
        copy
    }

    /// One of its own, with a CA and server certificates but nobody registered.
    pub fn founded() -> Self {
        let site = Self { directory: leftovers::directory() };
        fs::write(
            site.path(CONFIG),
            Configuration::new(|kind| format!("{kind}.invalid:80")).text(),
        )
        .unwrap();
        let sekisho = |line: &str| site.sekisho(line.split(' ')).expect_success();
        let names: Vec<_> = HOSTS.iter().map(|(_, host)| format!("--dns {host}")).collect();
        let names = names.join(" ");
        sekisho("ca init --organization 協議会 --no-passphrase");
        sekisho(&format!("ca server front-ecdsa {names} --out tls"));
        sekisho(&format!("ca server front-rsa {names} --out tls --algorithm rsa-2048"));
        let names = format!("--dns {IPSEC} --ip {IPSEC_ADDRESS}");
        sekisho(&format!("ca server ipsec-ecdsa {names} --out tls"));
        sekisho(&format!("ca server ipsec-rsa {names} --out tls --algorithm rsa-2048"));
        site
    }

    fn make() -> Self {
        let site = Self::founded();
        let sekisho = |line: &str| site.sekisho(line.split(' ')).expect_success();
        let systems: Vec<_> = Kind::ALL.iter().map(|kind| kind.id()).collect();
        sekisho(&format!(
            "institution add H1 --kind hospital --name 中央病院 --networks tls --systems {}",
            systems.join(",")
        ));
        sekisho("institution add C1 --kind clinic --name 内科 --networks tls --systems kmix-plus");
        for (terminal, algorithm) in [
            ("H1/pc-1", "ecdsa-p256"),
            ("H1/ct-1", "ecdsa-p256"),
            ("H1/old-1", "rsa-2048"),
            ("C1/pc-1", "ecdsa-p256"),
        ] {
            sekisho(&format!("terminal add {terminal}"));
            sekisho(&format!("terminal issue {terminal} --out terminals --algorithm {algorithm}"));
        }
        site
    }

    /// A path below the directory.
    pub fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(below)
    }

    /// The certificates that clients trust.
    pub fn ca(&self) -> PathBuf {
        self.path("ca/ca.pem")
    }

    /// Certificate and key of a terminal, as `H1/pc-1`.
    pub fn terminal(&self, name: &str) -> (PathBuf, PathBuf) {
        let file = format!("terminals/{}", name.replace('/', "-"));
        (self.path(format!("{file}.pem")), self.path(format!("{file}.key")))
    }

    /// A `sekisho` command on this site.
    pub fn command(&self) -> Command {
        let mut command = program::command(program::sekisho());
        command.arg("--config").arg(self.path(CONFIG)).current_dir(self.path(""));
        command
    }

    /// Runs `sekisho` with these arguments.
    pub fn sekisho<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Outcome {
        program::finish(self.command().args(arguments), b"")
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

/// A file of a site.
struct Kept {
    /// Below the site's directory.
    path: PathBuf,
    bytes: Vec<u8>,
    permissions: fs::Permissions,
}

impl Kept {
    fn all(site: &Site) -> Vec<Self> {
        let below = ["", "ca", "tls", "terminals"];
        let listed = below.iter().flat_map(|below| fs::read_dir(site.path(below)).unwrap());
        let files = listed.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        files
            .map(|file| Self {
                path: file.strip_prefix(site.path("")).unwrap().to_owned(),
                bytes: fs::read(&file).unwrap(),
                permissions: fs::metadata(&file).unwrap().permissions(),
            })
            .collect()
    }

    fn put(&self, site: &Site) {
        let path = site.path(&self.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &self.bytes).unwrap();
        fs::set_permissions(&path, self.permissions.clone()).unwrap();
    }
}
