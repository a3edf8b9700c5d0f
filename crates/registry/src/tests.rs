mod acts;
mod conflicts;
mod exchange;
mod keys;
mod reading;

use policy::{Fingerprint, Institution, InstitutionKind, Networks, Status, TerminalName};
use tempfile::TempDir;

use crate::{Actor, CertificateFacts, Desk, Ppk, PreSharedKeys, Reader, Registry, SealingKey};

/// 2026-11-23 00:00:00 JST
const NOW: i64 = 1_795_359_600;

/// A registry in a folder of its own.
struct Fixture {
    folder: TempDir,
    registry: Registry,
    actor: Actor,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::open(&folder.path().join("registry.db")).unwrap();
        Self { folder, registry, actor: Actor { name: "佐藤".to_owned() } }
    }

    fn desk(&mut self) -> Desk<'_> {
        self.registry.desk(&self.actor, NOW)
    }

    fn reader(&self) -> &Reader {
        self.registry.reader()
    }

    /// Another connection, as the gateway has.
    fn another_reader(&self) -> Reader {
        Reader::open(&self.folder.path().join("registry.db")).unwrap()
    }
}

fn institution(code: &str) -> Institution {
    Institution {
        code: code.parse().unwrap(),
        name: format!("{code}病院"),
        kind: InstitutionKind::Hospital,
        status: Status::Active,
        networks: Networks::ALL,
        systems: vec!["kmix-plus".parse().unwrap()],
        hours: None,
        ip_vpn_prefixes: Vec::new(),
        inner_prefixes: Vec::new(),
        within: Vec::new(),
    }
}

fn terminal(name: &str) -> TerminalName {
    name.parse().unwrap()
}

const KEY: &str = "the-pre-shared-key-of-the-router";
const PPK: &str = "the-post-quantum-pre-shared-key-of-the-router";

fn keys(ppk_id: Option<&str>) -> PreSharedKeys {
    PreSharedKeys { key: KEY.parse().unwrap(), ppk: ppk_id.map(ppk) }
}

fn ppk(id: &str) -> Ppk {
    Ppk { id: id.to_owned(), key: PPK.parse().unwrap() }
}

fn sealing() -> SealingKey {
    SealingKey::new(&[7; SealingKey::LEN]).unwrap()
}

fn fingerprint(number: u8) -> Fingerprint {
    Fingerprint([number; 32])
}

fn facts(number: u8) -> CertificateFacts {
    CertificateFacts {
        fingerprint: fingerprint(number),
        serial: format!("{number:02x}"),
        issuer: "CN=Issuing CA".to_owned(),
        subject: format!("CN=terminal {number}"),
        not_before: NOW - 1000,
        not_after: NOW + i64::from(number) * 1000,
    }
}
