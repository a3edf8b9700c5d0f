//! A peer with good keys and bad intentions: it sends any message at any time.

use crypto::dh::Exchange;
use ike_negotiation::offer_ike;
use ike_wire::{
    Content, Envelope, ExchangeType, Flags, KeyExchange, Payload, Spi, emit_clear, parse_payloads,
};

use super::super::fixtures::quick;
use super::{B, World};
use crate::Path;
use crate::keys::{IkeKeys, Nonces, Spis};
use crate::sa::{IkeSa, Received};
use crate::session::clear_header;
use crate::suite::algorithms;

/// The initiator of an IKE SA with B.
pub(super) struct Rogue {
    path: Path,
    sa: IkeSa<()>,
    last: Vec<u8>,
}

impl Rogue {
    /// Sends IKE_SA_INIT and takes its answer.
    pub(super) fn begin(world: &mut World) -> Self {
        let path = Path {
            local: (world.hosts[B].address, 500).into(),
            remote: "198.51.100.66:500".parse().unwrap(),
        };
        let proposals = offer_ike(&quick().ike_proposals, Spi::None);
        let exchange = Exchange::start(crypto::dh::Group::X25519).unwrap();
        let (spi, nonce) = (0x666, [6; 32]);
        let group = exchange.group().transform_id();
        let payloads = [
            Payload::SecurityAssociation(proposals.clone()),
            Payload::KeyExchange(KeyExchange { group, data: exchange.public_value() }),
            Payload::Nonce(&nonce),
        ];
        let request = emit_clear(clear_header((spi, 0), Flags::INITIATOR), &payloads).unwrap();
        let answers = send(world, path, &request);

        let envelope = Envelope::parse(&answers[0]).unwrap();
        let Content::Clear { first, body } = envelope.content else { panic!() };
        let payloads = parse_payloads(first, &answers[0][body]).unwrap();
        let answer = payloads.security_association().unwrap();
        let suite = ike_negotiation::accept_ike(&proposals, answer).unwrap();
        let shared = exchange.finish(payloads.key_exchange().unwrap().data).unwrap();
        let spis = (spi, envelope.header.responder_spi);
        let of = Spis { initiator: spis.0.to_be_bytes(), responder: spis.1.to_be_bytes() };
        let nonces = Nonces { initiator: &nonce, responder: payloads.nonce().unwrap() };
        let keys = IkeKeys::initial(algorithms(&suite), nonces, of, &shared).unwrap();
        let sa = IkeSa::new(spis, true, suite, keys, (1, 0), None).unwrap();
        Self { path, sa, last: Vec::new() }
    }

    /// Sends its next request; returns what comes back at once.
    pub(super) fn ask(
        &mut self,
        world: &mut World,
        exchange: ExchangeType,
        payloads: &[Payload<'_>],
    ) -> Vec<Vec<u8>> {
        let sealed = self.sa.request(exchange, payloads).unwrap();
        self.last.clone_from(&sealed.datagrams[0]);
        self.ask_again(world)
    }

    /// Sends its last request again.
    pub(super) fn ask_again(&self, world: &mut World) -> Vec<Vec<u8>> {
        send(world, self.path, &self.last)
    }

    /// The next request takes the next message id.
    pub(super) fn advance(&mut self, world: &World) {
        let timers = quick().timers;
        self.sa.outbound.begin(world.now().instant, &timers, Vec::new(), ());
    }

    /// Whether this answers the last request, as B sealed it.
    pub(super) fn understands(&mut self, mut answer: Vec<u8>) -> bool {
        let envelope = Envelope::parse(&answer).unwrap();
        matches!(self.sa.receive(&mut answer, &envelope), Ok(Received::Response(_)))
    }
}

fn send(world: &mut World, path: Path, datagram: &[u8]) -> Vec<Vec<u8>> {
    let mut datagram = datagram.to_vec();
    world.order(B, |endpoint, now| {
        endpoint.handle_datagram(now, path, &mut datagram);
        std::iter::from_fn(|| endpoint.poll_transmit()).map(|sent| sent.datagram).collect()
    })
}
