//! A connection log in a directory that goes with it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use connlog::Timestamp;
use logstore::{Config, Recorder, Writer};
use policy::UtcOffset;
use tempfile::{Builder, TempDir};

/// The name of the gateway that writes it.
pub const GATEWAY: &str = "gw1";

/// How long the last records may take.
const LAST: Duration = Duration::from_secs(10);

/// A running log.
#[derive(Debug)]
pub struct Log {
    /// The way into it.
    pub recorder: Recorder,
    writer: Writer,
    _directory: TempDir,
}

impl Log {
    /// Starts a log in a new directory below `parent`.
    ///
    /// # Panics
    ///
    /// When the directory cannot be written.
    pub fn start(parent: &Path) -> Self {
        let private = Permissions::from_mode(0o700);
        let directory = Builder::new().permissions(private).tempdir_in(parent).unwrap();
        let config = Config::new(directory.path().to_owned(), GATEWAY.into(), Arc::new(now));
        let (recorder, writer) = Writer::start(config).unwrap();
        Self { recorder, writer, _directory: directory }
    }

    /// Ends the log and removes its directory.
    ///
    /// # Panics
    ///
    /// When a record was not written, or a connection not closed.
    pub fn stop(self) {
        drop(self.recorder);
        self.writer.stop(Instant::now() + LAST).unwrap();
    }
}

/// The time of day in Japan.
pub fn now() -> Timestamp {
    logstore::now(UtcOffset::default())
}
