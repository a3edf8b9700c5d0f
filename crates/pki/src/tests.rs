//! Proof against software others wrote: OpenSSL's command line and rustls-webpki.

mod certificates;
mod keys;
mod mutation;
mod path;
mod revocation;
mod verdicts;

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::{
    Algorithm, Authority, CrlUpdate, Identity, Reason, Revoked, Serial, Server, SigningKey,
    Subject, Terminal, Validity,
};

const DAY: i64 = 86_400;
const NOW: i64 = 1_800_000_000;
const IDENTITY: &str = "spiffe://sekisho.example.jp/1310001/CT-01";

/// A root, an issuing authority below it, and a terminal of each fate.
struct World {
    root: Authority,
    issuing: Authority,
    good: Vec<u8>,
    revoked: Vec<u8>,
    expired: Vec<u8>,
}

impl World {
    fn new(algorithm: Algorithm) -> Self {
        let key = || SigningKey::generate(algorithm).unwrap();
        let validity = Validity::new(NOW - DAY, NOW + 1000 * DAY).unwrap();
        let root = Authority::root(key(), &subject("根"), validity, &serial(1)).unwrap();
        let issuing = root.issuing(key(), &subject("発行"), validity, &serial(2)).unwrap();

        let terminal = |from, to, number| {
            let validity = Validity::new(from, to).unwrap();
            let key = SigningKey::generate(Algorithm::EcdsaP256).unwrap();
            issuing
                .issue_terminal(&terminal(), key.public_key(), validity, &serial(number))
                .unwrap()
        };
        let good = terminal(NOW - DAY, NOW + DAY, 3);
        let revoked = terminal(NOW - DAY, NOW + DAY, 4);
        let expired = terminal(NOW - DAY, NOW - 1, 5);
        Self { root, issuing, good, revoked, expired }
    }

    /// The lists of both authorities, made at `this_update` and good for a day.
    fn crls(&self, this_update: i64) -> [Vec<u8>; 2] {
        let update = CrlUpdate { number: 7, this_update, next_update: this_update + DAY };
        let revoked = Revoked { serial: serial(4), at: NOW - 60, reason: Reason::KeyCompromise };
        [self.root.sign_crl(update, []).unwrap(), self.issuing.sign_crl(update, [revoked]).unwrap()]
    }
}

fn serial(number: u8) -> Serial {
    Serial::from_random([number; 16])
}

fn subject(common_name: &str) -> Subject {
    Subject {
        organization: "医療情報ゲートウェイ".to_owned(),
        unit: None,
        common_name: common_name.to_owned(),
    }
}

fn terminal() -> Terminal {
    Terminal {
        organization: "中央病院".to_owned(),
        unit: Some("放射線科".to_owned()),
        identity: IDENTITY.parse().unwrap(),
    }
}

fn server() -> Server {
    Server {
        subject: subject("関所"),
        dns_names: vec!["gw.example.jp".to_owned()],
        ip_addresses: vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
    }
}

fn identity() -> Identity {
    IDENTITY.parse().unwrap()
}

/// A directory to run `openssl` in.
struct Openssl(TempDir);

impl Openssl {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn file(&self, name: &str) -> Vec<u8> {
        let mut content = Vec::new();
        let mut file = std::fs::OpenOptions::new().read(true).open(self.path(name)).unwrap();
        std::io::Read::read_to_end(&mut file, &mut content).unwrap();
        content
    }

    /// Standard output, or what it says when it fails. `args` are split at white space.
    fn run(&self, args: &str) -> Result<Vec<u8>, String> {
        let output = Command::new("openssl")
            .args(args.split_whitespace())
            .current_dir(self.0.path())
            .output()
            .unwrap();
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    fn text(&self, args: &str) -> String {
        String::from_utf8(self.run(args).unwrap()).unwrap()
    }
}
