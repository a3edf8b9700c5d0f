//! OpenSSL's command line, the second implementation of these tests.

use std::process::Command;

use crypto::signature::{PrivateKey, PublicKey};
use tempfile::TempDir;

/// A directory of files, and `openssl` run in it.
pub(super) struct OpenSsl(TempDir);

impl OpenSsl {
    pub(super) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// With a new key in `key.pem`.
    pub(super) fn with_key(parameters: &str) -> (Self, PrivateKey, PublicKey) {
        let openssl = Self::new();
        openssl.run(&format!("genpkey -algorithm {parameters} -out key.pem"));
        let private = openssl.run("pkcs8 -topk8 -nocrypt -in key.pem -outform DER");
        let public = openssl.run("pkey -in key.pem -pubout -outform DER");
        let private = PrivateKey::from_pkcs8(&private).unwrap();
        (openssl, private, PublicKey::from_spki(&public).unwrap())
    }

    /// Runs `openssl` with these words as arguments; returns what it prints.
    pub(super) fn run(&self, arguments: &str) -> Vec<u8> {
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(self.0.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "openssl {arguments}: {output:?}");
        output.stdout
    }

    pub(super) fn write(&self, name: &str, content: &[u8]) {
        std::fs::write(self.0.path().join(name), content).unwrap();
    }

    /// Signs the message in `message` with the key in `key.pem`.
    pub(super) fn sign(&self, options: &str) -> Vec<u8> {
        self.run(&format!("pkeyutl -sign -rawin -in message -inkey key.pem {options}"))
    }
}
