//! `sekisho sessions …`

use std::collections::HashMap;

use policy::UtcOffset;
use registry::Filter;

use super::{actor, open_registry, when};
use crate::cli::{self, SessionFilter, SessionOrder};
use crate::config::Config;
use crate::gateway::{self, Kind, Listing, Request, Selection, Session};
use crate::{Failure, output, unix_micros};

/// A table is no wider.
const WIDEST: usize = 100;
const HEADING: [&str; 11] =
    ["id", "road", "terminal", "name", "system", "source", "since", "idle", "in", "out", "state"];
/// Those of its columns that give way: terminal, name, system and source.
const FLEXIBLE: [usize; 4] = [2, 3, 4, 5];
const A_DAY: i64 = 24 * 3600 * 1_000_000;

pub(super) fn run(config: &Config, command: cli::Sessions) -> Result<(), Failure> {
    match command.order {
        None => list(config, command.filter),
        Some(SessionOrder::End { id, reason }) => {
            let request = Request::End { id, operator: actor().name, reason };
            let ended: Session = serde_json::from_value(gateway::ask(&config.socket, &request)?)?;
            let whose = [Some(whose(&ended)), ended.system.map(|system| format!("→ {system}"))];
            let whose: Vec<String> = whose.into_iter().flatten().collect();
            output::line(format_args!("{}: {} {}: ended", ended.id, ended.road, whose.join(" ")))
        }
    }
}

fn list(config: &Config, filter: SessionFilter) -> Result<(), Failure> {
    let request = Request::Sessions(Selection {
        road: filter.road.map(|road| road.to_string()),
        institution: filter.institution.map(|code| code.to_string()),
        terminal: filter.terminal.map(|terminal| terminal.to_string()),
        system: filter.system.map(|system| system.to_string()),
        source: filter.source,
        limit: filter.limit.into(),
    });
    let listing: Listing = serde_json::from_value(gateway::ask(&config.socket, &request)?)?;
    if filter.json.json {
        return output::json(&listing);
    }
    let (names, now) = (names(config), unix_micros());
    let rows = listing.sessions.iter().flat_map(|session| {
        let row = row(session, &names, config.offset, now);
        std::iter::once(row).chain(children(session))
    });
    output::fitted_table(&HEADING, &rows.collect::<Vec<_>>(), WIDEST, &FLEXIBLE)?;
    if listing.left_out > 0 {
        output::line(format_args!("{} older ones are not shown: see --limit", listing.left_out))?;
    }
    for road in &listing.silent {
        output::line(format_args!("{road} does not answer: its sessions are not shown"))?;
    }
    Ok(())
}

/// Names of institutions by their codes. Without the registry, as for root, the codes must do.
fn names(config: &Config) -> HashMap<String, String> {
    let institutions = open_registry(config)
        .and_then(|registry| Ok(registry.reader().institutions(&Filter::default())?));
    let institutions = institutions.unwrap_or_default().into_iter();
    institutions.map(|one| (one.profile.code.to_string(), one.profile.name)).collect()
}

fn row(
    session: &Session,
    names: &HashMap<String, String>,
    offset: UtcOffset,
    now: i64,
) -> Vec<String> {
    let name = session.institution.as_ref().and_then(|code| names.get(code)).cloned();
    // The last group of a UUID.
    let id = session.id.rsplit('-').next().unwrap_or_default();
    let count = |octets: Option<u64>| octets.map_or_else(|| "-".to_owned(), amount);
    vec![
        id.to_owned(),
        session.road.clone(),
        whose(session),
        name.unwrap_or_default(),
        session.system.clone().unwrap_or_default(),
        session.source.map(|source| source.ip().to_string()).unwrap_or_default(),
        moment(session.since, offset, now),
        session.idle_seconds.map(duration).unwrap_or_default(),
        count(session.octets_in),
        count(session.octets_out),
        session.state.clone(),
    ]
}

/// Below it: of an IKE SA its CHILD_SAs, SPIs, and what is on either side; of a flow its ends.
fn children(session: &Session) -> Vec<Vec<String>> {
    let children = match &session.kind {
        Kind::Tls => return Vec::new(),
        Kind::Flow { client, destination, protocol } => {
            let ends = format!("{client} → {destination}");
            return vec![vec![String::new(), protocol.clone(), String::new(), ends]];
        }
        Kind::Ike { children, .. } => children,
    };
    let row = |child: &gateway::Child| {
        let (here, there) = (child.local.join(" "), child.remote.join(" "));
        let age = duration(child.age_seconds);
        let what = format!("{here} == {there}, for {age}, {}", child.suite);
        vec![format!("  {}", child.spi_in), "esp".to_owned(), format!("  {}", child.spi_out), what]
    };
    children.iter().map(row).collect()
}

/// The terminal's full name, or its institution's code.
fn whose(session: &Session) -> String {
    let names = [session.institution.as_deref(), session.terminal.as_deref()];
    names.into_iter().flatten().collect::<Vec<_>>().join("/")
}

/// The time of day; of what began earlier, the day.
fn moment(micros: i64, offset: UtcOffset, now: i64) -> String {
    let time = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
    let form = if now.saturating_sub(micros) < A_DAY { "%H:%M" } else { "%m-%d" };
    time.to_zoned(when::zone(offset)).strftime(form).to_string()
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Octets in at most four columns and a letter.
fn amount(octets: u64) -> String {
    let mut tenths = octets.saturating_mul(10);
    for unit in ["", "k", "M", "G", "T"] {
        match tenths {
            0..100 if !unit.is_empty() => return format!("{}.{}{unit}", tenths / 10, tenths % 10),
            0..10_000 => return format!("{}{unit}", tenths / 10),
            _ => tenths /= 1000,
        }
    }
    format!("{}P", tenths / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_narrow() {
        let amounts = [0, 999, 1000, 9_949, 12_345, 999_999, 1_000_000, 34_500_000_000, u64::MAX];
        let shown = ["0", "999", "1.0k", "9.9k", "12k", "999k", "1.0M", "34G", "1844P"];
        assert_eq!(amounts.map(amount), shown);
        let durations = [0, 119, 120, 7199, 7200, 172_799, 172_800].map(duration);
        assert_eq!(durations, ["0s", "119s", "2m", "119m", "2h", "47h", "2d"]);
    }
}
