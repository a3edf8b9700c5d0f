//! What can go wrong, whose fault it is, and what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use ipnet::IpNet;
use policy::{Conflict, Fingerprint, InstitutionCode, TerminalName, UnixSeconds};

use crate::{Fault, KeyProblem, TextProblem};

/// What an act is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An institution.
    Institution(InstitutionCode),
    /// A terminal.
    Terminal(TerminalName),
    /// A certificate.
    Certificate(Fingerprint),
    /// An IKE identity.
    IkeIdentity(String),
    /// A post-quantum pre-shared key, by its PPK_ID.
    Ppk(String),
    /// An operator.
    Operator(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Institution(code) => write!(f, "institution {code}"),
            Self::Terminal(name) => write!(f, "terminal {name}"),
            Self::Certificate(fingerprint) => write!(f, "certificate {fingerprint}"),
            Self::IkeIdentity(identity) => write!(f, "IKE identity '{identity}'"),
            Self::Ppk(id) => write!(f, "PPK '{id}'"),
            Self::Operator(name) => write!(f, "operator '{name}'"),
        }
    }
}

/// Why the registry did not do what it was asked.
#[derive(Debug)]
pub enum Error {
    /// The caller names something that is not registered.
    NoSuch(Subject),
    /// The caller adds what is there already.
    AlreadyExists(Subject),
    /// The caller would use what was ended for good.
    Ended(Subject),
    /// Another institution has this prefix.
    PrefixTaken {
        /// The prefix asked for.
        prefix: IpNet,
        /// Who has it.
        holder: InstitutionCode,
    },
    /// A prefix overlaps another institution's or a system's. Boxed: it names all of them.
    PrefixConflict(Box<Conflict>),
    /// The caller gives a prefix with bits set beyond its length: one of the two is a slip.
    HostBits(IpNet),
    /// Another holder, or the same one, has this credential already.
    Taken {
        /// The credential asked for.
        credential: Subject,
        /// Who has it.
        holder: Subject,
    },
    /// The caller gives a text that cannot be kept.
    BadText {
        /// Which.
        field: &'static str,
        /// Why not.
        problem: TextProblem,
    },
    /// The caller gives a key that cannot be used.
    BadKey {
        /// Which.
        field: &'static str,
        /// Why not.
        problem: KeyProblem,
    },
    /// The caller gives a serial number that is not lower-case hexadecimal, two digits per
    /// octet, of 1 to 20 octets (RFC 5280 §4.1.2.2) without leading zeros.
    BadSerial(String),
    /// The caller gives a certificate that is never valid.
    NeverValid {
        /// First second of validity.
        not_before: UnixSeconds,
        /// Last second of validity.
        not_after: UnixSeconds,
    },
    /// The file to import is at fault, in each of these places. Nothing was changed.
    Import(Vec<Fault>),
    /// A program fault: the registry holds what the format of an export cannot.
    Unwritable(Box<dyn std::error::Error + Send + Sync>),
    /// The file is something else than a registry.
    NotARegistry(PathBuf),
    /// A newer program wrote the registry.
    Newer {
        /// The version of its schema.
        found: u32,
        /// The newest version this program knows.
        known: u32,
    },
    /// An older program wrote the registry, and a reader may not bring it up to date.
    Older {
        /// The version of its schema.
        found: u32,
        /// The version this program reads.
        known: u32,
    },
    /// The file system does not let the file be opened.
    CannotOpen {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Internal: the cryptographic library failed: no entropy, or no memory.
    Cryptography,
    /// Another program has been writing for more than five seconds.
    Busy,
    /// SQLite or the disk under it failed, or the database was altered by hand.
    Storage(rusqlite::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuch(subject) => {
                write!(f, "{subject} is not registered: check the spelling, or add it first")
            }
            Self::AlreadyExists(subject) => {
                write!(f, "{subject} is registered already: change it instead of adding it")
            }
            Self::Ended(subject) => {
                write!(f, "{subject} was revoked, which is final: register a new one")
            }
            Self::PrefixTaken { prefix, holder } => write!(
                f,
                "prefix {prefix} belongs to institution {holder}: take it from there first, \
                 or correct it here"
            ),
            Self::PrefixConflict(conflict) => conflict.fmt(f),
            Self::HostBits(prefix) => write!(
                f,
                "prefix {prefix} has bits set beyond its length: write {}, or mend the length",
                prefix.trunc()
            ),
            Self::Taken { credential, holder } => write!(
                f,
                "{credential} is registered for {holder} already: every holder needs a \
                 credential of its own"
            ),
            Self::BadText { field, problem } => write!(f, "the {field} {problem}"),
            Self::BadKey { field, problem } => write!(f, "the {field} {problem}"),
            Self::BadSerial(serial) => write!(
                f,
                "serial number '{serial}' is not 1 to 20 octets in lower-case hexadecimal, \
                 without leading zeros"
            ),
            Self::NeverValid { not_before, not_after } => write!(
                f,
                "the certificate is valid from {not_before} to {not_after} (Unix seconds), \
                 which is never: issue another"
            ),
            Self::Import(faults) => {
                write!(f, "nothing was imported; correct the file in these places:")?;
                faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
            }
            Self::Unwritable(source) => {
                write!(f, "the export cannot be written: {source}; report this, use another format")
            }
            Self::NotARegistry(path) => {
                write!(f, "{} is not a registry: check the path", path.display())
            }
            Self::Newer { found, known } => write!(
                f,
                "the registry has schema version {found}, this program knows {known}: \
                 update the program, or restore a backup made before the update"
            ),
            Self::Older { found, known } => write!(
                f,
                "the registry has schema version {found}, this program reads {known}: \
                 open it for writing once, which brings it up to date"
            ),
            Self::CannotOpen { path, source } => {
                write!(f, "cannot open registry {}: {source}", path.display())
            }
            Self::Cryptography => {
                f.write_str("the cryptographic library failed: check memory and entropy")
            }
            Self::Busy => f.write_str(
                "another program has been changing the registry for more than 5 seconds: \
                 try again, and look for an import that is still running",
            ),
            Self::Storage(source) => write!(
                f,
                "the registry cannot be read or written: {source}; check the disk, \
                 then restore a backup"
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::CannotOpen { source, .. } => Some(source),
            Self::Storage(source) => Some(source),
            Self::BadText { problem, .. } => Some(problem),
            Self::BadKey { problem, .. } => Some(problem),
            Self::PrefixConflict(conflict) => Some(&**conflict),
            Self::Unwritable(source) => Some(&**source),
            Self::NoSuch(_)
            | Self::AlreadyExists(_)
            | Self::Ended(_)
            | Self::PrefixTaken { .. }
            | Self::HostBits(_)
            | Self::Taken { .. }
            | Self::BadSerial(_)
            | Self::NeverValid { .. }
            | Self::Import(_)
            | Self::NotARegistry(_)
            | Self::Newer { .. }
            | Self::Older { .. }
            | Self::Cryptography
            | Self::Busy => None,
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        match error.sqlite_error_code() {
            Some(DatabaseBusy | DatabaseLocked) => Self::Busy,
            _ => Self::Storage(error),
        }
    }
}

/// Names the field of a text that cannot be kept.
pub(crate) fn bad(field: &'static str) -> impl FnOnce(TextProblem) -> Error {
    move |problem| Error::BadText { field, problem }
}

/// For an export that its format cannot hold.
pub(crate) fn unwritable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Unwritable(source.into())
}
