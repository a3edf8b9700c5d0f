//! The peer's CREATE_CHILD_SA and IKE_FOLLOWUP_KE, from either side.

use std::sync::LazyLock;

use crypto::Secret;
use crypto::dh::{self, Exchange, Group};
use ike::keys::{Nonces, SharedSecrets};
use ike_negotiation::{
    ChildProposal, IkeSuite, KeyExchange as Whether, accept_ike, offer_child, offer_ike,
    select_child, select_ike,
};
use ike_wire::{
    Delete, ExchangeType, KeyExchange, Notify, NotifyType, Payload, Payloads, Proposal, Protocol,
    Spi, parse_payloads,
};

use super::content::Content;
use super::gateway::selectors;
use super::peer::{Asked, Awaited, Peer, PeerSa, algorithms};
use super::setup::{PROPOSALS, answer_auth, note, octets};

static CHILD_PROPOSALS: LazyLock<[ChildProposal; 3]> = LazyLock::new(|| {
    ["aes128gcm16-x25519-none", "aes128-sha256-x25519-none-esn", "aes128gcm16-x25519-ke1_mlkem768"]
        .map(|text| text.parse().unwrap())
});

/// An IKE SA that the peer asked for.
pub(super) struct Creating {
    exchange: Exchange,
    nonce: Vec<u8>,
    spi: u64,
    proposals: Vec<Proposal>,
}

/// An IKE SA that is agreed on but for additional key exchanges.
pub(super) struct Promised {
    old: (u64, u64),
    spis: (u64, u64),
    ours: bool,
    suite: IkeSuite,
    nonces: (Vec<u8>, Vec<u8>),
    first: Secret,
}

impl Peer {
    /// A CHILD_SA, new or in place of the one whose inbound SPI of the peer's is given.
    ///
    /// # Panics
    ///
    /// Without entropy.
    pub fn ask_for_child(&mut self, choice: u8, rekeys: Option<u32>) -> Content {
        let spi = (self.spi() >> 16) as u32 | 1 << 9;
        let with_exchange = choice & 4 != 0;
        let whether = if with_exchange { Whether::Possible } else { Whether::Forbidden };
        let configured = &CHILD_PROPOSALS[usize::from(choice % 3)..][..1];
        let nonce = self.nonce();
        let exchange = Exchange::start(Group::X25519).unwrap();
        let mut payloads = Vec::new();
        payloads.extend(rekeys.map(|spi| {
            let (protocol, spi) = (Protocol::Esp as u8, Spi::Esp(spi));
            Payload::Notify(Notify { protocol, spi, kind: NotifyType::REKEY_SA, data: &[] })
        }));
        payloads.extend([
            Payload::SecurityAssociation(offer_child(configured, Spi::Esp(spi), whether)),
            Payload::Nonce(&nonce),
        ]);
        payloads.extend(with_exchange.then(|| {
            let group = Group::X25519.transform_id();
            Payload::KeyExchange(KeyExchange { group, data: exchange.public_value() })
        }));
        let narrow = choice & 8 != 0;
        let (own, theirs) = if narrow {
            (selectors(&["192.168.7.0/24"]), selectors(&["10.3.0.0/16"]))
        } else {
            (selectors(&["192.168.0.0/16"]), selectors(&["0.0.0.0/0", "::/0"]))
        };
        payloads.extend([Payload::SelectorsInitiator(own), Payload::SelectorsResponder(theirs)]);
        Content::of(&payloads)
    }

    /// Another IKE SA in place of the one that this goes through.
    ///
    /// # Panics
    ///
    /// Without entropy.
    pub fn ask_for_ike(&mut self, back: usize, choice: u8) -> Option<Content> {
        let (nonce, spi) = (self.nonce(), self.spi());
        let sa = self.sa(back)?;
        let proposals = offer_ike(&PROPOSALS[usize::from(choice % 3)..][..1], Spi::Ike(spi));
        let exchange = Exchange::start(Group::X25519).unwrap();
        let content = Content::of(&[
            Payload::SecurityAssociation(proposals.clone()),
            Payload::Nonce(&nonce),
            Payload::KeyExchange(KeyExchange {
                group: exchange.group().transform_id(),
                data: exchange.public_value(),
            }),
        ]);
        let creating = Box::new(Creating { exchange, nonce, spi, proposals });
        self.awaited = Some((sa.spis, sa.next_id, Awaited::Creating(creating)));
        Some(content)
    }

    /// IKE_FOLLOWUP_KE for what was asked for last.
    ///
    /// # Panics
    ///
    /// Without entropy.
    pub fn follow_up(&mut self, back: usize) -> Option<Content> {
        let exchange = Exchange::start(Group::MlKem768).unwrap();
        let content = Content::of(&[
            Payload::KeyExchange(KeyExchange {
                group: exchange.group().transform_id(),
                data: exchange.public_value(),
            }),
            note(NotifyType::ADDITIONAL_KEY_EXCHANGE, &self.link),
        ]);
        let sa = self.sa(back)?;
        self.awaited = Some((sa.spis, sa.next_id, Awaited::FollowUp(exchange)));
        Some(content)
    }

    pub(super) fn created(&mut self, old: (u64, u64), creating: Creating, payloads: &Payloads<'_>) {
        let Creating { exchange, nonce, spi, proposals } = creating;
        let Ok(answer) = payloads.security_association() else { return };
        let Ok(suite) = accept_ike(&proposals, answer) else { return };
        let Some(Spi::Ike(theirs)) = answer.first().map(|proposal| proposal.spi) else { return };
        let shared = payloads.key_exchange().ok().and_then(|ke| exchange.finish(ke.data).ok());
        let (Some(first), Ok(responder)) = (shared, payloads.nonce()) else { return };
        let nonces = (nonce, responder.to_vec());
        let promised = Promised { old, spis: (spi, theirs), ours: true, suite, nonces, first };
        self.promise(promised);
    }

    /// Keeps the IKE SA, or waits for its additional key exchange.
    fn promise(&mut self, promised: Promised) {
        if promised.suite.additional.is_empty() {
            self.fulfil(&promised, &[]);
        } else {
            self.promised = Some(promised);
        }
    }

    pub(super) fn followed_up(&mut self, exchange: Exchange, payloads: &Payloads<'_>) {
        let shared = payloads.key_exchange().ok().and_then(|ke| exchange.finish(ke.data).ok());
        if let (Some(promised), Some(shared)) = (self.promised.take(), shared) {
            self.fulfil(&promised, &[shared]);
        }
    }

    fn fulfil(&mut self, promised: &Promised, additional: &[Secret]) {
        let Promised { old, spis, ours, suite, nonces, first } = promised;
        let Some(sa) = self.by_spis(*old) else { return };
        let nonces = Nonces { initiator: &nonces.0, responder: &nonces.1 };
        let shared = SharedSecrets { first, additional };
        let new = algorithms(suite);
        if let Ok(keys) = sa.keys.rekeyed(sa.suite.prf, new, nonces, octets(*spis), shared) {
            self.keep(PeerSa::new(*spis, *ours, suite.clone(), keys));
        }
    }

    /// What a peer that keeps the rules would answer to the gateway's request, and on which of
    /// its IKE SAs; for IKE_SA_INIT, the whole datagram.
    pub fn answer(
        &mut self,
        asked: &Asked,
        choice: u8,
        mutate: impl FnOnce(Content) -> Content,
    ) -> Vec<Vec<u8>> {
        if !asked.datagram.is_empty() {
            return self.answer_init(asked, mutate).into_iter().collect();
        }
        let header = asked.header;
        let spis = (header.initiator_spi, header.responder_spi);
        let Ok(request) = parse_payloads(asked.content.first, &asked.content.octets) else {
            return Vec::new();
        };
        let spi = (self.spi() >> 16) as u32 | 1 << 9;
        let content = match header.exchange {
            ExchangeType::IKE_AUTH => {
                self.by_spis(spis).and_then(|sa| answer_auth(sa, &request, spi))
            }
            ExchangeType::CREATE_CHILD_SA => self.answer_create(spis, &request, spi, choice),
            ExchangeType::IKE_FOLLOWUP_KE => self.answer_follow_up(&request),
            _ => Some(Content::default()),
        };
        let (Some(content), Some(sa)) = (content.map(mutate), self.by_spis(spis)) else {
            return Vec::new();
        };
        sa.seal((header.exchange, header.message_id, true), &content, None)
    }

    fn answer_create(
        &mut self,
        old: (u64, u64),
        request: &Payloads<'_>,
        spi: u32,
        choice: u8,
    ) -> Option<Content> {
        let offered = request.security_association().ok()?;
        let nonce = self.nonce();
        if offered.first()?.protocol != Protocol::Ike {
            return child_answer_content(request, spi, &nonce);
        }
        let KeyExchange { group, data } = request.key_exchange().ok()?;
        // With additional key exchanges, or without.
        let configured = &PROPOSALS[if choice & 1 == 0 { 0 } else { 2 }..][..1];
        let selected = select_ike(configured, offered, Some(group)).ok()?;
        let Spi::Ike(theirs) = offered.first()?.spi else { return None };
        let (public, first) = dh::respond(selected.suite.group, data).ok()?;
        let own = self.spi();
        let answer = Proposal { spi: Spi::Ike(own), ..selected.answer };
        let mut payloads = vec![
            Payload::SecurityAssociation(vec![answer]),
            Payload::Nonce(&nonce),
            Payload::KeyExchange(KeyExchange { group, data: &public }),
        ];
        if !selected.suite.additional.is_empty() {
            payloads.push(note(NotifyType::ADDITIONAL_KEY_EXCHANGE, b"link"));
        }
        let content = Content::of(&payloads);
        let (spis, suite) = ((theirs, own), selected.suite);
        let nonces = (request.nonce().ok()?.to_vec(), nonce);
        self.promise(Promised { old, spis, ours: false, suite, nonces, first });
        Some(content)
    }

    fn answer_follow_up(&mut self, request: &Payloads<'_>) -> Option<Content> {
        let KeyExchange { group, data } = request.key_exchange().ok()?;
        let (public, shared) = dh::respond(Group::from_transform_id(group)?, data).ok()?;
        if let Some(promised) = self.promised.take() {
            self.fulfil(&promised, &[shared]);
        }
        Some(Content::of(&[Payload::KeyExchange(KeyExchange { group, data: &public })]))
    }
}

fn child_answer_content(request: &Payloads<'_>, spi: u32, nonce: &[u8]) -> Option<Content> {
    let sent = request.optional_key_exchange().ok()?;
    let exchanged = sent
        .map(|sent| {
            Some((sent.group, dh::respond(Group::from_transform_id(sent.group)?, sent.data)))
        })
        .map_or(Some(None), |exchanged| exchanged.map(Some))?;
    let public = match &exchanged {
        Some((group, Ok((public, _)))) => Some(KeyExchange { group: *group, data: public }),
        _ => None,
    };
    let mut payloads = child_answer(request, spi, Some(nonce), public)?;
    payloads.push(note(NotifyType::ADDITIONAL_KEY_EXCHANGE, b"link"));
    Some(Content::of(&payloads))
}

/// SA, nonce, key exchange and selectors of an answer to a request for a CHILD_SA.
pub(super) fn child_answer<'a>(
    request: &Payloads<'_>,
    spi: u32,
    nonce: Option<&'a [u8]>,
    public: Option<KeyExchange<'a>>,
) -> Option<Vec<Payload<'a>>> {
    let offered = request.security_association().ok()?;
    let whether = if nonce.is_some() { Whether::Possible } else { Whether::Forbidden };
    let group = public.map(|public| public.group);
    let selected = select_child(&*CHILD_PROPOSALS, offered, whether, group).ok()?;
    let (initiator, responder) = request.selectors().ok()?;
    let mut payloads = vec![Payload::SecurityAssociation(vec![Proposal {
        spi: Spi::Esp(spi),
        ..selected.answer
    }])];
    payloads.extend(nonce.map(Payload::Nonce));
    payloads.extend(public.filter(|_| selected.suite.group.is_some()).map(Payload::KeyExchange));
    payloads.extend([
        Payload::SelectorsInitiator(initiator.to_vec()),
        Payload::SelectorsResponder(responder.to_vec()),
    ]);
    Some(payloads)
}

/// DELETE of the IKE SA, or of the CHILD_SAs with these inbound SPIs of the peer's.
#[must_use]
pub fn delete(spis: Option<Vec<u32>>) -> Content {
    let protocol = if spis.is_some() { Protocol::Esp } else { Protocol::Ike };
    Content::of(&[Payload::Delete(Delete { protocol, spis: spis.unwrap_or_default() })])
}
