//! Text that people type: names, labels, notes.

use std::fmt;

/// Longest text, in characters.
const MAX_CHARS: usize = 1000;

/// Why a text cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextProblem {
    /// Nothing but spaces.
    Empty,
    /// Longer than 1000 characters.
    TooLong,
    /// A control character; notes alone may have several lines.
    ControlCharacter,
}

impl fmt::Display for TextProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty: fill it in",
            Self::TooLong => "is longer than 1000 characters: shorten it",
            Self::ControlCharacter => "holds a line break or control character: take it out",
        })
    }
}

impl std::error::Error for TextProblem {}

/// A name: one line, not empty. Spaces around it are dropped.
pub(crate) fn name(text: &str) -> Result<String, TextProblem> {
    let text = line(text)?;
    if text.is_empty() { Err(TextProblem::Empty) } else { Ok(text) }
}

/// One line, or nothing. Spaces around it are dropped.
pub(crate) fn line(text: &str) -> Result<String, TextProblem> {
    let text = text.trim();
    if text.contains(char::is_control) {
        return Err(TextProblem::ControlCharacter);
    }
    short(text.to_owned())
}

/// One line that is kept as it is.
pub(crate) fn exact(text: &str) -> Result<(), TextProblem> {
    if text.contains(char::is_control) { Err(TextProblem::ControlCharacter) } else { Ok(()) }
}

/// Any number of lines, each ended by a line feed.
pub(crate) fn note(text: &str) -> Result<String, TextProblem> {
    let text = text.trim().replace("\r\n", "\n");
    if text.contains(|c: char| c.is_control() && c != '\n') {
        return Err(TextProblem::ControlCharacter);
    }
    short(text)
}

fn short(text: String) -> Result<String, TextProblem> {
    if text.chars().count() > MAX_CHARS { Err(TextProblem::TooLong) } else { Ok(text) }
}
