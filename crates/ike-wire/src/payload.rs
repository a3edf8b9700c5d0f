//! One payload (RFC 7296 §3.2) of each type.

use std::error::Error;
use std::fmt;

use crate::code_points::code_points;
use crate::octets::{Reader, put_unit};
use crate::{
    Authentication, Certificate, CertificateRequest, Configuration, Delete, Header, Identification,
    Malformed, MalformedReason, Notify, Proposal, TrafficSelector, proposal, selector,
};

/// Octets of a nonce (RFC 7296 §3.9).
const NONCE_LEN: std::ops::RangeInclusive<usize> = 16..=256;

/// The most that one UDP datagram over IPv4 carries, and so the longest message.
pub const MAX_MESSAGE: usize = 65_507;

code_points! {
    /// Payload types by their notation (RFC 7296 §3.2).
    pub struct PayloadType(u8) {
        /// No payload follows.
        NONE = 0;
        /// Security Association (RFC 7296 §3.3).
        SA = 33;
        /// Key Exchange (RFC 7296 §3.4).
        KE = 34;
        /// Identification, initiator (RFC 7296 §3.5).
        ID_I = 35;
        /// Identification, responder (RFC 7296 §3.5).
        ID_R = 36;
        /// Certificate (RFC 7296 §3.6).
        CERT = 37;
        /// Certificate Request (RFC 7296 §3.7).
        CERTREQ = 38;
        /// Authentication (RFC 7296 §3.8).
        AUTH = 39;
        /// Nonce (RFC 7296 §3.9).
        NONCE = 40;
        /// Notify (RFC 7296 §3.10).
        N = 41;
        /// Delete (RFC 7296 §3.11).
        D = 42;
        /// Vendor ID (RFC 7296 §3.12).
        V = 43;
        /// Traffic Selector, initiator (RFC 7296 §3.13).
        TS_I = 44;
        /// Traffic Selector, responder (RFC 7296 §3.13).
        TS_R = 45;
        /// Encrypted and Authenticated (RFC 7296 §3.14).
        SK = 46;
        /// Configuration (RFC 7296 §3.15).
        CP = 47;
        /// Extensible Authentication (RFC 7296 §3.16).
        EAP = 48;
        /// Encrypted and Authenticated Fragment (RFC 7383 §2.5).
        SKF = 53;
    }
}

/// A Key Exchange payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyExchange<'a> {
    /// The method, as transform type 4 numbers it.
    pub group: u16,
    /// The public value; never empty once parsed.
    pub data: &'a [u8],
}

/// A payload of a type we know. The Encrypted payloads are no part of it: they are the
/// [`Envelope`](crate::Envelope).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// SA
    SecurityAssociation(Vec<Proposal>),
    /// KE
    KeyExchange(KeyExchange<'a>),
    /// IDi
    IdInitiator(Identification<'a>),
    /// IDr
    IdResponder(Identification<'a>),
    /// CERT
    Certificate(Certificate<'a>),
    /// CERTREQ
    CertificateRequest(CertificateRequest<'a>),
    /// AUTH
    Authentication(Authentication<'a>),
    /// Ni, Nr: 16 to 256 octets.
    Nonce(&'a [u8]),
    /// N
    Notify(Notify<'a>),
    /// D
    Delete(Delete),
    /// V
    VendorId(&'a [u8]),
    /// TSi
    SelectorsInitiator(Vec<TrafficSelector>),
    /// TSr
    SelectorsResponder(Vec<TrafficSelector>),
    /// CP
    Configuration(Configuration<'a>),
    /// EAP: one EAP packet, never empty once parsed.
    ExtensibleAuthentication(&'a [u8]),
}

impl<'a> Payload<'a> {
    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> PayloadType {
        match self {
            Self::SecurityAssociation(_) => PayloadType::SA,
            Self::KeyExchange(_) => PayloadType::KE,
            Self::IdInitiator(_) => PayloadType::ID_I,
            Self::IdResponder(_) => PayloadType::ID_R,
            Self::Certificate(_) => PayloadType::CERT,
            Self::CertificateRequest(_) => PayloadType::CERTREQ,
            Self::Authentication(_) => PayloadType::AUTH,
            Self::Nonce(_) => PayloadType::NONCE,
            Self::Notify(_) => PayloadType::N,
            Self::Delete(_) => PayloadType::D,
            Self::VendorId(_) => PayloadType::V,
            Self::SelectorsInitiator(_) => PayloadType::TS_I,
            Self::SelectorsResponder(_) => PayloadType::TS_R,
            Self::Configuration(_) => PayloadType::CP,
            Self::ExtensibleAuthentication(_) => PayloadType::EAP,
        }
    }

    /// Reads a payload's body; `None` for a type that we do not know.
    pub(crate) fn parse(kind: PayloadType, body: Reader<'a>) -> Result<Option<Self>, Malformed> {
        Ok(Some(match kind {
            PayloadType::SA => Self::SecurityAssociation(proposal::parse(body)?),
            PayloadType::KE => Self::KeyExchange(KeyExchange::parse(body)?),
            PayloadType::ID_I => Self::IdInitiator(Identification::parse(body)?),
            PayloadType::ID_R => Self::IdResponder(Identification::parse(body)?),
            PayloadType::CERT => Self::Certificate(Certificate::parse(body)?),
            PayloadType::CERTREQ => Self::CertificateRequest(CertificateRequest::parse(body)?),
            PayloadType::AUTH => Self::Authentication(Authentication::parse(body)?),
            PayloadType::NONCE => Self::Nonce(nonce(body)?),
            PayloadType::N => Self::Notify(Notify::parse(body)?),
            PayloadType::D => Self::Delete(Delete::parse(body)?),
            PayloadType::V => Self::VendorId(body.remainder()),
            PayloadType::TS_I => Self::SelectorsInitiator(selector::parse(body)?),
            PayloadType::TS_R => Self::SelectorsResponder(selector::parse(body)?),
            PayloadType::CP => Self::Configuration(Configuration::parse(body)?),
            PayloadType::EAP => Self::ExtensibleAuthentication(body.nonempty_remainder()?),
            _ => return Ok(None),
        }))
    }

    /// `None` when a count or a length inside has no room.
    fn body(&self) -> Option<Vec<u8>> {
        match self {
            Self::SecurityAssociation(proposals) => proposal::emit(proposals),
            Self::KeyExchange(key_exchange) => Some(key_exchange.emit()),
            Self::IdInitiator(id) | Self::IdResponder(id) => Some(id.body()),
            Self::Certificate(certificate) => Some(certificate.emit()),
            Self::CertificateRequest(request) => Some(request.emit()),
            Self::Authentication(authentication) => Some(authentication.emit()),
            Self::Nonce(data) | Self::VendorId(data) | Self::ExtensibleAuthentication(data) => {
                Some(data.to_vec())
            }
            Self::Notify(notify) => Some(notify.emit()),
            Self::Delete(delete) => delete.emit(),
            Self::SelectorsInitiator(selectors) | Self::SelectorsResponder(selectors) => {
                selector::emit(selectors)
            }
            Self::Configuration(configuration) => configuration.emit(),
        }
    }
}

impl<'a> KeyExchange<'a> {
    fn parse(mut reader: Reader<'a>) -> Result<Self, Malformed> {
        let group = reader.u16()?;
        let _reserved = reader.u16()?;
        Ok(Self { group, data: reader.nonempty_remainder()? })
    }

    fn emit(&self) -> Vec<u8> {
        [&self.group.to_be_bytes(), &[0, 0], self.data].concat()
    }
}

fn nonce(reader: Reader<'_>) -> Result<&[u8], Malformed> {
    let nonce = reader.remainder();
    if NONCE_LEN.contains(&nonce.len()) {
        Ok(nonce)
    } else {
        Err(reader.malformed(MalformedReason::NonceLength))
    }
}

/// What we wanted to send has no room: what configuration or the state machine put into it is
/// to blame, never the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooLong {
    /// This payload exceeds what its length or one of its counts can say.
    Payload(PayloadType),
    /// The message exceeds [`MAX_MESSAGE`].
    Message,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payload(kind) => {
                write!(f, "the {kind} payload to send is too long: configure less into it")
            }
            Self::Message => f.write_str("the message to send is too long for a datagram"),
        }
    }
}

impl Error for TooLong {}

/// Writes `payloads` one after the other: the type of the first, and the octets.
///
/// # Errors
/// [`TooLong::Payload`].
pub fn emit_payloads(payloads: &[Payload<'_>]) -> Result<(u8, Vec<u8>), TooLong> {
    let mut kinds = payloads.iter().map(Payload::kind).chain([PayloadType::NONE]);
    let first = kinds.next().unwrap_or(PayloadType::NONE);
    let mut out = Vec::new();
    for (payload, next) in payloads.iter().zip(kinds) {
        payload
            .body()
            .and_then(|body| put_unit(&mut out, [next.0, 0], &body))
            .ok_or(TooLong::Payload(payload.kind()))?;
    }
    Ok((first.0, out))
}

/// Writes a whole message in the clear; `header`'s first payload and length are set here.
///
/// # Errors
/// [`TooLong`].
pub fn emit_clear(header: Header, payloads: &[Payload<'_>]) -> Result<Vec<u8>, TooLong> {
    let (next_payload, body) = emit_payloads(payloads)?;
    let length = message_len(Header::LEN.saturating_add(body.len()))?;
    Ok([&Header { next_payload, length, ..header }.emit(), body.as_slice()].concat())
}

/// `length` as a header holds it.
pub(crate) fn message_len(length: usize) -> Result<u32, TooLong> {
    if length > MAX_MESSAGE {
        return Err(TooLong::Message);
    }
    u32::try_from(length).map_err(|_| TooLong::Message)
}
