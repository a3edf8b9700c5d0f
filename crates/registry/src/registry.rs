//! Opening the registry, and everything that is asked of it.

use std::path::Path;

use policy::{Fingerprint, InstitutionCode, Roster, TerminalName, UnixSeconds};
use rusqlite::Connection;

use crate::certificate::{self, CertificateFilter, RevokedCertificate};
use crate::record::{self, Conditions, Filter};
use crate::{
    Actor, AuditEntry, AuditFilter, Certificate, Desk, Error, Format, IkeIdentity, Institution,
    KeyRing, Operator, SealingKey, Terminal, audit, counter, exchange, ike, roster, schema,
};

/// The registry, open for change.
#[derive(Debug)]
pub struct Registry {
    reader: Reader,
}

impl Registry {
    /// Opens the registry at `path`, brings its schema up to date, and makes it (mode 0600)
    /// where there is none. The folder must be there.
    ///
    /// # Errors
    /// [`Error::CannotOpen`], [`Error::NotARegistry`], [`Error::Newer`], [`Error::Busy`],
    /// [`Error::Storage`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self { reader: Reader { sql: schema::open(path)? } })
    }

    /// What can be asked.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Where changes are made: by `actor`, at `now`.
    pub fn desk<'r>(&'r mut self, actor: &'r Actor, now: UnixSeconds) -> Desk<'r> {
        Desk::new(&mut self.reader.sql, actor, now)
    }
}

/// The registry, open for reading.
///
/// Every answer is of one moment. All answers fail with [`Error::Storage`] when the
/// database cannot be read; further errors are named where there are any.
#[derive(Debug)]
pub struct Reader {
    pub(crate) sql: Connection,
}

impl Reader {
    /// Opens the registry at `path`. The process needs leave to write in its folder: a
    /// reader, too, shares memory with the writer in a file beside the database.
    ///
    /// # Errors
    /// [`Error::CannotOpen`], [`Error::NotARegistry`], [`Error::Older`] until a
    /// [`Registry`] has brought the schema up to date, [`Error::Newer`],
    /// [`Error::Storage`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self { sql: schema::open_read_only(path)? })
    }

    /// The version of everything registered: raised by every committed change.
    pub fn version(&self) -> Result<u64, Error> {
        counter::value(&self.sql, counter::ROSTER_VERSION)
    }

    /// Differs from the last answer when *another* connection has committed a change
    /// meanwhile. Cheaper than [`Reader::version`]: it reads no table.
    pub fn data_version(&self) -> Result<u32, Error> {
        Ok(self.sql.pragma_query_value(None, "data_version", |row| row.get(0))?)
    }

    /// The roster that the policy compiles from, and the version it has.
    pub fn roster(&self) -> Result<(u64, Roster), Error> {
        let moment = self.sql.unchecked_transaction()?;
        Ok((counter::value(&moment, counter::ROSTER_VERSION)?, roster::load(&moment)?))
    }

    /// Institutions by code.
    pub fn institutions(&self, filter: &Filter) -> Result<Vec<Institution>, Error> {
        record::list(&self.sql, &filter.conditions::<Institution>())
    }

    /// One institution; [`Error::NoSuch`] when it is not registered.
    pub fn institution(&self, code: &InstitutionCode) -> Result<Institution, Error> {
        record::known(&self.sql, code)
    }

    /// Terminals by institution and name.
    pub fn terminals(&self, filter: &Filter) -> Result<Vec<Terminal>, Error> {
        record::list(&self.sql, &filter.conditions::<Terminal>())
    }

    /// One terminal; [`Error::NoSuch`] when it is not registered.
    pub fn terminal(&self, name: &TerminalName) -> Result<Terminal, Error> {
        record::known(&self.sql, name)
    }

    /// Certificates by institution, terminal and fingerprint.
    pub fn certificates(&self, filter: &CertificateFilter) -> Result<Vec<Certificate>, Error> {
        record::list(&self.sql, &filter.conditions())
    }

    /// One certificate; [`Error::NoSuch`] when it is not registered.
    pub fn certificate(&self, fingerprint: &Fingerprint) -> Result<Certificate, Error> {
        record::known(&self.sql, fingerprint)
    }

    /// IKE identities by institution and terminal.
    pub fn ike_identities(&self, filter: &Filter) -> Result<Vec<IkeIdentity>, Error> {
        record::list(&self.sql, &filter.conditions::<IkeIdentity>())
    }

    /// One IKE identity; [`Error::NoSuch`] when it is not registered.
    pub fn ike_identity(&self, identity: &str) -> Result<IkeIdentity, Error> {
        record::known(&self.sql, identity)
    }

    /// The keys of all IKE identities, opened with `sealing`.
    pub fn key_ring(&self, sealing: &SealingKey) -> Result<KeyRing, Error> {
        ike::key_ring(&self.sql, sealing)
    }

    /// Operators by name.
    pub fn operators(&self) -> Result<Vec<Operator>, Error> {
        record::list(&self.sql, &Conditions::default())
    }

    /// One operator; [`Error::NoSuch`] when there is none of this name.
    pub fn operator(&self, name: &str) -> Result<Operator, Error> {
        record::known(&self.sql, name)
    }

    /// Administrative acts, oldest first.
    pub fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, Error> {
        audit::list(&self.sql, filter)
    }

    /// The revoked certificates (of `issuer`, an exact name, where given) by time of
    /// revocation: the entries of its CRL.
    pub fn revoked(&self, issuer: Option<&str>) -> Result<Vec<RevokedCertificate>, Error> {
        certificate::revoked(&self.sql, issuer)
    }

    /// All institutions and terminals as a file that [`Desk::import`] reads back.
    pub fn export(&self, format: Format) -> Result<String, Error> {
        exchange::export(&self.sql, format)
    }
}
