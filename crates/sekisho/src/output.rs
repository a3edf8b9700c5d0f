//! What people see on the terminal: aligned tables, JSON, diagnostics.

use std::io::{self, IsTerminal as _, Write as _};

use reason::Language;
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use crate::Failure;

/// Diagnostics of the gateway go to standard error; standard output is for answers.
pub(crate) fn log_to_stderr(verbose: bool) {
    let level = if verbose { tracing::Level::DEBUG } else { tracing::Level::INFO };
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(colours)
        .with_max_level(level)
        .with_target(false)
        .init();
}

/// Prints why a command failed.
pub(crate) fn failure(failure: &Failure) {
    // Nothing can be said to somebody who has closed standard error.
    let _ = match failure.downcast_ref::<crate::config::Problems>() {
        Some(problems) => writeln!(io::stderr(), "{problems}"),
        None => writeln!(io::stderr(), "error: {failure}"),
    };
}

/// Prints one line.
pub(crate) fn line(text: impl std::fmt::Display) -> Result<(), Failure> {
    Ok(writeln!(io::stdout(), "{text}")?)
}

/// Prints a value as JSON, for programs.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    line(serde_json::to_string_pretty(value)?)
}

/// Rows under a heading, each column as wide as its widest cell; Japanese characters
/// count as the two columns they take.
pub(crate) fn table(heading: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
    let heading: Vec<String> = heading.iter().map(|&cell| cell.to_owned()).collect();
    let mut widths = vec![0; heading.len()];
    for row in std::iter::once(&heading).chain(rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    for row in std::iter::once(&heading).chain(rows) {
        let mut text = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width + 2 - cell.width()));
        }
        line(text.trim_end())?;
    }
    Ok(())
}

/// The language of the environment: Japanese where `LC_ALL`, `LC_MESSAGES` or `LANG`
/// says so.
pub(crate) fn language_of_environment() -> Language {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = set("LC_ALL").or_else(|| set("LC_MESSAGES")).or_else(|| set("LANG"));
    if locale.is_some_and(|locale| locale.starts_with("ja")) {
        Language::Japanese
    } else {
        Language::English
    }
}
