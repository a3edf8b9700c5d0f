//! The Security Association payload's proposals (RFC 7296 §3.3).

use std::fmt;

use crate::octets::{Reader, put_unit};
use crate::{Malformed, MalformedReason};

/// Proposals of one payload. Their number is an octet, but no client offers more than a dozen.
pub const MAX_PROPOSALS: usize = 64;
/// Transforms of all proposals of one payload. strongSwan's longest offer has about fifty.
pub const MAX_TRANSFORMS: usize = 256;

/// Markers of a substructure (RFC 7296 §§3.3.1, 3.3.2): the last, or one that is followed.
const LAST: u8 = 0;
const MORE_PROPOSALS: u8 = 2;
const MORE_TRANSFORMS: u8 = 3;
/// Attribute format bit: the value is in the place of the length (RFC 7296 §3.3.5).
const SHORT_ATTRIBUTE: u16 = 0x8000;
/// The only attribute there is (RFC 7296 §3.3.5).
const KEY_LENGTH: u16 = 14;

/// Security protocol identifiers (RFC 7296 §3.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Protocol {
    /// The IKE SA itself.
    Ike = 1,
    /// Authentication Header; named only to be refused.
    Ah = 2,
    /// Encapsulating Security Payload.
    Esp = 3,
}

/// A security parameter index in a payload: none, four octets (ESP) or eight (IKE).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Spi {
    /// No SPI: the first IKE SA, or a notification about the IKE SA itself.
    None,
    /// Of an ESP SA (RFC 4303 §2.1).
    Esp(u32),
    /// Of an IKE SA (RFC 7296 §3.1).
    Ike(u64),
}

/// Transform types (RFC 7296 §3.3.2, RFC 9370 §2.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransformType(pub u8);

impl TransformType {
    /// ENCR
    pub const ENCRYPTION: Self = Self(1);
    /// PRF
    pub const PRF: Self = Self(2);
    /// INTEG
    pub const INTEGRITY: Self = Self(3);
    /// KE: the first key exchange, Diffie-Hellman in RFC 7296.
    pub const KEY_EXCHANGE: Self = Self(4);
    /// ESN
    pub const SEQUENCE_NUMBERS: Self = Self(5);
    /// ADDKE1 to ADDKE7 (RFC 9370), as `6..=12`.
    pub const ADDITIONAL_KEY_EXCHANGES: std::ops::RangeInclusive<u8> = 6..=12;
}

/// One algorithm on offer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Transform {
    /// What it is for.
    pub kind: TransformType,
    /// Its IANA transform id within that type.
    pub id: u16,
    /// Key Length attribute in bits (RFC 7296 §3.3.5).
    pub key_length: Option<u16>,
    /// It carries an attribute we do not know: it may be shown, never chosen (§3.3.6).
    pub unknown_attribute: bool,
}

impl fmt::Debug for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.0, self.id)?;
        self.key_length.map_or(Ok(()), |bits| write!(f, "/{bits}"))?;
        if self.unknown_attribute { f.write_str("?") } else { Ok(()) }
    }
}

/// One proposal: one protocol with the algorithms it may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Its number as its sender counts; an answer repeats it.
    pub number: u8,
    /// For which protocol.
    pub protocol: Protocol,
    /// The sender's inbound SPI.
    pub spi: Spi,
    /// The algorithms in the sender's order.
    pub transforms: Vec<Transform>,
}

impl Protocol {
    pub(crate) const fn from_octet(octet: u8) -> Option<Self> {
        match octet {
            1 => Some(Self::Ike),
            2 => Some(Self::Ah),
            3 => Some(Self::Esp),
            _ => None,
        }
    }

    pub(crate) const fn octet(self) -> u8 {
        self as u8
    }
}

impl Spi {
    /// Octets on the wire.
    pub(crate) const fn size(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Esp(_) => 4,
            Self::Ike(_) => 8,
        }
    }

    pub(crate) fn parse(reader: &mut Reader<'_>, size: u8) -> Result<Self, Malformed> {
        match size {
            0 => Ok(Self::None),
            4 => reader.u32().map(Self::Esp),
            8 => reader.array().map(|octets| Self::Ike(u64::from_be_bytes(octets))),
            _ => Err(reader.malformed(MalformedReason::SpiSize)),
        }
    }

    pub(crate) fn emit(self, out: &mut Vec<u8>) {
        match self {
            Self::None => {}
            Self::Esp(spi) => out.extend(spi.to_be_bytes()),
            Self::Ike(spi) => out.extend(spi.to_be_bytes()),
        }
    }
}

/// Reads the proposals of a Security Association payload. One for a protocol that we do not
/// know can never be chosen (RFC 7296 §3.3.6) and is left out. Numbers are kept as they came:
/// macOS rekeys with a first proposal numbered 3.
pub(crate) fn parse(mut reader: Reader<'_>) -> Result<Vec<Proposal>, Malformed> {
    let mut proposals = Vec::new();
    let mut transforms_left = MAX_TRANSFORMS;
    for _ in 0..MAX_PROPOSALS {
        let (last, body) = substructure(&mut reader, MORE_PROPOSALS)?;
        proposals.extend(Proposal::parse(body, &mut transforms_left)?);
        if last {
            reader.finish()?;
            return Ok(proposals);
        }
    }
    Err(reader.malformed(MalformedReason::TooManyProposals))
}

/// `None` when a count or a length has no room. An unknown attribute is not written back.
pub(crate) fn emit(proposals: &[Proposal]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for (position, proposal) in (1..).zip(proposals) {
        let marker = if position == proposals.len() { LAST } else { MORE_PROPOSALS };
        put_unit(&mut out, [marker, 0], &proposal.emit()?)?;
    }
    Some(out)
}

/// A proposal or transform, and whether it is the last.
fn substructure<'a>(reader: &mut Reader<'a>, more: u8) -> Result<(bool, Reader<'a>), Malformed> {
    let structure = reader.malformed(MalformedReason::ProposalStructure);
    let ([marker, _reserved], body) = reader.unit()?;
    if marker == LAST || marker == more { Ok((marker == LAST, body)) } else { Err(structure) }
}

impl Proposal {
    fn parse(
        mut reader: Reader<'_>,
        transforms_left: &mut usize,
    ) -> Result<Option<Self>, Malformed> {
        let [number, protocol, spi_size, count] = reader.array()?;
        let Some(protocol) = Protocol::from_octet(protocol) else {
            return Ok(None);
        };
        let fits = match protocol {
            Protocol::Ike => spi_size == 0 || spi_size == 8,
            Protocol::Ah | Protocol::Esp => spi_size == 4,
        };
        if !fits {
            return Err(reader.malformed(MalformedReason::SpiSize));
        }
        let spi = Spi::parse(&mut reader, spi_size)?;
        let count = usize::from(count);
        *transforms_left = transforms_left
            .checked_sub(count)
            .ok_or_else(|| reader.malformed(MalformedReason::TooManyTransforms))?;
        let mut transforms = Vec::new();
        for position in 1..=count {
            let (last, body) = substructure(&mut reader, MORE_TRANSFORMS)?;
            if last != (position == count) {
                return Err(reader.malformed(MalformedReason::ProposalStructure));
            }
            transforms.push(Transform::parse(body)?);
        }
        reader.finish()?;
        Ok(Some(Self { number, protocol, spi, transforms }))
    }

    fn emit(&self) -> Option<Vec<u8>> {
        let count = u8::try_from(self.transforms.len()).ok()?;
        let mut out = vec![self.number, self.protocol.octet(), self.spi.size(), count];
        self.spi.emit(&mut out);
        for (position, transform) in (1..).zip(&self.transforms) {
            let marker = if position == self.transforms.len() { LAST } else { MORE_TRANSFORMS };
            put_unit(&mut out, [marker, 0], &transform.emit())?;
        }
        Some(out)
    }
}

impl Transform {
    fn parse(mut reader: Reader<'_>) -> Result<Self, Malformed> {
        let [kind, _reserved] = reader.array()?;
        let mut transform = Self {
            kind: TransformType(kind),
            id: reader.u16()?,
            key_length: None,
            unknown_attribute: false,
        };
        while !reader.is_empty() {
            let attribute = reader.u16()?;
            let value = reader.u16()?;
            if attribute == SHORT_ATTRIBUTE | KEY_LENGTH && transform.key_length.is_none() {
                transform.key_length = Some(value);
                continue;
            }
            transform.unknown_attribute = true;
            if attribute & SHORT_ATTRIBUTE == 0 {
                reader.octets(value.into())?;
            }
        }
        Ok(transform)
    }

    fn emit(&self) -> Vec<u8> {
        let mut out = vec![self.kind.0, 0];
        out.extend(self.id.to_be_bytes());
        if let Some(bits) = self.key_length {
            out.extend((SHORT_ATTRIBUTE | KEY_LENGTH).to_be_bytes());
            out.extend(bits.to_be_bytes());
        }
        out
    }
}
