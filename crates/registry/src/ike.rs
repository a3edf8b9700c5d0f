//! IKE identities of site routers, and the keys that they authenticate with.

use policy::{Status, TerminalName};
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::Serialize;

use crate::error::bad;
use crate::record::{self, Conditions, Record, as_text};
use crate::secret::{Sealed, SealingKey, SharedKey};
use crate::{Desk, Error, Subject, Terminal, terminal, text};

/// Shortest post-quantum pre-shared key, in octets: as strong as Grover's algorithm asks
/// for (RFC 8784 §6).
const LEAST_PPK: usize = 32;

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
    /// Its pre-shared key.
    pub key: Sealed,
    /// Its post-quantum pre-shared key, where it has one.
    pub ppk: Option<SealedPpk>,
}

/// A post-quantum pre-shared key as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SealedPpk {
    /// PPK_ID (RFC 8784 §5.1) as text.
    pub id: String,
    /// The key.
    pub key: Sealed,
}

/// A post-quantum pre-shared key (RFC 8784).
#[derive(Clone, Debug)]
pub struct Ppk {
    /// PPK_ID (RFC 8784 §5.1) as text; one line, not empty.
    pub id: String,
    /// The key: at least 32 octets.
    pub key: SharedKey,
}

/// What one identity shares with the gateway.
#[derive(Clone, Debug)]
pub struct PreSharedKeys {
    /// The pre-shared key (RFC 7296 §2.15).
    pub key: SharedKey,
    /// The post-quantum one that is mixed in, where there is one.
    pub ppk: Option<Ppk>,
}

/// Every key of the registry, opened.
#[derive(Debug, Default)]
pub struct KeyRing {
    /// Identities, whatever their status, with their keys: who is stopped is the policy's
    /// to say, by name.
    pub keys: Vec<(String, PreSharedKeys)>,
    /// Identities in use whose keys another sealing key has sealed.
    pub unreadable: Vec<String>,
}

impl Desk<'_> {
    /// Registers an IKE identity with its keys for a site router, and the router itself
    /// where it is new.
    ///
    /// # Errors
    /// [`Error::Ended`] for the router; [`Error::NoSuch`] or [`Error::Ended`] for a new
    /// router's institution; [`Error::Taken`] for identity or PPK_ID; [`Error::BadKey`],
    /// [`Error::Cryptography`].
    pub fn add_router(
        &mut self,
        router: TerminalName,
        identity: &str,
        keys: &PreSharedKeys,
        sealing: &SealingKey,
    ) -> Result<(), Error> {
        let identity = text::name(identity).map_err(bad("IKE identity"))?;
        let key = sealing.seal(&of_key(&identity), &keys.key)?;
        let ppk = keys.ppk.as_ref().map(|ppk| ppk.seal(&identity, sealing)).transpose()?;
        self.transact(|act| {
            match record::find::<Terminal>(act.sql, &router)? {
                Some(_) => record::not_ended::<Terminal>(act.sql, &router)?,
                None => terminal::add(act, router.clone(), String::new())?,
            }
            act.add(IkeIdentity { terminal: router, identity, status: Status::Active, key, ppk })
        })
    }

    /// Gives an identity another pre-shared key.
    ///
    /// # Errors
    /// [`Error::NoSuch`], [`Error::Ended`], [`Error::Cryptography`].
    pub fn set_pre_shared_key(
        &mut self,
        identity: &str,
        key: &SharedKey,
        sealing: &SealingKey,
    ) -> Result<(), Error> {
        let key = sealing.seal(&of_key(identity), key)?;
        self.change_identity("set-key", identity, |identity| identity.key = key)
    }

    /// Gives an identity a post-quantum pre-shared key, instead of the one it may have.
    ///
    /// # Errors
    /// [`Error::NoSuch`], [`Error::Ended`], [`Error::Taken`] for its PPK_ID,
    /// [`Error::BadKey`], [`Error::Cryptography`].
    pub fn set_ppk(
        &mut self,
        identity: &str,
        ppk: &Ppk,
        sealing: &SealingKey,
    ) -> Result<(), Error> {
        let ppk = ppk.seal(identity, sealing)?;
        self.change_identity("set-ppk", identity, |identity| identity.ppk = Some(ppk))
    }

    /// Takes an identity's post-quantum pre-shared key away.
    ///
    /// # Errors
    /// [`Error::NoSuch`], [`Error::Ended`].
    pub fn remove_ppk(&mut self, identity: &str) -> Result<(), Error> {
        self.change_identity("remove-ppk", identity, |identity| identity.ppk = None)
    }

    /// Suspends, resumes or revokes an IKE identity.
    ///
    /// # Errors
    /// [`Error::NoSuch`], [`Error::Ended`].
    pub fn set_ike_identity_status(&mut self, identity: &str, to: Status) -> Result<(), Error> {
        self.transact(|act| act.set_status::<IkeIdentity>(identity, to))
    }

    fn change_identity(
        &mut self,
        verb: &str,
        identity: &str,
        edit: impl FnOnce(&mut IkeIdentity),
    ) -> Result<(), Error> {
        self.transact(|act| {
            record::not_ended::<IkeIdentity>(act.sql, identity)?;
            act.change(verb, identity, |identity| {
                edit(identity);
                Ok(())
            })
        })
    }
}

/// Opens every key.
pub(crate) fn key_ring(sql: &Connection, sealing: &SealingKey) -> Result<KeyRing, Error> {
    let identities: Vec<IkeIdentity> = record::list(sql, &Conditions::default())?;
    let mut ring = KeyRing::default();
    for identity in identities {
        match identity.open(sealing) {
            Some(keys) => ring.keys.push((identity.identity, keys)),
            None if identity.status == Status::Revoked => {}
            None => ring.unreadable.push(identity.identity),
        }
    }
    Ok(ring)
}

/// What a sealed pre-shared key is for: no other identity's stands in for it.
fn of_key(identity: &str) -> String {
    format!("PSK\n{identity}")
}

/// As [`of_key`]. Neither text has a line break.
fn of_ppk(id: &str, identity: &str) -> String {
    format!("PPK\n{id}\n{identity}")
}

impl Ppk {
    fn seal(&self, identity: &str, sealing: &SealingKey) -> Result<SealedPpk, Error> {
        let id = text::name(&self.id).map_err(bad("PPK_ID"))?;
        let problem = |problem| Error::BadKey { field: "post-quantum pre-shared key", problem };
        self.key.at_least(LEAST_PPK).map_err(problem)?;
        let key = sealing.seal(&of_ppk(&id, identity), &self.key)?;
        Ok(SealedPpk { id, key })
    }
}

impl IkeIdentity {
    fn open(&self, sealing: &SealingKey) -> Option<PreSharedKeys> {
        let key = sealing.open(&of_key(&self.identity), &self.key)?;
        let ppk = match &self.ppk {
            Some(SealedPpk { id, key }) => {
                let key = sealing.open(&of_ppk(id, &self.identity), key)?;
                Some(Ppk { id: id.clone(), key })
            }
            None => None,
        };
        Some(PreSharedKeys { key, ppk })
    }

    fn refuse_shared_ppk(&self, sql: &Connection) -> Result<(), Error> {
        let Some(ppk) = &self.ppk else { return Ok(()) };
        let holder = sql
            .prepare_cached(
                "SELECT identity FROM ike_identities WHERE ppk_id = ?1 AND identity <> ?2",
            )?
            .query_row((&ppk.id, &self.identity), |row| row.get(0))
            .optional()?;
        match holder {
            Some(holder) => Err(Error::Taken {
                credential: Subject::Ppk(ppk.id.clone()),
                holder: Subject::IkeIdentity(holder),
            }),
            None => Ok(()),
        }
    }

    fn ppk_columns(&self) -> (Option<&str>, Option<&[u8]>) {
        (self.ppk.as_ref().map(|ppk| &*ppk.id), self.ppk.as_ref().map(|ppk| &*ppk.key.0))
    }
}

impl Record for IkeIdentity {
    type Key = str;

    const KIND: &'static str = "ike-identity";
    const SELECT: &'static str =
        "SELECT institution, terminal, identity, status, key, ppk_id, ppk FROM ike_identities";
    const ORDER: &'static str = "institution, terminal, identity";
    const TEXT: &'static str = "institution || '/' || terminal || ' ' || identity";

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let ppk = match row.get(5)? {
            Some(id) => Some(SealedPpk { id, key: Sealed(row.get(6)?) }),
            None => None,
        };
        Ok(Self {
            terminal: terminal::name_in(row)?,
            identity: row.get(2)?,
            status: record::parsed(row, 3)?,
            key: Sealed(row.get(4)?),
            ppk,
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
        // The texts are, before keys are sealed for them.
        Ok(())
    }

    fn insert(&self, sql: &Connection) -> Result<(), Error> {
        if let Some(other) = record::find::<Self>(sql, &self.identity)? {
            let credential = Self::subject(&self.identity);
            return Err(Error::Taken { credential, holder: Subject::Terminal(other.terminal) });
        }
        self.refuse_shared_ppk(sql)?;
        let (ppk_id, ppk) = self.ppk_columns();
        sql.prepare_cached("INSERT INTO ike_identities VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
            .execute((
                &self.identity,
                self.terminal.institution.as_str(),
                self.terminal.terminal.as_str(),
                self.status.as_str(),
                &self.key.0,
                ppk_id,
                ppk,
            ))?;
        Ok(())
    }

    fn update(&self, sql: &Connection) -> Result<(), Error> {
        self.refuse_shared_ppk(sql)?;
        let (ppk_id, ppk) = self.ppk_columns();
        sql.prepare_cached(
            "UPDATE ike_identities SET status = ?2, key = ?3, ppk_id = ?4, ppk = ?5 \
             WHERE identity = ?1",
        )?
        .execute((&self.identity, self.status.as_str(), &self.key.0, ppk_id, ppk))?;
        Ok(())
    }
}
