//! What people see on the terminal: aligned tables, JSON, diagnostics.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};

use reason::Language;
use serde::Serialize;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

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
    fitted_table(heading, rows, usize::MAX, &[])
}

/// The same in at most `widest` columns of the terminal, where that can be: the widest of the
/// table's columns `flexible` give way, and what does not fit in them ends with `…`. Where a row
/// has fewer cells than the heading, its last one has the rest of the line.
pub(crate) fn fitted_table(
    heading: &[&str],
    rows: &[Vec<String>],
    widest: usize,
    flexible: &[usize],
) -> Result<(), Failure> {
    let heading: Vec<String> = heading.iter().map(|&cell| cell.to_owned()).collect();
    let mut widths = vec![0; heading.len()];
    for row in std::iter::once(&heading).chain(rows) {
        for (width, cell) in widths.iter_mut().zip(aligned(row, heading.len()).0) {
            *width = cell.width().max(*width);
        }
    }
    give_way(&mut widths, widest, flexible);
    for row in std::iter::once(&heading).chain(rows) {
        let (cells, rest) = aligned(row, heading.len());
        let mut text = String::new();
        for (cell, &width) in cells.iter().zip(&widths) {
            let cell = shortened(cell, width);
            text.push_str(&cell);
            text.extend(std::iter::repeat_n(' ', width + 2 - cell.width()));
        }
        text.push_str(&shortened(rest, widest.saturating_sub(text.width())));
        line(text.trim_end())?;
    }
    Ok(())
}

/// The cells of a row that are under a heading each, and the one that has the rest of the line.
fn aligned(row: &[String], columns: usize) -> (&[String], &str) {
    match row.split_last() {
        Some((rest, cells)) if row.len() < columns => (cells, rest),
        Some(_) | None => (row, ""),
    }
}

/// Makes the widest flexible column narrower by one until all fit, or none may be narrower.
fn give_way(widths: &mut [usize], widest: usize, flexible: &[usize]) {
    const NARROWEST: usize = 8;
    while widths.iter().map(|width| width + 2).sum::<usize>() > widest.saturating_add(2) {
        let columns = widths.iter_mut().enumerate();
        let columns = columns.filter(|(index, _)| flexible.contains(index)).map(|(_, width)| width);
        match columns.max() {
            Some(width) if *width > NARROWEST => *width -= 1,
            Some(_) | None => return,
        }
    }
}

/// The beginning of a text that takes no more than so many columns.
fn shortened(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return text.into();
    }
    let mut beginning = String::new();
    for character in text.chars() {
        if beginning.width() + character.width().unwrap_or(0) + 1 > width {
            break;
        }
        beginning.push(character);
    }
    beginning.push('…');
    beginning.into()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_columns_give_way_and_japanese_takes_two_columns_a_character() {
        let mut widths = [12, 20, 30, 5];
        give_way(&mut widths, 60, &[1, 2]);
        assert_eq!(widths.iter().map(|width| width + 2).sum::<usize>(), 62);
        assert_eq!((widths[0], widths[3]), (12, 5));
        give_way(&mut widths, 10, &[1, 2]);
        assert_eq!(widths, [12, 8, 8, 5], "no narrower than can be read");
        assert_eq!(shortened("高松中央病院", 12), "高松中央病院");
        assert_eq!(shortened("高松中央病院", 11), "高松中央病…");
        assert_eq!(shortened("高松中央病院", 10), "高松中央…", "half a character cannot be shown");
    }
}
