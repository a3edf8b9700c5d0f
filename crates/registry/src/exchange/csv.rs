//! The CSV form: one table of institutions and their terminals.

use std::borrow::Cow;
use std::fmt::Display;
use std::iter::repeat;

use ::csv::{ByteRecord, ReaderBuilder, WriterBuilder};

use super::Member;
use super::entry::{Cell, Entries, Row};
use super::fault::Problem;
use super::field::Field;
use super::lines::Lines;
use crate::error::unwritable;
use crate::{Error, Institution, Terminal};

/// Excel takes a file without it for one in the machine's own encoding.
const BYTE_ORDER_MARK: &str = "\u{feff}";

pub(super) fn read(file: &[u8]) -> Entries {
    let mut entries = Entries::default();
    let lines = Lines::of(file);
    let mut reader = ReaderBuilder::new().flexible(true).has_headers(false).from_reader(file);
    // Reading from memory cannot fail, and rows of any length are taken.
    let mut records = reader.byte_records().map_while(Result::ok);
    let columns = columns(&records.next().unwrap_or_default(), &mut entries);
    if entries.faults.is_empty() {
        records.for_each(|record| row(&record, &columns, &lines, &mut entries));
    }
    entries
}

/// What the columns are; `None` for one without a heading.
fn columns(headings: &ByteRecord, entries: &mut Entries) -> Vec<Option<Field>> {
    let mut columns = Vec::with_capacity(headings.len());
    for heading in headings {
        let text = text(heading);
        let field = text.as_deref().and_then(Field::of_heading);
        match (&text, field) {
            (None, _) => entries.fault(1, "", &String::from_utf8_lossy(heading), Problem::NotUtf8),
            (Some(text), None) if !text.is_empty() => {
                entries.fault(1, "", text, Problem::UnknownColumn);
            }
            (Some(text), Some(_)) if columns.contains(&field) => {
                entries.fault(1, "", text, Problem::ColumnTwice);
            }
            (Some(text), Some(field)) => {
                entries.headings.insert(field, text.clone().into_owned());
            }
            (Some(_), None) => {}
        }
        columns.push(field);
    }
    if !columns.contains(&Some(Field::Code)) {
        entries.fault(1, Field::Code.heading(), "", Problem::Missing);
    }
    columns
}

fn row(record: &ByteRecord, columns: &[Option<Field>], lines: &Lines<'_>, entries: &mut Entries) {
    let start = record.position().map_or(0, ::csv::Position::byte);
    let line = lines.of_text_at(usize::try_from(start).unwrap_or(usize::MAX));
    let mut cells = Vec::with_capacity(columns.len());
    for (bytes, column) in record.iter().zip(columns.iter().copied().chain(repeat(None))) {
        match (column, text(bytes)) {
            (_, None) => {
                let heading = column.map(|field| entries.heading(field)).unwrap_or_default();
                entries.fault(line, &heading, &String::from_utf8_lossy(bytes), Problem::NotUtf8);
            }
            (None, Some(text)) if text.is_empty() => {}
            (None, Some(text)) => entries.fault(line, "", &text, Problem::TooManyCells),
            (Some(field), Some(text)) => cells.push(Cell { field, line, text }),
        }
    }
    entries.row(&Row { line, cells });
}

fn text(bytes: &[u8]) -> Option<Cow<'_, str>> {
    std::str::from_utf8(bytes).ok().map(|text| Cow::Borrowed(text.trim()))
}

pub(super) fn write(members: &[Member]) -> Result<String, Error> {
    let mut writer = WriterBuilder::new().from_writer(BYTE_ORDER_MARK.as_bytes().to_vec());
    let mut put = |row: [Cow<'_, str>; Field::ALL.len()]| {
        writer.write_record(row.each_ref().map(|cell| cell.as_bytes())).map_err(unwritable)
    };
    put(Field::ALL.map(|field| field.heading().into()))?;
    for (institution, terminals) in members {
        put(Field::ALL.map(|field| institution_cell(institution, field)))?;
        for terminal in terminals {
            put(Field::ALL.map(|field| terminal_cell(terminal, field)))?;
        }
    }
    let file = writer.into_inner().map_err(unwritable)?;
    String::from_utf8(file).map_err(unwritable)
}

fn institution_cell(institution: &Institution, field: Field) -> Cow<'_, str> {
    let profile = &institution.profile;
    match field {
        Field::Code => profile.code.as_str().into(),
        Field::Name => (&profile.name).into(),
        Field::Kind => profile.kind.as_str().into(),
        Field::Status => profile.status.as_str().into(),
        Field::Networks => list(profile.networks.iter()),
        Field::Systems => list(&profile.systems),
        Field::Hours => list(&profile.hours),
        Field::IpVpn => list(&profile.ip_vpn_prefixes),
        Field::Inner => list(&profile.inner_prefixes),
        Field::Within => list(&profile.within),
        Field::Note => (&institution.note).into(),
        Field::Terminal | Field::Label | Field::TerminalStatus => "".into(),
    }
}

fn terminal_cell(terminal: &Terminal, field: Field) -> Cow<'_, str> {
    match field {
        Field::Code => terminal.name.institution.as_str().into(),
        Field::Terminal => terminal.name.terminal.as_str().into(),
        Field::Label => (&terminal.label).into(),
        Field::TerminalStatus => terminal.status.as_str().into(),
        Field::Name
        | Field::Kind
        | Field::Status
        | Field::Networks
        | Field::Systems
        | Field::Hours
        | Field::IpVpn
        | Field::Inner
        | Field::Within
        | Field::Note => "".into(),
    }
}

fn list<T: Display>(values: impl IntoIterator<Item = T>) -> Cow<'static, str> {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(" ").into()
}
