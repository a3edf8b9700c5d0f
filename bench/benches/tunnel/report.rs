//! Results as a table for people and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::measures::{MEASURES, Measure, Role};
use crate::options::Options;
use crate::peers::{OURS, PLAIN};
use crate::rounds::{Subject, median};

/// Ratios first, then what was measured, then who was not.
pub(crate) fn markdown(options: &Options, subjects: &[Subject]) -> String {
    let measured: Vec<_> = subjects.iter().filter(|subject| subject.is_measured()).collect();
    let mut text =
        format!("Medians of {} rounds, {} s for each number.\n", options.rounds, options.seconds);
    let others = |name| measured.iter().filter(move |subject| subject.name != name).copied();
    if let Some(ours) = find(&measured, OURS) {
        let _infallible = writeln!(text, "\n## How many times better than others {OURS} is\n");
        let columns = others(OURS).map(|other| (other.name, (ours, other)));
        text += &table(&columns.collect::<Vec<_>>(), |measure, (ours, other)| {
            Some(format!("{:.2}", ratio(measure, ours, other)?))
        });
    }
    if let Some(plain) = find(&measured, PLAIN) {
        let _infallible = writeln!(text, "\n## Share of plain forwarding\n");
        let columns = others(PLAIN).map(|other| (other.name, other));
        text += &table(&columns.collect::<Vec<_>>(), |measure, other| {
            let share = (measure.role == Role::Rate).then(|| ratio(measure, other, plain))?;
            Some(format!("{:.1} %", share? * 100.0))
        });
    }
    text += "\n## Measured\n\n";
    let columns = measured.iter().map(|subject| (subject.name, *subject));
    text += &table(&columns.collect::<Vec<_>>(), |measure, subject| {
        Some(measure.unit.show(subject.median(measure.key)?))
    });
    text.push('\n');
    for subject in subjects {
        let _infallible = writeln!(text, "- {}: {}", subject.name, subject.state());
    }
    text
}

/// The same, with the number of each round.
pub(crate) fn json(options: &Options, subjects: &[Subject]) -> Value {
    let ours = subjects.iter().find(|subject| subject.name == OURS);
    let of = |subject: &Subject| {
        let numbers = MEASURES.iter().filter_map(|measure| {
            let value = json!({
                "median": subject.median(measure.key)?,
                "unit": measure.unit.name(),
                "rounds": subject.numbers(measure.key),
                "times_better": ours.and_then(|ours| ratio(measure, ours, subject)),
            });
            Some((measure.key.to_owned(), value))
        });
        json!({
            "name": subject.name,
            "state": subject.state(),
            "measured": subject.is_measured(),
            "numbers": numbers.collect::<serde_json::Map<_, _>>(),
        })
    };
    json!({
        "seconds": options.seconds,
        "rounds": options.rounds,
        "tunnels": subjects.iter().map(of).collect::<Vec<_>>(),
    })
}

impl Subject {
    fn is_measured(&self) -> bool {
        self.rounds.iter().any(Result::is_ok)
    }

    /// Its version, and what went wrong.
    fn state(&self) -> String {
        let version = match &self.version {
            Ok(version) => version,
            Err(why) => return format!("not available: {why}"),
        };
        let failed = self.rounds.iter().filter_map(|round| round.as_ref().err());
        let failed: Vec<_> = failed.map(|why| why.replace('\n', " ")).collect();
        match failed.first() {
            None => version.clone(),
            Some(why) => format!("{version}; {} rounds failed: {why}", failed.len()),
        }
    }
}

fn find<'a>(measured: &[&'a Subject], name: &str) -> Option<&'a Subject> {
    measured.iter().find(|subject| subject.name == name).copied()
}

/// How many times better one is than another: the median of the rounds' ratios.
fn ratio(measure: &Measure, ours: &Subject, other: &Subject) -> Option<f64> {
    let rounds = ours.rounds_beside(other);
    let ratios = rounds.filter_map(|(own, others)| {
        measure.ratio(*own.get(measure.key)?, *others.get(measure.key)?)
    });
    median(ratios.collect())
}

/// A row for each measure that any column has, in Markdown that reads well as it is.
fn table<C: Copy>(columns: &[(&str, C)], cell: impl Fn(&Measure, C) -> Option<String>) -> String {
    let titles = columns.iter().map(|(name, _)| (*name).to_owned());
    let mut rows = vec![std::iter::once(String::new()).chain(titles).collect::<Vec<_>>()];
    for measure in &MEASURES {
        let cells: Vec<_> = columns.iter().map(|(_, column)| cell(measure, *column)).collect();
        if cells.iter().any(Option::is_some) {
            let cells = cells.into_iter().map(|cell| cell.unwrap_or_else(|| "–".to_owned()));
            rows.push(std::iter::once(measure.title.to_owned()).chain(cells).collect());
        }
    }
    let widths: Vec<_> = (0..=columns.len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap())
        .collect();
    let rule = widths.iter().enumerate().map(|(column, width)| match column {
        0 => "-".repeat(*width),
        _ => format!("{}:", "-".repeat(width.saturating_sub(1).max(1))),
    });
    rows.insert(1, rule.collect());
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        let _infallible = writeln!(text, "| {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    text
}
