//! From what a file states to what is registered.

use policy::{Status, UnixSeconds};

use super::entry::{Entries, InstitutionEntry};
use super::fault::{Fault, Problem};
use super::field::Field;
use super::{Format, ImportReport, Tally, csv, toml};
use crate::act::{Act, Outcome};
use crate::institution::release_prefixes;
use crate::record::{self, Record as _};
use crate::{Desk, Error, Institution, Subject, Terminal};

impl Desk<'_> {
    /// Adds and changes institutions and terminals as the file states them; what it does
    /// not name stays. All of it is done, or nothing: an act each in the audit, in one
    /// transaction. A prefix may pass from one institution of the file to another.
    ///
    /// # Errors
    /// [`Error::Import`] with every bad value of the file; once there is none, with every
    /// conflict between the file and the registry.
    pub fn import(&mut self, format: Format, file: &[u8]) -> Result<ImportReport, Error> {
        let mut entries = match format {
            Format::Csv => csv::read(file),
            Format::Toml => toml::read(file),
        };
        if !entries.faults.is_empty() {
            entries.faults.sort_by_key(|fault| fault.line);
            return Err(Error::Import(entries.faults));
        }
        self.transact(|act| {
            let mut import = Import { act, entries: &entries, faults: Vec::new() };
            let institutions = import.institutions()?;
            let terminals = import.terminals()?;
            if import.faults.is_empty() {
                Ok(ImportReport { institutions, terminals })
            } else {
                Err(Error::Import(import.faults))
            }
        })
    }
}

struct Import<'a> {
    act: &'a Act<'a>,
    entries: &'a Entries,
    faults: Vec<Fault>,
}

const VERB: &str = "import";

impl Import<'_> {
    fn institutions(&mut self) -> Result<Tally, Error> {
        let mut changes = Vec::with_capacity(self.entries.institutions.len());
        for entry in &self.entries.institutions {
            let before: Option<Institution> = record::find(self.act.sql, &entry.code)?;
            match merged(entry, before.as_ref(), self.act.now) {
                Ok(mut after) => {
                    after.normalise()?;
                    changes.push((entry, before, after));
                }
                Err((field, problem)) => {
                    self.fault(entry.line, field, entry.code.as_str(), problem);
                }
            }
        }
        // First all are let go, so that a prefix can pass from one to another.
        for (entry, before, after) in &changes {
            if before.as_ref().is_some_and(|before| before != after) {
                release_prefixes(self.act.sql, &entry.code)?;
            }
        }
        let mut tally = Tally::default();
        for (entry, before, after) in &changes {
            match self.act.save(VERB, before.as_ref(), after) {
                Ok(outcome) => tally.count(outcome),
                Err(Error::PrefixTaken { prefix, holder }) => {
                    let ip_vpn = after.profile.ip_vpn_prefixes.contains(&prefix);
                    let field = if ip_vpn { Field::IpVpn } else { Field::Inner };
                    let problem = Problem::PrefixTaken(holder);
                    self.fault(entry.line, field, &prefix.to_string(), problem);
                }
                Err(error) => return Err(error),
            }
        }
        self.conflicts()?;
        Ok(tally)
    }

    /// Overlaps in which an institution of the file takes part, each at the line of the first.
    fn conflicts(&mut self) -> Result<(), Error> {
        for conflict in self.act.prefix_conflicts()? {
            let mut entries = self.entries.institutions.iter();
            if let Some(entry) = entries.find(|entry| conflict.is_of_prefixes_of(&entry.code)) {
                let problem = Problem::PrefixConflict(Box::new(conflict));
                self.fault(entry.line, Field::Code, "", problem);
            }
        }
        Ok(())
    }

    fn terminals(&mut self) -> Result<Tally, Error> {
        let mut tally = Tally::default();
        for entry in &self.entries.terminals {
            let before: Option<Terminal> = record::find(self.act.sql, &entry.name)?;
            let Some(status) = status(before.as_ref().map(|before| before.status), entry.status)
            else {
                let value = entry.name.to_string();
                self.fault(entry.line, Field::TerminalStatus, &value, Problem::Ended);
                continue;
            };
            let label = match &entry.label {
                Some(label) => label.clone(),
                None => before.as_ref().map(|before| before.label.clone()).unwrap_or_default(),
            };
            let after = Terminal { name: entry.name.clone(), label, status };
            match self.act.save(VERB, before.as_ref(), &after) {
                Ok(outcome) => tally.count(outcome),
                Err(Error::NoSuch(Subject::Institution(code))) => {
                    // One that the file states has faults of its own.
                    if !self.entries.states(&code) {
                        let problem = Problem::NoInstitution;
                        self.fault(entry.line, Field::Code, code.as_str(), problem);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(tally)
    }

    fn fault(&mut self, line: u64, field: Field, value: &str, problem: Problem) {
        let (column, value) = (self.entries.heading(field), value.to_owned());
        self.faults.push(Fault { line, column, value, problem });
    }
}

impl Tally {
    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Added => self.added += 1,
            Outcome::Changed => self.changed += 1,
            Outcome::Unchanged => self.unchanged += 1,
        }
    }
}

/// What is registered, with what the file states put over it.
fn merged(
    entry: &InstitutionEntry,
    before: Option<&Institution>,
    now: UnixSeconds,
) -> Result<Institution, (Field, Problem)> {
    let old = before.map(|before| &before.profile);
    let stated = &entry.stated;
    let kind = stated.kind.or(old.map(|old| old.kind)).ok_or((Field::Kind, Problem::Missing))?;
    let status =
        status(old.map(|old| old.status), stated.status).ok_or((Field::Status, Problem::Ended))?;
    let profile = policy::Institution {
        code: entry.code.clone(),
        name: stated.name.clone(),
        kind,
        status,
        networks: over(&stated.networks, old.map(|old| &old.networks)),
        systems: over(&stated.systems, old.map(|old| &old.systems)),
        hours: over(&stated.hours, old.map(|old| &old.hours)),
        ip_vpn_prefixes: over(&stated.ip_vpn, old.map(|old| &old.ip_vpn_prefixes)),
        inner_prefixes: over(&stated.inner, old.map(|old| &old.inner_prefixes)),
        within: over(&stated.within, old.map(|old| &old.within)),
    };
    Ok(Institution {
        profile,
        note: over(&stated.note, before.map(|before| &before.note)),
        created: before.map_or(now, |before| before.created),
    })
}

fn over<T: Clone + Default>(stated: &Option<T>, old: Option<&T>) -> T {
    stated.as_ref().or(old).cloned().unwrap_or_default()
}

/// The status to have; `None` when that would bring back what was ended for good.
fn status(old: Option<Status>, stated: Option<Status>) -> Option<Status> {
    match (old, stated) {
        (Some(Status::Revoked), Some(Status::Active | Status::Suspended)) => None,
        (old, stated) => Some(stated.or(old).unwrap_or(Status::Active)),
    }
}
