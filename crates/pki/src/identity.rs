//! The terminal a certificate names.

use std::fmt;
use std::str::FromStr;

const SCHEME: &str = "spiffe://";
const MAX_TRUST_DOMAIN: usize = 255;
const MAX_SEGMENT: usize = 64;

/// A terminal, named by `spiffe://<trust domain>/<institution>/<terminal>`: the one URI among the
/// subject alternative names of its certificate (the form of the SPIFFE ID specification, §2).
///
/// The trust domain has 1 to 255 of `a-z 0-9 . _ -`; institution and terminal have 1 to 64 of
/// `A-Z a-z 0-9 . _ -`. None of them is `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    trust_domain: String,
    institution: String,
    terminal: String,
}

impl Identity {
    /// The identity of `terminal` of `institution`.
    ///
    /// # Errors
    /// When a part is not of the form above.
    pub fn new(
        trust_domain: &str,
        institution: &str,
        terminal: &str,
    ) -> Result<Self, IdentityError> {
        check(Part::TrustDomain, trust_domain)?;
        check(Part::Institution, institution)?;
        check(Part::Terminal, terminal)?;
        Ok(Self {
            trust_domain: trust_domain.to_owned(),
            institution: institution.to_owned(),
            terminal: terminal.to_owned(),
        })
    }

    /// The identity among all the URIs a certificate holds: there must be exactly one URI.
    pub(crate) fn from_uris(uris: &[&str]) -> Result<Self, IdentityError> {
        match uris {
            [] => Err(IdentityError::Missing),
            [uri] => uri.parse(),
            several => Err(IdentityError::Several { uris: several.len() }),
        }
    }

    /// The realm under whose rules the other parts are unique, such as `sekisho.example.jp`.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    /// The institution's code.
    #[must_use]
    pub fn institution(&self) -> &str {
        &self.institution
    }

    /// The terminal's id within its institution.
    #[must_use]
    pub fn terminal(&self) -> &str {
        &self.terminal
    }
}

fn check(part: Part, text: &str) -> Result<(), IdentityError> {
    let (max, allowed): (usize, fn(u8) -> bool) = match part {
        Part::TrustDomain => {
            (MAX_TRUST_DOMAIN, |b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
        }
        Part::Institution | Part::Terminal => {
            (MAX_SEGMENT, |b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        }
    };
    if text.is_empty() {
        return Err(IdentityError::Empty { part });
    }
    if text.len() > max {
        return Err(IdentityError::TooLong { part, max });
    }
    if text == "." || text == ".." || !text.bytes().all(allowed) {
        return Err(IdentityError::Character { part });
    }
    Ok(())
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(uri: &str) -> Result<Self, IdentityError> {
        let path = uri.strip_prefix(SCHEME).ok_or(IdentityError::Scheme)?;
        let mut parts = path.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(trust_domain), Some(institution), Some(terminal), None) => {
                Self::new(trust_domain, institution, terminal)
            }
            _ => Err(IdentityError::Parts),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}/{}", self.trust_domain, self.institution, self.terminal)
    }
}

/// A part of an [`Identity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The realm.
    TrustDomain,
    /// The institution's code.
    Institution,
    /// The terminal's id.
    Terminal,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TrustDomain => "trust domain",
            Self::Institution => "institution",
            Self::Terminal => "terminal",
        })
    }
}

/// A certificate or a text does not name a terminal. None of these quotes the text: it comes from
/// whoever presents the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityError {
    /// The certificate has no URI among its subject alternative names.
    Missing,
    /// The certificate has more than one URI, so that it is unclear which one counts.
    Several {
        /// How many.
        uris: usize,
    },
    /// The URI does not begin with `spiffe://`.
    Scheme,
    /// The URI does not have exactly a trust domain, an institution and a terminal.
    Parts,
    /// A part is empty.
    Empty {
        /// Which one.
        part: Part,
    },
    /// A part is too long.
    TooLong {
        /// Which one.
        part: Part,
        /// The longest permitted, in characters.
        max: usize,
    },
    /// A part holds a character outside its alphabet, or is `.` or `..`.
    Character {
        /// Which one.
        part: Part,
    },
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str(
                "the certificate names no terminal (no URI subject alternative name); \
                 issue one from this gateway's authority",
            ),
            Self::Several { uris } => {
                write!(f, "the certificate has {uris} URI names where exactly one is permitted")
            }
            Self::Scheme => write!(f, "the identity does not begin with {SCHEME}"),
            Self::Parts => {
                write!(f, "the identity is not of the form {SCHEME}<domain>/<institution>/<terminal>")
            }
            Self::Empty { part } => write!(f, "the {part} in the identity is empty"),
            Self::TooLong { part, max } => {
                write!(f, "the {part} in the identity is longer than {max} characters")
            }
            Self::Character { part: Part::TrustDomain } => f.write_str(
                "the trust domain in the identity may hold lower-case letters, digits, '.', '_' and '-' only",
            ),
            Self::Character { part } => write!(
                f,
                "the {part} in the identity may hold ASCII letters, digits, '.', '_' and '-' only"
            ),
        }
    }
}

impl std::error::Error for IdentityError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let identity = Identity::new("sekisho.example.jp", "1310001", "CT-01.b").unwrap();
        assert_eq!(identity.to_string(), "spiffe://sekisho.example.jp/1310001/CT-01.b");
        assert_eq!(identity.to_string().parse(), Ok(identity));
    }

    #[test]
    fn anything_else_is_refused() {
        use IdentityError::{Character, Empty, Parts, Scheme, TooLong};
        let institution = Part::Institution;
        let terminal = Part::Terminal;
        let long = format!("spiffe://d/{}/t", "a".repeat(65));
        let cases = [
            ("", Scheme),
            ("SPIFFE://d/i/t", Scheme),
            ("https://d/i/t", Scheme),
            ("spiffe://d/i", Parts),
            ("spiffe://d/i/t/", Parts),
            ("spiffe:///i/t", Empty { part: Part::TrustDomain }),
            ("spiffe://d//t", Empty { part: institution }),
            ("spiffe://d/i/", Empty { part: terminal }),
            ("spiffe://D/i/t", Character { part: Part::TrustDomain }),
            ("spiffe://u@d/i/t", Character { part: Part::TrustDomain }),
            ("spiffe://d:443/i/t", Character { part: Part::TrustDomain }),
            ("spiffe://d/../t", Character { part: institution }),
            ("spiffe://d/i/.", Character { part: terminal }),
            ("spiffe://d/i/t%00", Character { part: terminal }),
            ("spiffe://d/i/t\0", Character { part: terminal }),
            ("spiffe://d/i/t?q", Character { part: terminal }),
            ("spiffe://d/i/t#f", Character { part: terminal }),
            ("spiffe://d/i/t ", Character { part: terminal }),
            ("spiffe://d/病院/t", Character { part: institution }),
            (long.as_str(), TooLong { part: institution, max: 64 }),
        ];
        for (uri, error) in cases {
            assert_eq!(uri.parse::<Identity>(), Err(error), "{uri:?}");
        }
        assert_eq!(Identity::from_uris(&[]), Err(IdentityError::Missing));
        let twice = ["spiffe://d/i/t"; 2];
        assert_eq!(Identity::from_uris(&twice), Err(IdentityError::Several { uris: 2 }));
    }
}
