//! The command line, as `cargo xtask bench tunnel` gives it.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// What is asked for.
pub(crate) struct Options {
    /// Beside what others wrote.
    pub(crate) peers: bool,
    /// How long each transfer, flood and series of echoes lasts, in seconds.
    pub(crate) seconds: u64,
    /// Rounds of which the median counts.
    pub(crate) rounds: usize,
    /// Names of those to measure; all if empty.
    pub(crate) only: Vec<String>,
    /// Where programs are that no package brought.
    pub(crate) programs: PathBuf,
    pub(crate) json: Option<PathBuf>,
    pub(crate) svg: Option<PathBuf>,
}

/// Programs of the tests are ended after 90 seconds.
const LONGEST: u64 = 60;

impl Options {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// In words, when an option is unknown or lacks its value.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            peers: false,
            seconds: 3,
            rounds: 3,
            only: Vec::new(),
            programs: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/peers/bin")),
            json: None,
            svg: None,
        };
        let mut rest = arguments;
        while let Some(option) = rest.next() {
            let mut value =
                || rest.next().ok_or_else(|| format!("{option} needs a value after it"));
            match option.as_str() {
                // `cargo bench` says so to every benchmark.
                "--bench" => {}
                "--peers" => options.peers = true,
                "--seconds" => options.seconds = number(&option, &value()?, 1..=LONGEST)?,
                "--rounds" => options.rounds = number(&option, &value()?, 1..=1000)?,
                "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
                "--programs" => options.programs = value()?.into(),
                "--json" => options.json = Some(value()?.into()),
                "--svg" => options.svg = Some(value()?.into()),
                _ => return Err(format!("unknown: {option}")),
            }
        }
        Ok(options)
    }

    /// How long each part lasts.
    pub(crate) fn length(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// Whether this one is measured. What everything is compared with always is.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty()
            || name == crate::peers::PLAIN
            || self.only.iter().any(|wanted| wanted == name)
    }
}

fn number<N: FromStr + PartialOrd>(
    option: &str,
    text: &str,
    range: std::ops::RangeInclusive<N>,
) -> Result<N, String> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("{option}: not {text}"))
}
