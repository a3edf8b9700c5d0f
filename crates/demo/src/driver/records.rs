//! What the gateway wrote down about an attempt.

use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use super::Failure;
use super::stage::Stage;

const PATIENCE: Duration = Duration::from_secs(10);

/// The first record since `since` of one of `kinds`, as soon as there is one.
pub(super) fn first(
    stage: &Stage,
    since: Timestamp,
    kinds: &[&str],
) -> Result<Option<Value>, Failure> {
    let started = Instant::now();
    loop {
        let text = stage.sekisho(&["log", "query", "--json", "--since", &since.to_string()])?;
        for line in text.lines() {
            let record: Value = serde_json::from_str(line)?;
            if kinds.contains(&field(&record, "kind")) {
                return Ok(Some(record));
            }
        }
        if started.elapsed() > PATIENCE {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// A text field of a record; empty when it is not there.
pub(super) fn field<'a>(record: &'a Value, name: &str) -> &'a str {
    record.get(name).and_then(Value::as_str).unwrap_or_default()
}
