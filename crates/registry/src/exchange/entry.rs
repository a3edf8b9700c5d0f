//! From rows of text to what they state. Both formats come through here.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use policy::{
    Hours, InstitutionCode, InstitutionKind, Network, Networks, Status, SystemId, TerminalName,
};

use super::fault::{Fault, Problem};
use super::field::Field;
use crate::text;

/// One row: the cells that the file has for it.
#[derive(Debug)]
pub(super) struct Row<'f> {
    pub(super) line: u64,
    pub(super) cells: Vec<Cell<'f>>,
}

/// One value, with its place.
#[derive(Clone, Debug)]
pub(super) struct Cell<'f> {
    pub(super) field: Field,
    pub(super) line: u64,
    pub(super) text: Cow<'f, str>,
}

/// What a file states of an institution; `None` where it does not.
#[derive(Debug)]
pub(super) struct InstitutionEntry {
    pub(super) line: u64,
    pub(super) code: InstitutionCode,
    pub(super) stated: StatedInstitution,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct StatedInstitution {
    pub(super) name: String,
    pub(super) kind: Option<InstitutionKind>,
    pub(super) status: Option<Status>,
    pub(super) networks: Option<Networks>,
    pub(super) systems: Option<Vec<SystemId>>,
    pub(super) hours: Option<Option<Hours>>,
    pub(super) ip_vpn: Option<Vec<IpNet>>,
    pub(super) inner: Option<Vec<IpNet>>,
    pub(super) within: Option<Vec<InstitutionCode>>,
    pub(super) note: Option<String>,
}

/// What a file states of a terminal; `None` where it does not.
#[derive(Debug)]
pub(super) struct TerminalEntry {
    pub(super) line: u64,
    pub(super) name: TerminalName,
    pub(super) label: Option<String>,
    pub(super) status: Option<Status>,
}

/// What a file states, and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) institutions: Vec<InstitutionEntry>,
    pub(super) terminals: Vec<TerminalEntry>,
    pub(super) faults: Vec<Fault>,
    /// The file's own headings, where they differ from ours.
    pub(super) headings: HashMap<Field, String>,
    /// Where in `institutions` each is.
    institution_index: HashMap<InstitutionCode, usize>,
    terminal_lines: HashMap<TerminalName, u64>,
}

impl<'f> Row<'f> {
    fn cell(&self, field: Field) -> Option<&Cell<'f>> {
        self.cells.iter().find(|cell| cell.field == field)
    }

    fn fills(&self, group: fn(Field) -> bool) -> bool {
        self.cells.iter().any(|cell| group(cell.field) && !cell.text.is_empty())
    }
}

impl Entries {
    pub(super) fn heading(&self, field: Field) -> String {
        self.headings.get(&field).cloned().unwrap_or_else(|| field.heading().to_owned())
    }

    /// Whether it states this institution.
    pub(super) fn states(&self, code: &InstitutionCode) -> bool {
        self.institution_index.contains_key(code)
    }

    pub(super) fn fault(&mut self, line: u64, column: &str, value: &str, problem: Problem) {
        let (column, value) = (column.to_owned(), value.to_owned());
        self.faults.push(Fault { line, column, value, problem });
    }

    /// Takes in one row. A row of empty cells states nothing.
    pub(super) fn row(&mut self, row: &Row<'_>) {
        let (of_institution, of_terminal) =
            (row.fills(Field::is_of_institution), row.fills(Field::is_of_terminal));
        if !of_institution && !of_terminal && !row.fills(|field| field == Field::Code) {
            return;
        }
        let code = self.required(row, Field::Code, |text| Ok(text.parse()?));
        if of_institution || !of_terminal {
            self.institution(row, code.as_ref());
        }
        if of_terminal {
            self.terminal(row, code);
        }
    }

    fn institution(&mut self, row: &Row<'_>, code: Option<&InstitutionCode>) {
        let name = self.required(row, Field::Name, |text| Ok(text::name(text)?));
        let kind = self.value(row, Field::Kind, |text| Ok(text.parse()?));
        let status = self.value(row, Field::Status, |text| Ok(text.parse()?));
        let networks: Option<Vec<Network>> =
            self.values(row, Field::Networks, |text| Ok(text.parse()?));
        let systems = self.values(row, Field::Systems, |text| Ok(text.parse()?));
        let hours = row
            .cell(Field::Hours)
            .is_some()
            .then(|| self.value(row, Field::Hours, |text| Ok(text.parse()?)));
        let ip_vpn = self.values(row, Field::IpVpn, prefix);
        let inner = self.values(row, Field::Inner, prefix);
        let within = self.values(row, Field::Within, |text| Ok(text.parse()?));
        let note = self.text(row, Field::Note, text::note);
        let (Some(code), Some(name)) = (code, name) else { return };
        let networks = networks.map(Networks::from_iter);
        let stated = StatedInstitution {
            name,
            kind,
            status,
            networks,
            systems,
            hours,
            ip_vpn,
            inner,
            within,
            note,
        };
        self.state(InstitutionEntry { line: row.line, code: code.clone(), stated });
    }

    fn state(&mut self, entry: InstitutionEntry) {
        let index =
            *self.institution_index.entry(entry.code.clone()).or_insert(self.institutions.len());
        match self.institutions.get(index) {
            None => self.institutions.push(entry),
            Some(first) if first.stated == entry.stated => {}
            Some(first) => {
                let problem = Problem::StatedTwice { line: first.line };
                self.fault(entry.line, &self.heading(Field::Code), entry.code.as_str(), problem);
            }
        }
    }

    fn terminal(&mut self, row: &Row<'_>, institution: Option<InstitutionCode>) {
        let terminal = self.required(row, Field::Terminal, |text| Ok(text.parse()?));
        let label = self.text(row, Field::Label, text::line);
        let status = self.value(row, Field::TerminalStatus, |text| Ok(text.parse()?));
        let (Some(institution), Some(terminal)) = (institution, terminal) else { return };
        let name = TerminalName { institution, terminal };
        if let Some(line) = self.terminal_lines.insert(name.clone(), row.line) {
            let heading = self.heading(Field::Terminal);
            self.fault(row.line, &heading, &name.to_string(), Problem::StatedTwice { line });
            return;
        }
        self.terminals.push(TerminalEntry { line: row.line, name, label, status });
    }

    fn required<T>(
        &mut self,
        row: &Row<'_>,
        field: Field,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        if row.cell(field).is_none_or(|cell| cell.text.is_empty()) {
            self.fault(row.line, &self.heading(field), "", Problem::Missing);
            return None;
        }
        self.value(row, field, parse)
    }

    /// The value of a cell that is there and not empty.
    fn value<T>(
        &mut self,
        row: &Row<'_>,
        field: Field,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        let cell = row.cell(field).filter(|cell| !cell.text.is_empty())?;
        self.accept(cell, &cell.text, parse)
    }

    /// The values of a cell that is there.
    fn values<T>(
        &mut self,
        row: &Row<'_>,
        field: Field,
        parse: impl Fn(&str) -> Result<T, Problem>,
    ) -> Option<Vec<T>> {
        let cell = row.cell(field)?;
        let words = cell.text.split(|c: char| c.is_whitespace() || c == ';');
        let words = words.filter(|word| !word.is_empty());
        Some(words.filter_map(|word| self.accept(cell, word, &parse)).collect())
    }

    /// The text of a cell that is there, empty or not.
    fn text(
        &mut self,
        row: &Row<'_>,
        field: Field,
        parse: fn(&str) -> Result<String, text::TextProblem>,
    ) -> Option<String> {
        let cell = row.cell(field)?;
        self.accept(cell, &cell.text, |text| Ok(parse(text)?))
    }

    fn accept<T>(
        &mut self,
        cell: &Cell<'_>,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        match parse(text) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.fault(cell.line, &self.heading(cell.field), text, problem);
                None
            }
        }
    }
}

/// A prefix; an address stands for itself alone.
fn prefix(text: &str) -> Result<IpNet, Problem> {
    let prefix: IpNet = text
        .parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| Problem::NotAPrefix)?;
    let net = prefix.trunc();
    if net == prefix { Ok(net) } else { Err(Problem::HostBits(net)) }
}
