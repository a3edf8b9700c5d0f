//! Secrets in files: their owner's alone.

use std::fmt::{self, Display};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use pki::Passphrase;
use zeroize::Zeroizing;

use crate::config::{Located, Problem};

/// A secret's file that cannot be used.
#[derive(Debug)]
pub(crate) struct Unfit {
    message: String,
    remedy: String,
}

impl Unfit {
    fn new(path: &Path, message: impl Display, remedy: impl Into<String>) -> Self {
        Self { message: format!("{}: {message}", path.display()), remedy: remedy.into() }
    }

    /// Where the configuration names the file.
    pub(crate) fn at(self, file: &Located) -> Problem {
        Problem::at(file.span.clone(), self.message, self.remedy)
    }
}

/// For a file that the command line names.
impl Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.remedy)
    }
}

impl std::error::Error for Unfit {}

/// Reads a passphrase; one final line break is not part of it.
pub(crate) fn passphrase(file: &Located) -> Result<Passphrase, Problem> {
    let mut text = text(&file.path).map_err(|unfit| unfit.at(file))?;
    Ok(Passphrase::new(std::mem::take(&mut *text)))
}

/// Reads a secret that is text; one final line break is not part of it.
pub(crate) fn text(path: &Path) -> Result<Zeroizing<String>, Unfit> {
    let octets = octets(path)?;
    let text = std::str::from_utf8(&octets)
        .map_err(|_| Unfit::new(path, "it is not UTF-8 text", "write the secret as text"))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(Zeroizing::new(text.strip_suffix('\r').unwrap_or(text).to_owned()))
}

/// Reads a secret.
pub(crate) fn octets(path: &Path) -> Result<Zeroizing<Vec<u8>>, Unfit> {
    judge_mode(path)?;
    fs::read(path).map(Zeroizing::new).map_err(|error| unreadable(path, &error))
}

/// A secret in the clear must not be readable for others.
pub(super) fn kept_private(file: &Located) -> Result<(), Problem> {
    judge_mode(&file.path).map_err(|unfit| unfit.at(file))
}

fn judge_mode(path: &Path) -> Result<(), Unfit> {
    let mode = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    let mode = mode.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let message = format!("a secret that others can read (mode {mode:04o})");
    Err(Unfit::new(path, message, format!("run: chmod 0600 {}", path.display())))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Unfit {
    Unfit::new(path, error, super::UNREADABLE)
}
