//! An identity that is kept, and its text.
//!
//! | text | type |
//! |---|---|
//! | `192.0.2.1`, `2001:db8::1` | ID_IPV4_ADDR, ID_IPV6_ADDR |
//! | `name@hospital.example` | ID_RFC822_ADDR |
//! | `rtx.hospital.example` | ID_FQDN |
//! | `keyid:office 3`, `fqdn:192.0.2.1`, `email:…` | the type that is named |
//! | `keyid:0x00ff`, `dn:0x30…`, `id201:0x…` | any type, its octets in hexadecimal |

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::identification::fits;
use crate::{IdType, Identification};

/// An [`Identification`] that owns its octets. Equal means the same type and octets.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// How to read `data`.
    pub kind: IdType,
    /// The identity in that type's form.
    pub data: Box<[u8]>,
}

/// Why a text is no identity. Who wrote it is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityError {
    /// Empty, longer than [`MAX_IDENTIFICATION`](crate::MAX_IDENTIFICATION), or not of its
    /// type's length.
    Length,
    /// The word before the colon names no type.
    UnknownType,
    /// A character that cannot be seen, or stands for something else here.
    Character,
    /// After `0x`, not pairs of hexadecimal digits.
    Hexadecimal,
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => {
                "an IKE identity is empty or too long: write a host name, an address or name@domain"
            }
            Self::UnknownType => {
                "an IKE identity's type is unknown: use fqdn, email, keyid or dn before the colon"
            }
            Self::Character => {
                "an IKE identity has a character that cannot stand there: write it as keyid:0x…"
            }
            Self::Hexadecimal => "an IKE identity has no pairs of hexadecimal digits after 0x",
        })
    }
}

impl Error for IdentityError {}

const LABELS: [(&str, IdType); 6] = [
    ("ipv4", IdType::ID_IPV4_ADDR),
    ("fqdn", IdType::ID_FQDN),
    ("email", IdType::ID_RFC822_ADDR),
    ("ipv6", IdType::ID_IPV6_ADDR),
    ("dn", IdType::ID_DER_ASN1_DN),
    ("keyid", IdType::ID_KEY_ID),
];

/// The word before the colon.
pub(crate) fn label(kind: IdType) -> String {
    let known = LABELS.iter().find(|(_, labelled)| *labelled == kind);
    known.map_or_else(|| format!("id{}", kind.0), |(label, _)| (*label).to_owned())
}

fn labelled(label: &str) -> Option<IdType> {
    let known = LABELS.iter().find(|(known, _)| *known == label);
    known.map(|(_, kind)| *kind).or_else(|| label.strip_prefix("id")?.parse().ok().map(IdType))
}

impl Identity {
    /// Keeps these octets as they are.
    pub fn new(kind: IdType, data: impl Into<Box<[u8]>>) -> Self {
        Self { kind, data: data.into() }
    }

    /// As it goes into a payload.
    #[must_use]
    pub fn as_identification(&self) -> Identification<'_> {
        Identification { kind: self.kind, data: &self.data }
    }
}

impl From<Identification<'_>> for Identity {
    fn from(id: Identification<'_>) -> Self {
        Self::new(id.kind, id.data)
    }
}

impl From<IpAddr> for Identity {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::new(IdType::ID_IPV4_ADDR, address.octets()),
            IpAddr::V6(address) => Self::new(IdType::ID_IPV6_ADDR, address.octets()),
        }
    }
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let identity = if let Ok(address) = text.parse::<IpAddr>() {
            address.into()
        } else if let Some((label, value)) = text.split_once(':') {
            let kind = labelled(label).ok_or(IdentityError::UnknownType)?;
            Self::new(kind, labelled_value(kind, value)?)
        } else if text.bytes().all(|octet| octet.is_ascii_graphic()) {
            let kind = if text.contains('@') { IdType::ID_RFC822_ADDR } else { IdType::ID_FQDN };
            Self::new(kind, text.as_bytes())
        } else {
            return Err(IdentityError::Character);
        };
        if fits(identity.kind, identity.data.len()) {
            Ok(identity)
        } else {
            Err(IdentityError::Length)
        }
    }
}

fn labelled_value(kind: IdType, value: &str) -> Result<Vec<u8>, IdentityError> {
    if let Some(digits) = value.strip_prefix("0x") {
        return hexadecimal(digits).ok_or(IdentityError::Hexadecimal);
    }
    let textual = matches!(kind, IdType::ID_FQDN | IdType::ID_RFC822_ADDR | IdType::ID_KEY_ID);
    if textual && value.trim() == value && value.chars().all(printable) {
        Ok(value.into())
    } else {
        Err(IdentityError::Character)
    }
}

/// Seen as itself: no control, no direction mark, no odd space.
fn printable(character: char) -> bool {
    matches!(character, '"' | '\'' | '\\') || character.escape_debug().eq([character])
}

fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let (pairs, odd) = digits.as_bytes().as_chunks::<2>();
    let digit =
        |octet: u8| char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let octet = |&[high, low]: &[u8; 2]| Some(digit(high)? << 4 | digit(low)?);
    if odd.is_empty() { pairs.iter().map(octet).collect() } else { None }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_identification().fmt(f)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
