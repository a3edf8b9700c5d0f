//! One IKE SA: its SPIs, its keys, and its two windows of message ids (RFC 7296 §2.2, §2.3).

mod inbound;
mod outbound;

use ike_negotiation::IkeSuite;
use ike_wire::{Content, Envelope, ExchangeType, Flags, Header, Payload, emit_payloads};

use crate::Dropped;
use crate::keys::IkeKeys;
use crate::protection::{MAX_PLAINTEXT, Opener, SealError, Sealer};
use crate::reassembly::Fragment;
use crate::suite::cipher;

use inbound::{Inbound, tail_of};
pub(crate) use inbound::{Inner, Request};
pub(crate) use outbound::{Outbound, Overdue};

/// One IKE SA. `W` says what a response is awaited for.
#[derive(Debug)]
pub(crate) struct IkeSa<W> {
    /// SPIi and SPIr.
    pub(crate) spis: (u64, u64),
    /// Whether we sent the request that made it. Not the same as having begun the session:
    /// the peer may have rekeyed (RFC 7296 §2.2, flag I).
    pub(crate) ours: bool,
    pub(crate) suite: IkeSuite,
    pub(crate) keys: IkeKeys,
    pub(crate) outbound: Outbound<W>,
    inbound: Inbound,
    sealer: Sealer,
    opener: Opener,
    /// Largest datagram, when the peer takes fragments.
    fragment_size: Option<usize>,
}

/// What a datagram turned out to be.
#[derive(Debug)]
pub(crate) enum Received<'a> {
    /// The next request.
    Request(Inner),
    /// The awaited response.
    Response(Inner),
    /// A request answered before: the same answer goes out again.
    Again(&'a [Vec<u8>]),
    /// A fragment; others are missing.
    Partial,
}

impl<W> IkeSa<W> {
    /// An IKE SA whose first requests have these message ids: ours, and the peer's.
    pub(crate) fn new(
        spis: (u64, u64),
        ours: bool,
        suite: IkeSuite,
        keys: IkeKeys,
        (next_id, expected): (u32, u32),
        fragment_size: Option<usize>,
    ) -> Result<Self, crypto::Error> {
        let (sealer, opener) = directions(&suite, &keys, ours)?;
        let (outbound, inbound) = (Outbound::new(next_id), Inbound::new(expected));
        Ok(Self { spis, ours, suite, keys, outbound, inbound, sealer, opener, fragment_size })
    }

    /// From the next message on, other keys protect (RFC 9370 §2.2.2).
    pub(crate) fn change_keys(&mut self, keys: IkeKeys) -> Result<(), crypto::Error> {
        (self.sealer, self.opener) = directions(&self.suite, &keys, self.ours)?;
        self.keys = keys;
        Ok(())
    }

    pub(crate) fn local_spi(&self) -> u64 {
        if self.ours { self.spis.0 } else { self.spis.1 }
    }

    pub(crate) fn fragment_size(&self) -> Option<usize> {
        self.fragment_size
    }

    /// Verifies and opens a datagram for this SA, in place.
    pub(crate) fn receive(
        &mut self,
        datagram: &mut [u8],
        envelope: &Envelope,
    ) -> Result<Received<'_>, Dropped> {
        let header = envelope.header;
        if header.flags.contains(Flags::INITIATOR) == self.ours {
            return Err(Dropped::WrongRole);
        }
        if header.flags.contains(Flags::RESPONSE) {
            if self.outbound.awaited_id() != Some(header.message_id) {
                return Err(Dropped::NotAwaited);
            }
            let inner = self.open(datagram, envelope)?;
            return Ok(inner.map_or(Received::Partial, Received::Response));
        }
        if !self.inbound.is_expected(header.message_id) {
            let tail = tail_of(datagram);
            let again = self.inbound.answer_again(header.message_id, &tail);
            return again.map(Received::Again).ok_or(Dropped::StaleMessageId);
        }
        let inner = self.open(datagram, envelope)?;
        Ok(inner.map_or(Received::Partial, Received::Request))
    }

    fn open(&mut self, datagram: &mut [u8], envelope: &Envelope) -> Result<Option<Inner>, Dropped> {
        let header = envelope.header;
        let tail = tail_of(datagram);
        let body = match &envelope.content {
            Content::Clear { .. } => return Err(Dropped::OutOfState),
            Content::Encrypted { body, .. } | Content::Fragment { body, .. } => body.start,
        };
        let (associated, sealed) = datagram.split_at_mut_checked(body).ok_or(Dropped::Malformed)?;
        let plaintext = self.opener.open(associated, sealed).map_err(|_| Dropped::Unauthentic)?;
        match envelope.content {
            Content::Clear { .. } => Err(Dropped::OutOfState),
            Content::Encrypted { first_inner, .. } => {
                let request = Request { header, tail };
                Ok(Some(Inner { request, first: first_inner, plaintext: plaintext.to_vec() }))
            }
            Content::Fragment { .. } if self.fragment_size.is_none() => Err(Dropped::Fragment),
            Content::Fragment { first_inner, number, total, .. } => {
                let fragment = Fragment { number, total, next_payload: first_inner, plaintext };
                self.inbound.collect(header, tail, &fragment).map_err(|_| Dropped::Fragment)
            }
        }
    }

    /// Seals the next request. [`Outbound::begin`] must follow.
    pub(crate) fn request(
        &mut self,
        exchange: ExchangeType,
        payloads: &[Payload<'_>],
    ) -> Result<Sealed, SealError> {
        self.seal(exchange, self.outbound.next_id(), Flags::default(), payloads)
    }

    /// Seals the answer to a request.
    pub(crate) fn respond(
        &mut self,
        request: &Request,
        payloads: &[Payload<'_>],
    ) -> Result<Sealed, SealError> {
        let Header { exchange, message_id, .. } = request.header;
        let sealed = self.seal(exchange, message_id, Flags::RESPONSE, payloads)?;
        self.inbound.answered(request.tail, sealed.datagrams.clone());
        Ok(sealed)
    }

    fn seal(
        &mut self,
        exchange: ExchangeType,
        message_id: u32,
        direction: Flags,
        payloads: &[Payload<'_>],
    ) -> Result<Sealed, SealError> {
        let (first, plaintext) =
            emit_payloads(payloads).map_err(|_| SealError::TooLong { plaintext: MAX_PLAINTEXT })?;
        let role = if self.ours { Flags::INITIATOR } else { Flags::default() };
        let header = Header {
            initiator_spi: self.spis.0,
            responder_spi: self.spis.1,
            next_payload: 0,
            exchange,
            flags: direction.with(role),
            message_id,
            length: 0,
        }
        .emit();
        let datagrams = self.sealer.seal_message(&header, first, &plaintext, self.fragment_size)?;
        Ok(Sealed { datagrams, header, first, plaintext })
    }
}

/// A message ready to be sent, and what was sealed in it, which RFC 9242 §3.3.2 authenticates.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) datagrams: Vec<Vec<u8>>,
    pub(crate) header: [u8; Header::LEN],
    pub(crate) first: u8,
    pub(crate) plaintext: Vec<u8>,
}

impl Sealed {
    /// A message that was received, as its sender sealed it.
    pub(crate) fn of(inner: &Inner) -> Self {
        Self {
            datagrams: Vec::new(),
            header: inner.request.header.emit(),
            first: inner.first,
            plaintext: inner.plaintext.clone(),
        }
    }
}

fn directions(
    suite: &IkeSuite,
    keys: &IkeKeys,
    ours: bool,
) -> Result<(Sealer, Opener), crypto::Error> {
    let (out, inward) =
        if ours { (&keys.initiator, &keys.responder) } else { (&keys.responder, &keys.initiator) };
    let cipher = cipher(suite.cipher);
    Ok((Sealer::new(cipher, out)?, Opener::new(cipher, inward)?))
}
