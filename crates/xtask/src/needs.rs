//! What a machine must have: one table.

use std::path::Path;

use Group::{Build, Ci, Demo, Fuzz, Peers, Roads, Test, Tunnel};
use Probe::{Built, Cargo, File, Program};
use Source::{Apt, Crates, Peer, Rustup};

use crate::process;
use crate::workspace::Workspace;

/// What a need belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Compiling the workspace.
    Build,
    /// Running the demo.
    Demo,
    /// Running the demo of all three roads, beside what the demo needs.
    Roads,
    /// Running the tests.
    Test,
    /// The checks that are not tests.
    Ci,
    /// Fuzzing.
    Fuzz,
    /// Measuring tunnels.
    Tunnel,
    /// Tunnels that others wrote: measured when they are there.
    Peers,
}

/// How to see whether something is there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Probe {
    /// A program of this name is found.
    Program(&'static str),
    /// This file exists.
    File(&'static str),
    /// `cargo NAME --version` succeeds. Looking for `cargo-NAME` would not do: rustup puts
    /// its stand-in there whether the component is installed or not.
    Cargo(&'static str),
    /// A program of this name is among the peers that were built.
    Built(&'static str),
}

/// Where something comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// This package of Debian 12, Ubuntu 24.04 and their successors.
    Apt(&'static str),
    /// This component of the Rust toolchain.
    Rustup(&'static str),
    /// This program of crates.io.
    Crates(&'static str),
    /// This program of crates.io, as fast as it can be, for this workspace alone.
    Peer(&'static str),
}

impl Source {
    /// What it is called there.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Apt(name) | Rustup(name) | Crates(name) | Peer(name) => name,
        }
    }
}

/// When something is needed at all.
#[derive(Clone, Copy, Debug)]
enum When {
    Always,
    /// `Cargo.lock` holds this crate.
    Locked(&'static str),
}

/// One thing a machine must have.
#[derive(Debug)]
pub(crate) struct Need {
    groups: &'static [Group],
    probe: Probe,
    /// Where it comes from.
    pub(crate) source: Source,
    /// What it is needed for, in a few words.
    pub(crate) purpose: &'static str,
    when: When,
}

/// AWS-LC and SQLite bring their own sources and, for x86-64 and AArch64 Linux, ready-made
/// bindings and assembly: a C compiler is all they ask for. BoringSSL is built by CMake as C++,
/// its bindings are made by libclang, and its build script calls `git init`.
const NEEDS: &[Need] = &[
    need(&[Build], Program("cc"), Apt("gcc"), "compiles AWS-LC and SQLite, and links"),
    need(&[Build], File("/usr/include/stdio.h"), Apt("libc6-dev"), "the C library's headers"),
    need(&[Build], Program("c++"), Apt("g++"), "compiles BoringSSL").with("boring-sys"),
    need(&[Build], Program("cmake"), Apt("cmake"), "builds BoringSSL").with("boring-sys"),
    need(&[Build], Program("make"), Apt("make"), "builds BoringSSL").with("boring-sys"),
    need(&[Build], Program("git"), Apt("git"), "prepares BoringSSL's source").with("boring-sys"),
    need(&[Build], Program("clang"), Apt("clang"), "generates C bindings").with("bindgen"),
    need(&[Demo, Test], Program("curl"), Apt("curl"), "HTTP client of the demo and the tests"),
    need(&[Demo, Test], Program("openssl"), Apt("openssl"), "TLS client; second judge of chains"),
    need(&[Demo, Test], Program("storescu"), Apt("dcmtk"), "DICOM client of the demo and tests"),
    need(&[Test], Program("haproxy"), Apt("haproxy"), "reads PROXY headers in the tests"),
    need(&[Test], Program("nginx"), Apt("nginx-light"), "reads PROXY headers in the tests"),
    need(&[Test], Program("sqlite3"), Apt("sqlite3"), "reads day files as any tool would"),
    need(&[Roads, Test], Program("ip"), Apt("iproute2"), "networks of the namespace tests"),
    need(&[Roads, Test], Program("nft"), Apt("nftables"), "translators and losses in the networks"),
    need(&[Roads, Test], Program("conntrack"), Apt("conntrack"), "makes translators forget"),
    need(&[Roads, Test], Program("ping"), Apt("iputils-ping"), "tries the networks"),
    need(
        &[Roads, Test],
        Program("charon-systemd"),
        Apt("charon-systemd"),
        "strongSwan: an IPsec peer",
    ),
    need(&[Roads, Test], Program("swanctl"), Apt("strongswan-swanctl"), "controls strongSwan"),
    need(&[Roads, Test], File(LIBIPSEC), Apt("libcharon-extra-plugins"), "ESP of strongSwan's own"),
    need(
        &[Roads, Test],
        File(OPENSSL),
        Apt("libstrongswan-standard-plugins"),
        "strongSwan's ciphers",
    ),
    need(&[Roads], Program("tcpdump"), Apt("tcpdump"), "shows what reaches the systems"),
    need(&[Test], File(SCAPY), Apt("python3-scapy"), "makes ESP packets, good and bad"),
    need(&[Test], File(CRYPTOGRAPHY), Apt("python3-cryptography"), "scapy's ciphers"),
    need(
        &[Roads, Test],
        File("/etc/protocols"),
        Apt("netbase"),
        "names of protocols for strongSwan",
    ),
    need(&[Tunnel], Program("iperf3"), Apt("iperf3"), "sends TCP through tunnels"),
    need(&[Peers], Program("wg"), Apt("wireguard-tools"), "controls WireGuard"),
    need(&[Peers], Program("wireguard-go"), Apt("wireguard-go"), "WireGuard in Go"),
    need(&[Peers], Built("boringtun-cli"), Peer("boringtun-cli"), "WireGuard by Cloudflare"),
    need(&[Peers], Built("gotatun"), Peer("gotatun-cli"), "WireGuard by Mullvad"),
    need(&[Peers], Program("openvpn"), Apt("openvpn"), "OpenVPN"),
    need(&[Ci], Cargo("fmt"), Rustup("rustfmt"), "formatting"),
    need(&[Ci], Cargo("clippy"), Rustup("clippy"), "lints"),
    need(&[Ci], Cargo("deny"), Crates("cargo-deny"), "dependency policy (a minute to build)"),
    need(&[Ci], Program("git"), Apt("git"), "fetches the advisories"),
    need(&[Fuzz], Cargo("fuzz"), Crates("cargo-fuzz"), "builds and runs fuzz targets"),
];

/// strongSwan's plugins are no programs.
const LIBIPSEC: &str = "/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so";
const OPENSSL: &str = "/usr/lib/ipsec/plugins/libstrongswan-openssl.so";

/// Of the distribution's Python, whichever other comes first.
const SCAPY: &str = "/usr/lib/python3/dist-packages/scapy/layers/ipsec.py";
const CRYPTOGRAPHY: &str = "/usr/lib/python3/dist-packages/cryptography/__init__.py";

const fn need(
    groups: &'static [Group],
    probe: Probe,
    source: Source,
    purpose: &'static str,
) -> Need {
    Need { groups, probe, source, purpose, when: When::Always }
}

impl Need {
    const fn with(self, locked: &'static str) -> Self {
        Self { when: When::Locked(locked), ..self }
    }

    /// Whether the machine has it.
    pub(crate) fn is_met(&self, workspace: &Workspace) -> bool {
        match self.probe {
            Program(name) => process::find(name).is_some(),
            File(path) => Path::new(path).exists(),
            Built(name) => workspace.peers().join("bin").join(name).exists(),
            Cargo(name) => {
                process::succeeds(process::cargo(&workspace.root).args([name, "--version"]))
            }
        }
    }

    /// What is looked for.
    pub(crate) fn subject(&self) -> String {
        match self.probe {
            Program(name) | Built(name) => name.to_owned(),
            File(path) => path.to_owned(),
            Cargo(name) => format!("cargo {name}"),
        }
    }
}

/// The needs of `groups` in the workspace that `lock` (the text of its `Cargo.lock`) describes.
pub(crate) fn of(groups: &[Group], lock: &str) -> impl Iterator<Item = &'static Need> {
    NEEDS.iter().filter(move |need| {
        let wanted = need.groups.iter().any(|group| groups.contains(group));
        wanted
            && match need.when {
                When::Always => true,
                When::Locked(name) => locks(lock, name),
            }
    })
}

fn locks(lock: &str, name: &str) -> bool {
    let entry = format!("name = \"{name}\"");
    lock.lines().any(|line| line == entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(groups: &[Group], lock: &str) -> Vec<Source> {
        of(groups, lock).map(|need| need.source).collect()
    }

    #[test]
    fn boringssl_asks_for_more_than_aws_lc() {
        let aws_lc = "[[package]]\nname = \"aws-lc-sys\"\ndependencies = [\n \"cmake\",\n]\n";
        assert_eq!(sources(&[Build], aws_lc), [Apt("gcc"), Apt("libc6-dev")]);

        let boring = format!("{aws_lc}\n[[package]]\nname = \"boring-sys\"\n");
        assert!(sources(&[Build], &boring).contains(&Apt("cmake")));
        assert!(!sources(&[Build], &boring).contains(&Apt("clang")), "bindgen is not locked");
    }
}
