//! Numbers that only rise.

use rusqlite::Connection;

use crate::act::Desk;
use crate::{Error, RevokedCertificate, certificate};

/// Raised by every committed change of the roster.
pub(crate) const ROSTER_VERSION: &str = "roster_version";
const CRL_NUMBER: &str = "crl_number";

impl Desk<'_> {
    /// Begins a CRL of `issuer`, an exact name: draws its number (RFC 5280 §5.2.3: 1, then
    /// ever higher; one sequence serves all issuers) and lists its entries, of one moment,
    /// so that a higher number never has fewer entries. An act like any other, but no
    /// change of the roster.
    pub fn begin_crl(&mut self, issuer: &str) -> Result<(u64, Vec<RevokedCertificate>), Error> {
        self.transact(|act| {
            let before = value(act.sql, CRL_NUMBER)?;
            raise(act.sql, CRL_NUMBER)?;
            let after = value(act.sql, CRL_NUMBER)?;
            act.audit("crl.number", "crl", Some(&before), &after)?;
            Ok((after, certificate::revoked(act.sql, Some(issuer))?))
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
