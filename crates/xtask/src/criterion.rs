//! What criterion left on disk: `GROUP/…/new/{benchmark,estimates}.json` for every benchmark.

use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use serde_json::Value;

use crate::error::Error;

/// The time one iteration takes.
pub(crate) struct Measurement {
    /// Criterion's full name, `group/function/parameter`.
    pub(crate) name: String,
    /// The median, in nanoseconds.
    pub(crate) median_ns: f64,
    /// The lower bound of the median's confidence interval, in nanoseconds.
    pub(crate) low_ns: f64,
    /// Its upper bound, in nanoseconds.
    pub(crate) high_ns: f64,
    /// How much one iteration gets through.
    work: Option<Work>,
}

struct Work {
    amount: f64,
    unit: &'static str,
}

impl Measurement {
    /// What is got through in a second at the median, and its unit: `B`, `bit` or `elem`.
    pub(crate) fn throughput(&self) -> Option<(f64, &'static str)> {
        self.work.as_ref().map(|work| (work.amount * 1e9 / self.median_ns, work.unit))
    }

    fn read(new: &Path) -> Result<Self, Error> {
        let (about, estimates) = (new.join("benchmark.json"), new.join("estimates.json"));
        let benchmark = json(&about)?;
        let median = json(&estimates)?;
        let nanoseconds = |pointer: &'static str| {
            let missing = || missing(&estimates, pointer);
            median.pointer(pointer).and_then(Value::as_f64).ok_or_else(missing)
        };
        let name = benchmark.get("full_id").and_then(Value::as_str);
        Ok(Self {
            name: name.ok_or_else(|| missing(&about, "full_id"))?.to_owned(),
            median_ns: nanoseconds("/median/point_estimate")?,
            low_ns: nanoseconds("/median/confidence_interval/lower_bound")?,
            high_ns: nanoseconds("/median/confidence_interval/upper_bound")?,
            work: benchmark.get("throughput").and_then(work),
        })
    }
}

/// The benchmarks below `directory` that were measured after `start`, by name.
///
/// # Errors
///
/// When a result cannot be read.
pub(crate) fn since(start: SystemTime, directory: &Path) -> Result<Vec<Measurement>, Error> {
    let mut found = Vec::new();
    collect(start, directory, &mut found)
        .map_err(|source| Error::Read { path: directory.to_owned(), source })?;
    let measurements = found.iter().map(|new| Measurement::read(new));
    let mut measurements = measurements.collect::<Result<Vec<_>, _>>()?;
    measurements.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(measurements)
}

fn collect(start: SystemTime, directory: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.ends_with("new") {
            let estimates = path.join("estimates.json");
            if estimates.exists() && estimates.metadata()?.modified()? >= start {
                found.push(path);
            }
        } else if path.is_dir() {
            collect(start, &path, found)?;
        }
    }
    Ok(())
}

/// Criterion's `Throughput`, an enum written as `{"Bytes": 1500}`.
fn work(throughput: &Value) -> Option<Work> {
    [("Bytes", "B"), ("BytesDecimal", "B"), ("Bits", "bit"), ("Elements", "elem")]
        .into_iter()
        .find_map(|(variant, unit)| Some(Work { amount: throughput.get(variant)?.as_f64()?, unit }))
}

fn json(path: &Path) -> Result<Value, Error> {
    let text = fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    serde_json::from_slice(&text)
        .map_err(|source| Error::Json { origin: path.display().to_string(), source })
}

fn missing(path: &Path, member: &'static str) -> Error {
    Error::Missing { origin: path.display().to_string(), member }
}
