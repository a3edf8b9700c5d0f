//! Weekly hours in which an institution may connect, in local time.

use std::fmt;
use std::str::FromStr;

use crate::UnixSeconds;

const MINUTES_PER_DAY: u32 = 24 * 60;
const MINUTES_PER_WEEK: u32 = 7 * MINUTES_PER_DAY;
/// 1970-01-01 was a Thursday; weeks here begin on Monday.
const EPOCH_MINUTE_OF_WEEK: i64 = 3 * MINUTES_PER_DAY as i64;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Minutes east of UTC; Japan is +540 and has no summer time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtcOffset {
    /// Minutes to add to UTC.
    pub minutes: i16,
}

impl Default for UtcOffset {
    fn default() -> Self {
        Self { minutes: 9 * 60 }
    }
}

/// Weekly hours, written `mon-fri 08:30-18:00, sat 09:00-12:30`.
///
/// A range that ends before it begins runs past midnight; `24:00` is the end of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Half-open ranges of minutes since Monday 00:00, sorted, merged, none wrapping.
    open: Vec<(u32, u32)>,
    text: String,
}

/// Why a text is not weekly hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoursError {
    /// A part is not `DAYS HH:MM-HH:MM`.
    Shape(String),
    /// Not one of `mon` … `sun`, `daily`.
    Day(String),
    /// Not a time from 00:00 to 24:00.
    Time(String),
    /// A range of no length.
    EmptyRange(String),
}

impl fmt::Display for HoursError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape(part) => write!(f, "'{part}' is not like 'mon-fri 08:30-18:00'"),
            Self::Day(day) => write!(f, "'{day}' is not a day: use mon tue wed thu fri sat sun"),
            Self::Time(time) => write!(f, "'{time}' is not a time like 08:30, from 00:00 to 24:00"),
            Self::EmptyRange(part) => write!(f, "'{part}' is a range of no length"),
        }
    }
}

impl std::error::Error for HoursError {}

impl Hours {
    /// Whether `now` falls within the hours, and the moment this next changes
    /// (`None` when it never does).
    pub fn at(&self, now: UnixSeconds, offset: UtcOffset) -> (bool, Option<UnixSeconds>) {
        let local = now + i64::from(offset.minutes) * 60;
        let minute =
            (local.div_euclid(60) + EPOCH_MINUTE_OF_WEEK).rem_euclid(i64::from(MINUTES_PER_WEEK));
        let minute = u32::try_from(minute).unwrap_or(0);
        let edges = self.open.iter().flat_map(|&(from, to)| [from, to]);
        let open = self.open.iter().any(|&(from, to)| (from..to).contains(&minute));
        let wait = edges
            .map(|edge| (edge + MINUTES_PER_WEEK - minute) % MINUTES_PER_WEEK)
            .map(|wait| if wait == 0 { MINUTES_PER_WEEK } else { wait })
            .filter(|&wait| self.is_open((minute + wait) % MINUTES_PER_WEEK) != open)
            .min();
        let this_minute = now - local.rem_euclid(60);
        (open, wait.map(|wait| this_minute + i64::from(wait) * 60))
    }

    fn is_open(&self, minute: u32) -> bool {
        self.open.iter().any(|&(from, to)| (from..to).contains(&minute))
    }

    fn insert(&mut self, from: u32, to: u32) {
        if to <= MINUTES_PER_WEEK {
            self.open.push((from, to));
        } else {
            self.open.push((from, MINUTES_PER_WEEK));
            self.open.push((0, to - MINUTES_PER_WEEK));
        }
    }

    fn merge(&mut self) {
        self.open.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(self.open.len());
        for &(from, to) in &self.open {
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                Some(_) | None => merged.push((from, to)),
            }
        }
        self.open = merged;
    }
}

impl FromStr for Hours {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        let mut hours = Self { open: Vec::new(), text: text.trim().to_owned() };
        for part in text.split(',').map(str::trim) {
            let (days, range) =
                part.split_once(' ').ok_or_else(|| HoursError::Shape(part.to_owned()))?;
            let (from, to) =
                range.trim().split_once('-').ok_or_else(|| HoursError::Shape(part.to_owned()))?;
            let (from, to) = (time(from)?, time(to)?);
            let whole_day = to == from + MINUTES_PER_DAY;
            if from % MINUTES_PER_DAY == to % MINUTES_PER_DAY && !whole_day {
                return Err(HoursError::EmptyRange(part.to_owned()));
            }
            let length = if to > from { to - from } else { to + MINUTES_PER_DAY - from };
            for day in days_of(days)? {
                let start = day * MINUTES_PER_DAY + from;
                hours.insert(start, start + length);
            }
        }
        hours.merge();
        Ok(hours)
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn days_of(text: &str) -> Result<Vec<u32>, HoursError> {
    if text == "daily" {
        return Ok((0..7).collect());
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (day(first)?, day(last)?);
    let count = (last + 7 - first) % 7 + 1;
    Ok((first..first + count).map(|day| day % 7).collect())
}

fn day(text: &str) -> Result<u32, HoursError> {
    let position = DAYS.iter().position(|&day| day == text);
    position.and_then(|day| u32::try_from(day).ok()).ok_or_else(|| HoursError::Day(text.to_owned()))
}

/// Minutes since midnight, 0 to 1440.
fn time(text: &str) -> Result<u32, HoursError> {
    let bad = || HoursError::Time(text.to_owned());
    let (hour, minute) = text.trim().split_once(':').ok_or_else(bad)?;
    let two_digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !two_digits(hour) || !two_digits(minute) {
        return Err(bad());
    }
    let (hour, minute): (u32, u32) =
        (hour.parse().map_err(|_| bad())?, minute.parse().map_err(|_| bad())?);
    let total = hour * 60 + minute;
    if minute < 60 && total <= MINUTES_PER_DAY { Ok(total) } else { Err(bad()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JST: UtcOffset = UtcOffset { minutes: 540 };
    /// 2026-11-23 00:00:00 JST, a Monday.
    const MONDAY: i64 = 1_795_359_600;
    const HOUR: i64 = 3600;

    #[test]
    fn office_hours_open_and_close_at_their_minutes() {
        let hours: Hours = "mon-fri 08:30-18:00, sat 09:00-12:30".parse().unwrap();
        let opening = MONDAY + 8 * HOUR + 1800;
        assert_eq!(hours.at(opening - 1, JST), (false, Some(opening)));
        assert_eq!(hours.at(opening, JST), (true, Some(MONDAY + 18 * HOUR)));
        assert_eq!(hours.at(opening + 17, JST), (true, Some(MONDAY + 18 * HOUR)));
        let saturday_close = MONDAY + 5 * 24 * HOUR + 12 * HOUR + 1800;
        assert_eq!(hours.at(saturday_close, JST), (false, Some(opening + 7 * 24 * HOUR)));
    }

    #[test]
    fn nights_run_past_midnight_and_past_the_week() {
        let hours: Hours = "sun 22:00-02:00".parse().unwrap();
        assert!(hours.at(MONDAY + HOUR, JST).0, "Monday 01:00 belongs to Sunday's night");
        assert_eq!(hours.at(MONDAY - HOUR, JST), (true, Some(MONDAY + 2 * HOUR)));
    }

    #[test]
    fn always_open_never_changes() {
        let hours: Hours = "daily 00:00-24:00".parse().unwrap();
        assert_eq!(hours.at(MONDAY, JST), (true, None));
    }

    #[test]
    fn nonsense_is_named() {
        for bad in [
            "",
            "mon",
            "mon 8:30-18:00",
            "mon 08:30",
            "mo 08:00-09:00",
            "mon 08:60-09:00",
            "mon 09:00-24:01",
            "mon 09:00-09:00",
            "mon 24:00-00:00",
            "mon +8:00-09:00",
        ] {
            assert!(bad.parse::<Hours>().is_err(), "{bad:?}");
        }
    }
}
