//! The day files open for writing, and the numbers of their records.
//!
//! A record is given its number once, before it is first written. A commit that failed
//! may nevertheless have reached the disk, and come back when the file is opened again:
//! writing the same record under the same number then changes nothing, so no record is
//! there twice.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use connlog::Record;
use jiff::civil::Date;

use crate::dayfile::DayFile;
use crate::{LogError, day};

/// An older day's file is closed after this time without a record.
const IDLE: Duration = Duration::from_secs(60);

struct OpenDay {
    file: DayFile,
    used: Instant,
}

/// The day files open for writing.
pub(crate) struct Days {
    directory: PathBuf,
    gateway: Arc<str>,
    open: BTreeMap<Date, OpenDay>,
    /// The last number given, by day. Outlives the open file: numbers given to records
    /// that wait to be written again are in no file yet.
    last: BTreeMap<Date, i64>,
}

impl Days {
    pub(crate) fn new(directory: PathBuf, gateway: Arc<str>) -> Self {
        Self { directory, gateway, open: BTreeMap::new(), last: BTreeMap::new() }
    }

    /// Opens the file of `day`, unless it is open.
    pub(crate) fn open(&mut self, day: Date) -> Result<(), LogError> {
        self.day(day).map(drop)
    }

    /// Writes records of one day, in one transaction; those without a number are given
    /// one.
    pub(crate) fn append<'r>(
        &mut self,
        day: Date,
        records: impl Iterator<Item = (&'r mut Option<i64>, &'r Record)>,
    ) -> Result<(), LogError> {
        let (open, last) = self.day(day)?;
        let numbered = records.map(|(seq, record)| {
            let seq = *seq.get_or_insert_with(|| {
                *last += 1;
                *last
            });
            (seq, record)
        });
        let result = open.file.append(numbered);
        open.used = Instant::now();
        if result.is_err() {
            // Opened afresh the next time: the file, its directory or its disk may
            // have been replaced by then.
            self.open.remove(&day);
        }
        result
    }

    /// Closes the files of days before `today` that have come to rest.
    pub(crate) fn close_idle(&mut self, today: Date) {
        let past = self.open.range(..today);
        let idle: Vec<_> =
            past.filter(|(_, open)| open.used.elapsed() > IDLE).map(|(day, _)| *day).collect();
        for day in idle.iter().filter_map(|day| self.open.remove(day)) {
            day.file.close();
        }
    }

    /// Closes all files.
    pub(crate) fn close(&mut self) {
        while let Some((_, day)) = self.open.pop_first() {
            day.file.close();
        }
    }

    fn day(&mut self, day: Date) -> Result<(&mut OpenDay, &mut i64), LogError> {
        let open = match self.open.entry(day) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let path = day::path(&self.directory, day);
                let file = DayFile::open(path, &self.gateway, &day.to_string())?;
                let last = self.last.entry(day).or_insert(0);
                *last = file.last_seq()?.max(*last);
                entry.insert(OpenDay { file, used: Instant::now() })
            }
        };
        Ok((open, self.last.entry(day).or_insert(0)))
    }
}
