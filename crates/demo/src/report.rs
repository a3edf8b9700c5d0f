//! What people see of a demo: every attempt, what should have come of it, and what did.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

/// One attempt and its outcome.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was tried, in Japanese and English.
    pub attempt: String,
    /// `permitted`, or the code of the reason for the refusal.
    pub expected: &'static str,
    /// What the record says, in the same words.
    pub got: String,
    /// The client's own account agrees with the record.
    pub client_agrees: bool,
    /// What the client said, shortened.
    pub said: String,
}

impl Row {
    /// Whether it went as it should.
    pub fn as_expected(&self) -> bool {
        self.got == self.expected && self.client_agrees
    }
}

/// Code of a reason → its sentence.
#[derive(Clone, Debug)]
pub struct Meanings(HashMap<String, String>);

impl Meanings {
    /// Reads what `sekisho reasons --json` prints; the sentences are in the language of the
    /// environment.
    ///
    /// # Errors
    ///
    /// When it is no list in JSON.
    pub fn parse(listed: &str) -> Result<Self, serde_json::Error> {
        let listed: Vec<Value> = serde_json::from_str(listed)?;
        let language = language();
        let text = |reason: &Value, name| {
            reason.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        Ok(Self(listed.iter().map(|one| (text(one, "code"), text(one, language))).collect()))
    }

    /// Adds what is no reason of the gateway's, in Japanese and English.
    pub fn add(&mut self, code: &str, ja: &str, en: &str) {
        let sentence = if language() == "ja" { ja } else { en };
        self.0.insert(code.to_owned(), sentence.to_owned());
    }
}

/// The language that the environment asks for: `ja` or `en`.
pub fn language() -> &'static str {
    let names = ["LC_ALL", "LC_MESSAGES", "LANG"];
    let locale = names.iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    if locale.is_some_and(|locale| locale.starts_with("ja")) { "ja" } else { "en" }
}

/// The table of attempts, with what clients said where it was not as expected, and the sum.
pub fn table(rows: &[Row], meanings: &Meanings) -> String {
    let mut lines = vec![["", "attempt", "expected", "got", "reason"].map(str::to_owned)];
    for row in rows {
        let mark = if row.as_expected() { "ok" } else { "NO" };
        let meaning = meanings.0.get(&row.got).cloned().unwrap_or_default();
        let (attempt, got) = (row.attempt.clone(), row.got.clone());
        lines.push([mark.to_owned(), attempt, row.expected.to_owned(), got, meaning]);
    }
    let mut text = aligned(&lines);
    for row in rows.iter().filter(|row| !row.as_expected()) {
        let (attempt, said) = (&row.attempt, &row.said);
        let _infallible = writeln!(text, "\nnot as expected: {attempt}\n  the client said: {said}");
    }
    let good = rows.iter().filter(|row| row.as_expected()).count();
    let _infallible = write!(text, "\n{good} of {} attempts went as expected", rows.len());
    text
}

fn aligned(lines: &[[String; 5]]) -> String {
    let mut widths = [0; 5];
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.width().max(*width);
        }
    }
    let mut text = String::new();
    for line in lines {
        let mut row = String::new();
        for (cell, width) in line.iter().zip(widths) {
            row.push_str(cell);
            row.extend(std::iter::repeat_n(' ', width + 2 - cell.width()));
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

/// The rows for programs.
pub fn json(rows: &[Row]) -> Value {
    let one = |row: &Row| {
        json!({
            "attempt": row.attempt,
            "expected": row.expected,
            "got": row.got,
            "as_expected": row.as_expected(),
            "client_said": row.said,
        })
    };
    rows.iter().map(one).collect()
}
