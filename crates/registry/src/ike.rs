//! IKE identities that authenticate with a pre-shared key. The keys are kept elsewhere.

use policy::{Status, TerminalName};
use rusqlite::{Connection, Row};
use serde::Serialize;

use crate::error::bad;
use crate::record::{self, Conditions, Record, as_text};
use crate::{Desk, Error, Subject, Terminal, terminal, text};

/// An IKE identity of a site router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IkeIdentity {
    /// The router that has it.
    #[serde(serialize_with = "as_text")]
    pub terminal: TerminalName,
    /// The identity (RFC 7296 §3.5) as text: a host name, a mail address, an IP address.
    pub identity: String,
    /// Whether it may be used.
    #[serde(serialize_with = "as_text")]
    pub status: Status,
}

impl Desk<'_> {
    /// Registers an IKE identity for a site router.
    ///
    /// # Errors
    /// [`Error::NoSuch`] or [`Error::Ended`] for the router, [`Error::Taken`].
    pub fn register_ike_identity(
        &mut self,
        terminal: TerminalName,
        identity: String,
    ) -> Result<(), Error> {
        self.transact(|act| {
            record::not_ended::<Terminal>(act.sql, &terminal)?;
            act.add(IkeIdentity { terminal, identity, status: Status::Active })
        })
    }

    /// Suspends, resumes or revokes an IKE identity.
    ///
    /// # Errors
    /// [`Error::NoSuch`], [`Error::Ended`].
    pub fn set_ike_identity_status(&mut self, identity: &str, to: Status) -> Result<(), Error> {
        self.transact(|act| act.set_status::<IkeIdentity>(identity, to))
    }
}

impl Record for IkeIdentity {
    type Key = str;

    const KIND: &'static str = "ike-identity";
    const SELECT: &'static str =
        "SELECT institution, terminal, identity, status FROM ike_identities";
    const ORDER: &'static str = "institution, terminal, identity";
    const TEXT: &'static str = "institution || '/' || terminal || ' ' || identity";

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            terminal: terminal::name_in(row)?,
            identity: row.get(2)?,
            status: record::parsed(row, 3)?,
        })
    }

    fn key(&self) -> &str {
        &self.identity
    }

    fn matching(identity: &str) -> Conditions {
        Conditions::default().and("identity = ?", identity.to_owned())
    }

    fn subject(identity: &str) -> Subject {
        Subject::IkeIdentity(identity.to_owned())
    }

    fn path(&self) -> String {
        format!("{}/{}", self.terminal, self.identity)
    }

    fn status(&mut self) -> &mut Status {
        &mut self.status
    }

    fn normalise(&mut self) -> Result<(), Error> {
        self.identity = text::name(&self.identity).map_err(bad("IKE identity"))?;
        Ok(())
    }

    fn insert(&self, sql: &Connection) -> Result<(), Error> {
        if let Some(other) = record::find::<Self>(sql, &self.identity)? {
            let credential = Self::subject(&self.identity);
            return Err(Error::Taken { credential, holder: Subject::Terminal(other.terminal) });
        }
        sql.prepare_cached("INSERT INTO ike_identities VALUES (?1, ?2, ?3, ?4)")?.execute((
            &self.identity,
            self.terminal.institution.as_str(),
            self.terminal.terminal.as_str(),
            self.status.as_str(),
        ))?;
        Ok(())
    }

    fn update(&self, sql: &Connection) -> Result<(), Error> {
        sql.prepare_cached("UPDATE ike_identities SET status = ?2 WHERE identity = ?1")?
            .execute((&self.identity, self.status.as_str()))?;
        Ok(())
    }
}
