//! Secrets in files: their owner's alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use pki::Passphrase;
use zeroize::Zeroizing;

use super::{fault, read, unreadable};
use crate::config::{Located, Problem};

/// Reads a passphrase; one final line break is not part of it.
pub(crate) fn passphrase(file: &Located) -> Result<Passphrase, Problem> {
    kept_private(file)?;
    let bytes = Zeroizing::new(read(file)?);
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| fault(file, "it is not UTF-8 text", "write the passphrase as text"))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(Passphrase::new(text.strip_suffix('\r').unwrap_or(text).to_owned()))
}

/// A secret in the clear must not be readable for others.
pub(super) fn kept_private(file: &Located) -> Result<(), Problem> {
    let mode = fs::metadata(&file.path).map_err(|error| unreadable(file, &error))?;
    let mode = mode.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let message = format!("a secret that others can read (mode {mode:04o})");
    Err(fault(file, message, &format!("run: chmod 0600 {}", file.path.display())))
}
