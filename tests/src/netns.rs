//! Networks in namespaces: hosts, routers and address translators, with links that a test
//! breaks, narrows, and makes lossy.
//!
//! A [`Namespace`] is a host with nothing but a loopback interface until it is linked to
//! others. Names are this process's own, so tests run in parallel and each has its own
//! internet.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::IpAddr;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::leftovers::{self, PREFIX};
use crate::program::{self, Server};
use crate::systems;

/// A network namespace; gone when its last clone is dropped.
#[derive(Clone, Debug)]
pub struct Namespace(Arc<Owned>);

#[derive(Debug)]
struct Owned(String);

impl Namespace {
    /// A host. `label` shows whose it is in `ip netns list`.
    pub fn host(label: &str) -> Self {
        static SWEEP: Once = Once::new();
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        SWEEP.call_once(sweep);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}-{}-{number}-{label}", std::process::id());
        program::run("ip", ["netns", "add", &name]).expect_success();
        let namespace = Self(Arc::new(Owned(name)));
        namespace.ip("link set lo up");
        // IPv6 addresses otherwise wait a second or two for duplicates to show up.
        namespace.set("net.ipv6.conf.default.accept_dad", "0");
        namespace
    }

    /// A host that forwards, IPv4 and IPv6.
    pub fn router(label: &str) -> Self {
        let router = Self::host(label);
        router.set("net.ipv4.ip_forward", "1");
        router.set("net.ipv6.conf.all.forwarding", "1");
        router
    }

    /// Its name, for `ip netns`.
    pub fn name(&self) -> &str {
        &self.0.0
    }

    /// Joins two namespaces by a cable, up at once: `device` here, `their_device` there.
    pub fn link(&self, device: &str, other: &Self, their_device: &str) {
        let there = other.name();
        self.ip(&format!("link add {device} type veth peer name {their_device} netns {there}"));
        self.ip(&format!("link set {device} up"));
        other.ip(&format!("link set {their_device} up"));
    }

    /// Gives a device an address with its prefix length, usable at once.
    pub fn address(&self, device: &str, address: &str) {
        self.ip(&format!("address add {address} dev {device}"));
    }

    /// Runs `ip` here, with arguments given as words: `link set wan down`, `link set wan mtu
    /// 1280`, `route add default via 192.0.2.1`.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn ip(&self, words: &str) -> String {
        let words = words.split_whitespace();
        program::run("ip", ["-n", self.name()].into_iter().chain(words)).expect_success()
    }

    /// Sets a `sysctl` of the network.
    pub fn set(&self, variable: &str, value: &str) {
        let file = Path::new("/proc/sys").join(variable.replace('.', "/"));
        self.within(|| fs::write(file, value)).unwrap();
    }

    /// Discards packets that come in through `device` and match an expression of nft(8), from
    /// now on, instead of those that were discarded before. In use: `udp dport 4500`; `ip
    /// frag-off & 0x3fff != 0` for fragments; `numgen inc mod 3 == 0` for every third packet;
    /// nothing for all.
    pub fn discard(&self, device: &str, matching: &str) {
        let chain = format!(
            "chain discard {{ type filter hook ingress device {device} priority 0; \
             {matching} drop; }}"
        );
        self.replace_table("netdev", device, &chain);
    }

    /// Discards nothing more that comes in through `device`.
    pub fn keep_all(&self, device: &str) {
        self.replace_table("netdev", device, "");
    }

    /// Translates addresses: whatever leaves through `outside` does so with the address of that
    /// device, and from outside nothing comes in but answers.
    pub fn translate(&self, outside: &str) -> Translator {
        let translator = Translator {
            namespace: self.clone(),
            outside: outside.to_owned(),
            mappings: AtomicUsize::new(0),
        };
        translator.map_anew();
        translator
    }

    fn replace_table(&self, family: &str, name: &str, chains: &str) {
        // To delete what is not there would fail: so it is declared first.
        let rules = format!(
            "table {family} {name} {{ }}\ndelete table {family} {name}\n\
             table {family} {name} {{\n{chains}\n}}\n"
        );
        let mut nft = self.command("nft");
        program::finish(nft.args(["-f", "-"]), rules.as_bytes()).expect_success();
    }

    /// A command that runs here, and is ended when it takes too long.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.enter(program::command("ip"), program)
    }

    /// A command that runs here for as long as it takes.
    pub(crate) fn unbounded(&self, program: impl AsRef<OsStr>) -> Command {
        self.enter(program::unbounded("ip"), program)
    }

    /// `ip` becomes the program: there is one process, and signals reach it.
    fn enter(&self, mut ip: Command, program: impl AsRef<OsStr>) -> Command {
        ip.args(["netns", "exec", self.name()]).arg(program);
        ip
    }

    /// Starts a program that serves a test; it ends when dropped.
    pub fn serve(
        &self,
        program: impl AsRef<OsStr>,
        change: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Server {
        Server::spawn(change(&mut self.unbounded(program)))
    }

    /// Does something on a thread that lives here. Sockets it opens stay here, wherever they
    /// are used, and so do those of [`systems`]; threads that it starts live here too.
    pub fn within<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        systems::start_threads();
        let namespace = File::open(Path::new("/run/netns").join(self.name())).unwrap();
        let enter_and_act = || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            act()
        };
        thread::scope(|scope| scope.spawn(enter_and_act).join()).unwrap()
    }

    /// Whether one ping from `source`, an address of this namespace, is answered by `target`
    /// within a second.
    pub fn reaches(&self, source: IpAddr, target: IpAddr) -> bool {
        let (source, target) = (source.to_string(), target.to_string());
        let mut ping = self.command("ping");
        ping.args(["-n", "-c", "1", "-W", "1", "-I", &source, &target]);
        program::finish(&mut ping, b"").status.success()
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// A router that translates addresses, as at home or of a carrier.
#[derive(Debug)]
pub struct Translator {
    namespace: Namespace,
    outside: String,
    mappings: AtomicUsize,
}

impl Translator {
    /// Forgets all mappings, as after a power cut or a long silence, and gives out other ports
    /// from now on.
    pub fn rebind(&self) {
        self.map_anew();
        program::finish(self.namespace.command("conntrack").arg("-F"), b"").expect_success();
    }

    fn map_anew(&self) {
        let outside = &self.outside;
        let first = 20_000 + 1_000 * self.mappings.fetch_add(1, Ordering::Relaxed);
        let last = first + 999;
        let chains = format!(
            "chain translate {{ type nat hook postrouting priority srcnat; \
             oifname {outside} meta l4proto {{ tcp, udp }} masquerade to :{first}-{last}; \
             oifname {outside} masquerade; }}\n\
             chain uninvited {{ type filter hook input priority 0; \
             iifname {outside} ct state new drop; }}"
        );
        self.namespace.replace_table("inet", "translate", &chains);
    }
}

/// Whether this machine lacks what namespaces need; then the running test is reported as one
/// that could not run, and should return.
pub fn lacks_namespaces() -> bool {
    program::lacks_root() || ["ip", "nft", "conntrack", "ping"].into_iter().any(program::lacks)
}

/// Removes what processes left that were ended before they could.
fn sweep() {
    leftovers::remove_directories();
    let listed = program::run("ip", ["netns", "list"]).expect_success();
    // A name may be followed by the namespace's number.
    let names = listed.lines().filter_map(|line| line.split_whitespace().next());
    for name in names {
        if leftovers::is_one(name) {
            remove(name);
        }
    }
}

/// Ends what runs in a namespace and removes it.
fn remove(name: &str) {
    let pids = program::run("ip", ["netns", "pids", name]).output;
    for pid in pids.lines().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)) {
        // It may have ended by itself.
        let _ = kill_process(pid, Signal::KILL);
    }
    program::run("ip", ["netns", "delete", name]);
}
