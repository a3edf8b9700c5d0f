//! Names of institutions, terminals and systems, and the fingerprint of a certificate.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Longest identifier, in bytes: the segment limit of the identity in certificates.
const MAX_LEN: usize = 64;

/// Why a text is not an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdError {
    /// Nothing between the separators.
    Empty,
    /// Longer than 64 bytes.
    TooLong,
    /// Something other than `A-Z a-z 0-9 . _ -`, or `.` or `..`.
    BadCharacter,
    /// A terminal's full name is `INSTITUTION/TERMINAL`.
    NotInstitutionSlashTerminal,
    /// A fingerprint is 64 hexadecimal digits (SHA-256), colons allowed.
    NotAFingerprint,
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty; use letters, digits, '.', '_' and '-'",
            Self::TooLong => "is longer than 64 characters",
            Self::BadCharacter => "may hold only A-Z, a-z, 0-9, '.', '_' and '-'",
            Self::NotInstitutionSlashTerminal => "is not INSTITUTION/TERMINAL, as 3710001/ct-1",
            Self::NotAFingerprint => "is not a SHA-256 fingerprint (64 hexadecimal digits)",
        })
    }
}

impl std::error::Error for IdError {}

fn check(text: &str) -> Result<(), IdError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    match text {
        "" => Err(IdError::Empty),
        "." | ".." => Err(IdError::BadCharacter),
        _ if text.len() > MAX_LEN => Err(IdError::TooLong),
        _ if !text.bytes().all(allowed) => Err(IdError::BadCharacter),
        _ => Ok(()),
    }
}

macro_rules! identifier {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The identifier as shared text.
            pub fn shared(&self) -> Arc<str> {
                Arc::clone(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                check(text).map(|()| Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier! {
    /// The code of a medical institution, as its seven- or ten-digit 医療機関コード.
    InstitutionCode
}
identifier! {
    /// A terminal within its institution.
    TerminalId
}
identifier! {
    /// A connected system, as `enkaku-dokuei`.
    SystemId
}

/// A terminal's full name, `INSTITUTION/TERMINAL`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TerminalName {
    /// The institution it belongs to.
    pub institution: InstitutionCode,
    /// Its name there.
    pub terminal: TerminalId,
}

impl FromStr for TerminalName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (institution, terminal) =
            text.split_once('/').ok_or(IdError::NotInstitutionSlashTerminal)?;
        Ok(Self { institution: institution.parse()?, terminal: terminal.parse()? })
    }
}

impl fmt::Display for TerminalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.institution, self.terminal)
    }
}

/// SHA-256 over the DER of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl FromStr for Fingerprint {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut digits = text.bytes().filter(|&b| b != b':').map(|b| (b as char).to_digit(16));
        let mut bytes = [0; 32];
        for byte in &mut bytes {
            let (high, low) = (digits.next().flatten(), digits.next().flatten());
            let (Some(high), Some(low)) = (high, low) else {
                return Err(IdError::NotAFingerprint);
            };
            *byte = u8::try_from(high << 4 | low).map_err(|_| IdError::NotAFingerprint)?;
        }
        if digits.next().is_some() { Err(IdError::NotAFingerprint) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_refuse_what_could_be_read_as_something_else() {
        for bad in ["", ".", "..", "a/b", "a b", "あ", "a\0", &"x".repeat(65)] {
            assert!(bad.parse::<SystemId>().is_err(), "{bad:?}");
        }
        assert_eq!("3710001/ct-1".parse::<TerminalName>().unwrap().to_string(), "3710001/ct-1");
        assert!("3710001".parse::<TerminalName>().is_err());
        assert!("a/b/c".parse::<TerminalName>().is_err());
    }

    #[test]
    fn fingerprints_read_what_openssl_prints() {
        let plain = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
        let colons: Vec<&str> = (0..32).map(|i| &plain[2 * i..2 * i + 2]).collect();
        let parsed: Fingerprint = colons.join(":").to_uppercase().parse().unwrap();
        assert_eq!(parsed.to_string(), plain);
        assert!(format!("{plain}0").parse::<Fingerprint>().is_err());
        assert!(plain[1..].parse::<Fingerprint>().is_err());
    }
}
