//! WireGuard in user space.

use std::any::Any;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use sekisho_tests::program::{self, Server};
use sekisho_tests::until;

use super::{Peer, Programs, version};
use crate::road::{Gateway, Road};

/// One implementation.
pub(crate) struct WireGuard {
    name: &'static str,
    program: Result<PathBuf, String>,
    /// What controls it.
    wg: Result<PathBuf, String>,
    arguments: &'static [&'static str],
}

/// As wg-quick(8) sets it on a link of 1500.
const MTU: u16 = 1420;
const PORT: u16 = 51820;

/// Those that are known, whether they are there or not.
pub(crate) fn all(programs: &Programs) -> impl Iterator<Item = WireGuard> + use<> {
    let programs = programs.clone();
    let known: [(_, _, &[_]); 3] = [
        ("gotatun", "gotatun", &["--foreground", "--disable-drop-privileges"]),
        ("boringtun", "boringtun-cli", &["--foreground", "--disable-drop-privileges"]),
        ("wireguard-go", "wireguard-go", &["--foreground"]),
    ];
    known.into_iter().map(move |(name, program, arguments)| WireGuard {
        name,
        program: programs.find(program),
        wg: programs.find("wg"),
        arguments,
    })
}

impl Peer for WireGuard {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> Result<String, String> {
        self.wg.clone()?;
        self.program.as_deref().map(version).map_err(Clone::clone)
    }

    fn start(&self, road: &Road) -> Box<dyn Any> {
        let keys = [Keys::new(self.wg()), Keys::new(self.wg())];
        let devices = ["near", "far"].map(|end| format!("wg{end}{}", std::process::id()));
        let ends = road.ends().into_iter().zip(&devices).enumerate();
        let running = ends.map(|(number, ((gateway, opposite), device))| {
            let running = self.serve(gateway, device);
            let configuration = configuration(&keys[number], &keys[1 - number], opposite);
            self.configure(gateway, device, &configuration);
            gateway.namespace.ip(&format!("link set {device} mtu {MTU} up"));
            gateway.route(opposite.inside, device);
            running
        });
        Box::new(running.collect::<Vec<_>>())
    }
}

impl WireGuard {
    fn wg(&self) -> &Path {
        self.wg.as_deref().unwrap()
    }

    fn serve(&self, gateway: &Gateway, device: &str) -> Running {
        // Named by the device, which therefore is this process's own, in whatever namespace.
        let control = PathBuf::from(format!("/var/run/wireguard/{device}.sock"));
        let process = gateway.namespace.serve(self.program.as_ref().unwrap(), |program| {
            program.args(self.arguments).arg(device).stderr(Stdio::null())
        });
        let running = Running { _process: process, control };
        until("WireGuard can be controlled", || running.control.exists().then_some(()));
        running
    }

    fn configure(&self, gateway: &Gateway, device: &str, configuration: &str) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), configuration).unwrap();
        let mut wg = gateway.namespace.command(self.wg());
        program::finish(wg.args(["setconf", device]).arg(file.path()), b"").expect_success();
    }
}

/// One end. Killed, it leaves its socket behind.
struct Running {
    _process: Server,
    control: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = fs::remove_file(&self.control);
    }
}

struct Keys {
    private: String,
    public: String,
}

impl Keys {
    fn new(wg: &Path) -> Self {
        let private = program::run(wg, ["genkey"]).expect_success();
        let mut public = program::command(wg);
        let public = program::finish(public.arg("pubkey"), private.as_bytes()).expect_success();
        Self { private: private.trim().to_owned(), public: public.trim().to_owned() }
    }
}

/// As wg(8) reads it.
fn configuration(own: &Keys, theirs: &Keys, opposite: &Gateway) -> String {
    let (private, public) = (&own.private, &theirs.public);
    let (allowed, endpoint): (_, Ipv4Addr) = (opposite.inside, opposite.outside);
    format!(
        "[Interface]\nPrivateKey = {private}\nListenPort = {PORT}\n\
         [Peer]\nPublicKey = {public}\nAllowedIPs = {allowed}\nEndpoint = {endpoint}:{PORT}\n"
    )
}
