//! Moments to come, as configuration and registry write them.

use jiff::{SignedDuration, Timestamp, Zoned, tz::TimeZone};

/// So many seconds from now (RFC 3339).
pub fn ahead(seconds: i64) -> String {
    let moment = Timestamp::now() + SignedDuration::from_secs(seconds);
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Hours on a day that is neither today nor a neighbour of today, whatever the time zone.
pub fn hours_of_another_day() -> String {
    let day: Zoned = Timestamp::now().to_zoned(TimeZone::UTC) + SignedDuration::from_hours(72);
    format!("{} 09:00-17:00", day.strftime("%a").to_string().to_lowercase())
}
