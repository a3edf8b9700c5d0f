//! Loading the roster: each table is read once, in the order of its key.

use policy::{Credential, Fingerprint, InstitutionCode, Roster, Status, Terminal, TerminalName};
use rusqlite::{Connection, Row};

use crate::record::{self, Conditions};
use crate::{Error, Institution};

const TERMINALS: &str = "SELECT institution, id, status FROM terminals ORDER BY institution, id";
const CERTIFICATES: &str = "SELECT institution, terminal, status, fingerprint, not_before, not_after FROM certificates \
     ORDER BY institution, terminal";
const IKE_IDENTITIES: &str = "SELECT institution, terminal, status, identity FROM ike_identities \
     ORDER BY institution, terminal";

pub(crate) fn load(sql: &Connection) -> Result<Roster, Error> {
    let institutions: Vec<Institution> = record::list(sql, &Conditions::default())?;
    let mut terminals = terminals(sql)?;
    add_credentials(sql, CERTIFICATES, certificate, &mut terminals)?;
    add_credentials(sql, IKE_IDENTITIES, ike_identity, &mut terminals)?;
    let institutions = institutions.into_iter().map(|institution| institution.profile).collect();
    Ok(Roster { institutions, terminals })
}

fn terminals(sql: &Connection) -> Result<Vec<Terminal>, Error> {
    let mut statement = sql.prepare_cached(TERMINALS)?;
    let mut rows = statement.query(())?;
    let mut terminals: Vec<Terminal> = Vec::new();
    while let Some(row) = rows.next()? {
        let code = text(row, 0)?;
        // The terminals of one institution share its code.
        let neighbour = terminals.last().map(|terminal| &terminal.name.institution);
        let institution: InstitutionCode = match neighbour.filter(|other| other.as_str() == code) {
            Some(shared) => shared.clone(),
            None => record::parsed(row, 0)?,
        };
        let name = TerminalName { institution, terminal: record::parsed(row, 1)? };
        let status: Status = record::parsed(row, 2)?;
        terminals.push(Terminal { name, status, credentials: Vec::new() });
    }
    Ok(terminals)
}

/// Walks credentials and terminals side by side. Every credential has its terminal: the
/// schema refuses others.
fn add_credentials(
    sql: &Connection,
    select: &str,
    read: fn(&Row<'_>) -> rusqlite::Result<Credential>,
    terminals: &mut [Terminal],
) -> Result<(), Error> {
    let mut statement = sql.prepare_cached(select)?;
    let mut rows = statement.query(())?;
    let mut terminals = terminals.iter_mut();
    let mut terminal = terminals.next();
    while let Some(row) = rows.next()? {
        let holder = (text(row, 0)?, text(row, 1)?);
        while terminal.as_ref().is_some_and(|terminal| key(terminal) < holder) {
            terminal = terminals.next();
        }
        if let Some(terminal) = &mut terminal {
            terminal.credentials.push((read(row)?, record::parsed(row, 2)?));
        }
    }
    Ok(())
}

fn key(terminal: &Terminal) -> (&str, &str) {
    (terminal.name.institution.as_str(), terminal.name.terminal.as_str())
}

fn text<'r>(row: &'r Row<'_>, column: usize) -> rusqlite::Result<&'r str> {
    Ok(row.get_ref(column)?.as_str()?)
}

fn certificate(row: &Row<'_>) -> rusqlite::Result<Credential> {
    Ok(Credential::Certificate(policy::Certificate {
        fingerprint: Fingerprint(row.get(3)?),
        not_before: row.get(4)?,
        not_after: row.get(5)?,
    }))
}

fn ike_identity(row: &Row<'_>) -> rusqlite::Result<Credential> {
    Ok(Credential::IkeIdentity(row.get(3)?))
}
