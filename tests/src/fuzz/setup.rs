//! The peer's IKE_SA_INIT, IKE_INTERMEDIATE and IKE_AUTH, from either side.

use std::sync::LazyLock;

use crypto::Secret;
use crypto::dh::{self, Exchange, Group};
use ike::authentication::{
    IntermediateAuth, Signed, SignedOctets, intermediate_auth, method, shared_key_auth,
    verify_shared_key,
};
use ike::keys::{IkeKeys, Nonces, Spis};
use ike_negotiation::{AdditionalKeyExchange, IkeProposal, accept_ike, offer_ike, select_ike};
use ike_wire::{
    Attribute, AuthMethod, Authentication, Configuration, ConfigurationType, ExchangeType, Flags,
    Header, KeyExchange, Notify, NotifyType, Payload, Payloads, Proposal, Protocol, Spi, Transform,
    TransformType, parse_payloads,
};

use super::content::Content;
use super::gateway::{NAME, PEER, PPK, PRE_SHARED_KEY, identity, selectors};
use super::peer::{Asked, Awaited, PRF, Peer, PeerSa, algorithms};

/// What the peer offers for IKE SAs.
pub(super) static PROPOSALS: LazyLock<[IkeProposal; 3]> = LazyLock::new(|| {
    [
        "aes128gcm16-prfsha256-x25519",
        "aes128-sha256-x25519",
        "aes128gcm16-prfsha256-x25519-ke1_mlkem768",
    ]
    .map(|text| text.parse().unwrap())
});

/// An IKE_SA_INIT that is under way.
pub struct Begun {
    spi: u64,
    nonce: Vec<u8>,
    exchange: Exchange,
    proposals: Vec<Proposal>,
    /// As it was sent.
    request: Vec<u8>,
}

/// What IKE_AUTH needs of IKE_SA_INIT and IKE_INTERMEDIATE.
pub(super) struct Setup {
    request: Vec<u8>,
    response: Vec<u8>,
    nonces: (Vec<u8>, Vec<u8>),
    pending: Vec<AdditionalKeyExchange>,
    initiator: Option<Secret>,
    responder: Option<Secret>,
    ppk: bool,
    /// Before the PPK was mixed in.
    plain: Option<IkeKeys>,
    /// Message id of IKE_AUTH.
    auth_id: u32,
}

pub(super) fn note(kind: NotifyType, data: &[u8]) -> Payload<'_> {
    Payload::Notify(Notify::new(kind, data))
}

/// SPIs as keys are made for them.
pub(super) fn octets((initiator, responder): (u64, u64)) -> Spis {
    Spis { initiator: initiator.to_be_bytes(), responder: responder.to_be_bytes() }
}

impl Peer {
    /// IKE_SA_INIT, with what `choice` says beside the necessary.
    ///
    /// # Panics
    ///
    /// Without entropy.
    pub fn begin(&mut self, choice: u8) -> Content {
        let proposals = offer_ike(&PROPOSALS[usize::from(choice % 3)..][..1], Spi::None);
        let group = if choice & 64 == 0 { Group::X25519 } else { Group::P256 };
        let exchange = Exchange::start(group).unwrap();
        let nonce = self.nonce();
        let mut payloads: Vec<_> =
            self.cookie.iter().map(|cookie| note(NotifyType::COOKIE, cookie)).collect();
        payloads.extend([
            Payload::SecurityAssociation(proposals.clone()),
            Payload::KeyExchange(KeyExchange {
                group: group.transform_id(),
                data: exchange.public_value(),
            }),
            Payload::Nonce(&nonce),
            note(NotifyType::INTERMEDIATE_EXCHANGE_SUPPORTED, &[]),
        ]);
        let optional = [
            (4, note(NotifyType::IKEV2_FRAGMENTATION_SUPPORTED, &[])),
            (8, note(NotifyType::NAT_DETECTION_SOURCE_IP, &[1; 20])),
            (8, note(NotifyType::NAT_DETECTION_DESTINATION_IP, &[2; 20])),
            (16, note(NotifyType::USE_PPK, &[])),
            (32, note(NotifyType::SIGNATURE_HASH_ALGORITHMS, &[0, 2, 0, 3])),
        ];
        payloads.extend(optional.into_iter().filter(|(bit, _)| choice & bit != 0).map(|(_, p)| p));
        let content = Content::of(&payloads);
        let spi = self.spi();
        self.begun = Some(Begun { spi, nonce, exchange, proposals, request: Vec::new() });
        content
    }

    /// The datagram of [`Self::begin`].
    pub fn send_begun(&mut self, content: &Content) -> Option<Vec<u8>> {
        let begun = self.begun.as_mut()?;
        begun.request = clear((begun.spi, 0), Flags::INITIATOR, content);
        Some(begun.request.clone())
    }

    pub(super) fn init_answered(&mut self, header: Header, datagram: &[u8], content: &Content) {
        let payloads = parse_payloads(content.first, &content.octets).unwrap();
        if let Some(cookie) = payloads.notify(NotifyType::COOKIE) {
            self.cookie = Some(cookie.data.to_vec());
            return;
        }
        let begun = self.begun.take_if(|begun| begun.spi == header.initiator_spi);
        let (Some(begun), None) = (begun, payloads.error_notify()) else { return };
        // What was mutated may have been taken for something else.
        let _ = self.complete(begun, header, datagram, &payloads);
    }

    fn complete(
        &mut self,
        begun: Begun,
        header: Header,
        datagram: &[u8],
        payloads: &Payloads<'_>,
    ) -> Option<()> {
        let Begun { spi, nonce, exchange, proposals, request } = begun;
        let suite = accept_ike(&proposals, payloads.security_association().ok()?).ok()?;
        let shared = exchange.finish(payloads.key_exchange().ok()?.data).ok()?;
        let theirs = payloads.nonce().ok()?.to_vec();
        let spis = (spi, header.responder_spi);
        let nonces = Nonces { initiator: &nonce, responder: &theirs };
        let keys = IkeKeys::initial(algorithms(&suite), nonces, octets(spis), &shared).ok()?;
        let setup = Setup {
            request,
            response: datagram.to_vec(),
            nonces: (nonce, theirs),
            pending: suite.additional.clone(),
            initiator: None,
            responder: None,
            ppk: payloads.notify(NotifyType::USE_PPK).is_some(),
            plain: None,
            auth_id: 0,
        };
        let mut sa = PeerSa::new(spis, true, suite, keys);
        (sa.next_id, sa.setup) = (1, Some(Box::new(setup)));
        self.keep(sa);
        Some(())
    }

    /// What comes after IKE_SA_INIT: IKE_INTERMEDIATE, or IKE_AUTH with what `choice` says.
    pub fn go_on(&mut self, back: usize, choice: u8) -> Option<(ExchangeType, Content)> {
        let sa = self.sa(back)?;
        let next = sa.setup.as_ref()?.pending.first().copied();
        let Some(next) = next else {
            let content = authentication(sa, choice)?;
            self.awaited = Some((sa.spis, sa.next_id, Awaited::Authentication));
            return Some((ExchangeType::IKE_AUTH, content));
        };
        let exchange = Exchange::start(next.group).ok()?;
        let content = Content::of(&[Payload::KeyExchange(KeyExchange {
            group: next.group.transform_id(),
            data: exchange.public_value(),
        })]);
        let (spis, id) = (sa.spis, sa.next_id);
        self.awaited = Some((spis, id, Awaited::Intermediate(exchange, content.clone())));
        Some((ExchangeType::IKE_INTERMEDIATE, content))
    }

    /// The gateway must prove what it is with the keys that the peer has come to.
    pub(super) fn authenticated(&mut self, spis: (u64, u64), payloads: &Payloads<'_>) {
        let Some(sa) = self.by_spis(spis) else { return };
        let Some(setup) = sa.setup.take() else { return };
        let (Ok(id), Ok(auth)) = (payloads.id_responder(), payloads.authentication()) else {
            return;
        };
        let signed = setup.signed(false, &id.body(), &sa.keys).unwrap();
        let key = Secret::new(PRE_SHARED_KEY.to_vec());
        assert_eq!(verify_shared_key(PRF, &key, &signed, auth.data), Ok(()), "the gateway's AUTH");
    }

    pub(super) fn intermediate_answered(
        &mut self,
        spis: (u64, u64),
        exchange: Exchange,
        request: &Content,
        header: Header,
        response: &Content,
        payloads: &Payloads<'_>,
    ) {
        let Some(sa) = self.by_spis(spis) else { return };
        let sent = sa.header(header.exchange, header.message_id, false);
        let Some(mut setup) = sa.setup.take() else { return };
        let shared = payloads.key_exchange().ok().and_then(|ke| exchange.finish(ke.data).ok());
        let Some(shared) = shared.filter(|_| !setup.pending.is_empty()) else { return };
        setup.pending.remove(0);
        let step = |sk_p, previous: &Option<Secret>, header: Header, content: &Content| {
            let Content { first, octets } = content;
            intermediate_auth(PRF, sk_p, previous.as_ref(), &header.emit(), *first, octets).ok()
        };
        setup.initiator = step(&sa.keys.sk_pi, &setup.initiator, sent, request);
        setup.responder = step(&sa.keys.sk_pr, &setup.responder, header, response);
        let nonces = Nonces { initiator: &setup.nonces.0, responder: &setup.nonces.1 };
        let suite = algorithms(&sa.suite);
        if let Ok(keys) = sa.keys.after_intermediate(suite, nonces, octets(spis), &shared) {
            sa.change_keys(keys);
        }
        sa.setup = Some(setup);
    }

    /// The answer to the gateway's IKE_SA_INIT, and the IKE SA that it makes.
    pub(super) fn answer_init(
        &mut self,
        asked: &Asked,
        mutate: impl FnOnce(Content) -> Content,
    ) -> Option<Vec<u8>> {
        let request = parse_payloads(asked.content.first, &asked.content.octets).ok()?;
        let KeyExchange { group, data } = request.key_exchange().ok()?;
        let offered = request.security_association().ok()?;
        let selected = select_ike(&PROPOSALS[..2], offered, Some(group)).ok()?;
        let (public, shared) = dh::respond(selected.suite.group, data).ok()?;
        let (spis, nonce) = ((asked.header.initiator_spi, self.spi()), self.nonce());
        let content = mutate(Content::of(&[
            Payload::SecurityAssociation(vec![selected.answer]),
            Payload::KeyExchange(KeyExchange { group, data: &public }),
            Payload::Nonce(&nonce),
            note(NotifyType::USE_PPK, &[]),
            note(NotifyType::INTERMEDIATE_EXCHANGE_SUPPORTED, &[]),
        ]));
        let response = clear(spis, Flags::RESPONSE, &content);
        let initiator = request.nonce().ok()?.to_vec();
        let nonces = Nonces { initiator: &initiator, responder: &nonce };
        let suite = selected.suite;
        let keys = IkeKeys::initial(algorithms(&suite), nonces, octets(spis), &shared).ok()?;
        let setup = Setup {
            request: asked.datagram.clone(),
            response: response.clone(),
            nonces: (initiator, nonce),
            pending: Vec::new(),
            initiator: None,
            responder: None,
            ppk: request.notify(NotifyType::USE_PPK).is_some(),
            plain: None,
            auth_id: 1,
        };
        let mut sa = PeerSa::new(spis, false, suite, keys);
        sa.setup = Some(Box::new(setup));
        self.keep(sa);
        Some(response)
    }
}

fn clear((initiator_spi, responder_spi): (u64, u64), flags: Flags, content: &Content) -> Vec<u8> {
    let length = u32::try_from(Header::LEN + content.octets.len()).unwrap_or_default();
    let header = Header {
        initiator_spi,
        responder_spi,
        next_payload: content.first,
        exchange: ExchangeType::IKE_SA_INIT,
        flags,
        message_id: 0,
        length,
    };
    [&header.emit(), &*content.octets].concat()
}

impl Setup {
    /// AUTH of the peer.
    fn prove(&self, sa: &PeerSa, keys: &IkeKeys) -> Option<Secret> {
        let id = identity(PEER).as_identification().body();
        let octets = self.signed(sa.ours, &id, keys)?;
        shared_key_auth(PRF, &Secret::new(PRE_SHARED_KEY.to_vec()), &octets).ok()
    }

    /// What the initiator, or the responder, signs.
    fn signed(&self, initiator: bool, id_body: &[u8], keys: &IkeKeys) -> Option<SignedOctets> {
        let (message, nonce, sk_p) = if initiator {
            (&self.request, &self.nonces.1, &keys.sk_pi)
        } else {
            (&self.response, &self.nonces.0, &keys.sk_pr)
        };
        let both = self.initiator.as_ref().zip(self.responder.as_ref());
        let intermediate = both.map(|(initiator, responder)| IntermediateAuth {
            initiator,
            responder,
            ike_auth_message_id: self.auth_id,
        });
        SignedOctets::new(PRF, &Signed { message, nonce, id_body, sk_p, intermediate }).ok()
    }

    /// The keys that IKE_AUTH ends with.
    fn keys(&mut self, sa: &PeerSa) -> Option<IkeKeys> {
        let plain = self.plain.get_or_insert_with(|| sa.keys.clone());
        if !self.ppk {
            return Some(plain.clone());
        }
        plain.with_ppk(PRF, &Secret::new(PPK.1.to_vec())).ok()
    }
}

/// IDi, AUTH and the first CHILD_SA.
fn authentication(sa: &mut PeerSa, choice: u8) -> Option<Content> {
    let mut setup = sa.setup.take()?;
    setup.auth_id = sa.next_id;
    let keys = setup.keys(sa)?;
    let auth = setup.prove(sa, &keys)?;
    let (id, own) = (identity(NAME), identity(PEER));
    let ppk_id = [&[2], PPK.0].concat();
    let asked = |ip4| {
        if ip4 { Attribute::InternalIp4Address(None) } else { Attribute::InternalIp6Address(None) }
    };
    let request = Configuration {
        kind: ConfigurationType::CFG_REQUEST,
        attributes: vec![asked(true), asked(false), Attribute::InternalIp4Dns(None)],
    };
    let data = if choice & 64 == 0 { auth.as_bytes() } else { &[0; 32] };
    let mut payloads = vec![
        Payload::IdInitiator(own.as_identification()),
        Payload::Authentication(Authentication { method: AuthMethod(method::SHARED_KEY), data }),
    ];
    if choice & 1 == 0 {
        payloads.extend([
            Payload::SecurityAssociation(child_proposals(1000 + u32::from(choice))),
            Payload::SelectorsInitiator(selectors(&["192.168.0.0/16", "fd00::/8"])),
            Payload::SelectorsResponder(selectors(&["0.0.0.0/0", "::/0"])),
        ]);
    }
    let optional = [
        (2, note(NotifyType::MOBIKE_SUPPORTED, &[])),
        (4, Payload::Configuration(request)),
        (8, note(NotifyType::INITIAL_CONTACT, &[])),
        (16, Payload::IdResponder(id.as_identification())),
    ];
    payloads.extend(optional.into_iter().filter(|(bit, _)| choice & bit != 0).map(|(_, p)| p));
    if setup.ppk {
        payloads.push(note(NotifyType::PPK_IDENTITY, &ppk_id));
    }
    let content = Content::of(&payloads);
    // The messages stay under the keys they have.
    sa.keys = keys;
    sa.setup = Some(setup);
    Some(content)
}

/// A proposal for a CHILD_SA in IKE_AUTH.
fn child_proposals(spi: u32) -> Vec<Proposal> {
    let transform = |kind, id, key_length| Transform {
        kind: TransformType(kind),
        id,
        key_length,
        unknown_attribute: false,
    };
    let transforms = vec![transform(1, 20, Some(128)), transform(5, 0, None)];
    vec![Proposal { number: 1, protocol: Protocol::Esp, spi: Spi::Esp(spi), transforms }]
}

/// The answer to the gateway's IKE_AUTH, of which the proof is verified.
///
/// # Panics
///
/// When the gateway does not prove what it should.
pub(super) fn answer_auth(sa: &mut PeerSa, request: &Payloads<'_>, spi: u32) -> Option<Content> {
    let mut setup = sa.setup.take()?;
    let id = request.id_initiator().ok()?;
    setup.ppk &= request.notify(NotifyType::PPK_IDENTITY).is_some();
    let keys = setup.keys(sa)?;
    let key = Secret::new(PRE_SHARED_KEY.to_vec());
    let signed = setup.signed(true, &id.body(), &keys)?;
    let auth = request.authentication().ok()?;
    assert_eq!(verify_shared_key(PRF, &key, &signed, auth.data), Ok(()), "the gateway's AUTH");
    let auth = setup.prove(sa, &keys)?;
    let own = identity(PEER);
    let mut payloads = vec![
        Payload::IdResponder(own.as_identification()),
        Payload::Authentication(Authentication {
            method: AuthMethod(method::SHARED_KEY),
            data: auth.as_bytes(),
        }),
        note(NotifyType::MOBIKE_SUPPORTED, &[]),
    ];
    if setup.ppk {
        payloads.push(note(NotifyType::PPK_IDENTITY, &[]));
    }
    payloads.extend(super::create::child_answer(request, spi, None, None).unwrap_or_default());
    let content = Content::of(&payloads);
    sa.keys = keys;
    Some(content)
}
