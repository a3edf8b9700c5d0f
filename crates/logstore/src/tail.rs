//! Records as they are written.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use connlog::Record;
use jiff::civil::Date;

use crate::filter::Filter;
use crate::read::{DayReader, PAGE, Range};
use crate::{LogError, Query, Records, day};

/// Follows the log: the last records first, then new ones.
pub struct Tail {
    directory: PathBuf,
    filter: Filter,
    /// The last records, until they have been taken.
    history: Vec<Record>,
    /// The number of the last row seen, by day.
    seen: BTreeMap<Date, i64>,
}

impl Tail {
    /// The pause that is due after a [`Tail::poll`] without records.
    pub const INTERVAL: Duration = Duration::from_millis(250);

    pub(crate) fn new(directory: PathBuf, query: &Query, count: u64) -> Result<Self, LogError> {
        let files = day::files(&directory)?;
        let mut seen = BTreeMap::new();
        for (day, path) in newest(&files) {
            let last = DayReader::open(path)?.map_or(Ok(0), |reader| reader.last_seq())?;
            seen.insert(day, last);
        }
        let last = Query { limit: Some(count), newest_first: true, ..query.clone() };
        let mut history =
            Records::new(files, seen.clone(), &last).collect::<Result<Vec<_>, _>>()?;
        history.reverse();
        Ok(Self { directory, filter: Filter::new(query), history, seen })
    }

    /// The records there are to show: at first the last ones, then what has been
    /// committed since the last call. Does not wait; there may be more as long as there
    /// are any.
    ///
    /// Looks at the newest two days, so that what yesterday's file still receives after
    /// midnight is not missed.
    ///
    /// # Errors
    ///
    /// The directory or a day file cannot be read.
    pub fn poll(&mut self) -> Result<Vec<Record>, LogError> {
        if !self.history.is_empty() {
            return Ok(std::mem::take(&mut self.history));
        }
        let mut records = Vec::new();
        for (day, path) in newest(&day::files(&self.directory)?) {
            let Some(reader) = DayReader::open(path)? else { continue };
            let seen = self.seen.entry(day).or_insert(0);
            let last = reader.last_seq()?;
            let page = reader.page(&self.filter, Range::Between(*seen, last), PAGE)?;
            // Rows that the filter leaves out are not looked at time and again.
            *seen = page.last.unwrap_or(last);
            records.extend(page.records);
        }
        Ok(records)
    }
}

/// The files of the newest two days, in their order.
fn newest(files: &BTreeMap<Date, PathBuf>) -> Vec<(Date, PathBuf)> {
    let skipped = files.len().saturating_sub(2);
    files.iter().skip(skipped).map(|(day, path)| (*day, path.clone())).collect()
}
