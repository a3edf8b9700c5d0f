//! Count and SHA-256 of bytes that pass by and are not kept.

use aws_lc_rs::digest::{Context, SHA256};
use serde::Serialize;

/// A running SHA-256 with the count of the bytes it has seen.
pub(crate) struct Checksum {
    context: Context,
    bytes: u64,
}

/// The result of a [`Checksum`].
#[derive(Debug, Serialize)]
pub(crate) struct Sum {
    pub(crate) bytes: u64,
    /// Lower-case hexadecimal.
    pub(crate) sha256: String,
}

impl Checksum {
    pub(crate) fn new() -> Self {
        Self { context: Context::new(&SHA256), bytes: 0 }
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        self.context.update(data);
        self.bytes = self.bytes.saturating_add(data.len() as u64);
    }

    pub(crate) fn finish(self) -> Sum {
        let digest = self.context.finish();
        let sha256 = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Sum { bytes: self.bytes, sha256 }
    }
}
