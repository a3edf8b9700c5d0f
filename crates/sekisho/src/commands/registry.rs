//! `sekisho registry …`

use std::path::Path;

use registry::{Actor, AuditFilter, Format, ImportReport, Tally};

use super::{actor, open_registry, when};
use crate::cli;
use crate::config::Config;
use crate::files::{self, PRIVATE};
use crate::{Failure, output, unix_micros, unix_now};

pub(super) fn run(config: &Config, command: cli::Registry) -> Result<(), Failure> {
    use cli::Registry as Command;
    match command {
        Command::Import { file, dry_run } => import(config, &file, dry_run),
        Command::Export { file } => {
            let text = open_registry(config)?.reader().export(format(&file)?)?;
            files::create(&file, text.as_bytes(), PRIVATE)?;
            output::line(format_args!("{}: written", file.display()))
        }
        Command::Audit { subject, since, json } => {
            let since = since.map(|since| when::parse(&since, config.offset, unix_micros()));
            let since = since.transpose()?.map(|micros| micros.div_euclid(1_000_000));
            let registry = open_registry(config)?;
            let entries = registry.reader().audit(&AuditFilter { since, subject })?;
            if json.json {
                return output::json(&entries);
            }
            let rows: Vec<Vec<String>> = entries
                .into_iter()
                .map(|entry| {
                    let time = when::local(entry.time, config.offset);
                    let time = time.strftime("%Y-%m-%d %H:%M:%S");
                    vec![time.to_string(), entry.operator, entry.act, entry.subject, entry.after]
                })
                .collect();
            output::table(&["time", "operator", "act", "subject", "became"], &rows)
        }
    }
}

fn import(config: &Config, file: &Path, dry_run: bool) -> Result<(), Failure> {
    let bytes =
        std::fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let format = format(file)?;
    let mut registry = open_registry(config)?;
    let actor: Actor = actor();
    let desk = registry.desk(&actor, unix_now()).beside(&config.systems);
    let mut desk = if dry_run { desk.rehearsal() } else { desk };
    let ImportReport { institutions, terminals } =
        desk.import(format, &bytes).map_err(|error| format!("{}: {error}", file.display()))?;
    for (what, tally) in [("institutions", institutions), ("terminals", terminals)] {
        let Tally { added, changed, unchanged } = tally;
        output::line(format_args!(
            "{what}: {added} added, {changed} changed, {unchanged} unchanged"
        ))?;
    }
    if dry_run { output::line("rehearsed only: nothing was changed") } else { Ok(()) }
}

fn format(file: &Path) -> Result<Format, Failure> {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => Ok(Format::Csv),
        Some("toml") => Ok(Format::Toml),
        _ => Err(format!("{} is neither .csv nor .toml", file.display()).into()),
    }
}
