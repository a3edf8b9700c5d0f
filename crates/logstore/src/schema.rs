//! The day file's tables: one column for every field of the record, in its order.

use std::path::Path;
use std::sync::LazyLock;

use connlog::{FIELDS, FieldError, FieldKind, Record, Value};
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, Transaction};

use crate::LogError;

/// Marks the file as ours for file(1) and for us: "SKSH".
const APPLICATION_ID: i32 = 0x534b_5348;

/// Of the tables below and the fields they hold.
pub(crate) const VERSION: i32 = 1;

/// Quoted, since some fields are SQL keywords.
static COLUMNS: LazyLock<String> = LazyLock::new(|| {
    let names: Vec<String> = FIELDS.iter().map(|field| format!("\"{}\"", field.name)).collect();
    names.join(", ")
});

/// Writes a record under its number. One that is there already stays: see
/// [`crate::days`] for when that happens.
pub(crate) static INSERT: LazyLock<String> = LazyLock::new(|| {
    let places = ", ?".repeat(FIELDS.len());
    let columns = &*COLUMNS;
    format!("INSERT INTO records (seq, {columns}) VALUES (?{places}) ON CONFLICT (seq) DO NOTHING")
});

/// Reads records with their numbers; a condition follows.
pub(crate) static SELECT: LazyLock<String> =
    LazyLock::new(|| format!("SELECT seq, {} FROM records WHERE ", *COLUMNS));

/// Makes the tables of a new day file.
pub(crate) fn create(file: &Transaction<'_>, gateway: &str, day: &str) -> rusqlite::Result<()> {
    let columns: String = FIELDS
        .iter()
        .map(|field| {
            let kind = match field.kind {
                FieldKind::Integer => "INTEGER",
                FieldKind::Text => "TEXT",
                FieldKind::Bytes => "BLOB",
            };
            format!(", \"{}\" {kind}", field.name)
        })
        .collect();
    file.execute_batch(&format!(
        "CREATE TABLE records (seq INTEGER PRIMARY KEY{columns}) STRICT;
         CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
         PRAGMA application_id = {APPLICATION_ID};
         PRAGMA user_version = {VERSION};"
    ))?;
    let mut insert = file.prepare("INSERT INTO meta (key, value) VALUES (?, ?)")?;
    for (key, value) in [("schema", &*VERSION.to_string()), ("gateway", gateway), ("day", day)] {
        insert.execute([key, value])?;
    }
    Ok(())
}

/// Whether the file at `path`, opened as `file`, has our tables (`true`) or is still
/// empty.
///
/// # Errors
///
/// It holds something else, or cannot be read.
pub(crate) fn is_there(file: &Connection, path: &Path) -> Result<bool, LogError> {
    let number = |sql: &str| -> Result<i32, LogError> {
        file.query_row(sql, [], |row| row.get(0)).map_err(|source| {
            match source.sqlite_error_code() {
                Some(rusqlite::ErrorCode::NotADatabase) => LogError::Foreign { path: path.into() },
                _ => LogError::Sqlite { path: path.into(), source },
            }
        })
    };
    let application = number("PRAGMA application_id")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    match (application, tables) {
        (0, 0) => Ok(false),
        (APPLICATION_ID, _) => match number("PRAGMA user_version")? {
            VERSION => Ok(true),
            found => Err(LogError::Version { path: path.into(), found }),
        },
        _ => Err(LogError::Foreign { path: path.into() }),
    }
}

/// A record's value as SQLite takes it.
struct Bound<'a>(&'a Value<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// Writes `record` with a statement made of [`INSERT`].
pub(crate) fn insert(
    statement: &mut rusqlite::Statement<'_>,
    seq: i64,
    record: &Record,
) -> rusqlite::Result<()> {
    let seq = Value::Integer(seq);
    let values = record.values();
    let row = std::iter::once(&seq).chain(&values).map(Bound);
    statement.execute(rusqlite::params_from_iter(row)).map(drop)
}

/// Reads the record of a row of [`SELECT`].
pub(crate) fn record(row: &Row<'_>) -> Result<Record, FieldError> {
    let values = FIELDS.iter().enumerate().map(|(index, field)| {
        let wrong = FieldError(field.name);
        Ok(match row.get_ref(index + 1).map_err(|_| wrong.clone())? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Text(text) => {
                Value::Text(std::str::from_utf8(text).map_err(|_| wrong)?.into())
            }
            ValueRef::Blob(bytes) => Value::Bytes(bytes.try_into().map_err(|_| wrong)?),
            ValueRef::Real(_) => return Err(wrong),
        })
    });
    Record::from_values(values.collect::<Result<Vec<_>, _>>()?)
}
