//! `sekisho log …`

use std::net::SocketAddr;

use connlog::{Credential, Event, Record, to_json};
use logstore::{Log, Query, Tail};
use policy::UtcOffset;
use reason::Language;

use super::when;
use crate::cli::{self, Selection};
use crate::config::Config;
use crate::{Failure, output, reasons, unix_micros};

pub(super) fn run(config: &Config, command: cli::Log, language: Language) -> Result<(), Failure> {
    let log = Log::new(config.log.directory.clone());
    match command {
        cli::Log::Tail { count, follow, selection } => {
            let json = selection.json;
            let mut tail = log.tail(&query(selection), count)?;
            loop {
                let records = tail.poll()?;
                let idle = records.is_empty();
                for record in records {
                    print(&record, json, config.offset, language)?;
                }
                if idle && !follow {
                    return Ok(());
                }
                if idle {
                    std::thread::sleep(Tail::INTERVAL);
                }
            }
        }
        cli::Log::Query { since, until, limit, newest, selection } => {
            let json = selection.json;
            let now = unix_micros();
            let moment = |text: String| when::parse(&text, config.offset, now);
            let query = Query {
                since: since.map(moment).transpose()?,
                until: until.map(moment).transpose()?,
                limit,
                newest_first: newest,
                ..query(selection)
            };
            for record in log.records(&query)? {
                print(&record?, json, config.offset, language)?;
            }
            Ok(())
        }
    }
}

fn query(selection: Selection) -> Query {
    Query {
        institution: selection.institution,
        terminal: selection.terminal,
        system: selection.system,
        network: selection.network,
        verdict: selection.verdict,
        kind: selection.kind,
        peer: selection.peer,
        reason: selection.reason,
        ..Query::default()
    }
}

fn print(
    record: &Record,
    json: bool,
    offset: UtcOffset,
    language: Language,
) -> Result<(), Failure> {
    if json {
        output::line(to_json(record))
    } else {
        output::line(sentence(record, offset, language))
    }
}

/// A record as one line for people.
fn sentence(record: &Record, offset: UtcOffset, language: Language) -> String {
    let time = jiff::Timestamp::from_microsecond(record.time.unix_micros).unwrap_or_default();
    let time = time.to_zoned(when::zone(offset));
    let mut words = vec![time.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()];
    words.push(format!("{:<7}", record.kind()));
    let facts = &record.facts;
    if let Some(network) = facts.network {
        words.push(network.to_string());
    }
    words.extend(facts.source.map(end));
    words.extend(who(record));
    // On the IP-VPN the same as above.
    if let Some(inner) = facts.inner_source.filter(|inner| Some(*inner) != facts.source) {
        words.push(format!("from {}", end(inner)));
    }
    if let Some(system) = &facts.system {
        words.push(format!("→ {system}"));
    } else if let Some(requested) = &facts.requested {
        words.push(format!("→ {}", requested.escape_debug()));
    }
    if let Some(destination) = facts.inner_destination {
        let protocol = facts.protocol.map(|protocol| format!("/{}", protocol.as_str()));
        words.push(format!("at {}{}", end(destination), protocol.unwrap_or_default()));
    }
    if let Some(negotiated) = &facts.negotiated {
        words.push(format!("{} {}", negotiated.version, negotiated.suite));
    }
    if let Event::Closed { traffic, started, .. } = &record.event {
        #[allow(clippy::cast_precision_loss, reason = "shown to a tenth of a second")]
        let seconds = (record.time.unix_micros - started) as f64 / 1e6;
        words.push(format!(
            "in {} B, out {} B, {seconds:.1} s",
            traffic.bytes_in, traffic.bytes_out
        ));
    }
    if let Event::Denied { attempts, .. } = &record.event
        && *attempts > 1
    {
        words.push(format!("{attempts} attempts"));
    }
    if let Some(code) = record.reason() {
        words.push(code.to_owned());
        words.extend(reasons::sentence(code, language).map(|text| format!("— {text}")));
    }
    if let Event::Denied { detail: Some(detail), .. }
    | Event::Closed { detail: Some(detail), .. }
    | Event::Control { detail: Some(detail), .. } = &record.event
    {
        words.push(format!("({})", detail.escape_debug()));
    }
    words.join(" ")
}

/// An address, and its port where there is one.
fn end(address: SocketAddr) -> String {
    let ip = address.ip().to_canonical();
    match address.port() {
        0 => ip.to_string(),
        port => SocketAddr::new(ip, port).to_string(),
    }
}

/// The terminal or institution as the policy knows it, else what the certificate claims.
fn who(record: &Record) -> Option<String> {
    let facts = &record.facts;
    if let Some(terminal) = &facts.terminal {
        return Some(terminal.to_string());
    }
    if let Some(institution) = &facts.institution {
        return Some(institution.to_string());
    }
    match &facts.credential {
        Some(Credential::Certificate { claimed: Some(claimed), .. }) => {
            Some(format!("\"{}\"", claimed.escape_debug()))
        }
        Some(Credential::Ike(identity)) => Some(format!("\"{}\"", identity.escape_debug())),
        Some(Credential::Certificate { claimed: None, .. }) | None => None,
    }
}
