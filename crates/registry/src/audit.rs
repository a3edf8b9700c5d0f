//! The audit: one row for every administrative act, never changed, never deleted.

use policy::UnixSeconds;
use rusqlite::{Connection, Row};
use serde::Serialize;

use crate::Error;
use crate::act::Act;
use crate::record::Conditions;

/// One administrative act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// Rises from act to act, and is never used twice.
    pub seq: i64,
    /// When, in Unix seconds.
    pub time: UnixSeconds,
    /// Who: the actor's name.
    pub operator: String,
    /// What was done, as `terminal.suspend`.
    pub act: String,
    /// To what: an institution's code, a terminal's full name, that and `/` and a
    /// certificate's fingerprint or an IKE identity, or an operator's name.
    pub subject: String,
    /// What it was, as JSON; `None` for what was added.
    pub before: Option<String>,
    /// What it became, as JSON.
    pub after: String,
}

/// Which acts to list; the default lists all.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only acts at this time (Unix seconds) or later.
    pub since: Option<UnixSeconds>,
    /// Only acts on this subject and what belongs to it: with an institution's code, also
    /// acts on its terminals and their credentials.
    pub subject: Option<String>,
}

pub(crate) fn list(sql: &Connection, filter: &AuditFilter) -> Result<Vec<AuditEntry>, Error> {
    // '0' follows '/': the range holds what begins with the subject and '/'.
    let below = "(subject = ?1 OR subject >= ?1 || '/' AND subject < ?1 || '0')";
    Conditions::default()
        .and_if(below, filter.subject.clone())
        .and_if("time >= ?", filter.since)
        .rows(sql, SELECT, "seq", from_row)
}

const SELECT: &str = "SELECT seq, time, operator, act, subject, before, after FROM audit";

fn from_row(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    Ok(AuditEntry {
        seq: row.get(0)?,
        time: row.get(1)?,
        operator: row.get(2)?,
        act: row.get(3)?,
        subject: row.get(4)?,
        before: row.get(5)?,
        after: row.get(6)?,
    })
}

impl Act<'_> {
    /// Writes the audit row of this act.
    pub(crate) fn audit<T: Serialize>(
        &self,
        act: &str,
        subject: &str,
        before: Option<&T>,
        after: &T,
    ) -> Result<(), Error> {
        let mut insert = self.sql.prepare_cached(
            "INSERT INTO audit (time, operator, act, subject, before, after) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        let before = before.map(json).transpose()?;
        insert.execute((self.now, self.actor, act, subject, before, json(after)?))?;
        Ok(())
    }
}

fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|problem| rusqlite::Error::ToSqlConversionFailure(Box::new(problem)))
}
