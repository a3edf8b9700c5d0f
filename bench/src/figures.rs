//! Results that are no time of an iteration: memory, and medians of interleaved rounds.

use std::env;
use std::fs;

use serde_json::json;

/// Names the file that takes them, as JSON, for `cargo xtask bench`.
pub const FILE: &str = "SEKISHO_BENCH_FIGURES";

/// A result.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What was measured, `group/what/of-whom`.
    pub name: String,
    /// The number.
    pub value: f64,
    /// Its unit, as `ns` or `B`.
    pub unit: &'static str,
}

/// Writes them where [`FILE`] says, or prints them.
///
/// # Panics
///
/// When the file cannot be written.
#[allow(clippy::print_stdout, reason = "results for people")]
pub fn report(figures: &[Figure]) {
    let as_json = |Figure { name, value, unit }: &Figure| json!({ "name": name, "value": value, "unit": unit });
    match env::var_os(FILE) {
        Some(file) => {
            let figures: Vec<_> = figures.iter().map(as_json).collect();
            fs::write(file, json!(figures).to_string()).unwrap();
        }
        None => {
            for Figure { name, value, unit } in figures {
                println!("{name}: {value:.2} {unit}");
            }
        }
    }
}
