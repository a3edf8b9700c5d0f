//! Results of benchmarks that are no time of an iteration: memory, and medians of rounds.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::Value;

use crate::error::Error;

/// Tells a benchmark the file to write them to.
pub(crate) const FILE: &str = "SEKISHO_BENCH_FIGURES";

/// One result.
#[derive(Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    /// `ns`, `B`, or nothing for a ratio.
    pub(crate) unit: String,
}

/// The file for a benchmark to come, below `directory`; without those of the last.
///
/// # Errors
///
/// When the directory cannot be made, or the file not removed.
pub(crate) fn prepare(directory: &Path) -> Result<PathBuf, Error> {
    let file = directory.join("figures.json");
    let cannot = |source| Error::Write { path: file.clone(), source };
    fs::create_dir_all(directory).map_err(cannot)?;
    match fs::remove_file(&file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot(error)),
        _ => Ok(file),
    }
}

/// What a benchmark wrote there; a benchmark that has no figures writes nothing.
///
/// # Errors
///
/// When it cannot be read.
pub(crate) fn read(file: &Path) -> Result<Vec<Figure>, Error> {
    if !file.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read(file).map_err(|source| Error::Read { path: file.to_owned(), source })?;
    parse(&text, &file.display().to_string())
}

fn parse(text: &[u8], origin: &str) -> Result<Vec<Figure>, Error> {
    let figures: Vec<Value> = serde_json::from_slice(text)
        .map_err(|source| Error::Json { origin: origin.to_owned(), source })?;
    figures.iter().map(|figure| one(figure, origin)).collect()
}

fn one(figure: &Value, origin: &str) -> Result<Figure, Error> {
    let member = |name| figure.get(name).ok_or_else(|| missing(origin, name));
    let text = |name| {
        let text = member(name)?.as_str().map(str::to_owned);
        text.ok_or_else(|| missing(origin, name))
    };
    let value = member("value")?.as_f64().ok_or_else(|| missing(origin, "value"))?;
    Ok(Figure { name: text("name")?, value, unit: text("unit")? })
}

fn missing(origin: &str, member: &'static str) -> Error {
    Error::Missing { origin: origin.to_owned(), member }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_benchmarks_write() {
        let text = br#"[{"name": "ike-memory/session", "value": 7000.5, "unit": "B"}]"#;
        let figure = Figure { name: "ike-memory/session".into(), value: 7000.5, unit: "B".into() };
        assert_eq!(parse(text, "figures.json").unwrap(), [figure]);
        let lacking = parse(br#"[{"name": "", "unit": ""}]"#, "figures.json");
        assert!(matches!(lacking, Err(Error::Missing { member: "value", .. })));
    }
}
