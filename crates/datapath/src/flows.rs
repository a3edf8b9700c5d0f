//! Flows as operators see them.

use std::time::Duration;

use connlog::{ConnectionId, Facts};
use tunnel::Traffic;

/// A live flow.
#[derive(Clone, Debug)]
pub struct FlowStatus {
    /// Its id on record.
    pub connection: ConnectionId,
    /// When it began, in microseconds since 1970-01-01T00:00:00Z.
    pub started: i64,
    /// What its records say.
    pub facts: Facts,
    /// Since its last packet, in whole seconds.
    pub idle: Duration,
    /// What it has carried.
    pub traffic: Traffic,
}

/// Which flows are wanted. Asked by the workers between packets: must be quick.
pub type Wanted = dyn Fn(&FlowStatus) -> bool + Send + Sync;

/// Flows that were wanted.
#[derive(Clone, Debug, Default)]
pub struct Flows {
    /// The newest, oldest first.
    pub newest: Vec<FlowStatus>,
    /// How many more there are.
    pub left_out: usize,
}
