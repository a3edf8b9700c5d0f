//! A peer that holds the right keys and keeps no rules. It is put together from the parts of
//! the `ike` crate below its state machine, which so is checked by another one.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crypto::dh::Exchange;
use crypto::prf::Prf;
use ike::keys::{Algorithms, IkeKeys};
use ike::protection::{Cipher, Opener, Sealer};
use ike::{Path, Random as _, Transmit};
use ike_negotiation::{Cipher as Agreed, IkeSuite};
use ike_wire::{
    Content as Clear, Envelope, ExchangeType, Flags, Header, NotifyType, Payloads, parse_payloads,
};

use super::content::Content;
use super::create::{Creating, Promised};
use super::gateway::{ADDRESS, Seeded};
use super::setup::{Begun, Setup};

/// What is remembered of each kind, at most.
const MEMORY: usize = 32;

/// An IKE SA as the peer knows it.
pub struct PeerSa {
    pub(super) spis: (u64, u64),
    /// The peer asked for it.
    pub(super) ours: bool,
    pub(super) suite: IkeSuite,
    pub(super) keys: IkeKeys,
    sealer: Sealer,
    opener: Opener,
    /// Message id of the peer's next request.
    pub next_id: u32,
    /// Until IKE_AUTH.
    pub(super) setup: Option<Box<Setup>>,
}

/// A request of the gateway's.
pub struct Asked {
    /// Its header.
    pub header: Header,
    pub(super) content: Content,
    /// As it came, when it came in the clear.
    pub(super) datagram: Vec<u8>,
}

/// What the peer awaits an answer for, and with which message id.
pub(super) enum Awaited {
    Authentication,
    Intermediate(Exchange, Content),
    Creating(Box<Creating>),
    FollowUp(Exchange),
}

/// The peer.
pub struct Peer {
    /// As the gateway sees it.
    pub path: Path,
    /// Oldest first.
    pub sas: Vec<PeerSa>,
    /// The gateway's requests, until they are answered.
    pub asked: VecDeque<Asked>,
    /// The peer's own messages, to be sent again.
    pub sent: VecDeque<Vec<u8>>,
    pub(super) begun: Option<Begun>,
    pub(super) cookie: Option<Vec<u8>>,
    pub(super) awaited: Option<((u64, u64), u32, Awaited)>,
    /// ADDITIONAL_KEY_EXCHANGE of what the peer creates.
    pub(super) link: Vec<u8>,
    /// An IKE SA that additional key exchanges are still to come for.
    pub(super) promised: Option<Promised>,
    random: Seeded,
}

impl Default for Peer {
    fn default() -> Self {
        Self {
            path: Path { local: ADDRESS, remote: address(0) },
            sas: Vec::new(),
            asked: VecDeque::new(),
            sent: VecDeque::new(),
            begun: None,
            cookie: None,
            awaited: None,
            link: Vec::new(),
            promised: None,
            random: Seeded(2),
        }
    }
}

/// One of the peer's addresses.
#[must_use]
pub fn address(choice: u8) -> SocketAddr {
    let ip = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1 + choice % 4));
    SocketAddr::new(ip, if choice & 4 == 0 { 500 } else { 4500 })
}

impl PeerSa {
    /// An IKE SA with the keys of both directions.
    ///
    /// # Panics
    ///
    /// When they are keys of another suite.
    pub(super) fn new(spis: (u64, u64), ours: bool, suite: IkeSuite, keys: IkeKeys) -> Self {
        let (sealer, opener) = directions(&suite, &keys, ours);
        Self { spis, ours, suite, keys, sealer, opener, next_id: 0, setup: None }
    }

    pub(super) fn change_keys(&mut self, keys: IkeKeys) {
        (self.sealer, self.opener) = directions(&self.suite, &keys, self.ours);
        self.keys = keys;
    }

    /// Seals anything, in fragments of at most `max` octets if that is given.
    ///
    /// # Panics
    ///
    /// When nothing can be sealed at all.
    pub fn seal(
        &mut self,
        (exchange, message_id, response): (ExchangeType, u32, bool),
        content: &Content,
        max: Option<usize>,
    ) -> Vec<Vec<u8>> {
        let header = self.header(exchange, message_id, response).emit();
        let Content { first, octets } = content;
        let octets = &octets[..octets.len().min(40_000)];
        let sealed = self.sealer.seal_message(&header, *first, octets, max);
        sealed.or_else(|_| self.sealer.seal_message(&header, *first, octets, None)).unwrap()
    }

    pub(super) fn header(&self, exchange: ExchangeType, message_id: u32, response: bool) -> Header {
        let role = if self.ours { Flags::INITIATOR } else { Flags::default() };
        Header {
            initiator_spi: self.spis.0,
            responder_spi: self.spis.1,
            next_payload: 0,
            exchange,
            flags: if response { role.with(Flags::RESPONSE) } else { role },
            message_id,
            length: 0,
        }
    }

    fn open(&mut self, envelope: &Envelope, mut datagram: Vec<u8>) -> Option<Content> {
        let Clear::Encrypted { first_inner, body } = &envelope.content else { return None };
        let (associated, sealed) = datagram.split_at_mut(body.start);
        let octets = self.opener.open(associated, sealed).ok()?.to_vec();
        Some(Content { first: *first_inner, octets })
    }
}

/// What the keys of a suite are for.
pub(super) fn algorithms(suite: &IkeSuite) -> Algorithms {
    let cipher = match suite.cipher {
        Agreed::Aead(algorithm) => Cipher::Aead(algorithm),
        Agreed::Cbc { integrity, .. } => {
            Cipher::CbcHmac { key_len: suite.cipher.encryption_keymat_len(), integrity }
        }
    };
    Algorithms { prf: suite.prf, cipher }
}

fn directions(suite: &IkeSuite, keys: &IkeKeys, ours: bool) -> (Sealer, Opener) {
    let Algorithms { cipher, .. } = algorithms(suite);
    let (out, inward) =
        if ours { (&keys.initiator, &keys.responder) } else { (&keys.responder, &keys.initiator) };
    (Sealer::new(cipher, out).unwrap(), Opener::new(cipher, inward).unwrap())
}

impl Peer {
    pub(super) fn nonce(&mut self) -> Vec<u8> {
        let mut nonce = vec![0; 32];
        self.random.fill(&mut nonce);
        nonce
    }

    /// An SPI of the peer's; sometimes it is lower than others, sometimes not.
    pub(super) fn spi(&mut self) -> u64 {
        let mut spi = [0; 8];
        self.random.fill(&mut spi);
        u64::from_be_bytes(spi) | 1 << 8
    }

    /// The latest IKE SA, or one before it.
    pub fn sa(&mut self, back: usize) -> Option<&mut PeerSa> {
        let index = self.sas.len().checked_sub(1 + back % self.sas.len().max(1))?;
        self.sas.get_mut(index)
    }

    /// Keeps what is being sent.
    pub fn note(&mut self, datagrams: &[Vec<u8>]) {
        for datagram in datagrams {
            push(&mut self.sent, datagram.clone());
        }
    }

    /// Takes what the gateway sent.
    ///
    /// # Panics
    ///
    /// When that is no well-formed message.
    pub fn receive(&mut self, transmit: &Transmit) {
        let Transmit { path, datagram } = transmit;
        assert_eq!(path.local.ip(), ADDRESS.ip());
        let envelope = Envelope::parse(datagram).unwrap();
        let header = envelope.header;
        let response = header.flags.contains(Flags::RESPONSE);
        if let Clear::Clear { first, body } = &envelope.content {
            let content = Content { first: *first, octets: datagram[body.clone()].to_vec() };
            assert_eq!(header.exchange, ExchangeType::IKE_SA_INIT);
            if response {
                self.init_answered(header, datagram, &content);
            } else {
                self.ask(Asked { header, content, datagram: datagram.clone() });
            }
            return;
        }
        let spis = (header.initiator_spi, header.responder_spi);
        let Some(sa) = self.sas.iter_mut().rev().find(|sa| sa.spis == spis) else { return };
        let Some(content) = sa.open(&envelope, datagram.clone()) else { return };
        assert_eq!(header.flags.contains(Flags::INITIATOR), !sa.ours);
        let payloads = parse_payloads(content.first, &content.octets).unwrap();
        if response {
            self.answered(spis, header, &content, &payloads);
        } else {
            self.ask(Asked { header, content, datagram: Vec::new() });
        }
    }

    fn ask(&mut self, asked: Asked) {
        let is_again = |other: &Asked| {
            let Header { next_payload, length, .. } = asked.header;
            other.datagram == asked.datagram
                && Header { next_payload, length, ..other.header } == asked.header
        };
        if !self.asked.iter().any(is_again) {
            push(&mut self.asked, asked);
        }
    }

    fn answered(
        &mut self,
        spis: (u64, u64),
        header: Header,
        content: &Content,
        payloads: &Payloads<'_>,
    ) {
        if let Some(link) = payloads.notify(NotifyType::ADDITIONAL_KEY_EXCHANGE) {
            self.link = link.data.to_vec();
        }
        if let Some(sa) = self.by_spis(spis) {
            sa.next_id = header.message_id.wrapping_add(1);
        }
        let expected = self
            .awaited
            .take_if(|(of, id, _)| (*of, *id) == (spis, header.message_id))
            .map(|(_, _, awaited)| awaited);
        let is_error = payloads.error_notify().is_some();
        match expected {
            None => {}
            Some(Awaited::Authentication) => self.authenticated(spis, payloads),
            Some(_) if is_error => {}
            Some(Awaited::Intermediate(exchange, request)) => {
                self.intermediate_answered(spis, exchange, &request, header, content, payloads);
            }
            Some(Awaited::Creating(creating)) => self.created(spis, *creating, payloads),
            Some(Awaited::FollowUp(exchange)) => self.followed_up(exchange, payloads),
        }
    }

    pub(super) fn by_spis(&mut self, spis: (u64, u64)) -> Option<&mut PeerSa> {
        self.sas.iter_mut().rev().find(|sa| sa.spis == spis)
    }

    pub(super) fn keep(&mut self, sa: PeerSa) {
        if self.sas.len() == MEMORY {
            self.sas.remove(0);
        }
        self.sas.push(sa);
    }
}

fn push<T>(all: &mut VecDeque<T>, one: T) {
    if all.len() == MEMORY {
        all.pop_front();
    }
    all.push_back(one);
}

/// The only one that the peer proposes.
pub(super) const PRF: Prf = Prf::HmacSha256;
