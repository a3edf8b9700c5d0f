//! Terminals and site routers.

use policy::{Status, TerminalName};
use rusqlite::{Connection, Row};
use serde::Serialize;

use crate::act::Act;
use crate::error::bad;
use crate::record::{self, Conditions, Record, as_text};
use crate::{Desk, Error, Institution, Subject, text};

/// A terminal or site router of an institution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Terminal {
    /// Its full name.
    #[serde(serialize_with = "as_text")]
    pub name: TerminalName,
    /// What people call it; may be empty.
    pub label: String,
    /// Whether it may connect.
    #[serde(serialize_with = "as_text")]
    pub status: Status,
}

impl Desk<'_> {
    /// Adds a terminal to an institution.
    ///
    /// # Errors
    /// [`Error::NoSuch`] or [`Error::Ended`] for its institution, [`Error::AlreadyExists`].
    pub fn add_terminal(&mut self, name: TerminalName, label: String) -> Result<(), Error> {
        self.transact(|act| add(act, name, label))
    }

    /// Changes what people call a terminal.
    ///
    /// # Errors
    /// [`Error::NoSuch`].
    pub fn relabel_terminal(&mut self, name: &TerminalName, label: String) -> Result<(), Error> {
        self.transact(|act| {
            act.change("relabel", name, |terminal: &mut Terminal| {
                terminal.label = label;
                Ok(())
            })
        })
    }

    /// Suspends, resumes or revokes a terminal. Its credentials keep their own status;
    /// the policy refuses them meanwhile.
    ///
    /// # Errors
    /// [`Error::NoSuch`], [`Error::Ended`].
    pub fn set_terminal_status(
        &mut self,
        name: &TerminalName,
        status: Status,
    ) -> Result<(), Error> {
        self.transact(|act| act.set_status::<Terminal>(name, status))
    }
}

/// Adds a terminal to an institution that has not left.
pub(crate) fn add(act: &Act<'_>, name: TerminalName, label: String) -> Result<(), Error> {
    record::not_ended::<Institution>(act.sql, &name.institution)?;
    act.add(Terminal { name, label, status: Status::Active })
}

impl Record for Terminal {
    type Key = TerminalName;

    const KIND: &'static str = "terminal";
    const SELECT: &'static str = "SELECT institution, id, label, status FROM terminals";
    const ORDER: &'static str = "institution, id";
    const TEXT: &'static str = "institution || '/' || id || ' ' || label";

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { name: name_in(row)?, label: row.get(2)?, status: record::parsed(row, 3)? })
    }

    fn key(&self) -> &TerminalName {
        &self.name
    }

    fn matching(name: &TerminalName) -> Conditions {
        Conditions::default()
            .and("institution = ?", name.institution.to_string())
            .and("id = ?", name.terminal.to_string())
    }

    fn subject(name: &TerminalName) -> Subject {
        Subject::Terminal(name.clone())
    }

    fn path(&self) -> String {
        self.name.to_string()
    }

    fn status(&mut self) -> &mut Status {
        &mut self.status
    }

    fn normalise(&mut self) -> Result<(), Error> {
        self.label = text::line(&self.label).map_err(bad("terminal's label"))?;
        Ok(())
    }

    fn insert(&self, sql: &Connection) -> Result<(), Error> {
        if record::find::<Self>(sql, &self.name)?.is_some() {
            return Err(Error::AlreadyExists(Self::subject(&self.name)));
        }
        let institution = &self.name.institution;
        if !sql
            .prepare_cached("SELECT 1 FROM institutions WHERE code = ?1")?
            .exists([institution.as_str()])?
        {
            return Err(Error::NoSuch(Subject::Institution(institution.clone())));
        }
        sql.prepare_cached("INSERT INTO terminals VALUES (?1, ?2, ?3, ?4)")?.execute((
            institution.as_str(),
            self.name.terminal.as_str(),
            &self.label,
            self.status.as_str(),
        ))?;
        Ok(())
    }

    fn update(&self, sql: &Connection) -> Result<(), Error> {
        sql.prepare_cached(
            "UPDATE terminals SET label = ?3, status = ?4 WHERE institution = ?1 AND id = ?2",
        )?
        .execute((
            self.name.institution.as_str(),
            self.name.terminal.as_str(),
            &self.label,
            self.status.as_str(),
        ))?;
        Ok(())
    }
}

/// A terminal's full name, from the first two columns.
pub(crate) fn name_in(row: &Row<'_>) -> rusqlite::Result<TerminalName> {
    Ok(TerminalName { institution: record::parsed(row, 0)?, terminal: record::parsed(row, 1)? })
}
