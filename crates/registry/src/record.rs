//! What institutions, terminals, credentials and operators have in common as rows.

use std::error::Error as StdError;
use std::fmt::Display;
use std::str::FromStr;

use policy::{InstitutionCode, Status};
use rusqlite::types::{Type, Value};
use rusqlite::{Connection, Row, params_from_iter};
use serde::{Serialize, Serializer};

use crate::{Error, Subject};

/// A thing that is registered, changed and ended, never deleted.
pub(crate) trait Record: Clone + PartialEq + Serialize {
    type Key: ?Sized;

    /// The first word of its acts, as in `terminal.suspend`.
    const KIND: &'static str;
    /// The word for ending it for good.
    const END: &'static str = "revoke";
    /// Reads all of it, without conditions.
    const SELECT: &'static str;
    /// The columns that order it.
    const ORDER: &'static str;
    /// The column of its institution.
    const INSTITUTION: &'static str = "institution";
    /// The text that is searched.
    const TEXT: &'static str;

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self>;

    fn key(&self) -> &Self::Key;

    fn matching(key: &Self::Key) -> Conditions;

    fn subject(key: &Self::Key) -> Subject;

    /// Its place in the audit; what belongs to an institution begins with its code and `/`.
    fn path(&self) -> String;

    fn status(&mut self) -> &mut Status;

    /// Brings it into the one form in which it is kept, or says what is wrong with it.
    fn normalise(&mut self) -> Result<(), Error>;

    /// Adds it, unless that would be ambiguous.
    fn insert(&self, sql: &Connection) -> Result<(), Error>;

    /// Writes it over what has its key, unless that would be ambiguous.
    fn update(&self, sql: &Connection) -> Result<(), Error>;
}

/// What a row must meet.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    clauses: String,
    values: Vec<Value>,
}

impl Conditions {
    /// A further condition; `clause` has one `?` for `value`.
    #[must_use]
    pub(crate) fn and(mut self, clause: &str, value: impl Into<Value>) -> Self {
        self.clauses.push_str(if self.values.is_empty() { " WHERE " } else { " AND " });
        self.clauses.push_str(clause);
        self.values.push(value.into());
        self
    }

    /// The same where there is a value.
    #[must_use]
    pub(crate) fn and_if(self, clause: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.and(clause, value),
            None => self,
        }
    }

    /// Rows of `select` that meet the conditions, read by `read`.
    pub(crate) fn rows<T>(
        &self,
        sql: &Connection,
        select: &str,
        order: &str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        let text = format!("{select}{} ORDER BY {order}", self.clauses);
        let mut statement = sql.prepare_cached(&text)?;
        let rows = statement.query_map(params_from_iter(&self.values), read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Which institutions, terminals or credentials to list; the default lists all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this institution's.
    pub institution: Option<InstitutionCode>,
    /// Only those of this status.
    pub status: Option<Status>,
    /// Only those with this text in a code, name, label or note. ASCII case does not matter.
    pub text: Option<String>,
}

impl Filter {
    pub(crate) fn conditions<R: Record>(&self) -> Conditions {
        let institution = self.institution.as_ref().map(ToString::to_string);
        let text = self.text.as_ref().map(|text| text.to_ascii_lowercase());
        Conditions::default()
            .and_if(&format!("{} = ?", R::INSTITUTION), institution)
            .and_if("status = ?", self.status.map(|status| status.as_str().to_owned()))
            .and_if(&format!("instr(lower({}), ?) > 0", R::TEXT), text)
    }
}

pub(crate) fn list<R: Record>(sql: &Connection, which: &Conditions) -> Result<Vec<R>, Error> {
    which.rows(sql, R::SELECT, R::ORDER, R::from_row)
}

pub(crate) fn find<R: Record>(sql: &Connection, key: &R::Key) -> Result<Option<R>, Error> {
    Ok(list(sql, &R::matching(key))?.pop())
}

pub(crate) fn known<R: Record>(sql: &Connection, key: &R::Key) -> Result<R, Error> {
    find(sql, key)?.ok_or_else(|| Error::NoSuch(R::subject(key)))
}

/// What is registered and not ended for good.
pub(crate) fn not_ended<R: Record>(sql: &Connection, key: &R::Key) -> Result<(), Error> {
    match known::<R>(sql, key)?.status() {
        Status::Active | Status::Suspended => Ok(()),
        Status::Revoked => Err(Error::Ended(R::subject(key))),
    }
}

/// A text column as what it stands for.
pub(crate) fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: FromStr<Err: StdError + Send + Sync + 'static>,
{
    parse(row.get_ref(column)?.as_str()?, column)
}

/// A text column of words separated by spaces; NULL is none.
pub(crate) fn parsed_words<T, C>(row: &Row<'_>, column: usize) -> rusqlite::Result<C>
where
    T: FromStr<Err: StdError + Send + Sync + 'static>,
    C: FromIterator<T>,
{
    let words = row.get_ref(column)?.as_str_or_null()?.unwrap_or_default();
    words.split_whitespace().map(|word| parse(word, column)).collect()
}

fn parse<T>(text: &str, column: usize) -> rusqlite::Result<T>
where
    T: FromStr<Err: StdError + Send + Sync + 'static>,
{
    text.parse().map_err(|problem| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(problem))
    })
}

/// Serializes what has a text form as that text.
pub(crate) fn as_text<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}
