//! The stage: certificates, registry, five systems, and the gateway before them.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use demo::systems::{self, Kind, Running};
use rustix::process::{Pid, Signal, kill_process};
use tokio::runtime::Runtime;

use super::roster::{self, TRUST_DOMAIN};
use super::{Failure, pki_files};

const READY: Duration = Duration::from_secs(30);

/// Where the gateway listens.
#[derive(Clone, Copy)]
pub(super) struct Ports {
    /// HTTPS for all systems, by server name.
    pub(super) front: u16,
    /// DICOM over TLS, bound to `enkaku-dokuei`.
    pub(super) dicom: u16,
    /// MLLP over TLS, bound to `chiiki-kanja`.
    pub(super) mllp: u16,
    /// HTTPS for all systems, TLS 1.2 only.
    pub(super) tls12: u16,
}

/// Everything that runs.
pub(super) struct Stage {
    pub(super) directory: PathBuf,
    pub(super) ports: Ports,
    program: PathBuf,
    gateway: Child,
    systems: Vec<Running>,
    runtime: Runtime,
}

/// The host name that leads to a system.
pub(super) fn host(kind: Kind) -> String {
    format!("{}.{TRUST_DOMAIN}", kind.id())
}

impl Stage {
    /// Makes everything anew in `directory` and starts it.
    pub(super) fn set(program: &Path, directory: &Path) -> Result<Self, Failure> {
        let directory = fresh(directory)?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let systems = start_systems(&runtime)?;
        let ports = Ports {
            front: port(8443)?,
            dicom: port(12_762)?,
            mllp: port(12_575)?,
            tls12: port(8444)?,
        };
        fs::write(directory.join("sekisho.toml"), configuration(&systems, ports)?)?;
        let run = |arguments: &[&str]| sekisho(program, &directory, arguments);
        prepare(&run, &directory)?;
        println!("{}", run(&["check"])?);
        let gateway = start_gateway(program, &directory)?;
        Ok(Self { directory, ports, program: program.to_owned(), gateway, systems, runtime })
    }

    /// Runs a `sekisho` command on the stage; what it printed.
    pub(super) fn sekisho(&self, arguments: &[&str]) -> Result<String, Failure> {
        sekisho(&self.program, &self.directory, arguments)
    }

    /// The program, for copying by hand.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// A file of a client: `terminals/NAME.pem`, or `.key`.
    pub(super) fn client_file(&self, name: &str, extension: &str) -> String {
        let file = format!("{}.{extension}", name.replace('/', "-"));
        self.directory.join("terminals").join(file).display().to_string()
    }

    /// The CA certificates that clients trust.
    pub(super) fn ca_file(&self) -> String {
        self.directory.join("ca/ca.pem").display().to_string()
    }

    /// Stops the gateway, which drains and leaves a whole log, and then the systems.
    pub(super) fn strike(mut self) -> Result<(), Failure> {
        kill_process(Pid::from_child(&self.gateway), Signal::TERM)?;
        let status = self.gateway.wait()?;
        for system in self.systems {
            self.runtime.block_on(system.stop());
        }
        if status.success() {
            Ok(())
        } else {
            Err(format!("the gateway ended with {status}").into())
        }
    }
}

/// An empty directory of its owner's alone. What is there is removed only if it is a demo's.
fn fresh(directory: &Path) -> Result<PathBuf, Failure> {
    if directory.join("sekisho.toml").exists() {
        fs::remove_dir_all(directory)?;
    }
    fs::create_dir_all(directory.join("terminals"))?;
    let directory = directory.canonicalize()?;
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o700))?;
    Ok(directory)
}

/// `preferred`, so that the lines to copy are the same each time, or a free port.
fn port(preferred: u16) -> Result<u16, Failure> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    Ok(bind(preferred).or_else(|_| bind(0))?.local_addr()?.port())
}

fn start_systems(runtime: &Runtime) -> Result<Vec<Running>, Failure> {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let start = |kind| {
        let options = systems::Options {
            proxy_protocol: kind == Kind::KmixPlus,
            ..systems::Options::default()
        };
        Ok(runtime.block_on(systems::start(kind, listen, options))?)
    };
    Kind::ALL.into_iter().map(start).collect()
}

fn configuration(systems: &[Running], ports: Ports) -> Result<String, Failure> {
    let Ports { front, dicom, mllp, tls12 } = ports;
    let mut text = format!(
        r#"# Made by the demo. conf/sekisho.toml explains every key.
[gateway]
name = "demo"
socket = "status.sock"
[registry]
path = "registry.db"
[log]
directory = "log"
[ca]
directory = "ca"
trust_domain = "{TRUST_DOMAIN}"
[tls]
client_ca = ["ca/ca.pem"]
crl = ["ca/root.crl", "ca/issuing.crl"]
[[tls.certificate]]
chain = "server/ecdsa.pem"
key = "server/ecdsa.key"
[[tls.certificate]]
chain = "server/rsa.pem"
key = "server/rsa.key"
[[tls.listener]]
address = "127.0.0.1:{front}"
[[tls.listener]]
address = "127.0.0.1:{tls12}"
profile = "tls12"
[[tls.listener]]
address = "127.0.0.1:{dicom}"
system = "enkaku-dokuei"
"#
    );
    for system in systems {
        let kind = system.kind();
        if let Some(address) = system.mllp_address() {
            writeln!(text, "[[tls.listener]]\naddress = \"127.0.0.1:{mllp}\"")?;
            writeln!(text, "system = \"{}\"\nupstream = \"{address}\"", kind.id())?;
        }
    }
    for system in systems {
        let kind = system.kind();
        writeln!(text, "[[system]]\nid = \"{}\"\nname = \"{}\"", kind.id(), kind.name_ja())?;
        writeln!(text, "hosts = [\"{}\"]\nupstream = \"{}\"", host(kind), system.address())?;
        writeln!(text, "proxy_protocol = {}", kind == Kind::KmixPlus)?;
    }
    Ok(text)
}

/// CA, server certificates, roster, client certificates; all as an operator would.
fn prepare(
    run: &impl Fn(&[&str]) -> Result<String, Failure>,
    directory: &Path,
) -> Result<(), Failure> {
    run(&["ca", "init", "--organization", "デモ協議会", "--no-passphrase"])?;
    let hosts: Vec<String> = Kind::ALL.into_iter().map(host).collect();
    for algorithm in ["ecdsa-p256", "rsa-2048"] {
        let (name, _) = algorithm.split_once('-').unwrap_or((algorithm, ""));
        let out = directory.join("server").display().to_string();
        let mut arguments = vec!["ca", "server", name, "--algorithm", algorithm, "--out", &out];
        arguments.extend(["--ip", "127.0.0.1"]);
        arguments.extend(hosts.iter().flat_map(|host| ["--dns", host]));
        run(&arguments)?;
    }
    let roster = directory.join("roster.csv");
    fs::write(&roster, roster::CSV)?;
    run(&["registry", "import", &roster.display().to_string()])?;
    let out = directory.join("terminals");
    for terminal in roster::TERMINALS {
        run(&["terminal", "issue", terminal, "--out", &out.display().to_string()])?;
    }
    pki_files::write(&directory.join("ca"), &out)?;
    run(&["terminal", "revoke", "3710101/old-pc", "--reason", "cessationOfOperation"])?;
    Ok(())
}

fn sekisho(program: &Path, directory: &Path, arguments: &[&str]) -> Result<String, Failure> {
    let output = Command::new(program)
        .args(arguments)
        .env("SEKISHO_CONFIG", directory.join("sekisho.toml"))
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("sekisho {} failed:\n{said}", arguments.join(" ")).into())
}

/// Starts the gateway without privileges: as an ordinary user it has none; as root it is
/// stripped of every capability.
fn start_gateway(program: &Path, directory: &Path) -> Result<Child, Failure> {
    let root = fs::read_to_string("/proc/self/status")?.contains("\nUid:\t0\t");
    let mut command = if root {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    let mut gateway = command
        .arg("run")
        .env("SEKISHO_CONFIG", directory.join("sekisho.toml"))
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let stderr = gateway.stderr.take().ok_or("the gateway's standard error is not there")?;
    let (lines, ready) = mpsc::channel();
    let log = directory.join("gateway.log");
    std::thread::spawn(move || {
        let mut kept = String::new();
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            kept.push_str(&line);
            kept.push('\n');
            // The file is for looking at by hand; the demo does without it.
            let _ = fs::write(&log, &kept);
            let _ = lines.send(line);
        }
    });
    let mut said = Vec::new();
    loop {
        match ready.recv_timeout(READY) {
            Ok(line) if line.contains("serving") => return Ok(gateway),
            Ok(line) => said.push(line),
            Err(_) => {
                let _ = gateway.kill();
                return Err(format!("the gateway did not start:\n{}", said.join("\n")).into());
            }
        }
    }
}
