//! Local days and the names of their files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use connlog::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use crate::LogError;

const EXTENSION: &str = "db";

/// The local day of `time` at its own offset, which is limited to that of the tz
/// database's widest (±25:59).
pub(crate) fn of(time: &Timestamp) -> Date {
    let limit = Offset::MAX.seconds();
    let seconds = (i32::from(time.offset_minutes) * 60).clamp(-limit, limit);
    let offset = Offset::from_seconds(seconds).unwrap_or(Offset::UTC);
    offset.to_datetime(utc(time.unix_micros)).date()
}

/// The local days that `micros`, a Unix time, can fall on at any offset.
pub(crate) fn around(micros: i64) -> (Date, Date) {
    let utc = utc(micros);
    (Offset::MIN.to_datetime(utc).date(), Offset::MAX.to_datetime(utc).date())
}

/// Times beyond the calendar's years (-9999 to 9999) fall on its first or last day.
fn utc(micros: i64) -> jiff::Timestamp {
    let limit = if micros < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    jiff::Timestamp::from_microsecond(micros).unwrap_or(limit)
}

/// `DIRECTORY/2026-11-22.db`
pub(crate) fn path(directory: &Path, day: Date) -> PathBuf {
    directory.join(format!("{day}.{EXTENSION}"))
}

/// The day files that are there. Files of other names are not looked at.
///
/// # Errors
///
/// The directory cannot be read.
pub(crate) fn files(directory: &Path) -> Result<BTreeMap<Date, PathBuf>, LogError> {
    let error = |source| LogError::Directory { path: directory.to_owned(), source };
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).map_err(error)? {
        let found = entry.map_err(error)?.path();
        let day = found.file_stem().and_then(|stem| stem.to_str()?.parse::<Date>().ok());
        if let Some(day) = day.filter(|&day| path(directory, day) == found) {
            files.insert(day, found);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_belongs_to_its_own_local_day() {
        let time = |unix_micros, offset_minutes| Timestamp {
            unix_micros,
            offset_minutes,
            clock: connlog::ClockState::Unknown,
        };
        // 2026-11-22T15:00:00Z is midnight in Japan.
        let midnight = 1_795_359_600_000_000;
        assert_eq!(of(&time(midnight, 540)).to_string(), "2026-11-23");
        assert_eq!(of(&time(midnight - 1, 540)).to_string(), "2026-11-22");
        assert_eq!(of(&time(midnight, 0)).to_string(), "2026-11-22");
        for extreme in [i64::MIN, 0, midnight, i64::MAX] {
            for offset in [i16::MIN, i16::MAX] {
                let (first, last) = around(extreme);
                assert!((first..=last).contains(&of(&time(extreme, offset))));
            }
        }
    }
}
