//! OpenVPN in user space: TLS with a certificate of each end, AES-256-GCM, UDP.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use sekisho_tests::program;
use tempfile::TempDir;

use super::{Peer, Programs, version};
use crate::road::{Gateway, Road};

pub(crate) struct OpenVpn {
    program: Result<PathBuf, String>,
}

/// Buffers as large as its manual's performance advice has them, and no kernel module.
const SETTINGS: &str = "\
--dev tun0 --proto udp --port 1194 --data-ciphers AES-256-GCM --cipher AES-256-GCM --disable-dco \
--sndbuf 1048576 --rcvbuf 1048576 --txqueuelen 1000 --fast-io --verb 0";

impl OpenVpn {
    pub(crate) fn new(programs: &Programs) -> Self {
        Self { program: programs.find("openvpn") }
    }
}

impl Peer for OpenVpn {
    fn name(&self) -> &'static str {
        "openvpn"
    }

    fn version(&self) -> Result<String, String> {
        let said = self.program.as_deref().map(version).map_err(Clone::clone)?;
        let name = said.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        Ok(format!("{name}, AES-256-GCM"))
    }

    fn start(&self, road: &Road) -> Box<dyn Any> {
        let program = self.program.as_ref().unwrap();
        let certificates = [Certificate::new(), Certificate::new()];
        let ends = road.ends().into_iter().enumerate();
        let running: Vec<_> = ends
            .map(|(number, (gateway, opposite))| {
                let (own, theirs) = (&certificates[number], &certificates[1 - number]);
                gateway.namespace.serve(program, |openvpn| {
                    openvpn.args(SETTINGS.split_whitespace());
                    openvpn.args(role(number).split_whitespace());
                    openvpn.args(addresses(gateway, opposite));
                    openvpn.arg("--cert").arg(own.file("pem")).arg("--key").arg(own.file("key"));
                    openvpn.args(["--peer-fingerprint", &theirs.fingerprint]);
                    openvpn.stderr(Stdio::null())
                })
            })
            .collect();
        Box::new((running, certificates))
    }
}

fn role(number: usize) -> &'static str {
    match number {
        0 => "--tls-client --ifconfig 10.3.0.1 10.3.0.2",
        _ => "--tls-server --dh none --ifconfig 10.3.0.2 10.3.0.1",
    }
}

fn addresses(gateway: &Gateway, opposite: &Gateway) -> [String; 7] {
    let network = opposite.inside.trim_end_matches("/24");
    let (own, theirs) = (gateway.outside.to_string(), opposite.outside.to_string());
    let options = ["--local", &own, "--remote", &theirs, "--route", network, "255.255.255.0"];
    options.map(str::to_owned)
}

/// Signed by itself, and trusted by its fingerprint.
struct Certificate {
    directory: TempDir,
    fingerprint: String,
}

impl Certificate {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let [certificate, key] = ["pem", "key"].map(|ending| file(directory.path(), ending));
        let mut make = program::command("openssl");
        make.args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes".split(' '))
            .args(["-days", "2", "-subj", "/CN=gateway", "-keyout"])
            .arg(key)
            .arg("-out")
            .arg(&certificate);
        program::finish(&mut make, b"").expect_success();
        let mut read = program::command("openssl");
        read.args("x509 -noout -fingerprint -sha256 -in".split(' ')).arg(certificate);
        let said = program::finish(&mut read, b"").expect_success();
        let (_, fingerprint) = said.trim().split_once('=').unwrap();
        Self { directory, fingerprint: fingerprint.to_owned() }
    }

    fn file(&self, ending: &str) -> PathBuf {
        file(self.directory.path(), ending)
    }
}

fn file(directory: &Path, ending: &str) -> PathBuf {
    directory.join(format!("gateway.{ending}"))
}
