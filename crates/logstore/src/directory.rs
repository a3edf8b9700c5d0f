//! The log directory, held by one gateway at a time.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::LogError;

/// Holds the directory until dropped; the kernel lets go when the process dies.
pub(crate) struct Held(#[expect(dead_code, reason = "the open file is the lock")] File);

/// Takes the directory for this process.
///
/// # Errors
///
/// It is not there, open to others, not writable, or held by another gateway.
pub(crate) fn hold(directory: &Path) -> Result<Held, LogError> {
    let metadata = fs::metadata(directory)
        .and_then(
            |metadata| if metadata.is_dir() { Ok(metadata) } else { Err(Errno::NOTDIR.into()) },
        )
        .map_err(|source| LogError::Directory { path: directory.to_owned(), source })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(LogError::OpenToOthers { path: directory.to_owned(), mode });
    }
    let path = directory.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|source| LogError::File { path: path.clone(), source })?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Held(file)),
        Err(Errno::WOULDBLOCK) => Err(LogError::Held { path }),
        Err(errno) => Err(LogError::File { path, source: errno.into() }),
    }
}
