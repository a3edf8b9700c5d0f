//! Writing files so that they are whole, and private where they must be.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::Failure;

/// Readable by all.
pub(crate) const PUBLIC: u32 = 0o644;
/// The owner's alone.
pub(crate) const PRIVATE: u32 = 0o600;

/// Writes a file that must not be there yet.
pub(crate) fn create(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    let open = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = open.map_err(|error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            format!("{} exists already; move it away first", path.display())
        } else {
            format!("cannot write {}: {error}", path.display())
        }
    })?;
    // Whatever the umask: a CRL that the gateway cannot read is no CRL.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(())
}

/// Writes a file that must not be there yet, so that nobody ever finds a part of it.
pub(crate) fn create_whole(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    let new = beside(path);
    create(&new, bytes, mode)?;
    let linked = fs::hard_link(&new, path);
    fs::remove_file(&new)?;
    linked.map_err(|error| format!("cannot make {}: {error}", path.display()))?;
    sync_folder(path)
}

/// Puts a file in the place of the one that is there, whole or not at all.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    let new = beside(path);
    create(&new, bytes, mode)?;
    if let Err(error) = fs::rename(&new, path) {
        // The first error is the one to tell.
        let _ = fs::remove_file(&new);
        return Err(format!("cannot replace {}: {error}", path.display()).into());
    }
    sync_folder(path)
}

/// Where a file is written before it gets its name.
fn beside(path: &Path) -> PathBuf {
    path.with_extension(format!("new-{}", std::process::id()))
}

/// Makes the name of a file outlast a crash.
fn sync_folder(path: &Path) -> Result<(), Failure> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(())
}

/// Makes a directory that is its owner's alone, if it is not there.
pub(crate) fn private_directory(path: &Path) -> Result<(), Failure> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(format!(
            "cannot make the directory {}: {error}; make its parent first",
            path.display()
        )
        .into()),
    }
}
