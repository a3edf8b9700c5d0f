//! The TOML form: institutions, in each its terminals.

use std::borrow::Cow;

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};
use serde::Serialize;

use super::Member;
use super::entry::{Cell, Entries, Row};
use super::fault::Problem;
use super::field::Field;
use super::lines::Lines;
use crate::error::unwritable;
use crate::institution::Document;
use crate::{Error, Terminal};

const INSTITUTION: &str = "institution";
const TERMINAL: &str = "terminal";

pub(super) fn read(file: &[u8]) -> Entries {
    let mut reader = Reader { entries: Entries::default(), lines: Lines::of(file) };
    match std::str::from_utf8(file) {
        Ok(text) => reader.file(text),
        Err(error) => reader.fault(error.valid_up_to(), "", "", Problem::NotUtf8),
    }
    reader.entries
}

struct Reader<'f> {
    entries: Entries,
    lines: Lines<'f>,
}

type Key<'t, 'f> = &'t Spanned<Cow<'f, str>>;
type Value<'t, 'f> = &'t Spanned<DeValue<'f>>;

impl<'f> Reader<'f> {
    fn file(&mut self, text: &'f str) {
        let (file, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            for error in errors {
                let at = error.span().map_or(0, |span| span.start);
                self.fault(at, "", "", Problem::Toml(error));
            }
            return;
        }
        for (key, value) in file.get_ref() {
            if key.get_ref() == INSTITUTION {
                self.tables(key, value, Self::institution);
            } else {
                self.unknown(key);
            }
        }
    }

    /// Calls `each` for every table of an array of tables.
    fn tables(
        &mut self,
        key: Key<'_, 'f>,
        value: Value<'_, 'f>,
        mut each: impl FnMut(&mut Self, &DeTable<'f>, u64),
    ) {
        for value in value.get_ref().as_array().into_iter().flatten() {
            match value.get_ref().as_table() {
                Some(table) => {
                    let line = self.lines.at(value.span().start);
                    each(self, table, line);
                }
                None => self.fault(value.span().start, key.get_ref(), "", Problem::NotTables),
            }
        }
        if !value.get_ref().is_array() {
            self.fault(value.span().start, key.get_ref(), "", Problem::NotTables);
        }
    }

    fn institution(&mut self, table: &DeTable<'f>, line: u64) {
        let mut cells = Vec::new();
        let mut terminals = None;
        for (key, value) in table {
            match Field::of_institution_key(key.get_ref()) {
                Some(field) => cells.extend(self.cell(field, key, value)),
                None if key.get_ref() == TERMINAL => terminals = Some((key, value)),
                None => self.unknown(key),
            }
        }
        let code = cells.iter().find(|cell| cell.field == Field::Code).cloned();
        // A code alone names the institution of the terminals, and states nothing of it.
        if terminals.is_none() || cells.len() > 1 {
            self.entries.row(&Row { line, cells });
        }
        if let Some((key, value)) = terminals {
            self.tables(key, value, |reader, table, line| {
                reader.terminal(table, line, code.clone());
            });
        }
    }

    fn terminal(&mut self, table: &DeTable<'f>, line: u64, code: Option<Cell<'f>>) {
        let mut cells = Vec::from_iter(code);
        for (key, value) in table {
            match Field::of_terminal_key(key.get_ref()) {
                Some(field) => cells.extend(self.cell(field, key, value)),
                None => self.unknown(key),
            }
        }
        self.entries.row(&Row { line, cells });
    }

    fn cell(&mut self, field: Field, key: Key<'_, 'f>, value: Value<'_, 'f>) -> Option<Cell<'f>> {
        let text = match value.get_ref() {
            DeValue::String(text) => Some(Cow::Owned(text.trim().to_owned())),
            DeValue::Array(values) => {
                let words: Option<Vec<&str>> =
                    values.iter().map(|value| value.get_ref().as_str()).collect();
                words.map(|words| Cow::Owned(words.join(";")))
            }
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Table(_) => None,
        };
        let at = value.span().start;
        match text {
            Some(text) => Some(Cell { field, line: self.lines.at(at), text }),
            None => {
                self.fault(at, key.get_ref(), "", Problem::NotText);
                None
            }
        }
    }

    fn unknown(&mut self, key: Key<'_, 'f>) {
        self.fault(key.span().start, "", key.get_ref(), Problem::UnknownColumn);
    }

    fn fault(&mut self, at: usize, key: &str, value: &str, problem: Problem) {
        self.entries.fault(self.lines.at(at), key, value, problem);
    }
}

#[derive(Serialize)]
struct File<'a> {
    institution: Vec<InstitutionTable<'a>>,
}

#[derive(Serialize)]
struct InstitutionTable<'a> {
    #[serde(flatten)]
    document: Document<'a>,
    terminal: Vec<TerminalTable<'a>>,
}

#[derive(Serialize)]
struct TerminalTable<'a> {
    id: &'a str,
    label: &'a str,
    status: &'static str,
}

impl<'a> From<&'a Terminal> for TerminalTable<'a> {
    fn from(terminal: &'a Terminal) -> Self {
        Self {
            id: terminal.name.terminal.as_str(),
            label: &terminal.label,
            status: terminal.status.as_str(),
        }
    }
}

pub(super) fn write(members: &[Member]) -> Result<String, Error> {
    let tables = members.iter().map(|(institution, terminals)| InstitutionTable {
        document: institution.into(),
        terminal: terminals.iter().map(TerminalTable::from).collect(),
    });
    ::toml::to_string(&File { institution: tables.collect() }).map_err(unwritable)
}
