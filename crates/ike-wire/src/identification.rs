//! The Identification payload (RFC 7296 §3.5).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::code_points::code_points;
use crate::identity::{Identity, label};
use crate::octets::Reader;
use crate::{Malformed, MalformedReason};

/// Octets of an identity: the longest real ones, distinguished names, have a few hundred.
pub const MAX_IDENTIFICATION: usize = 2048;
/// Characters of an identity in a record.
const MAX_TEXT: usize = 255;

code_points! {
    /// Identification types (RFC 7296 §3.5).
    pub struct IdType(u8) {
        /// Four octets.
        ID_IPV4_ADDR = 1;
        /// A host name.
        ID_FQDN = 2;
        /// A mail address.
        ID_RFC822_ADDR = 3;
        /// Sixteen octets.
        ID_IPV6_ADDR = 5;
        /// A distinguished name in DER.
        ID_DER_ASN1_DN = 9;
        /// A general name in DER.
        ID_DER_ASN1_GN = 10;
        /// Octets that mean something to both ends.
        ID_KEY_ID = 11;
        /// RFC 4595
        ID_FC_NAME = 12;
        /// RFC 7619: nobody in particular.
        ID_NULL = 13;
    }
}

/// An identity of this type may have so many octets.
pub(crate) fn fits(kind: IdType, length: usize) -> bool {
    match kind {
        IdType::ID_IPV4_ADDR => length == 4,
        IdType::ID_IPV6_ADDR => length == 16,
        IdType::ID_NULL => length == 0,
        _ => (1..=MAX_IDENTIFICATION).contains(&length),
    }
}

/// Who the sender says it is, or whom it wants. Nothing but AUTH proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identification<'a> {
    /// How to read `data`.
    pub kind: IdType,
    /// The identity in that type's form.
    pub data: &'a [u8],
}

impl<'a> Identification<'a> {
    pub(crate) fn parse(mut reader: Reader<'a>) -> Result<Self, Malformed> {
        let [kind, ..] = reader.array::<4>()?;
        let (kind, data) = (IdType(kind), reader.remainder());
        if !fits(kind, data.len()) {
            return Err(reader.malformed(MalformedReason::IdentificationLength));
        }
        Ok(Self { kind, data })
    }

    /// The payload without its header, which is what AUTH covers of it (RFC 7296 §2.15).
    /// Its reserved octets are zero here, whatever the peer sent.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        [&[self.kind.0, 0, 0, 0], self.data].concat()
    }

    /// For records: its text in at most 255 characters, all of them printable.
    #[must_use]
    pub fn to_text(&self) -> String {
        let text = self.to_string();
        if text.chars().count() <= MAX_TEXT {
            return text;
        }
        text.chars().take(MAX_TEXT - 1).chain(['…']).collect()
    }

    /// As an administrator would write it, if the octets allow.
    fn plain(&self) -> Option<String> {
        match self.kind {
            IdType::ID_IPV4_ADDR => {
                Some(Ipv4Addr::from(<[u8; 4]>::try_from(self.data).ok()?).to_string())
            }
            IdType::ID_IPV6_ADDR => {
                Some(Ipv6Addr::from(<[u8; 16]>::try_from(self.data).ok()?).to_string())
            }
            _ => std::str::from_utf8(self.data).ok().map(str::to_owned),
        }
    }

    fn labelled(&self) -> Option<String> {
        Some(format!("{}:{}", label(self.kind), std::str::from_utf8(self.data).ok()?))
    }
}

impl fmt::Display for Identification<'_> {
    /// The shortest text that [`Identity`]'s parser reads as exactly this: plain, with the
    /// type in front, or in hexadecimal. So no peer can pass for another in a record.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reads_back = |text: &String| {
            text.parse().is_ok_and(|read: Identity| read.as_identification() == *self)
        };
        let text = self.plain().filter(reads_back).or_else(|| self.labelled().filter(reads_back));
        if let Some(text) = text {
            return f.write_str(&text);
        }
        write!(f, "{}:0x", label(self.kind))?;
        self.data.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}
