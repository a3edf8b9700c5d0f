//! One day's file, as the writer sees it.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use connlog::Record;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::{LogError, schema};

/// How long another program may hold the file before that is a failure.
const PATIENCE: Duration = Duration::from_secs(2);

/// A day file open for writing.
pub(crate) struct DayFile {
    path: PathBuf,
    connection: Connection,
}

impl DayFile {
    /// Opens the file, and makes it first if it is not there (mode 0600). After a crash
    /// SQLite recovers what was committed.
    pub(crate) fn open(path: PathBuf, gateway: &str, day: &str) -> Result<Self, LogError> {
        make(&path).map_err(|source| LogError::File { path: path.clone(), source })?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags)
            .map_err(|source| LogError::Sqlite { path: path.clone(), source })?;
        let mut file = Self { path, connection };
        // Nothing is changed in a file before it is known to be ours.
        let is_there = schema::is_there(&file.connection, &file.path)?;
        file.prepare(is_there, gateway, day).map_err(|source| file.error(source))?;
        Ok(file)
    }

    fn prepare(&mut self, is_there: bool, gateway: &str, day: &str) -> rusqlite::Result<()> {
        self.connection.busy_timeout(PATIENCE)?;
        self.connection.pragma_update(None, "journal_mode", "WAL")?;
        // Every commit is synced: https://sqlite.org/pragma.html#pragma_synchronous
        self.connection.pragma_update(None, "synchronous", "FULL")?;
        if is_there {
            return Ok(());
        }
        let transaction = begin(&mut self.connection)?;
        schema::create(&transaction, gateway, day)?;
        transaction.commit()
    }

    /// The number of the last record; 0 if there is none.
    pub(crate) fn last_seq(&self) -> Result<i64, LogError> {
        self.connection
            .query_row("SELECT coalesce(max(seq), 0) FROM records", [], |row| row.get(0))
            .map_err(|source| self.error(source))
    }

    /// Writes all records in one transaction and syncs it to the disk.
    pub(crate) fn append<'r>(
        &mut self,
        records: impl Iterator<Item = (i64, &'r Record)>,
    ) -> Result<(), LogError> {
        append(&mut self.connection, records).map_err(|source| self.error(source))
    }

    /// Moves what is still in the write-ahead log into the file.
    pub(crate) fn close(self) {
        // Closing does it too, unless someone is reading. A failure loses nothing:
        // the write-ahead log stays and is read with the file.
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        let _ = self.connection.query_row(checkpoint, [], |_| Ok(()));
    }

    fn error(&self, source: rusqlite::Error) -> LogError {
        LogError::Sqlite { path: self.path.clone(), source }
    }
}

/// Makes an empty file that only its owner can read, unless it is there. SQLite gives
/// its side files the same mode.
fn make(path: &Path) -> io::Result<()> {
    // A file that is there is not opened: closing it would take away the locks that
    // readers in this process have on it (https://sqlite.org/howtocorrupt.html §2.2).
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

fn append<'r>(
    connection: &mut Connection,
    records: impl Iterator<Item = (i64, &'r Record)>,
) -> rusqlite::Result<()> {
    let transaction = begin(connection)?;
    let mut statement = transaction.prepare_cached(&schema::INSERT)?;
    for (seq, record) in records {
        schema::insert(&mut statement, seq, record)?;
    }
    drop(statement);
    transaction.commit()
}
