//! What operators see of the log's health.

use std::io;
use std::sync::Arc;

use connlog::Timestamp;
use rusqlite::ffi;

use crate::LogError;

/// How the log fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogState {
    /// Records are written as they come.
    Writing,
    /// Records are written, but the disk takes more than a second for it. Nothing is
    /// refused for this alone.
    Slow {
        /// When the slow write began.
        since: Timestamp,
    },
    /// Records cannot be written; writing is tried again every few seconds at most.
    Failing {
        /// When it began.
        since: Timestamp,
        /// What kind of failure.
        cause: Cause,
        /// The error in full.
        error: Arc<str>,
    },
    /// The writer has ended.
    Stopped,
}

/// Why records cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// No space is left.
    DiskFull,
    /// The file, directory or file system may not be written.
    ReadOnly,
    /// The disk fails.
    InputOutput,
    /// Another program holds the day file.
    Busy,
    /// The day file is foreign or damaged.
    Damaged,
    /// Anything else; the error says what.
    Other,
}

impl Cause {
    /// The word in records and on dashboards.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DiskFull => "disk-full",
            Self::ReadOnly => "read-only",
            Self::InputOutput => "io-error",
            Self::Busy => "busy",
            Self::Damaged => "damaged",
            Self::Other => "other",
        }
    }

    pub(crate) fn of(error: &LogError) -> Self {
        match error {
            LogError::Sqlite { source, .. } => Self::of_sqlite(source),
            LogError::Directory { source, .. } | LogError::File { source, .. } => {
                Self::of_io(source)
            }
            LogError::Foreign { .. } | LogError::Version { .. } | LogError::Row { .. } => {
                Self::Damaged
            }
            LogError::OpenToOthers { .. }
            | LogError::Held { .. }
            | LogError::Thread(_)
            | LogError::Unfinished { .. }
            | LogError::Unresponsive
            | LogError::Died => Self::Other,
        }
    }

    fn of_io(error: &io::Error) -> Self {
        if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            Self::DiskFull
        } else if matches!(
            error.kind(),
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied
        ) {
            Self::ReadOnly
        } else {
            Self::InputOutput
        }
    }

    /// From the result codes of <https://sqlite.org/rescode.html>.
    fn of_sqlite(error: &rusqlite::Error) -> Self {
        let Some(code) = error.sqlite_error().map(|error| error.extended_code) else {
            return Self::Other;
        };
        // The index of the write-ahead log could not be given its size.
        if code == ffi::SQLITE_IOERR_SHMSIZE {
            return Self::DiskFull;
        }
        match code & 0xff {
            ffi::SQLITE_FULL => Self::DiskFull,
            ffi::SQLITE_READONLY | ffi::SQLITE_PERM => Self::ReadOnly,
            ffi::SQLITE_IOERR | ffi::SQLITE_CANTOPEN => Self::InputOutput,
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => Self::Busy,
            ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => Self::Damaged,
            _ => Self::Other,
        }
    }
}

/// Numbers for dashboards. All but the first three only grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Records there is room for.
    pub capacity: u64,
    /// Rooms taken: by records that wait and by open connections.
    pub taken: u64,
    /// Records that wait to be written.
    pub waiting: u64,
    /// Records written.
    pub written: u64,
    /// Transactions they were written in.
    pub batches: u64,
    /// Records that could not be kept.
    pub lost: u64,
}
