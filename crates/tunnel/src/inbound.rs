//! From a peer to a system.

use std::net::IpAddr;

use packet::rewrite::{self, ChecksumState};
use packet::{Headers, Tcp, Transport, fragment};

use crate::child::{Path, Way};
use crate::course::Toward;
use crate::flow::{FlowKey, Kind, NO_SESSION};
use crate::forwarder::{Forwarder, Notice, Now};
use crate::judge::Sender;
use crate::selector::Ends;
use crate::{Discard, Dropped, Ledger};

/// Next header of an IPv4 packet in a tunnel (RFC 4303 §2.6).
const IPV4: u8 = 4;
/// Next header of an IPv6 packet in a tunnel.
const IPV6: u8 = 41;

/// The inner addresses are not the peer's to use.
const SPOOFED: Discard = Discard::Dropped(Dropped::Selectors);

/// How an ESP packet came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// From where to where; the remote end is the sender's.
    pub path: Path,
    /// In UDP, or by itself.
    pub encapsulated: bool,
    /// Explicit Congestion Notification of the outer header, two bits.
    pub ecn: u8,
}

/// What an authentic packet is to its SA.
#[derive(Clone, Copy)]
struct Signs {
    /// The first since the last tick.
    first: bool,
    /// That which reached a soft limit.
    due: bool,
    /// The newest, and from another address.
    moves: bool,
}

/// What became of an ESP packet.
#[derive(Debug)]
pub enum Delivery<'p> {
    /// An IP packet for a system.
    Packet(&'p [u8], Headers),
    /// The last missing fragment of one: take it from [`Forwarder::reassembled`].
    Reassembled,
    /// A fragment that waits for others.
    Held,
}

impl<L: Ledger> Forwarder<L> {
    /// Takes an ESP packet, from its SPI on, and says what to forward.
    ///
    /// # Errors
    /// Why it is dropped. It is counted already.
    pub fn handle_esp<'p>(
        &mut self,
        now: Now,
        arrival: &Arrival,
        packet: &'p mut [u8],
    ) -> Result<Delivery<'p>, Discard> {
        let delivered = self.deliver(now, arrival, packet);
        if let Err(discard) = &delivered {
            self.tally.count(*discard);
        }
        delivered
    }

    /// Gives the packet that [`Delivery::Reassembled`] told of to `take`: as it is, or, as nobody
    /// on the way may fragment IPv6, in as many pieces as the systems' network needs.
    pub fn reassembled(&mut self, mut take: impl FnMut(&[u8])) {
        let mtu = usize::from(self.settings.systems_mtu);
        let cut = Headers::parse(&self.whole)
            .ok()
            .filter(|headers| headers.source.is_ipv6() && headers.len() > mtu);
        let cut = cut.and_then(|headers| {
            fragment::fragments6(&self.whole, &headers, self.identification, mtu).ok()
        });
        let Some(mut pieces) = cut else { return take(&self.whole) };
        self.scratch.resize(mtu, 0);
        while let Some(len) = pieces.write_next(&mut self.scratch) {
            take(self.scratch.get(..len).unwrap_or_default());
        }
    }

    fn deliver<'p>(
        &mut self,
        now: Now,
        arrival: &Arrival,
        packet: &'p mut [u8],
    ) -> Result<Delivery<'p>, Discard> {
        let (slot, inner) = self.open(arrival, packet)?;
        // Used where they are: to copy what was written a moment ago in small pieces is slow.
        let mut parsed = Headers::parse(inner);
        let headers = parsed.as_mut().map_err(|_| Dropped::Malformed)?;
        // What follows is padding (RFC 4303 §2.7).
        let inner = inner.get_mut(..headers.len()).ok_or(Dropped::Malformed)?;
        let marked = esp::ecn::decapsulate(headers.traffic_class, arrival.ecn)
            .map_err(|_| Dropped::CongestionLost)?;
        if let Some(ecn) = marked {
            rewrite::set_ecn(inner, headers, ecn);
        }
        if headers.fragment.is_none() {
            self.pass(now, slot, inner, headers)?;
            return Ok(Delivery::Packet(inner, *headers));
        }
        self.put_together(now, slot, inner, headers)
    }

    /// Takes a fragment, perhaps the last of its datagram.
    fn put_together<'p>(
        &mut self,
        now: Now,
        slot: u32,
        inner: &[u8],
        headers: &Headers,
    ) -> Result<Delivery<'p>, Discard> {
        let Some(child) = self.table.child(slot) else { return Err(Dropped::UnknownSpi.into()) };
        if !child.selectors.hold_addresses(headers) {
            return Err(self.refuse(Sender::Peer(slot), &Ends::of(headers), SPOOFED));
        }
        let owner = child.member.session;
        let added = self.from_peers.add(now.instant, owner, headers, inner);
        let Some(whole) = added.map_err(Dropped::from)? else { return Ok(Delivery::Held) };
        self.whole.clear();
        self.whole.extend_from_slice(whole);
        self.identification = headers.fragment.map_or(0, |fragment| fragment.identification);
        self.with_whole(|gateway, whole, headers| gateway.pass(now, slot, whole, headers))?;
        Ok(Delivery::Reassembled)
    }

    /// Does something with the datagram that was put together, which is taken out meanwhile.
    pub(crate) fn with_whole<T>(
        &mut self,
        act: impl FnOnce(&mut Self, &mut [u8], &Headers) -> Result<T, Discard>,
    ) -> Result<T, Discard> {
        let mut whole = std::mem::take(&mut self.whole);
        let done = match Headers::parse(&whole) {
            Ok(headers) => act(self, &mut whole, &headers),
            Err(_) => Err(Dropped::Malformed.into()),
        };
        self.whole = whole;
        done
    }

    /// Finds the SA, and opens the packet.
    fn open<'p>(
        &mut self,
        arrival: &Arrival,
        packet: &'p mut [u8],
    ) -> Result<(u32, &'p mut [u8]), Dropped> {
        let spi = packet.first_chunk().ok_or(Dropped::Truncated)?;
        let slot = self.table.by_spi(u32::from_be_bytes(*spi)).ok_or(Dropped::UnknownSpi)?;
        let child = self.table.child(slot).ok_or(Dropped::UnknownSpi)?;
        let opened = child.inbound.open(packet)?;
        let first = !std::mem::replace(&mut child.heard, true);
        let (newest, due) = (opened.newest, child.inbound.take_due());
        let follow = newest && child.way.follow && !child.moved;
        let moves = follow && child.way.path != arrival.path;
        let waiting = child.is_waiting();
        if first || due || moves || waiting {
            self.note(slot, arrival, Signs { first, due, moves });
        }
        let inner = opened.inner;
        let version = inner.first().map_or(0, |first| first >> 4);
        if !matches!((opened.next_header, version), (IPV4, 4) | (IPV6, 6)) {
            return Err(Dropped::NextHeader);
        }
        Ok((slot, inner))
    }

    /// What an authentic packet says of its SA: that it lives, that the peer sends by it, that it
    /// needs a successor, where the peer is.
    fn note(&mut self, slot: u32, arrival: &Arrival, signs: Signs) {
        self.table.put_to_use(slot);
        let Some(child) = self.table.child(slot) else { return };
        let (id, session) = (child.id, child.member.session);
        let way = Way { path: arrival.path, encapsulated: arrival.encapsulated, ..child.way };
        if signs.first {
            self.heard.push(slot);
        }
        if signs.due {
            self.notices.push_back(Notice::RekeyDue { session, child: id });
        }
        if signs.moves {
            child.moved = true;
            self.table.redirect(session, way, self.settings.path_mtu);
            self.notices.push_back(Notice::Moved(session, way.path));
        }
    }

    /// Judges a whole packet from a peer.
    fn pass(
        &mut self,
        now: Now,
        slot: u32,
        inner: &mut [u8],
        headers: &Headers,
    ) -> Result<(), Discard> {
        let child = self.table.child(slot).ok_or(Dropped::UnknownSpi)?;
        let (sender, mss) = (Sender::Peer(slot), child.mss(headers.source));
        if !child.selectors.hold_packet(headers) {
            return Err(self.refuse(sender, &Ends::of(headers), SPOOFED));
        }
        self.enter(now, sender, inner, headers, 1)?;
        if self.settings.clamp_mss
            && let Transport::Tcp(Tcp { flags, .. }) = headers.transport
            && flags & Tcp::SYN != 0
        {
            rewrite::clamp_mss(inner, headers, mss, ChecksumState::Complete);
        }
        Ok(())
    }

    /// Judges a packet towards a system, or a super-packet of so many.
    #[inline]
    pub(crate) fn enter(
        &mut self,
        now: Now,
        sender: Sender,
        inner: &[u8],
        headers: &Headers,
        packets: u64,
    ) -> Result<(), Discard> {
        let key = match FlowKey::inbound(headers, inner) {
            Kind::Of(key) => key,
            Kind::About(key) => return self.enter_error(now, sender, &key, headers.source),
            Kind::Foreign => {
                let discard = Dropped::Protocol.into();
                return Err(self.refuse(sender, &Ends::of(headers), discard));
            }
            Kind::Stray => return Err(Dropped::IcmpUnrelated.into()),
        };
        let at = self.admit(now, sender, &key, headers)?;
        self.last_in = Some(at);
        self.carry(now, at, Toward::System, (headers, packets));
        Ok(())
    }

    /// An ICMP error passes when it is about a flow of the session that it comes from, or of the
    /// IP-VPN, and that flow may go on.
    fn enter_error(
        &mut self,
        now: Now,
        sender: Sender,
        key: &FlowKey,
        source: IpAddr,
    ) -> Result<(), Discard> {
        let session = Some(self.session_of(sender)?);
        let at = self.flows.find(key).ok_or(Dropped::IcmpUnrelated)?;
        if session == Some(NO_SESSION) && !self.may_complain(source, key) {
            return Err(Dropped::IcmpUnrelated.into());
        }
        match self.flows.at(at) {
            Some(flow) if Some(flow.session) == session => self.judge_again(now, at, key),
            _ => Err(Dropped::IcmpUnrelated.into()),
        }
    }

    /// Whether an error about a flow of the IP-VPN can come from `source`: the flow's institution
    /// or, which nobody registers, a router on the way. Not from others' addresses, or those on
    /// this side.
    fn may_complain(&self, source: IpAddr, key: &FlowKey) -> bool {
        let of = |address| self.policy.ip_vpn_prefix(address);
        let Some(institution) = of(source) else {
            return !self.own.contains(&source) && !self.policy.is_on_this_side(source);
        };
        Some(institution) == of(key.ends().client.0)
    }
}
