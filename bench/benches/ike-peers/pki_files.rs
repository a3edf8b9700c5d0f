//! A CA, the gateway's certificate and those of the terminals, made by `sekisho` itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pki::pem::{self, Label};
use pki::{Leaf, SigningKey, Trust};
use sekisho_tests::program;
use tempfile::TempDir;

/// What the gateway calls itself.
pub(crate) const GATEWAY: &str = "ipsec.kmix-r.example";
/// Terminals that hold all sessions between them: so many that none has more than the gateway
/// permits one, 16.
pub(crate) const TERMINALS: u16 = 700;
/// The file with the configuration.
pub(crate) const CONFIG: &str = "sekisho.toml";

/// Of which algorithm all end entities' keys are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keys {
    P256,
    Rsa2048,
}

impl Keys {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::Rsa2048 => "rsa2048",
        }
    }

    /// As `sekisho` calls the algorithms of CA and end entities.
    fn algorithms(self) -> (&'static str, &'static str) {
        match self {
            Self::P256 => ("ecdsa-p256", "ecdsa-p256"),
            Self::Rsa2048 => ("rsa-3072", "rsa-2048"),
        }
    }
}

/// A private directory, removed when dropped.
pub(crate) struct Files(TempDir);

/// What a terminal has.
pub(crate) struct Terminal {
    /// Its certificate, then the issuing authority's; DER.
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) key: SigningKey,
}

impl Files {
    /// Makes everything: with the configuration in place, `sekisho` fills the registry as well.
    pub(crate) fn make(keys: Keys, configuration: &str) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        fs::write(files.path(CONFIG), configuration).unwrap();
        let (of_ca, of_ends) = keys.algorithms();
        let run = |line: String| {
            program::finish(files.sekisho().args(line.split(' ')), b"").expect_success()
        };
        run(format!("ca init --organization K-MIX --no-passphrase --algorithm {of_ca}"));
        run(format!("ca server gateway --dns {GATEWAY} --out tls --algorithm {of_ends}"));
        let may = "--networks ipsec --systems kmix-plus --inner-prefixes 10.1.0.0/16";
        run(format!("institution add H1 --kind hospital --name H1 {may}"));
        for terminal in 0..TERMINALS {
            run(format!("terminal add H1/ct-{terminal}"));
            let out = format!("--out terminals --algorithm {of_ends}");
            run(format!("terminal issue H1/ct-{terminal} {out}"));
        }
        files
    }

    pub(crate) fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(below)
    }

    /// The program beside this one.
    pub(crate) fn program() -> PathBuf {
        std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("sekisho")
    }

    /// `sekisho` with the configuration.
    fn sekisho(&self) -> Command {
        let mut command = program::command(Self::program());
        command.arg("--config").arg(self.path(CONFIG)).current_dir(self.path(""));
        command
    }

    /// The gateway's chain and key.
    pub(crate) fn gateway(&self) -> (PathBuf, PathBuf) {
        (self.path("tls/gateway.pem"), self.path("tls/gateway.key"))
    }

    pub(crate) fn authorities(&self) -> PathBuf {
        self.path("ca/ca.pem")
    }

    pub(crate) fn crls(&self) -> [PathBuf; 2] {
        ["ca/root.crl", "ca/issuing.crl"].map(|name| self.path(name))
    }

    /// What terminals trust.
    pub(crate) fn trust(&self) -> Trust {
        let is_root = |der: &Vec<u8>| {
            let leaf = Leaf::from_der(der).unwrap();
            leaf.subject == leaf.issuer
        };
        let (roots, issuing): (Vec<_>, Vec<_>) =
            self.certificates("ca/ca.pem").into_iter().partition(is_root);
        let read =
            |crl: &PathBuf| pem::decode(Label::RevocationList, &fs::read(crl).unwrap()).unwrap();
        let lists: Vec<_> = self.crls().iter().flat_map(read).collect();
        Trust::new(&roots, &issuing, &lists).unwrap()
    }

    pub(crate) fn terminal(&self, number: u16) -> Terminal {
        let name = format!("terminals/H1-ct-{number}");
        let key = fs::read(self.path(format!("{name}.key"))).unwrap();
        let key = SigningKey::from_pem(&key, None).unwrap();
        Terminal { chain: self.certificates(format!("{name}.pem")), key }
    }

    fn certificates(&self, file: impl AsRef<Path>) -> Vec<Vec<u8>> {
        pem::decode(Label::Certificate, &fs::read(self.path(file)).unwrap()).unwrap()
    }
}
