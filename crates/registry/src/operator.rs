//! Operators: the staff who watch and change the gateway.

use std::fmt;
use std::str::FromStr;

use policy::{Fingerprint, Status, UnknownWord};
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::{Serialize, Serializer};

use crate::error::bad;
use crate::record::{self, Conditions, Record, as_text};
use crate::{Desk, Error, Subject, text};

/// What an operator may do; each role may do what the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// May look.
    Viewer,
    /// May change the roster.
    Support,
    /// May change everything, operators included.
    Administrator,
}

impl Role {
    /// The words for the roles, lowest first.
    pub const WORDS: &'static [&'static str] = &["viewer", "support", "administrator"];

    /// The word in files, records and commands.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Support => "support",
            Self::Administrator => "administrator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        [Self::Viewer, Self::Support, Self::Administrator]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(UnknownWord(Self::WORDS))
    }
}

/// An operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Operator {
    /// The name that stands in the audit.
    pub name: String,
    /// What the operator may do.
    #[serde(serialize_with = "as_text")]
    pub role: Role,
    /// The certificate that proves who it is, where there is one: SHA-256 over its DER.
    #[serde(serialize_with = "as_optional_text")]
    pub certificate: Option<Fingerprint>,
    /// Whether the operator may act.
    #[serde(serialize_with = "as_text")]
    pub status: Status,
}

/// One change to an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorChange {
    /// What the operator may do.
    Role(Role),
    /// The certificate that proves who it is.
    Certificate(Option<Fingerprint>),
}

impl Desk<'_> {
    /// Adds an operator.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`]; [`Error::Taken`] when another has the certificate.
    pub fn add_operator(
        &mut self,
        name: String,
        role: Role,
        certificate: Option<Fingerprint>,
    ) -> Result<(), Error> {
        let status = Status::Active;
        self.transact(|act| act.add(Operator { name, role, certificate, status }))
    }

    /// Changes an operator.
    ///
    /// # Errors
    /// [`Error::NoSuch`]; [`Error::Taken`] when another has the certificate.
    pub fn change_operator(&mut self, name: &str, change: OperatorChange) -> Result<(), Error> {
        self.transact(|act| {
            act.change("change", name, |operator: &mut Operator| {
                match change {
                    OperatorChange::Role(role) => operator.role = role,
                    OperatorChange::Certificate(fingerprint) => operator.certificate = fingerprint,
                }
                Ok(())
            })
        })
    }

    /// Suspends or resumes an operator, or revokes the account for good.
    ///
    /// # Errors
    /// [`Error::NoSuch`], [`Error::Ended`].
    pub fn set_operator_status(&mut self, name: &str, status: Status) -> Result<(), Error> {
        self.transact(|act| act.set_status::<Operator>(name, status))
    }
}

impl Operator {
    fn refuse_shared_certificate(&self, sql: &Connection) -> Result<(), Error> {
        let Some(fingerprint) = self.certificate else { return Ok(()) };
        let holder = sql
            .prepare_cached("SELECT name FROM operators WHERE fingerprint = ?1 AND name <> ?2")?
            .query_row((fingerprint.0, &self.name), |row| row.get(0))
            .optional()?;
        match holder {
            Some(holder) => Err(Error::Taken {
                credential: Subject::Certificate(fingerprint),
                holder: Subject::Operator(holder),
            }),
            None => Ok(()),
        }
    }
}

impl Record for Operator {
    type Key = str;

    const KIND: &'static str = "operator";
    const SELECT: &'static str = "SELECT name, role, fingerprint, status FROM operators";
    const ORDER: &'static str = "name";
    const TEXT: &'static str = "name";

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            name: row.get(0)?,
            role: record::parsed(row, 1)?,
            certificate: row.get::<_, Option<_>>(2)?.map(Fingerprint),
            status: record::parsed(row, 3)?,
        })
    }

    fn key(&self) -> &str {
        &self.name
    }

    fn matching(name: &str) -> Conditions {
        Conditions::default().and("name = ?", name.to_owned())
    }

    fn subject(name: &str) -> Subject {
        Subject::Operator(name.to_owned())
    }

    fn path(&self) -> String {
        self.name.clone()
    }

    fn status(&mut self) -> &mut Status {
        &mut self.status
    }

    fn normalise(&mut self) -> Result<(), Error> {
        self.name = text::name(&self.name).map_err(bad("operator's name"))?;
        Ok(())
    }

    fn insert(&self, sql: &Connection) -> Result<(), Error> {
        if record::find::<Self>(sql, &self.name)?.is_some() {
            return Err(Error::AlreadyExists(Self::subject(&self.name)));
        }
        self.refuse_shared_certificate(sql)?;
        sql.prepare_cached("INSERT INTO operators VALUES (?1, ?2, ?3, ?4)")?.execute((
            &self.name,
            self.role.as_str(),
            self.certificate.map(|certificate| certificate.0),
            self.status.as_str(),
        ))?;
        Ok(())
    }

    fn update(&self, sql: &Connection) -> Result<(), Error> {
        self.refuse_shared_certificate(sql)?;
        sql.prepare_cached(
            "UPDATE operators SET role = ?2, fingerprint = ?3, status = ?4 WHERE name = ?1",
        )?
        .execute((
            &self.name,
            self.role.as_str(),
            self.certificate.map(|certificate| certificate.0),
            self.status.as_str(),
        ))?;
        Ok(())
    }
}

fn as_optional_text<S: Serializer>(value: &Option<Fingerprint>, to: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => as_text(value, to),
        None => to.serialize_none(),
    }
}
