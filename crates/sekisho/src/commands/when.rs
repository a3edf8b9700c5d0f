//! Moments on the command line: a date, a local date and time, or a duration back.

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, Zoned};
use policy::{UnixSeconds, UtcOffset};

use crate::Failure;

/// Unix microseconds of `text`, read at `now` in the gateway's local time.
pub(super) fn parse(text: &str, offset: UtcOffset, now: i64) -> Result<i64, Failure> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment.as_microsecond());
    }
    let local = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(DateTime::from));
    if let Ok(local) = local {
        return Ok(zone(offset).to_timestamp(local)?.as_microsecond());
    }
    match text.parse::<SignedDuration>() {
        Ok(back) => Ok(now.saturating_sub(i64::try_from(back.as_micros())?)),
        Err(_) => Err(format!(
            "'{text}' is not a time: give 2026-11-22, '2026-11-22 09:00', \
             2026-11-22T09:00+09:00, or a duration back as 24h"
        )
        .into()),
    }
}

/// A moment in the gateway's local time.
pub(super) fn local(at: UnixSeconds, offset: UtcOffset) -> Zoned {
    Timestamp::from_second(at).unwrap_or_default().to_zoned(zone(offset))
}

/// The gateway's local time.
pub(super) fn zone(offset: UtcOffset) -> TimeZone {
    let offset = Offset::from_seconds(i32::from(offset.minutes) * 60).unwrap_or(Offset::UTC);
    TimeZone::fixed(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_means_what_people_mean() {
        let jst = UtcOffset::default();
        let parse = |text| parse(text, jst, 1_000_000_000).ok();
        let midnight = Some(1_795_359_600_000_000);
        assert_eq!(parse("2026-11-23"), midnight);
        assert_eq!(parse("2026-11-23 00:00"), midnight);
        assert_eq!(parse("2026-11-22T15:00Z"), midnight);
        assert_eq!(parse("10s"), Some(990_000_000));
        assert_eq!(parse("yesterday"), None);
    }
}
