//! Distinguished names: written from three fields, read as RFC 4514 text.

use std::fmt::{self, Write as _};

use der::asn1::Any;
use der::oid::db::rfc4519::{COMMON_NAME, ORGANIZATION_NAME, ORGANIZATIONAL_UNIT_NAME};
use der::{Decode as _, Encode as _, Tag};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

use crate::ObjectIdentifier;

/// RFC 5280 Appendix A.1: `ub-organization-name`, `ub-organizational-unit-name`, `ub-common-name`.
const MAX_CHARS: usize = 64;

/// The subject of a certificate to be issued: O, optionally OU, and CN, each a `UTF8String` of 1
/// to 64 characters in any script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// O: the institution or the operator of the gateway.
    pub organization: String,
    /// OU: a department or site.
    pub unit: Option<String>,
    /// CN.
    pub common_name: String,
}

impl Subject {
    pub(crate) fn to_x509(&self) -> Result<Name, SubjectError> {
        let unit = self.unit.as_deref().map(|unit| (Field::Unit, unit));
        let fields = [Some((Field::Organization, self.organization.as_str())), unit]
            .into_iter()
            .flatten()
            .chain([(Field::CommonName, self.common_name.as_str())]);

        let mut sequence = RdnSequence::default();
        for (field, value) in fields {
            sequence.push(relative_name(field, value)?);
        }
        // The encoding is the only public way from a sequence to a `Name`; unlike `Name::from_str`
        // it needs no escaping.
        let der = sequence.to_der().map_err(SubjectError::Encoding)?;
        Name::from_der(&der).map_err(SubjectError::Encoding)
    }
}

fn relative_name(field: Field, value: &str) -> Result<RelativeDistinguishedName, SubjectError> {
    if !(1..=MAX_CHARS).contains(&value.chars().count()) {
        return Err(SubjectError::Length { field });
    }
    if value.chars().any(is_deceptive) {
        return Err(SubjectError::Unprintable { field });
    }
    let value = Any::new(Tag::Utf8String, value.as_bytes()).map_err(SubjectError::Encoding)?;
    RelativeDistinguishedName::try_from(vec![AttributeTypeAndValue { oid: field.oid(), value }])
        .map_err(SubjectError::Encoding)
}

/// A field of a [`Subject`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// O.
    Organization,
    /// OU.
    Unit,
    /// CN.
    CommonName,
}

impl Field {
    fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Organization => ORGANIZATION_NAME,
            Self::Unit => ORGANIZATIONAL_UNIT_NAME,
            Self::CommonName => COMMON_NAME,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Organization => "organization (O)",
            Self::Unit => "unit (OU)",
            Self::CommonName => "common name (CN)",
        })
    }
}

/// A subject that cannot be certified: the caller's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectError {
    /// Empty, or longer than 64 characters.
    Length {
        /// Where.
        field: Field,
    },
    /// A control or text-direction character.
    Unprintable {
        /// Where.
        field: Field,
    },
    /// The name could not be encoded.
    Encoding(der::Error),
}

impl fmt::Display for SubjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { field } => {
                write!(f, "{field} must have 1 to {MAX_CHARS} characters")
            }
            Self::Unprintable { field } => {
                write!(f, "{field} holds control or text-direction characters; remove them")
            }
            Self::Encoding(error) => write!(f, "the subject cannot be encoded: {error}"),
        }
    }
}

impl std::error::Error for SubjectError {}

/// The name as RFC 4514 text, most significant part last, deceptive characters escaped.
pub(crate) fn to_text(name: &Name) -> Result<String, fmt::Error> {
    let mut text = String::new();
    write!(text, "{name}")?;
    Ok(escape(&text))
}

/// Replaces what would break a log line or deceive its reader by the octets' hexadecimal form of
/// RFC 4514 §2.4.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_deceptive(c) {
            for octet in c.encode_utf8(&mut [0; 4]).bytes() {
                escaped.push('\\');
                escaped.extend([octet >> 4, octet & 0xf].map(hex_digit));
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('?')
}

/// Control characters, line and paragraph separators, and the characters that reorder
/// bidirectional text (Unicode Standard Annex 9).
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(common_name: &str) -> Subject {
        Subject {
            organization: "中央病院, 外科".to_owned(),
            unit: Some("放射線科".to_owned()),
            common_name: common_name.to_owned(),
        }
    }

    #[test]
    fn names_are_utf8_strings_in_rfc_4514_order() {
        let name = subject("端末01").to_x509().unwrap();
        assert!(name.iter().all(|attribute| der::Tagged::tag(&attribute.value) == Tag::Utf8String));
        assert_eq!(to_text(&name).unwrap(), "CN=端末01,OU=放射線科,O=中央病院\\, 外科");
    }

    #[test]
    fn unfit_subjects_are_refused() {
        let error = |common_name: &str| subject(common_name).to_x509().unwrap_err();
        assert_eq!(error(""), SubjectError::Length { field: Field::CommonName });
        assert_eq!(error(&"院".repeat(65)), SubjectError::Length { field: Field::CommonName });
        assert_eq!(error("a\nb"), SubjectError::Unprintable { field: Field::CommonName });
        assert!(subject(&"院".repeat(64)).to_x509().is_ok());
    }

    #[test]
    fn deceptive_characters_are_escaped() {
        assert_eq!(escape("a\u{85}\u{202e}\0端"), "a\\c2\\85\\e2\\80\\ae\\00端");
    }
}
