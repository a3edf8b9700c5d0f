//! The payloads of a message, and what a state machine asks of them.

use crate::octets::Reader;
use crate::{
    Authentication, Certificate, CertificateRequest, Configuration, Delete, Identification,
    KeyExchange, Malformed, MalformedReason, Notify, NotifyType, Payload, PayloadType, Proposal,
    TrafficSelector,
};

/// Payloads of one message, with those skipped. The fullest real one, an IKE_AUTH request with
/// a chain of certificates and every MOBIKE address, has about thirty.
pub const MAX_PAYLOADS: usize = 64;
/// Certificates of one message: each costs a parse, and no real chain is longer than four.
pub const MAX_CERTIFICATES: usize = 8;

/// The critical bit of a payload header (RFC 7296 §3.2).
const CRITICAL: u8 = 0x80;

/// The payloads of a message in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payloads<'a> {
    known: Vec<Payload<'a>>,
    skipped: usize,
}

/// Reads a chain of payloads: the body of a clear message or the content of an encrypted one.
/// `first` is the type of the first. Payloads of unknown types are skipped and counted.
///
/// # Errors
/// [`Malformed`]: everything that RFC 7296 §3 forbids, SK and SKF, and more payloads than the
/// limits of this crate.
pub fn parse_payloads(first: u8, body: &[u8]) -> Result<Payloads<'_>, Malformed> {
    let mut reader = Reader::new(body);
    let mut payloads = Payloads { known: Vec::new(), skipped: 0 };
    let mut certificates: usize = 0;
    let mut kind = PayloadType(first);
    while kind != PayloadType::NONE {
        if payloads.known.len().saturating_add(payloads.skipped) == MAX_PAYLOADS {
            return Err(reader.malformed(MalformedReason::TooManyPayloads));
        }
        if kind == PayloadType::SK || kind == PayloadType::SKF {
            return Err(reader.malformed(MalformedReason::EncryptedMisplaced));
        }
        if kind == PayloadType::CERT {
            certificates = certificates.saturating_add(1);
            if certificates > MAX_CERTIFICATES {
                return Err(reader.malformed(MalformedReason::TooManyCertificates));
            }
        }
        let ([next, flags], body) = reader.unit()?;
        match Payload::parse(kind, body)? {
            Some(payload) => payloads.known.push(payload),
            None if flags & CRITICAL != 0 => return Err(Malformed::UnsupportedCritical(kind)),
            None => payloads.skipped = payloads.skipped.saturating_add(1),
        }
        kind = PayloadType(next);
    }
    reader.finish()?;
    Ok(payloads)
}

/// The value of a payload that is of this variant.
macro_rules! pick {
    ($variant:ident) => {
        |payload| if let Payload::$variant(value) = payload { Some(value) } else { None }
    };
}

impl<'a> Payloads<'a> {
    /// All payloads of known types.
    pub fn iter(&self) -> impl Iterator<Item = &Payload<'a>> {
        self.known.iter()
    }

    /// How many payloads of unknown types were left out.
    #[must_use]
    pub const fn skipped(&self) -> usize {
        self.skipped
    }

    /// The one value of this kind, if it is there.
    fn optional<'s, T>(
        &'s self,
        kind: PayloadType,
        pick: impl Fn(&'s Payload<'a>) -> Option<T>,
    ) -> Result<Option<T>, Malformed> {
        let mut values = self.known.iter().filter_map(pick);
        let first = values.next();
        if values.next().is_some() { Err(Malformed::Doubled(kind)) } else { Ok(first) }
    }

    /// SA.
    ///
    /// # Errors
    /// [`Malformed::Missing`], [`Malformed::Doubled`].
    pub fn security_association(&self) -> Result<&[Proposal], Malformed> {
        self.optional_security_association()?.ok_or(Malformed::Missing(PayloadType::SA))
    }

    /// SA, which an IKE_AUTH without a first CHILD_SA lacks (RFC 6023).
    ///
    /// # Errors
    /// [`Malformed::Doubled`].
    pub fn optional_security_association(&self) -> Result<Option<&[Proposal]>, Malformed> {
        Ok(self.optional(PayloadType::SA, pick!(SecurityAssociation))?.map(Vec::as_slice))
    }

    /// KE.
    ///
    /// # Errors
    /// [`Malformed::Missing`], [`Malformed::Doubled`].
    pub fn key_exchange(&self) -> Result<KeyExchange<'a>, Malformed> {
        self.optional_key_exchange()?.ok_or(Malformed::Missing(PayloadType::KE))
    }

    /// KE, which CREATE_CHILD_SA may lack.
    ///
    /// # Errors
    /// [`Malformed::Doubled`].
    pub fn optional_key_exchange(&self) -> Result<Option<KeyExchange<'a>>, Malformed> {
        Ok(self.optional(PayloadType::KE, pick!(KeyExchange))?.copied())
    }

    /// Ni or Nr: 16 to 256 octets.
    ///
    /// # Errors
    /// [`Malformed::Missing`], [`Malformed::Doubled`].
    pub fn nonce(&self) -> Result<&'a [u8], Malformed> {
        self.optional(PayloadType::NONCE, pick!(Nonce))?
            .copied()
            .ok_or(Malformed::Missing(PayloadType::NONCE))
    }

    /// IDi.
    ///
    /// # Errors
    /// [`Malformed::Missing`], [`Malformed::Doubled`].
    pub fn id_initiator(&self) -> Result<Identification<'a>, Malformed> {
        self.optional_id_initiator()?.ok_or(Malformed::Missing(PayloadType::ID_I))
    }

    /// IDi, which only the first IKE_AUTH request has.
    ///
    /// # Errors
    /// [`Malformed::Doubled`].
    pub fn optional_id_initiator(&self) -> Result<Option<Identification<'a>>, Malformed> {
        Ok(self.optional(PayloadType::ID_I, pick!(IdInitiator))?.copied())
    }

    /// IDr.
    ///
    /// # Errors
    /// [`Malformed::Missing`], [`Malformed::Doubled`].
    pub fn id_responder(&self) -> Result<Identification<'a>, Malformed> {
        self.optional_id_responder()?.ok_or(Malformed::Missing(PayloadType::ID_R))
    }

    /// IDr, which an initiator need not name.
    ///
    /// # Errors
    /// [`Malformed::Doubled`].
    pub fn optional_id_responder(&self) -> Result<Option<Identification<'a>>, Malformed> {
        Ok(self.optional(PayloadType::ID_R, pick!(IdResponder))?.copied())
    }

    /// AUTH.
    ///
    /// # Errors
    /// [`Malformed::Missing`], [`Malformed::Doubled`].
    pub fn authentication(&self) -> Result<Authentication<'a>, Malformed> {
        self.optional_authentication()?.ok_or(Malformed::Missing(PayloadType::AUTH))
    }

    /// AUTH, which an initiator leaves out to be asked for EAP.
    ///
    /// # Errors
    /// [`Malformed::Doubled`].
    pub fn optional_authentication(&self) -> Result<Option<Authentication<'a>>, Malformed> {
        Ok(self.optional(PayloadType::AUTH, pick!(Authentication))?.copied())
    }

    /// TSi and TSr.
    ///
    /// # Errors
    /// [`Malformed::Missing`], [`Malformed::Doubled`].
    pub fn selectors(&self) -> Result<(&[TrafficSelector], &[TrafficSelector]), Malformed> {
        let initiator = self
            .optional(PayloadType::TS_I, pick!(SelectorsInitiator))?
            .ok_or(Malformed::Missing(PayloadType::TS_I))?;
        let responder = self
            .optional(PayloadType::TS_R, pick!(SelectorsResponder))?
            .ok_or(Malformed::Missing(PayloadType::TS_R))?;
        Ok((initiator, responder))
    }

    /// CP.
    ///
    /// # Errors
    /// [`Malformed::Doubled`].
    pub fn configuration(&self) -> Result<Option<&Configuration<'a>>, Malformed> {
        self.optional(PayloadType::CP, pick!(Configuration))
    }

    /// The EAP packet.
    ///
    /// # Errors
    /// [`Malformed::Doubled`].
    pub fn extensible_authentication(&self) -> Result<Option<&'a [u8]>, Malformed> {
        Ok(self.optional(PayloadType::EAP, pick!(ExtensibleAuthentication))?.copied())
    }

    /// CERT, the end entity's first (RFC 7296 §3.6).
    pub fn certificates(&self) -> impl Iterator<Item = Certificate<'a>> {
        self.known.iter().filter_map(pick!(Certificate)).copied()
    }

    /// CERTREQ.
    pub fn certificate_requests(&self) -> impl Iterator<Item = CertificateRequest<'a>> {
        self.known.iter().filter_map(pick!(CertificateRequest)).copied()
    }

    /// The first notification of this kind.
    #[must_use]
    pub fn notify(&self, kind: NotifyType) -> Option<Notify<'a>> {
        self.notifies(kind).next()
    }

    /// The notifications of this kind.
    pub fn notifies(&self, kind: NotifyType) -> impl Iterator<Item = Notify<'a>> {
        self.all_notifies().filter(move |notify| notify.kind == kind)
    }

    /// The first notification of an error.
    #[must_use]
    pub fn error_notify(&self) -> Option<Notify<'a>> {
        self.all_notifies().find(|notify| notify.kind.is_error())
    }

    fn all_notifies(&self) -> impl Iterator<Item = Notify<'a>> {
        self.known.iter().filter_map(pick!(Notify)).copied()
    }

    /// D.
    pub fn deletes(&self) -> impl Iterator<Item = &Delete> {
        self.known.iter().filter_map(pick!(Delete))
    }

    /// V.
    pub fn vendor_ids(&self) -> impl Iterator<Item = &'a [u8]> {
        self.known.iter().filter_map(pick!(VendorId)).copied()
    }
}
