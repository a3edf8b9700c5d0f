//! Numbers that only rise.

use rusqlite::Connection;

use crate::Error;
use crate::act::Desk;

/// Raised by every committed change.
pub(crate) const ROSTER_VERSION: &str = "roster_version";
const CRL_NUMBER: &str = "crl_number";

impl Desk<'_> {
    /// Draws the number of the next CRL (RFC 5280 §5.2.3): 1, then ever higher. One
    /// sequence serves all issuers. Drawing is an act like any other.
    pub fn next_crl_number(&mut self) -> Result<u64, Error> {
        self.transact(|act| {
            let before = value(act.sql, CRL_NUMBER)?;
            raise(act.sql, CRL_NUMBER)?;
            let after = value(act.sql, CRL_NUMBER)?;
            act.audit("crl.number", "crl", Some(&before), &after)?;
            Ok(after)
        })
    }
}

pub(crate) fn value(sql: &Connection, name: &str) -> Result<u64, Error> {
    let mut statement = sql.prepare_cached("SELECT value FROM counters WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0))?)
}

pub(crate) fn raise(sql: &Connection, name: &str) -> Result<(), Error> {
    sql.prepare_cached("UPDATE counters SET value = value + 1 WHERE name = ?1")?.execute([name])?;
    Ok(())
}
