//! The wall clock, and ids made from it.

use std::time::{SystemTime, UNIX_EPOCH};

use connlog::{ClockState, ConnectionId, Timestamp};
use policy::UtcOffset;

/// Now, as records write it.
pub fn now(offset: UtcOffset) -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp {
        unix_micros: i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX),
        offset_minutes: offset.minutes,
        clock: ClockState::Unknown,
    }
}

/// An id for what begins at `time`. Should the kernel have no randomness to give, the time
/// alone tells records apart.
pub fn fresh_id(time: Timestamp) -> ConnectionId {
    let mut random = [0; 10];
    let _ = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty());
    ConnectionId::new(time.unix_micros, random)
}
