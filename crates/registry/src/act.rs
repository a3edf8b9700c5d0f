//! Acts: who changes what, in one transaction with its audit row.

use std::cell::Cell;

use policy::{Status, System, UnixSeconds};
use rusqlite::{Connection, TransactionBehavior};

use crate::error::bad;
use crate::record::{self, Record};
use crate::{Error, Subject, counter, text};

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The operator's name, or that of the program acting on its own.
    pub name: String,
}

/// Where the registry is changed, in an actor's name. Each method is one act: done and
/// in the audit, or an error and nothing happened.
///
/// All acts may fail with [`Error::Busy`], [`Error::Storage`], or [`Error::BadText`]
/// for a text that cannot be kept, the actor's name among them; further errors are
/// named where there are any. What was revoked stays so: to bring it back is
/// [`Error::Ended`].
#[derive(Debug)]
pub struct Desk<'r> {
    sql: &'r mut Connection,
    actor: &'r Actor,
    now: UnixSeconds,
    rehearsal: bool,
    systems: &'r [System],
}

impl<'r> Desk<'r> {
    pub(crate) fn new(sql: &'r mut Connection, actor: &'r Actor, now: UnixSeconds) -> Self {
        Self { sql, actor, now, rehearsal: false, systems: &[] }
    }

    /// Acts are judged and answered as ever, but nothing changes.
    #[must_use]
    pub fn rehearsal(self) -> Self {
        Self { rehearsal: true, ..self }
    }

    /// No institution gets a prefix that is a destination of one of these systems.
    #[must_use]
    pub fn beside(self, systems: &'r [System]) -> Self {
        Self { systems, ..self }
    }

    pub(crate) fn transact<T>(
        &mut self,
        work: impl FnOnce(&Act<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let actor = text::name(&self.actor.name).map_err(bad("actor's name"))?;
        let transaction = self.sql.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let act = Act {
            sql: &transaction,
            actor: &actor,
            now: self.now,
            systems: self.systems,
            changed: Cell::new(false),
        };
        let result = work(&act)?;
        if act.changed.get() {
            counter::raise(&transaction, counter::ROSTER_VERSION)?;
        }
        if self.rehearsal {
            transaction.rollback()?;
        } else {
            transaction.commit()?;
        }
        Ok(result)
    }
}

/// An act being done: what its transaction may do. Dropped with an error, it undoes itself.
pub(crate) struct Act<'a> {
    pub(crate) sql: &'a Connection,
    pub(crate) actor: &'a str,
    pub(crate) now: UnixSeconds,
    pub(crate) systems: &'a [System],
    /// Whether the roster is not as it was.
    pub(crate) changed: Cell<bool>,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Added,
    Changed,
    Unchanged,
}

impl Act<'_> {
    /// Adds a record that is not there yet.
    pub(crate) fn add<R: Record>(&self, mut record: R) -> Result<(), Error> {
        record.normalise()?;
        self.save("add", None, &record).map(drop)
    }

    /// Changes a record that is there.
    pub(crate) fn change<R: Record>(
        &self,
        verb: &str,
        key: &R::Key,
        edit: impl FnOnce(&mut R) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let before: R = record::known(self.sql, key)?;
        let mut after = before.clone();
        edit(&mut after)?;
        after.normalise()?;
        self.save(verb, Some(&before), &after).map(drop)
    }

    /// Suspends, resumes or ends a record.
    pub(crate) fn set_status<R: Record>(&self, key: &R::Key, to: Status) -> Result<(), Error> {
        let verb = match to {
            Status::Active => "resume",
            Status::Suspended => "suspend",
            Status::Revoked => R::END,
        };
        self.change(verb, key, |record: &mut R| set(record.status(), to, || R::subject(key)))
    }

    /// Writes a record in its normal form and the audit row, unless it is as it was.
    pub(crate) fn save<R: Record>(
        &self,
        verb: &str,
        before: Option<&R>,
        after: &R,
    ) -> Result<Outcome, Error> {
        let outcome = match before {
            Some(before) if before == after => return Ok(Outcome::Unchanged),
            Some(_) => {
                after.update(self.sql)?;
                Outcome::Changed
            }
            None => {
                after.insert(self.sql)?;
                Outcome::Added
            }
        };
        self.changed.set(true);
        self.audit(&format!("{}.{verb}", R::KIND), &after.path(), before, after)?;
        Ok(outcome)
    }
}

/// Changes a status, unless that would bring back what was ended for good.
pub(crate) fn set(
    status: &mut Status,
    to: Status,
    subject: impl FnOnce() -> Subject,
) -> Result<(), Error> {
    match (*status, to) {
        (Status::Revoked, Status::Active | Status::Suspended) => Err(Error::Ended(subject())),
        (Status::Active | Status::Suspended, _) | (Status::Revoked, Status::Revoked) => {
            *status = to;
            Ok(())
        }
    }
}
