//! The database file: opening it, telling it from other files, bringing it up to date.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::Error;

/// `SQLite` database header, offset 68: "Skro".
const APPLICATION_ID: u32 = 0x536b_726f;
/// Step n brings a database from version n to n + 1. A step that was released never changes.
const STEPS: [&str; 3] = [
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
];
#[expect(clippy::cast_possible_truncation, reason = "the steps are few")]
const KNOWN: u32 = STEPS.len() as u32;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Distinct statements of an import and some more.
const CACHED_STATEMENTS: usize = 48;

/// Opens for reading and writing; makes the file (mode 0600) where there is none.
pub(crate) fn open(path: &Path) -> Result<Connection, Error> {
    // SQLite would make the file with the mode the umask leaves.
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|source| Error::CannotOpen { path: path.to_owned(), source })?;
    let mut sql = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Before anything else: a file that is not ours must not be touched.
    if version(&sql, path)?.is_none_or(|found| found < KNOWN) {
        migrate(&mut sql, path)?;
    }
    sql.pragma_update(None, "foreign_keys", true)?;
    sql.pragma_update(None, "synchronous", "FULL")?;
    Ok(sql)
}

/// Opens for reading a database that [`open`] has brought up to date.
pub(crate) fn open_read_only(path: &Path) -> Result<Connection, Error> {
    File::open(path).map_err(|source| Error::CannotOpen { path: path.to_owned(), source })?;
    let sql = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    match version(&sql, path)? {
        Some(KNOWN) => Ok(sql),
        Some(found) => Err(Error::Older { found, known: KNOWN }),
        None => Err(Error::NotARegistry(path.to_owned())),
    }
}

fn connect(path: &Path, mode: OpenFlags) -> Result<Connection, Error> {
    let sql = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    sql.busy_timeout(BUSY_TIMEOUT)?;
    sql.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(sql)
}

/// The version of the schema; `None` for an empty database.
fn version(sql: &Connection, path: &Path) -> Result<Option<u32>, Error> {
    let read = || -> rusqlite::Result<(u32, u32, bool)> {
        let pragma = |name| sql.pragma_query_value(None, name, |row| row.get(0));
        let empty = "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)";
        Ok((
            pragma("application_id")?,
            pragma("user_version")?,
            sql.query_row(empty, (), |row| row.get(0))?,
        ))
    };
    match read() {
        Ok((APPLICATION_ID, found, _)) if found > KNOWN => {
            Err(Error::Newer { found, known: KNOWN })
        }
        Ok((APPLICATION_ID, found, _)) => Ok(Some(found)),
        Ok((0, 0, true)) => Ok(None),
        Ok(_) => Err(Error::NotARegistry(path.to_owned())),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            Err(Error::NotARegistry(path.to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

fn migrate(sql: &mut Connection, path: &Path) -> Result<(), Error> {
    sql.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    let transaction = sql.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another program may have done it while this one waited for its turn.
    let found = version(&transaction, path)?.unwrap_or(0);
    for (step, target) in STEPS.iter().zip(1..).skip(found as usize) {
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", target)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_file_is_private_and_durable() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.db");
        let sql = open(&path).unwrap();
        sql.execute("UPDATE counters SET value = value + 1", ()).unwrap();
        for file in ["registry.db", "registry.db-wal", "registry.db-shm"] {
            let mode = folder.path().join(file).metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
        let pragma = |name| sql.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!((pragma("synchronous"), pragma("foreign_keys")), (2, 1));
        let journal: String =
            sql.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(journal, "wal");
    }

    #[test]
    fn what_is_no_registry_of_ours_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");

        std::fs::write(&path, "機関コード,機関名\n".repeat(100)).unwrap();
        assert!(matches!(open(&path), Err(Error::NotARegistry(_))));
        assert!(matches!(open_read_only(&path), Err(Error::NotARegistry(_))));

        std::fs::remove_file(&path).unwrap();
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(open(&path), Err(Error::NotARegistry(_))));
        assert_eq!(std::fs::read(&path).unwrap(), before);

        std::fs::remove_file(&path).unwrap();
        open(&path).unwrap().pragma_update(None, "user_version", KNOWN + 1).unwrap();
        assert!(matches!(open(&path), Err(Error::Newer { .. })));
        assert!(matches!(open_read_only(&path), Err(Error::Newer { .. })));
    }

    #[test]
    fn an_older_registry_is_brought_up_to_date_and_keeps_its_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.db");
        let mut sql = Connection::open(&path).unwrap();
        let first = sql.transaction().unwrap();
        first.execute_batch(STEPS[0]).unwrap();
        first.pragma_update(None, "user_version", 1).unwrap();
        first.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        first.execute("UPDATE counters SET value = 7 WHERE name = 'roster_version'", ()).unwrap();
        first.commit().unwrap();
        drop(sql);
        open(&path).unwrap();
        let sql = open_read_only(&path).unwrap();
        let version: i64 = sql
            .query_row("SELECT value FROM counters WHERE name = 'roster_version'", (), |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(version, 7);
        sql.prepare("SELECT key, ppk_id, ppk FROM ike_identities").unwrap();
        sql.prepare("SELECT within FROM institutions").unwrap();
    }

    #[test]
    fn readers_neither_make_nor_upgrade() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.db");
        assert!(matches!(open_read_only(&path), Err(Error::CannotOpen { .. })));
        assert!(!path.exists());
        assert!(matches!(open(&path.join("below")), Err(Error::CannotOpen { .. })));

        open(&path).unwrap().pragma_update(None, "user_version", KNOWN - 1).unwrap();
        assert!(matches!(open_read_only(&path), Err(Error::Older { .. })));
    }
}
