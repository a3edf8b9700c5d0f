//! Institutions and terminals as files.

mod apply;
mod csv;
mod entry;
mod fault;
mod field;
mod lines;
mod toml;

use rusqlite::Connection;
use serde::Serialize;

use crate::record::{self, Conditions};
use crate::{Error, Institution, Terminal};

pub use fault::{Fault, Problem};

/// The format of a file of institutions and terminals, in UTF-8.
///
/// Words and identifiers are those of the commands; for kinds, statuses and networks the
/// Japanese words are read, too. Several values in one place are separated by spaces or `;`.
/// What a file does not state stays as it is, or gets its default where it is new: a new
/// institution is active and may use no network and no system until the file says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values (RFC 4180), with or without a byte order mark, under a line
    /// of headings: `code,name,kind,status,networks,systems,hours,ip-vpn,inner,within,note,`
    /// `terminal,label,terminal-status`, or 機関コード, 機関名, 種別, 状態, 接続方式,
    /// 利用システム, 利用時間, IP-VPN, 内側アドレス, 包含元機関, 備考, 端末, 端末名, 端末状態. Columns may
    /// stand in any order, and all but the code may be left out.
    ///
    /// A row with a name states an institution, one with a terminal states a terminal; a
    /// row may do both. An empty cell of an institution stated by its row empties what may
    /// be empty: networks, systems, hours, prefixes, within, note.
    Csv,
    /// `[[institution]]` with the keys `code name kind status networks systems hours ip-vpn
    /// inner within note`, in it `[[institution.terminal]]` with `id label status`. Where there
    /// can be several values they stand in an array or in one string.
    Toml,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// To institutions.
    pub institutions: Tally,
    /// To terminals.
    pub terminals: Tally,
}

/// How many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Were new.
    pub added: usize,
    /// Were there, and are different now.
    pub changed: usize,
    /// Were there just so.
    pub unchanged: usize,
}

/// An institution and its terminals.
pub(crate) type Member = (Institution, Vec<Terminal>);

pub(crate) fn export(sql: &Connection, format: Format) -> Result<String, Error> {
    let members = members(sql)?;
    match format {
        Format::Csv => csv::write(&members),
        Format::Toml => toml::write(&members),
    }
}

fn members(sql: &Connection) -> Result<Vec<Member>, Error> {
    let moment = sql.unchecked_transaction()?;
    let institutions: Vec<Institution> = record::list(&moment, &Conditions::default())?;
    let terminals: Vec<Terminal> = record::list(&moment, &Conditions::default())?;
    let mut terminals = terminals.into_iter().peekable();
    let members = institutions.into_iter().map(|institution| {
        let own = |terminal: &Terminal| terminal.name.institution == institution.profile.code;
        let terminals = std::iter::from_fn(|| terminals.next_if(own)).collect();
        (institution, terminals)
    });
    Ok(members.collect())
}
