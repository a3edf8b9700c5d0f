//! Records of the connection log, as `sekisho log query --json` prints them.

use std::fmt;

use serde_json::Value;

/// One record.
#[derive(Clone, PartialEq)]
pub struct Record(Value);

impl Record {
    /// Reads one line.
    ///
    /// # Panics
    ///
    /// When it is no JSON object.
    pub fn parse(line: &str) -> Self {
        let value: Value = serde_json::from_str(line).expect("a record is JSON");
        assert!(value.is_object(), "{line}");
        Self(value)
    }

    /// A word; empty where the record has none.
    pub fn text(&self, field: &str) -> &str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// A number; -1 where the record has none.
    pub fn number(&self, field: &str) -> i64 {
        self.0.get(field).and_then(Value::as_i64).unwrap_or(-1)
    }

    /// Whether it is of this kind (`open`, `close`, `denied`, `control`).
    pub fn is(&self, kind: &str) -> bool {
        self.text("kind") == kind
    }

    /// The reason's code.
    pub fn reason(&self) -> &str {
        self.text("reason")
    }

    /// Who wanted to go where: institution, terminal, system.
    pub fn way(&self) -> [&str; 3] {
        [self.text("institution"), self.text("terminal"), self.text("system")]
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
