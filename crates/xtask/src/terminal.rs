//! Output for people: results on standard output, progress and errors on standard error.
//!
//! A reader who has gone away (`cargo xtask --help | head -1`) is no reason to fail.

use std::io::{self, Write};

/// Prints what was asked for, as it is.
pub(crate) fn result(text: &str) {
    let _reader_gone = io::stdout().write_all(text.as_bytes());
}

/// Prints one line about what is going on.
pub(crate) fn note(line: &str) {
    let _reader_gone = writeln!(io::stderr(), "{line}");
}

/// Lays out `rows` in columns: the first column to the left, the others to the right.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, &width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            })
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}
