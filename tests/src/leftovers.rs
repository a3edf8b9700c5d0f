//! What a process makes is named after it, so that the next one can remove what it left when it
//! was killed.

use std::path::Path;
use std::{env, fs, process};

use tempfile::TempDir;

/// Everything of ours is called so, then by the process that made it.
pub(crate) const PREFIX: &str = "sekisho";

/// A new directory; removed when dropped.
pub(crate) fn directory() -> TempDir {
    let prefix = format!("{PREFIX}-{}-", process::id());
    tempfile::Builder::new().prefix(&prefix).tempdir().unwrap()
}

/// Whether a name is of ours and its maker is no more.
pub(crate) fn is_one(name: &str) -> bool {
    let mut parts = name.split('-');
    let ours = parts.next() == Some(PREFIX);
    let maker = parts.next().and_then(|process| process.parse::<u32>().ok());
    let left = |maker: u32| !Path::new("/proc").join(maker.to_string()).exists();
    ours && maker.is_some_and(left)
}

/// Removes the directories.
pub(crate) fn remove_directories() {
    let entries = fs::read_dir(env::temp_dir()).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_str().is_some_and(is_one)) {
        // Another may be at it, too.
        let _ = fs::remove_dir_all(entry.path());
    }
}
