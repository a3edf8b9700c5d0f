//! Unix seconds and the times of a certificate.

use std::fmt;
use std::time::Duration;

use der::DateTime;
use x509_cert::time::Time;

/// When a certificate is valid, both ends included (RFC 5280 §4.1.2.5), in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    not_before: i64,
    not_after: i64,
}

impl Validity {
    /// The window from `not_before` to `not_after`, Unix seconds.
    ///
    /// # Errors
    /// When the window is empty, or an end lies outside 1970 to 9999.
    pub fn new(not_before: i64, not_after: i64) -> Result<Self, TimeError> {
        if not_before >= not_after {
            return Err(TimeError::EmptyWindow { not_before, not_after });
        }
        to_x509(not_before)?;
        to_x509(not_after)?;
        Ok(Self { not_before, not_after })
    }

    /// First valid second, Unix time.
    #[must_use]
    pub fn not_before(self) -> i64 {
        self.not_before
    }

    /// Last valid second, Unix time.
    #[must_use]
    pub fn not_after(self) -> i64 {
        self.not_after
    }

    pub(crate) fn to_x509(self) -> Result<x509_cert::time::Validity, TimeError> {
        Ok(x509_cert::time::Validity::new(to_x509(self.not_before)?, to_x509(self.not_after)?))
    }
}

/// `UTCTime` through 2049 and `GeneralizedTime` from 2050 on (RFC 5280 §4.1.2.5).
pub(crate) fn to_x509(unix: i64) -> Result<Time, TimeError> {
    u64::try_from(unix)
        .ok()
        .and_then(|seconds| DateTime::from_unix_duration(Duration::from_secs(seconds)).ok())
        .map(Time::from)
        .ok_or(TimeError::OutOfRange { unix })
}

pub(crate) fn from_x509(time: Time) -> i64 {
    // Year 9999 is the last a certificate can name: 38 bits of seconds.
    i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}

/// A time that cannot stand in a certificate: the caller's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeError {
    /// Before 1970 or after 9999.
    OutOfRange {
        /// The time given, Unix seconds.
        unix: i64,
    },
    /// The window ends before it starts.
    EmptyWindow {
        /// The start given, Unix seconds.
        not_before: i64,
        /// The end given, Unix seconds.
        not_after: i64,
    },
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { unix } => {
                write!(f, "time {unix} is outside the years 1970 to 9999; check the clock")
            }
            Self::EmptyWindow { not_before, not_after } => write!(
                f,
                "the period from {not_before} to {not_after} is empty; give an end after the start"
            ),
        }
    }
}

impl std::error::Error for TimeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_time_ends_with_2049() {
        let last_second_of_2049 = 2_524_607_999;
        assert!(matches!(to_x509(last_second_of_2049), Ok(Time::UtcTime(_))));
        assert!(matches!(to_x509(last_second_of_2049 + 1), Ok(Time::GeneralTime(_))));
        assert_eq!(from_x509(to_x509(last_second_of_2049 + 1).unwrap()), last_second_of_2049 + 1);
    }

    #[test]
    fn impossible_windows_are_refused() {
        assert!(matches!(Validity::new(10, 10), Err(TimeError::EmptyWindow { .. })));
        assert_eq!(Validity::new(-1, 10), Err(TimeError::OutOfRange { unix: -1 }));
        assert_eq!(Validity::new(0, i64::MAX), Err(TimeError::OutOfRange { unix: i64::MAX }));
    }
}
