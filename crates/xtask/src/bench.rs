//! `cargo xtask bench`: one family of benchmarks, as a table and as JSON.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::criterion::{self, Measurement};
use crate::error::{Error, Usage};
use crate::figures::{self, Figure};
use crate::needs::Group;
use crate::tunnel;
use crate::workspace::Workspace;
use crate::{host, install, process, terminal};

/// The command line of `bench`.
pub(crate) struct Request {
    family: &'static str,
    /// Beside what others wrote.
    peers: bool,
    json: Option<PathBuf>,
    /// Further options, which are the tunnels' own.
    more: Vec<OsString>,
}

impl Request {
    /// Reads `core|tls|ike|tunnel [--peers] [--json FILE]`, and for `tunnel` [`tunnel::OPTIONS`];
    /// only `ike` and `tunnel` have peers.
    ///
    /// # Errors
    ///
    /// When it is anything else.
    pub(crate) fn parse(arguments: &[OsString]) -> Result<Self, Usage> {
        let (mut family, mut peers, mut json, mut more) = (None, None, None, Vec::new());
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.to_str() {
                Some("core") if family.is_none() => family = Some("core"),
                Some("tls") if family.is_none() => family = Some("tls"),
                Some("ike") if family.is_none() => family = Some("ike"),
                Some("tunnel") if family.is_none() => family = Some("tunnel"),
                Some("--peers") => peers = Some(argument),
                Some("--json") => {
                    let file = rest.next().ok_or(Usage::NoValue { option: "--json" })?;
                    json = Some(PathBuf::from(file));
                }
                Some(given) => {
                    let known = tunnel::OPTIONS.into_iter().find(|option| *option == given);
                    let option = known.ok_or_else(|| unexpected(argument))?;
                    let value = rest.next().ok_or(Usage::NoValue { option })?;
                    more.extend([argument.clone(), value.clone()]);
                }
                None => return Err(unexpected(argument)),
            }
        }
        let family = family.ok_or(Usage::NoBench)?;
        let has_peers = matches!(family, "ike" | "tunnel");
        match (peers, more.first()) {
            (Some(argument), _) if !has_peers => Err(unexpected(argument)),
            (_, Some(argument)) if family != "tunnel" => Err(unexpected(argument)),
            _ => Ok(Self { family, peers: peers.is_some(), json, more }),
        }
    }

    /// The target in `bench`.
    fn target(&self) -> &'static str {
        match (self.family, self.peers) {
            ("ike", true) => "ike-peers",
            (family, _) => family,
        }
    }
}

fn unexpected(argument: &OsString) -> Usage {
    Usage::Unexpected { command: "bench", argument: argument.clone() }
}

/// Runs the benchmarks, prints the table and writes the JSON.
///
/// # Errors
///
/// When they do not build, fail, measure nothing, or the file cannot be written.
pub(crate) fn run(workspace: &Workspace, request: &Request) -> Result<(), Error> {
    if request.family == "tunnel" {
        return tunnel::run(workspace, request.peers, &request.more, request.json.as_deref());
    }
    let build = || process::cargo(&workspace.root);
    if request.peers {
        install::ensure(workspace, &[Group::Build, Group::Test])?;
        process::run(build().args(["build", "--release", "-p", "sekisho"]))?;
    } else {
        install::ensure(workspace, &[Group::Build])?;
    }
    let directory = workspace.target.join("criterion");
    let figures = figures::prepare(&directory)?;
    let start = SystemTime::now();
    let mut bench = build();
    bench.args(["bench", "-p", "bench", "--bench", request.target()]);
    bench.env("CRITERION_HOME", &directory).env(figures::FILE, &figures);
    process::run(&mut bench)?;

    let results = Results {
        measurements: criterion::since(start, &directory)?,
        figures: figures::read(&figures)?,
    };
    if results.measurements.is_empty() && results.figures.is_empty() {
        return Err(Error::NoResults { directory });
    }
    terminal::result(&results.table());
    match &request.json {
        Some(path) => write(path, &results.report()),
        None => Ok(()),
    }
}

struct Results {
    measurements: Vec<Measurement>,
    figures: Vec<Figure>,
}

impl Results {
    fn table(&self) -> String {
        let headings = ["benchmark", "median", "low", "high", "throughput"].map(str::to_owned);
        let measured = self.measurements.iter().map(|measured| {
            let throughput = measured.throughput();
            vec![
                measured.name.clone(),
                time(measured.median_ns),
                time(measured.low_ns),
                time(measured.high_ns),
                throughput.map_or(String::new(), |(rate, unit)| per_second(rate, unit)),
            ]
        });
        let figures = self.figures.iter().map(|figure| vec![figure.name.clone(), amount(figure)]);
        let rows = std::iter::once(headings.to_vec()).chain(measured).chain(figures);
        terminal::table(&rows.collect::<Vec<_>>())
    }

    fn report(&self) -> Value {
        let measured = self.measurements.iter().map(of_measurement);
        let figures = self.figures.iter().map(
            |Figure { name, value, unit }| json!({"name": name, "value": value, "unit": unit}),
        );
        let results: Vec<Value> = measured.chain(figures).collect();
        json!({"host": host::describe(), "results": results})
    }
}

fn of_measurement(measured: &Measurement) -> Value {
    let mut result = json!({
        "name": measured.name,
        "median_ns": measured.median_ns,
        "low_ns": measured.low_ns,
        "high_ns": measured.high_ns,
    });
    if let (Some((rate, unit)), Value::Object(members)) = (measured.throughput(), &mut result) {
        members.insert("throughput".into(), json!({"per_second": rate, "unit": unit}));
    }
    result
}

/// Writes results where they are wanted.
///
/// # Errors
///
/// When the file cannot be written.
pub(crate) fn write(path: &Path, report: &Value) -> Result<(), Error> {
    fs::write(path, format!("{report:#}\n"))
        .map_err(|source| Error::Write { path: path.to_owned(), source })
}

fn amount(Figure { value, unit, .. }: &Figure) -> String {
    match unit.as_str() {
        "ns" => time(*value),
        "" => format!("{value:.2}"),
        unit => format!("{value:.0} {unit}"),
    }
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ns if ns < 1e3 => format!("{ns:.2} ns"),
        ns if ns < 1e6 => format!("{:.2} µs", ns / 1e3),
        ns if ns < 1e9 => format!("{:.2} ms", ns / 1e6),
        ns => format!("{:.2} s", ns / 1e9),
    }
}

fn per_second(rate: f64, unit: &str) -> String {
    match rate {
        rate if rate < 1e3 => format!("{rate:.1} {unit}/s"),
        rate if rate < 1e6 => format!("{:.2} k{unit}/s", rate / 1e3),
        rate if rate < 1e9 => format!("{:.2} M{unit}/s", rate / 1e6),
        rate => format!("{:.2} G{unit}/s", rate / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Request, Usage> {
        Request::parse(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn reads_its_command_line_in_any_order() {
        let request = parse("--json out.json tls").unwrap();
        assert_eq!((request.target(), request.json), ("tls", Some("out.json".into())));
        assert_eq!(parse("--peers ike").unwrap().target(), "ike-peers");
        let request = parse("--seconds 5 tunnel --only plain,libipsec --peers").unwrap();
        assert_eq!((request.target(), request.peers), ("tunnel", true));
        assert_eq!(request.more, ["--seconds", "5", "--only", "plain,libipsec"]);
        assert!(matches!(parse("ike --seconds 5"), Err(Usage::Unexpected { .. })));
        assert!(matches!(parse("core --peers"), Err(Usage::Unexpected { .. })));
        assert!(matches!(parse("core tls"), Err(Usage::Unexpected { .. })));
        assert!(matches!(parse("core --json"), Err(Usage::NoValue { .. })));
        assert!(matches!(parse("--json out.json"), Err(Usage::NoBench)));
    }
}
