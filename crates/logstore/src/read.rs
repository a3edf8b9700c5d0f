//! Reading the day files, from any process, while the writer runs or does not.
//!
//! Rows are read a page at a time, and no transaction is open between pages: a reader
//! that takes its time never keeps the write-ahead log from being folded in.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::vec;

use connlog::Record;
use jiff::civil::Date;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

use crate::filter::Filter;
use crate::{LogError, Query, Tail, day, schema};

/// Rows read from one file at once.
pub(crate) const PAGE: u64 = 1000;

/// How long a reader waits for the recovery or the checkpoint of another process.
const PATIENCE: Duration = Duration::from_secs(5);

/// The log in a directory, for reading.
#[derive(Clone, Debug)]
pub struct Log {
    directory: PathBuf,
}

impl Log {
    /// The log whose day files are in `directory`.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// The records that `query` asks for. Each is read when it is asked for; records
    /// written meanwhile are among them.
    ///
    /// # Errors
    ///
    /// The directory cannot be read. Files are opened later: the iterator ends with an
    /// error if one cannot be read, or is not ours.
    pub fn records(&self, query: &Query) -> Result<Records, LogError> {
        Ok(Records::new(day::files(&self.directory)?, BTreeMap::new(), query))
    }

    /// The last `count` records of those that `query` asks for, then those written
    /// from now on. Order and limit of the query are not regarded.
    ///
    /// # Errors
    ///
    /// The directory or a day file cannot be read.
    pub fn tail(&self, query: &Query, count: u64) -> Result<Tail, LogError> {
        Tail::new(self.directory.clone(), query, count)
    }
}

/// The records a query asks for, in its order.
pub struct Records {
    days: VecDeque<(Date, PathBuf)>,
    /// Where to begin in a day's file when reading the newest first: at this number.
    newest: BTreeMap<Date, i64>,
    filter: Filter,
    newest_first: bool,
    remaining: u64,
    /// The day being read, and the number of the last row read.
    day: Option<(DayReader, i64)>,
    page: vec::IntoIter<Record>,
}

impl Records {
    pub(crate) fn new(
        files: BTreeMap<Date, PathBuf>,
        newest: BTreeMap<Date, i64>,
        query: &Query,
    ) -> Self {
        let first = query.since.map(|since| day::around(since).0);
        let last = query.until.map(|until| day::around(until).1);
        let mut days: VecDeque<_> = files
            .into_iter()
            .filter(|(day, _)| first.is_none_or(|first| *day >= first))
            .filter(|(day, _)| last.is_none_or(|last| *day <= last))
            .collect();
        if query.newest_first {
            days.make_contiguous().reverse();
        }
        Self {
            days,
            newest,
            filter: Filter::new(query),
            newest_first: query.newest_first,
            remaining: query.limit.unwrap_or(u64::MAX),
            day: None,
            page: Vec::new().into_iter(),
        }
    }

    /// Reads on; `false` at the end.
    fn load(&mut self) -> Result<bool, LogError> {
        let Some((reader, from)) = &mut self.day else {
            let Some((day, path)) = self.days.pop_front() else { return Ok(false) };
            let from = if self.newest_first {
                self.newest.get(&day).map_or(i64::MAX, |newest| newest.saturating_add(1))
            } else {
                0
            };
            self.day = DayReader::open(path)?.map(|reader| (reader, from));
            return Ok(true);
        };
        let range =
            if self.newest_first { Range::Before(*from) } else { Range::Between(*from, i64::MAX) };
        // What SQL cannot tell may reject any part of a page.
        let rows = if self.filter.is_sql_only() { self.remaining.min(PAGE) } else { PAGE };
        let page = reader.page(&self.filter, range, rows)?;
        match page.last {
            Some(last) => *from = last,
            None => self.day = None,
        }
        self.page = page.records.into_iter();
        Ok(true)
    }
}

impl Iterator for Records {
    type Item = Result<Record, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.remaining > 0 {
            if let Some(record) = self.page.next() {
                self.remaining -= 1;
                return Some(Ok(record));
            }
            match self.load() {
                Ok(true) => {}
                Ok(false) => self.remaining = 0,
                Err(error) => {
                    self.remaining = 0;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

/// Row numbers to read.
#[derive(Clone, Copy)]
pub(crate) enum Range {
    /// Upwards: after the first number, up to and with the second.
    Between(i64, i64),
    /// Downwards: those before.
    Before(i64),
}

/// Rows read at once.
pub(crate) struct Page {
    pub(crate) records: Vec<Record>,
    /// The number of the last row read, whether or not its record is among them.
    pub(crate) last: Option<i64>,
}

/// One day's file, as readers see it.
pub(crate) struct DayReader {
    path: PathBuf,
    connection: Connection,
}

impl DayReader {
    /// Opens the file; `None` if its writer has not made the tables yet.
    pub(crate) fn open(path: PathBuf) -> Result<Option<Self>, LogError> {
        let connection =
            connect(&path).map_err(|source| LogError::Sqlite { path: path.clone(), source })?;
        let is_there = schema::is_there(&connection, &path)?;
        Ok(is_there.then_some(Self { path, connection }))
    }

    /// The number of the last row; 0 if there is none.
    pub(crate) fn last_seq(&self) -> Result<i64, LogError> {
        let last = "SELECT coalesce(max(seq), 0) FROM records";
        self.connection.query_row(last, [], |row| row.get(0)).map_err(|source| self.error(source))
    }

    /// Reads at most `limit` rows of `range`.
    pub(crate) fn page(&self, filter: &Filter, range: Range, limit: u64) -> Result<Page, LogError> {
        let (condition, order, mut parameters) = match range {
            Range::Between(after, last) => {
                ("seq > ? AND seq <= ?", "seq", vec![Value::from(after), Value::from(last)])
            }
            Range::Before(before) => ("seq < ?", "seq DESC", vec![Value::from(before)]),
        };
        let (select, and) = (&*schema::SELECT, &filter.sql);
        let sql = format!("{select}{condition}{and} ORDER BY {order} LIMIT {limit}");
        parameters.extend(filter.parameters.iter().cloned());
        let mut statement = self.connection.prepare(&sql).map_err(|e| self.error(e))?;
        let mut rows =
            statement.query(rusqlite::params_from_iter(parameters)).map_err(|e| self.error(e))?;
        let mut page = Page { records: Vec::new(), last: None };
        while let Some(row) = rows.next().map_err(|source| self.error(source))? {
            let seq = row.get(0).map_err(|source| self.error(source))?;
            let record = schema::record(row).map_err(|source| LogError::Row {
                path: self.path.clone(),
                seq,
                source,
            })?;
            page.last = Some(seq);
            if filter.accepts(&record) {
                page.records.push(record);
            }
        }
        Ok(page)
    }

    fn error(&self, source: rusqlite::Error) -> LogError {
        LogError::Sqlite { path: self.path.clone(), source }
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}
