//! What can go wrong, whose fault it is and what to do.

use std::path::PathBuf;
use std::{fmt, io};

use connlog::FieldError;

use crate::LogReason;

/// Why a connection may not begin: its records cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwritable {
    /// No room for its records.
    QueueFull,
    /// The store fails.
    Storage,
    /// The log has stopped.
    Stopped,
}

impl Unwritable {
    /// The reason for the record and for people.
    pub fn reason(self) -> LogReason {
        match self {
            Self::QueueFull => LogReason::QueueFull,
            Self::Storage => LogReason::StorageFailed,
            Self::Stopped => LogReason::Stopped,
        }
    }
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason().fmt(f)
    }
}

impl std::error::Error for Unwritable {}

/// Why the log cannot be started, written, read or stopped.
#[derive(Debug)]
pub enum LogError {
    /// Configuration: the directory is not there or cannot be looked into.
    Directory {
        /// The log directory.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// Configuration: others than the owner may enter the directory.
    OpenToOthers {
        /// The log directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Configuration: another gateway writes into this directory.
    Held {
        /// The lock file.
        path: PathBuf,
    },
    /// System: a file cannot be made or opened.
    File {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// System: SQLite cannot read or write a day file.
    Sqlite {
        /// The day file.
        path: PathBuf,
        /// SQLite's word.
        source: rusqlite::Error,
    },
    /// Operator: a file with the name of a day file is none.
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Operator: a day file of another version of the gateway.
    Version {
        /// The day file.
        path: PathBuf,
        /// Its schema version.
        found: i32,
    },
    /// System: a row that the gateway cannot have written.
    Row {
        /// The day file.
        path: PathBuf,
        /// The row's number.
        seq: i64,
        /// The field that is wrong.
        source: FieldError,
    },
    /// System: no thread for the writer.
    Thread(io::Error),
    /// Stopped, but not everything could be recorded.
    Unfinished {
        /// Connections still open; their close records are lost.
        open: u64,
        /// Records kept in memory only, now lost.
        unwritten: u64,
    },
    /// The disk did not answer before the deadline; the last records may be lost.
    Unresponsive,
    /// Internal: the writer thread died.
    Died,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory { path, source } => write!(
                f,
                "log directory {}: {source}; make it with mode 0700, owned by the gateway's user",
                path.display()
            ),
            Self::OpenToOthers { path, mode } => write!(
                f,
                "log directory {path} is open to others (mode {mode:04o}); run: chmod 0700 {path}",
                path = path.display()
            ),
            Self::Held { path } => write!(
                f,
                "another gateway holds {}; stop it, or configure another log directory",
                path.display()
            ),
            Self::File { path, source } => write!(
                f,
                "{}: {source}; check the owner, the permissions and the space of its disk",
                path.display()
            ),
            Self::Sqlite { path, source } => write!(
                f,
                "{}: {source}; check the space and the health of its disk",
                path.display()
            ),
            Self::Foreign { path } => write!(
                f,
                "{} is not a day file of the connection log; move it out of the log directory",
                path.display()
            ),
            Self::Version { path, found } => write!(
                f,
                "{} has schema version {found}, this program knows {}; use the program that wrote it",
                path.display(),
                crate::schema::VERSION
            ),
            Self::Row { path, seq, source } => write!(
                f,
                "{} row {seq}: {source}; the file has been damaged or altered, restore it",
                path.display()
            ),
            Self::Thread(source) => {
                write!(
                    f,
                    "the log writer's thread cannot start: {source}; check the process limits"
                )
            }
            Self::Unfinished { open, unwritten } => write!(
                f,
                "the log stopped with {open} connections open and {unwritten} records unwritten; \
                 end connections first and check the log disk"
            ),
            Self::Unresponsive => f.write_str(
                "the log disk did not answer in time and the last records may be lost; \
                 check the health of the log disk",
            ),
            Self::Died => f.write_str(
                "the log writer died of an internal fault; restart the gateway and report it",
            ),
        }
    }
}

impl std::error::Error for LogError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Directory { source, .. } | Self::File { source, .. } | Self::Thread(source) => {
                Some(source)
            }
            Self::Sqlite { source, .. } => Some(source),
            Self::Row { source, .. } => Some(source),
            Self::OpenToOthers { .. }
            | Self::Held { .. }
            | Self::Foreign { .. }
            | Self::Version { .. }
            | Self::Unfinished { .. }
            | Self::Unresponsive
            | Self::Died => None,
        }
    }
}
