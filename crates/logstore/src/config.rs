//! How the log is set up.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use connlog::Timestamp;

/// What a new connection meets while the log cannot be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It is refused.
    #[default]
    Refuse,
    /// It is admitted; records that cannot be kept are counted as lost.
    Admit,
}

/// Says what time it is.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How the log is set up.
#[derive(Clone)]
pub struct Config {
    /// Where the day files are: an existing directory of mode 0700.
    pub directory: PathBuf,
    /// The name of this gateway in records that the log itself makes.
    pub gateway: Arc<str>,
    /// The time of records that the log itself makes.
    pub clock: Clock,
    /// Records there is room for: those that wait to be written, and the close record
    /// of every open connection. Memory is used for those that wait only, about 1 KiB
    /// each.
    pub capacity: u32,
    /// What a new connection meets while the log cannot be written.
    pub on_failure: OnFailure,
}

impl Config {
    /// Room for 262,144 records; refuses while the log cannot be written.
    pub fn new(directory: PathBuf, gateway: Arc<str>, clock: Clock) -> Self {
        Self { directory, gateway, clock, capacity: 1 << 18, on_failure: OnFailure::default() }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("directory", &self.directory)
            .field("gateway", &self.gateway)
            .field("capacity", &self.capacity)
            .field("on_failure", &self.on_failure)
            .finish_non_exhaustive()
    }
}
