//! A running strongSwan in a network namespace.
//!
//! Its ESP is libipsec's, through a TUN device, so that it needs nothing of the kernel but
//! that; ESP therefore goes in UDP, unless the settings of a strongSwan 6 say otherwise.

mod config;
mod sas;

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

pub use self::config::{Child, Config, Connection, Party, Secret};
pub use self::sas::{ChildSa, End, IkeSa};
use crate::leftovers;
use crate::netns::{Namespace, lacks_namespaces};
use crate::program::{self, Outcome, Server};
use crate::until;

/// Names another strongSwan than the distribution's: the `--prefix` it was built with.
const PREFIX: &str = "SEKISHO_STRONGSWAN";

const CHARON: &str = "charon-systemd";
const SWANCTL: &str = "swanctl";

/// How many seconds `swanctl` waits for an exchange to end.
const EXCHANGE: &str = "15";

/// Those that a strongSwan lacks it notes in its log. kernel-libipsec has to come before
/// kernel-netlink: the first has the ESP.
const PLUGINS: &str = "random nonce openssl ml pem pkcs1 pkcs8 x509 revocation constraints \
     pubkey kdf drbg attr kernel-libipsec kernel-netlink socket-default vici updown resolve \
     eap-identity eap-tls eap-mschapv2 eap-md5";

/// Where swanctl looks for what `swanctl.conf` names, and complains of what is not there.
const STORES: [&str; 13] = [
    "x509", "x509ca", "x509ocsp", "x509aa", "x509ac", "x509crl", "pubkey", "private", "rsa",
    "ecdsa", "bliss", "pkcs8", "pkcs12",
];

/// An SA or pair of SAs, by its name in the configuration.
#[derive(Clone, Copy, Debug)]
pub enum Sa<'a> {
    /// An IKE SA.
    Ike(&'a str),
    /// A pair of SAs within.
    Child(&'a str),
}

/// A daemon; killed when dropped.
#[derive(Debug)]
pub struct Strongswan {
    process: Server,
    directory: TempDir,
    namespace: Namespace,
}

impl Strongswan {
    /// Starts it in `namespace` and loads its configuration.
    ///
    /// # Panics
    ///
    /// When it does not come up or a part of the configuration cannot be loaded.
    pub fn start(namespace: &Namespace, config: &Config) -> Self {
        let directory = leftovers::directory();
        fs::write(directory.path().join("strongswan.conf"), settings(&directory, config)).unwrap();
        let output = fs::File::create(directory.path().join("output")).unwrap();
        // Installed, AppArmor lets them read no such directory as this. Copied by another
        // process: a child of this one that holds the copy open for writing (it was forked
        // meanwhile) would keep it from being run.
        let installed = [CHARON, SWANCTL].map(|program| prefix().join("sbin").join(program));
        let [charon, swanctl] = &installed;
        program::run("cp", [charon, swanctl, directory.path()]).expect_success();
        let process = namespace.serve(directory.path().join(CHARON), |charon| {
            charon.env("STRONGSWAN_CONF", directory.path().join("strongswan.conf")).stderr(output)
        });
        let mut strongswan = Self { process, directory, namespace: namespace.clone() };
        until("charon serves", || {
            if let Some(status) = strongswan.process.process().try_wait().unwrap() {
                panic!("charon ended at once, {status}");
            }
            UnixStream::connect(strongswan.path("vici")).ok()
        });
        strongswan.load(config);
        strongswan
    }

    /// Replaces its configuration; what is established stays.
    ///
    /// # Panics
    ///
    /// When a part of it cannot be loaded.
    pub fn load(&self, config: &Config) {
        let below = self.path("conf");
        let _may_be_missing = fs::remove_dir_all(&below);
        for store in STORES {
            fs::create_dir_all(below.join(store)).unwrap();
        }
        for connection in &config.connections {
            put_certificate(connection, &below);
        }
        put_all(&config.authorities, &below.join("x509ca"));
        put_all(&config.crls, &below.join("x509crl"));
        write_private(&below.join("swanctl.conf"), &config.swanctl());
        self.swanctl(["--load-all", "--clear"]).expect_success();
    }

    /// Establishes an SA, and what it needs.
    pub fn initiate(&self, sa: Sa) -> Outcome {
        self.exchange("--initiate", sa)
    }

    /// Rekeys an SA.
    pub fn rekey(&self, sa: Sa) -> Outcome {
        self.swanctl(["--rekey"].into_iter().chain(named(sa)))
    }

    /// Authenticates anew.
    pub fn reauthenticate(&self, connection: &str) -> Outcome {
        self.swanctl(["--rekey", "--ike", connection, "--reauth"])
    }

    /// Deletes an SA and tells the peer.
    pub fn terminate(&self, sa: Sa) -> Outcome {
        self.exchange("--terminate", sa)
    }

    fn exchange(&self, verb: &str, sa: Sa) -> Outcome {
        self.swanctl([verb, "--timeout", EXCHANGE].into_iter().chain(named(sa)))
    }

    /// All its IKE SAs with their children.
    ///
    /// # Panics
    ///
    /// When it does not answer.
    pub fn sas(&self) -> Vec<IkeSa> {
        sas::parse(&self.swanctl(["--list-sas", "--pretty"]).expect_success())
    }

    /// Waits until its SAs are as a test wants them; what it makes of them.
    ///
    /// # Panics
    ///
    /// When that does not happen.
    pub fn wait_for<T>(&self, what: &str, fits: impl Fn(&[IkeSa]) -> Option<T>) -> T {
        until(what, || fits(&self.sas()))
    }

    /// The only IKE SA, once it is established and nothing of a rekeying is left over.
    ///
    /// # Panics
    ///
    /// When that does not happen.
    pub fn settled(&self) -> IkeSa {
        self.wait_for("one IKE SA, established", |sas| match sas {
            [sa] if sa.is_settled() => Some(sa.clone()),
            _ => None,
        })
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Lets it end in good order: it tells its peers.
    pub fn stop(mut self) {
        kill_process(Pid::from_child(self.process.process()), Signal::TERM).unwrap();
        until("charon ends", || self.process.process().try_wait().unwrap());
    }

    /// Runs `swanctl` with these arguments, for what has no method.
    pub fn swanctl<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Outcome {
        let mut swanctl = program::command(self.path(SWANCTL));
        swanctl
            .args(arguments)
            .args(["--uri", &format!("unix://{}", self.path("vici").display())])
            .env("STRONGSWAN_CONF", self.path("strongswan.conf"))
            .env("SWANCTL_DIR", self.path("conf"));
        program::finish(&mut swanctl, b"")
    }

    fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }
}

impl Drop for Strongswan {
    fn drop(&mut self) {
        if thread::panicking() {
            let output = fs::read_to_string(self.path("output")).unwrap_or_default();
            eprintln!("{} said:\n{output}{}", self.namespace.name(), self.log());
        }
    }
}

impl IkeSa {
    fn is_settled(&self) -> bool {
        let children_are = || self.children.iter().all(|child| child.state == "INSTALLED");
        self.state == "ESTABLISHED" && children_are()
    }
}

/// Whether this machine lacks what a strongSwan in a namespace needs; then the running test is
/// reported as one that could not run, and should return.
pub fn lacks_strongswan() -> bool {
    let plugins = plugins();
    let files = [
        "/dev/net/tun".into(),
        prefix().join("sbin").join(CHARON),
        prefix().join("sbin").join(SWANCTL),
        plugins.join("libstrongswan-kernel-libipsec.so"),
        plugins.join("libstrongswan-openssl.so"),
    ];
    lacks_namespaces() || files.into_iter().any(|file: PathBuf| program::lacks_file(file))
}

/// Whether that strongSwan is older than version 6, which brought ML-KEM and ESP without UDP;
/// likewise.
pub fn lacks_strongswan_6() -> bool {
    if lacks_strongswan() {
        return true;
    }
    let lacking = !plugins().join("libstrongswan-ml.so").exists();
    if lacking {
        program::skip_undistributed("strongSwan 6");
    }
    lacking
}

fn plugins() -> PathBuf {
    prefix().join("lib/ipsec/plugins")
}

fn prefix() -> PathBuf {
    env::var_os(PREFIX).map_or_else(|| "/usr".into(), PathBuf::from)
}

fn named(sa: Sa<'_>) -> [&str; 2] {
    match sa {
        Sa::Ike(name) => ["--ike", name],
        Sa::Child(name) => ["--child", name],
    }
}

/// The text of `strongswan.conf`.
fn settings(directory: &TempDir, config: &Config) -> String {
    let (settings, level) = (&config.settings, config.verbosity.unwrap_or(1));
    let directory = directory.path().display();
    format!(
        "charon-systemd {{\n\
         load = {PLUGINS}\n\
         journal {{\n default = -1\n }}\n\
         filelog {{\n file {{\n path = {directory}/log\n default = {level}\n time_format = %T\n \
         flush_line = yes\n }}\n }}\n\
         plugins {{\n vici {{\n socket = unix://{directory}/vici\n }}\n \
         resolve {{\n file = {directory}/resolv.conf\n }}\n }}\n\
         {settings}\n}}\n\
         swanctl {{\n load = random openssl pem pkcs1 pkcs8 x509 pubkey\n }}\n"
    )
}

/// Puts a connection's certificate and key where swanctl looks for them; the CAs' that come
/// with it too, so that it can send them.
fn put_certificate(connection: &Connection, below: &Path) {
    const END: &str = "-----END CERTIFICATE-----\n";
    let (Some(name), Some((chain, key))) =
        (connection.local_certificate(), &connection.local.certificate)
    else {
        return;
    };
    let chain = fs::read_to_string(chain).unwrap();
    for (number, certificate) in chain.split_inclusive(END).enumerate() {
        // swanctl reads the first certificate of a file only.
        let file = match number {
            0 => format!("x509/{name}"),
            _ => format!("x509ca/{number}-{name}"),
        };
        fs::write(below.join(file), certificate).unwrap();
    }
    write_private(&below.join("private").join(name), &fs::read_to_string(key).unwrap());
}

fn put_all(files: &[PathBuf], into: &Path) {
    for (number, file) in files.iter().enumerate() {
        fs::copy(file, into.join(format!("{number}"))).unwrap();
    }
}

fn write_private(file: &Path, text: &str) {
    fs::write(file, "").unwrap();
    fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
    fs::write(file, text).unwrap();
}
