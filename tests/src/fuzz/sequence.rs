//! Whole conversations with a peer that holds the keys: the input is a program of what it
//! does, of what time and the shell do, and of what goes wrong on the way.

use std::time::Duration;

use ike_wire::{ExchangeType, NotifyType};

use super::content::Content;
use super::create::delete;
use super::gateway::{Gateway, Verdict};
use super::input::Input;
use super::peer::{Peer, address};
use super::setup::note;

/// Steps of one program.
const MAX_STEPS: usize = 64;

/// The input is a list of steps, each an octet that says what happens and octets that say how.
///
/// # Panics
///
/// When the gateway panics, contradicts itself, or keeps anything of what is over.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let by_order = input.octet().is_multiple_of(2);
    let mut world = World::default();
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            break;
        }
        world.step(&mut input);
    }
    world.gateway.finish(by_order);
}

/// The gateway, its peer, and what is on its way from the peer to it.
#[derive(Default)]
pub struct World {
    /// The gateway.
    pub gateway: Gateway,
    /// Its peer.
    pub peer: Peer,
    held: Vec<Vec<u8>>,
    holding: bool,
}

impl World {
    fn step(&mut self, input: &mut Input<'_>) {
        match input.octet() % 20 {
            0 => self.begin(input),
            1 => self.go_on(input),
            2 => self.answer(input, usize::MAX),
            3 => self.ask_for_child(input),
            4 => self.ask_for_ike(input),
            5 => self.follow_up(input),
            6 => self.delete(input),
            7 => self.inform(input),
            8 => self.say_anything(input),
            9 => self.repeat(input),
            10 => self.damage(input),
            11 => self.wait(input),
            12 => self.live(input),
            13 => self.order(input),
            14 => self.decide(input),
            15 => self.gateway.initiate(self.peer.path, input.octet()),
            16 => self.peer.path.remote = address(input.octet()),
            17 => self.holding = true,
            18 => self.release(input),
            _ => self.refuse(input),
        }
        self.hear();
    }

    /// The peer takes what the gateway has sent.
    pub fn hear(&mut self) {
        for transmit in self.gateway.settle() {
            self.peer.receive(&transmit);
        }
    }

    fn send(&mut self, datagrams: Vec<Vec<u8>>) {
        self.peer.note(&datagrams);
        if self.holding && self.held.len() < 32 {
            self.held.extend(datagrams);
            return;
        }
        for datagram in datagrams {
            self.gateway.deliver(self.peer.path, &datagram);
        }
    }

    /// Sends a request of the peer's on one of its IKE SAs. `how` may say: with another message
    /// id than the next (two bits), in fragments (two), in reverse order (one).
    pub fn request(&mut self, back: usize, exchange: ExchangeType, content: &Content, how: u8) {
        let Some(sa) = self.peer.sa(back) else { return };
        let id = sa.next_id.wrapping_add_signed([0, 1, -1, -3][usize::from(how >> 6)]);
        let max = [None, None, Some(100), Some(400)][usize::from(how >> 4 & 3)];
        let mut datagrams = sa.seal((exchange, id, false), content, max);
        if how & 8 != 0 {
            datagrams.reverse();
        }
        self.send(datagrams);
    }

    /// Sends anything as the response to the gateway's latest request.
    pub fn respond(&mut self, back: usize, exchange: ExchangeType, content: &Content) {
        let id = self.peer.asked.back().map_or(0, |asked| asked.header.message_id);
        let Some(sa) = self.peer.sa(back) else { return };
        let datagrams = sa.seal((exchange, id, true), content, None);
        self.send(datagrams);
    }

    /// IKE_SA_INIT.
    pub fn begin(&mut self, input: &mut Input<'_>) {
        let content = self.peer.begin(input.octet()).mutated(input);
        let datagram = self.peer.send_begun(&content);
        self.send(datagram.into_iter().collect());
    }

    /// What follows IKE_SA_INIT.
    pub fn go_on(&mut self, input: &mut Input<'_>) {
        let (back, choice, how) = (input.below(4), input.octet(), input.octet());
        if let Some((exchange, content)) = self.peer.go_on(back, choice) {
            self.request(back, exchange, &content.mutated(input), how);
        }
    }

    /// Answers the request of the gateway's at `index`, or one that the input chooses.
    pub fn answer(&mut self, input: &mut Input<'_>, index: usize) {
        let choice = input.octet();
        let index = if index == usize::MAX { usize::from(choice >> 4) } else { index };
        let index = index % self.peer.asked.len().max(1);
        let Some(asked) = self.peer.asked.remove(index) else { return };
        let datagrams = self.peer.answer(&asked, choice, |content| content.mutated(input));
        self.send(datagrams);
    }

    fn ask_for_child(&mut self, input: &mut Input<'_>) {
        let (choice, which, how) = (input.octet(), input.octet(), input.octet());
        let spi = self.child(which).map(|(_, spi_out)| spi_out);
        let rekeys = spi.filter(|_| choice & 16 != 0);
        let content = self.peer.ask_for_child(choice, rekeys).mutated(input);
        self.request(usize::from(choice >> 6), ExchangeType::CREATE_CHILD_SA, &content, how);
    }

    /// SPIs of a CHILD_SA, in and out as the gateway sees it.
    fn child(&self, which: u8) -> Option<(u32, u32)> {
        let children: Vec<_> =
            self.gateway.up().into_iter().flat_map(|(_, children)| children).collect();
        let index = usize::from(which) % children.len().max(1);
        children.get(index).map(|(_, spi_in, spi_out)| (*spi_in, *spi_out))
    }

    /// CREATE_CHILD_SA in place of an IKE SA.
    pub fn ask_for_ike(&mut self, input: &mut Input<'_>) {
        let (choice, how) = (input.octet(), input.octet());
        let back = usize::from(choice >> 6);
        if let Some(content) = self.peer.ask_for_ike(back, choice & 63) {
            let content = content.mutated(input);
            self.request(back, ExchangeType::CREATE_CHILD_SA, &content, how);
        }
    }

    /// IKE_FOLLOWUP_KE.
    pub fn follow_up(&mut self, input: &mut Input<'_>) {
        let (back, how) = (input.below(4), input.octet());
        if let Some(content) = self.peer.follow_up(back) {
            let content = content.mutated(input);
            self.request(back, ExchangeType::IKE_FOLLOWUP_KE, &content, how);
        }
    }

    fn delete(&mut self, input: &mut Input<'_>) {
        let (choice, how) = (input.octet(), input.octet());
        let spis = match choice % 4 {
            0 => None,
            1 => Some(self.child(choice >> 2).map(|(_, out)| out).into_iter().collect()),
            2 => Some(self.child(choice >> 2).map(|(inward, _)| inward).into_iter().collect()),
            _ => {
                let all = self.gateway.up().into_iter().flat_map(|(_, children)| children);
                Some(all.map(|(_, _, spi_out)| spi_out).collect())
            }
        };
        let content = delete(spis).mutated(input);
        self.request(usize::from(choice >> 6), ExchangeType::INFORMATIONAL, &content, how);
    }

    /// INFORMATIONAL with notifications.
    fn inform(&mut self, input: &mut Input<'_>) {
        const KINDS: [NotifyType; 8] = [
            NotifyType::UPDATE_SA_ADDRESSES,
            NotifyType::NAT_DETECTION_SOURCE_IP,
            NotifyType::NAT_DETECTION_DESTINATION_IP,
            NotifyType::COOKIE2,
            NotifyType::ADDITIONAL_IP4_ADDRESS,
            NotifyType::NO_NATS_ALLOWED,
            NotifyType::AUTHENTICATION_FAILED,
            NotifyType::INITIAL_CONTACT,
        ];
        let (kinds, how) = (input.octet(), input.octet());
        let data = [7; 20];
        let chosen = (0..).zip(KINDS).filter(|(bit, _)| kinds >> bit & 1 != 0);
        let payloads: Vec<_> = chosen.map(|(_, kind)| note(kind, &data)).collect();
        let content = Content::of(&payloads).mutated(input);
        self.request(usize::from(how & 3), ExchangeType::INFORMATIONAL, &content, how);
    }

    /// Any exchange, request or response, with any payloads.
    fn say_anything(&mut self, input: &mut Input<'_>) {
        let exchange = ExchangeType(34 + input.octet() % 12);
        let (choice, how) = (input.octet(), input.octet());
        let piece = input.piece();
        let content = if choice & 1 == 0 {
            Content::framed(&mut Input::new(piece))
        } else {
            Content { first: how, octets: piece.to_vec() }
        };
        let back = usize::from(choice >> 6);
        if choice & 2 == 0 {
            self.request(back, exchange, &content, how);
        } else {
            self.respond(back, exchange, &content);
        }
    }

    fn repeat(&mut self, input: &mut Input<'_>) {
        let index = input.below(self.peer.sent.len());
        if let Some(datagram) = self.peer.sent.get(index).cloned() {
            self.gateway.deliver(self.peer.path, &datagram);
        }
    }

    fn damage(&mut self, input: &mut Input<'_>) {
        let index = input.below(self.peer.sent.len());
        let at = usize::from(input.short());
        if let Some(mut datagram) = self.peer.sent.get(index).cloned() {
            let at = at % datagram.len().max(1);
            if let Some(octet) = datagram.get_mut(at) {
                *octet ^= input.octet();
            }
            self.gateway.deliver(self.peer.path, &datagram);
        }
    }

    fn wait(&mut self, input: &mut Input<'_>) {
        let seconds = [0, 1, 2, 5, 11, 31, 61, 400][input.below(8)];
        for transmit in self.gateway.pass(Duration::from_secs(seconds)) {
            self.peer.receive(&transmit);
        }
    }

    /// Lets time pass with the peer answering as it should.
    fn live(&mut self, input: &mut Input<'_>) {
        let choice = input.octet();
        for _ in 0..=choice % 32 {
            self.hear();
            while !self.peer.asked.is_empty() {
                self.answer(&mut Input::new(&[choice >> 5]), 0);
                self.hear();
            }
            let Some(sent) = self.gateway.step(Duration::from_secs(100)) else { break };
            sent.iter().for_each(|transmit| self.peer.receive(transmit));
        }
    }

    /// What the shell may order.
    fn order(&mut self, input: &mut Input<'_>) {
        let (choice, which) = (input.octet(), input.octet());
        let up = self.gateway.up();
        let Some((id, children)) = up.get(usize::from(which & 7) % up.len().max(1)) else { return };
        let child = children.get(usize::from(which >> 3) % children.len().max(1));
        let (now, endpoint) = (self.gateway.now(), &mut self.gateway.endpoint);
        match (choice % 8, child) {
            (0, _) => endpoint.close(now, *id),
            (1, _) => endpoint.rekey(now, *id),
            (2, Some((child, ..))) => endpoint.rekey_child(now, *id, *child),
            (3, Some((child, ..))) => endpoint.expire_child(now, *id, *child),
            (4, _) => endpoint.amend(now, *id, Gateway::grant(choice & 8 != 0)),
            (5, _) => endpoint.migrate(now, *id, self.peer.path),
            _ => endpoint.note_alive(now, *id),
        }
    }

    fn decide(&mut self, input: &mut Input<'_>) {
        let choice = input.octet();
        match choice % 5 {
            0 => self.gateway.verdict = Verdict::Admit,
            1 => self.gateway.verdict = Verdict::Refuse,
            2 => self.gateway.verdict = Verdict::Later,
            verdict => self.gateway.decide(verdict == 3),
        }
    }

    /// What was held comes in another order.
    fn release(&mut self, input: &mut Input<'_>) {
        self.holding = false;
        while !self.held.is_empty() {
            let index = input.below(self.held.len());
            let datagram = self.held.swap_remove(index);
            self.gateway.deliver(self.peer.path, &datagram);
            self.hear();
        }
    }

    /// Answers a request of the gateway's by an error.
    fn refuse(&mut self, input: &mut Input<'_>) {
        const KINDS: [NotifyType; 8] = [
            NotifyType::TEMPORARY_FAILURE,
            NotifyType::CHILD_SA_NOT_FOUND,
            NotifyType::NO_PROPOSAL_CHOSEN,
            NotifyType::INVALID_KE_PAYLOAD,
            NotifyType::NO_ADDITIONAL_SAS,
            NotifyType::TS_UNACCEPTABLE,
            NotifyType::STATE_NOT_FOUND,
            NotifyType::AUTHENTICATION_FAILED,
        ];
        let choice = input.octet();
        let kind = KINDS[usize::from(choice & 7)];
        let index = usize::from(choice >> 4) % self.peer.asked.len().max(1);
        let Some(asked) = self.peer.asked.remove(index) else { return };
        let content = Content::of(&[note(kind, &[0, 31])]);
        let datagrams = self.peer.answer(&asked, 0, |_| content);
        self.send(datagrams);
    }
}
