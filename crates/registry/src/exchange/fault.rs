//! What is wrong with a file, and where.

use std::fmt;

use ipnet::IpNet;
use policy::{Conflict, HoursError, IdError, InstitutionCode, UnknownWord};

use crate::TextProblem;

/// One bad value in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line it stands in, from 1.
    pub line: u64,
    /// The column or key it stands under, as the file has it; empty for the whole line.
    pub column: String,
    /// The value.
    pub value: String,
    /// What is wrong with it.
    pub problem: Problem,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if !self.column.is_empty() {
            write!(f, ", {}", self.column)?;
        }
        f.write_str(": ")?;
        if !self.value.is_empty() {
            write!(f, "'{}' ", self.value)?;
        }
        self.problem.fmt(f)
    }
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// No such column or key.
    UnknownColumn,
    /// The same column again.
    ColumnTwice,
    /// The column or key has to be there, and filled.
    Missing,
    /// More cells than headings.
    TooManyCells,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// Not a text, or not texts.
    NotText,
    /// Not `[[tables]]`.
    NotTables,
    /// TOML that cannot be read, in the parser's words.
    Toml(::toml::de::Error),
    /// Not an identifier.
    Id(IdError),
    /// Not one of the words.
    Word(UnknownWord),
    /// Not weekly hours.
    Hours(HoursError),
    /// Not an address or prefix.
    NotAPrefix,
    /// A prefix with bits set beyond its length; holds the one without them.
    HostBits(IpNet),
    /// Not a text that can be kept.
    Text(TextProblem),
    /// Stated before, and not so.
    StatedTwice {
        /// Where.
        line: u64,
    },
    /// The terminal's institution is neither registered nor in the file.
    NoInstitution,
    /// Another institution has this prefix.
    PrefixTaken(InstitutionCode),
    /// It overlaps another institution's or a system's.
    PrefixConflict(Box<Conflict>),
    /// What was revoked cannot come back.
    Ended,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownColumn => {
                f.write_str("is not a name known here: correct it or take it out")
            }
            Self::ColumnTwice => f.write_str("stands here for the second time: take one out"),
            Self::Missing => f.write_str("is missing: fill it in"),
            Self::TooManyCells => {
                f.write_str("has more cells than headings: put values that hold commas in quotes")
            }
            Self::NotUtf8 => {
                f.write_str("is not UTF-8: save the file again, in Excel as 'CSV UTF-8'")
            }
            Self::NotText => f.write_str("is not text in quotes, or an array of it"),
            Self::NotTables => f.write_str("has to be [[tables]], in double brackets"),
            Self::Toml(error) => f.write_str(error.message()),
            Self::Id(error) => error.fmt(f),
            Self::Word(error) => error.fmt(f),
            Self::Hours(error) => error.fmt(f),
            Self::NotAPrefix => f.write_str("is not an address or prefix, as 10.1.2.0/24"),
            Self::HostBits(net) => {
                write!(f, "has bits set beyond its length: write {net}, or mend the length")
            }
            Self::Text(problem) => problem.fmt(f),
            Self::StatedTwice { line } => {
                write!(f, "is stated in line {line} already, and not the same: take one out")
            }
            Self::NoInstitution => f.write_str("is not registered: add the institution, too"),
            Self::PrefixTaken(holder) => write!(f, "belongs to institution {holder}"),
            Self::PrefixConflict(conflict) => conflict.fmt(f),
            Self::Ended => f.write_str("was revoked, which is final: leave it so"),
        }
    }
}

macro_rules! from {
    ($($variant:ident($error:ty),)+) => {
        $(impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })+
    };
}

from! { Id(IdError), Word(UnknownWord), Hours(HoursError), Text(TextProblem), }
