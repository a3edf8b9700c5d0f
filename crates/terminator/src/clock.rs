//! The wall clock, read here only.

use std::time::{SystemTime, UNIX_EPOCH};

use connlog::{ClockState, Timestamp};
use policy::{UnixSeconds, UtcOffset};

/// Now, as the records write it.
pub(crate) fn now(offset: UtcOffset) -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp {
        unix_micros: i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX),
        offset_minutes: offset.minutes,
        clock: ClockState::Unknown,
    }
}

/// The same moment in whole seconds, as the policy asks it.
pub(crate) fn seconds(time: Timestamp) -> UnixSeconds {
    time.unix_micros.div_euclid(1_000_000)
}
