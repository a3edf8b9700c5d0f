//! Certificates: whose they are, and whether they still hold.

use std::fmt;

use policy::{Fingerprint, Status, TerminalId, TerminalName, UnixSeconds};
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::Serialize;

use crate::act::set;
use crate::error::bad;
use crate::record::{self, Conditions, Record, as_text};
use crate::{Desk, Error, Filter, Subject, Terminal, terminal, text};

/// What is kept of a certificate's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateFacts {
    /// SHA-256 over its DER.
    #[serde(serialize_with = "as_text")]
    pub fingerprint: Fingerprint,
    /// Serial number (RFC 5280 §4.1.2.2) in lower-case hexadecimal, two digits per octet,
    /// no leading zero octets.
    pub serial: String,
    /// The issuer's distinguished name (RFC 4514).
    pub issuer: String,
    /// The subject's distinguished name (RFC 4514).
    pub subject: String,
    /// First second of validity, Unix time.
    pub not_before: UnixSeconds,
    /// Last second of validity, Unix time.
    pub not_after: UnixSeconds,
}

/// A certificate as it is registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// The terminal that has it.
    #[serde(serialize_with = "as_text")]
    pub terminal: TerminalName,
    /// Its content.
    #[serde(flatten)]
    pub facts: CertificateFacts,
    /// Whether it may be used.
    #[serde(serialize_with = "as_text")]
    pub status: Status,
    /// When and why it was revoked, if it was.
    pub revocation: Option<Revocation>,
}

/// When and why a certificate was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Revocation {
    /// When, in Unix seconds.
    pub at: UnixSeconds,
    /// Why.
    #[serde(serialize_with = "as_text")]
    pub reason: RevocationReason,
}

/// An entry of a CRL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// When it was revoked, in Unix seconds.
    pub revoked_at: UnixSeconds,
    /// Why.
    pub reason: RevocationReason,
}

macro_rules! reasons {
    ($($(#[$meta:meta])* $variant:ident = $code:literal, $word:literal;)+) => {
        /// Why a certificate is revoked for good: the codes of RFC 5280 §5.3.1 that can
        /// hold for a terminal's certificate.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum RevocationReason { $($(#[$meta])* $variant,)+ }

        impl RevocationReason {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code (`CRLReason`).
            pub fn code(self) -> u8 {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The name of RFC 5280.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

reasons! {
    /// Nothing is said.
    Unspecified = 0, "unspecified";
    /// Somebody else may have the key: a lost or stolen terminal.
    KeyCompromise = 1, "keyCompromise";
    /// Somebody else may have the issuer's key.
    CaCompromise = 2, "cACompromise";
    /// The subject's name or affiliation has changed.
    AffiliationChanged = 3, "affiliationChanged";
    /// Another certificate has taken its place.
    Superseded = 4, "superseded";
    /// It is no longer needed: the terminal was taken out of use.
    CessationOfOperation = 5, "cessationOfOperation";
    /// The right it stood for was withdrawn.
    PrivilegeWithdrawn = 9, "privilegeWithdrawn";
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which certificates to list; the default lists all.
#[derive(Clone, Debug, Default)]
pub struct CertificateFilter {
    /// By institution, status, and text in terminal, subject or serial number.
    pub filter: Filter,
    /// Only those of terminals with this name.
    pub terminal: Option<TerminalId>,
    /// Only those whose validity ends before this time (Unix seconds).
    pub expiring_before: Option<UnixSeconds>,
}

impl CertificateFilter {
    pub(crate) fn conditions(&self) -> Conditions {
        self.filter
            .conditions::<Certificate>()
            .and_if("terminal = ?", self.terminal.as_ref().map(ToString::to_string))
            .and_if("not_after < ?", self.expiring_before)
    }
}

impl Desk<'_> {
    /// Registers a certificate for a terminal. It may have others, as during a renewal.
    ///
    /// # Errors
    /// [`Error::NoSuch`] or [`Error::Ended`] for the terminal, [`Error::Taken`] when the
    /// certificate, or one of the same issuer and serial number, is registered already,
    /// [`Error::BadSerial`], [`Error::NeverValid`].
    pub fn register_certificate(
        &mut self,
        terminal: TerminalName,
        facts: CertificateFacts,
    ) -> Result<(), Error> {
        self.transact(|act| {
            record::not_ended::<Terminal>(act.sql, &terminal)?;
            let status = Status::Active;
            act.add(Certificate { terminal, facts, status, revocation: None })
        })
    }

    /// Suspends a certificate.
    ///
    /// # Errors
    /// [`Error::NoSuch`], [`Error::Ended`].
    pub fn suspend_certificate(&mut self, fingerprint: &Fingerprint) -> Result<(), Error> {
        self.transact(|act| act.set_status::<Certificate>(fingerprint, Status::Suspended))
    }

    /// Resumes a suspended certificate.
    ///
    /// # Errors
    /// [`Error::NoSuch`], [`Error::Ended`].
    pub fn resume_certificate(&mut self, fingerprint: &Fingerprint) -> Result<(), Error> {
        self.transact(|act| act.set_status::<Certificate>(fingerprint, Status::Active))
    }

    /// Revokes a certificate for good; from now on it belongs in its issuer's CRL. For one
    /// that was revoked already the first time and reason stand.
    ///
    /// # Errors
    /// [`Error::NoSuch`].
    pub fn revoke_certificate(
        &mut self,
        fingerprint: &Fingerprint,
        reason: RevocationReason,
    ) -> Result<(), Error> {
        self.transact(|act| {
            act.change("revoke", fingerprint, |certificate: &mut Certificate| {
                certificate.revocation.get_or_insert(Revocation { at: act.now, reason });
                set(&mut certificate.status, Status::Revoked, || Certificate::subject(fingerprint))
            })
        })
    }
}

impl Record for Certificate {
    type Key = Fingerprint;

    const KIND: &'static str = "certificate";
    const SELECT: &'static str = "SELECT institution, terminal, fingerprint, serial, issuer, \
         subject, not_before, not_after, status, revoked_at, reason FROM certificates";
    const ORDER: &'static str = "institution, terminal, fingerprint";
    const TEXT: &'static str = "institution || '/' || terminal || ' ' || subject || ' ' || serial";

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let revocation = match row.get(9)? {
            Some(at) => Some(Revocation { at, reason: reason_in(row, 10)? }),
            None => None,
        };
        Ok(Self {
            terminal: terminal::name_in(row)?,
            facts: CertificateFacts {
                fingerprint: Fingerprint(row.get(2)?),
                serial: row.get(3)?,
                issuer: row.get(4)?,
                subject: row.get(5)?,
                not_before: row.get(6)?,
                not_after: row.get(7)?,
            },
            status: record::parsed(row, 8)?,
            revocation,
        })
    }

    fn key(&self) -> &Fingerprint {
        &self.facts.fingerprint
    }

    fn matching(fingerprint: &Fingerprint) -> Conditions {
        Conditions::default().and("fingerprint = ?", fingerprint.0.to_vec())
    }

    fn subject(fingerprint: &Fingerprint) -> Subject {
        Subject::Certificate(*fingerprint)
    }

    fn path(&self) -> String {
        format!("{}/{}", self.terminal, self.facts.fingerprint)
    }

    fn status(&mut self) -> &mut Status {
        &mut self.status
    }

    fn normalise(&mut self) -> Result<(), Error> {
        let facts = &mut self.facts;
        // As the certificate has them: its issuer is looked up by this very name.
        text::exact(&facts.issuer).map_err(bad("certificate's issuer"))?;
        text::exact(&facts.subject).map_err(bad("certificate's subject"))?;
        if !is_serial(&facts.serial) {
            return Err(Error::BadSerial(facts.serial.clone()));
        }
        if facts.not_before > facts.not_after {
            let (not_before, not_after) = (facts.not_before, facts.not_after);
            return Err(Error::NeverValid { not_before, not_after });
        }
        Ok(())
    }

    fn insert(&self, sql: &Connection) -> Result<(), Error> {
        let facts = &self.facts;
        let holder = sql
            .prepare_cached(
                "SELECT institution, terminal FROM certificates \
                 WHERE fingerprint = ?1 OR (issuer = ?2 AND serial = ?3)",
            )?
            .query_row((facts.fingerprint.0, &facts.issuer, &facts.serial), terminal::name_in)
            .optional()?;
        if let Some(holder) = holder {
            let credential = Self::subject(&facts.fingerprint);
            return Err(Error::Taken { credential, holder: Subject::Terminal(holder) });
        }
        sql.prepare_cached(
            "INSERT INTO certificates VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute((
            self.terminal.institution.as_str(),
            self.terminal.terminal.as_str(),
            facts.fingerprint.0,
            &facts.serial,
            &facts.issuer,
            &facts.subject,
            facts.not_before,
            facts.not_after,
            self.status.as_str(),
            self.revocation.map(|revocation| revocation.at),
            self.revocation.map(|revocation| revocation.reason.code()),
        ))?;
        Ok(())
    }

    fn update(&self, sql: &Connection) -> Result<(), Error> {
        sql.prepare_cached(
            "UPDATE certificates SET status = ?2, revoked_at = ?3, reason = ?4 \
             WHERE fingerprint = ?1",
        )?
        .execute((
            self.facts.fingerprint.0,
            self.status.as_str(),
            self.revocation.map(|revocation| revocation.at),
            self.revocation.map(|revocation| revocation.reason.code()),
        ))?;
        Ok(())
    }
}

/// One text for one number: else a certificate could be registered twice.
fn is_serial(text: &str) -> bool {
    let hexadecimal = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    let shortest = text == "00" || !text.starts_with("00");
    let octets = text.len().is_multiple_of(2) && (2..=40).contains(&text.len());
    octets && shortest && text.bytes().all(hexadecimal)
}

pub(crate) fn revoked(
    sql: &Connection,
    issuer: Option<&str>,
) -> Result<Vec<RevokedCertificate>, Error> {
    Conditions::default()
        .and("status = ?", Status::Revoked.as_str().to_owned())
        .and_if("issuer = ?", issuer.map(str::to_owned))
        .rows(
            sql,
            "SELECT serial, revoked_at, reason FROM certificates",
            "revoked_at, serial",
            |row| {
                Ok(RevokedCertificate {
                    serial: row.get(0)?,
                    revoked_at: row.get(1)?,
                    reason: reason_in(row, 2)?,
                })
            },
        )
}

fn reason_in(row: &Row<'_>, column: usize) -> rusqlite::Result<RevocationReason> {
    let code: u8 = row.get(column)?;
    let reason = RevocationReason::ALL.iter().find(|reason| reason.code() == code);
    reason.copied().ok_or(rusqlite::Error::IntegralValueOutOfRange(column, code.into()))
}
