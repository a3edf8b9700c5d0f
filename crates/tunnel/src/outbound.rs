//! From a system to a peer.

use std::net::IpAddr;

use packet::rewrite::{self, ChecksumState};
use packet::{Headers, Malformed, Tcp, Transport, VnetHeader, fragment, icmp, split};

use crate::course::Toward;
use crate::departures::{Departure, Departures, Outlet};
use crate::flow::{FlowKey, Kind};
use crate::forwarder::{Forwarder, Notice, Now};
use crate::judge::{ends_between, ends_of_answer};
use crate::{Discard, Dropped, Ledger};

/// What became of a packet from a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is in the departures, as one packet or many.
    Sealed,
    /// Its client is on the IP-VPN: it goes on as it is.
    Through,
    /// The same, of the last missing fragment of one: take it from [`Forwarder::reassembled`].
    Reassembled,
    /// No flow is known of, and its client is on the IP-VPN: any other worker may know. Hand over
    /// [`Forwarder::gathered`] if there is such a thing.
    Unknown,
    /// A fragment that waits for others.
    Held,
    /// The SA is another worker's, and so is the flow. What to hand over is as above.
    Elsewhere(usize),
}

impl<L: Ledger> Forwarder<L> {
    /// Takes what was read from the TUN device: a packet or a super-packet, and what the kernel
    /// says of it. Its octets are used up.
    ///
    /// # Errors
    /// Why it is dropped. It is counted already.
    pub fn handle_inner(
        &mut self,
        now: Now,
        vnet: VnetHeader,
        packet: &mut [u8],
        departures: &mut Departures,
        outlet: &mut impl Outlet,
    ) -> Result<Sent, Discard> {
        self.send(now, vnet, packet, departures, outlet)
            .inspect_err(|discard| self.tally.count(*discard))
    }

    /// The same of what another worker put together from fragments, and what these called it: see
    /// [`Self::gathered`].
    ///
    /// # Errors
    /// As those of [`Self::handle_inner`].
    pub fn handle_gathered(
        &mut self,
        now: Now,
        (identification, packet): (u32, &[u8]),
        departures: &mut Departures,
        outlet: &mut impl Outlet,
    ) -> Result<Sent, Discard> {
        self.whole.clear();
        self.whole.extend_from_slice(packet);
        self.identification = identification;
        self.send_gathered(now, departures, outlet)
            .inspect_err(|discard| self.tally.count(*discard))
    }

    /// What is to be handed over instead of the packet that was taken last: that was the last
    /// missing fragment of it, and other workers do not have the rest. With what the fragments
    /// called it.
    #[must_use]
    pub fn gathered(&self) -> Option<(u32, &[u8])> {
        self.has_gathered.then_some((self.identification, &self.whole))
    }

    fn send(
        &mut self,
        now: Now,
        vnet: VnetHeader,
        packet: &mut [u8],
        departures: &mut Departures,
        outlet: &mut impl Outlet,
    ) -> Result<Sent, Discard> {
        self.has_gathered = false;
        let parsed = Headers::parse(packet);
        let headers =
            parsed.as_ref().map_err(|malformed| match malformed == &Malformed::Source {
                // The kernel's own, as it asks for routers and multicast groups on every device.
                true => Dropped::NoFlow,
                false => Dropped::Malformed,
            })?;
        let packet = packet.get_mut(..headers.len()).ok_or(Dropped::Malformed)?;
        let Some(fragment) = headers.fragment else {
            return self.send_whole(now, (vnet, None), packet, headers, departures, outlet);
        };
        // Only a whole packet tells its flow; fragments gather where the newest SA is.
        if let Some(worker) = self.table.newest_elsewhere(headers.destination) {
            return Ok(Sent::Elsewhere(worker));
        }
        let added = self.from_systems.add(now.instant, owner(headers.source), headers, packet);
        let Some(whole) = added.map_err(Dropped::from)? else { return Ok(Sent::Held) };
        self.whole.clear();
        self.whole.extend_from_slice(whole);
        self.identification = fragment.identification;
        self.send_gathered(now, departures, outlet)
    }

    fn send_gathered(
        &mut self,
        now: Now,
        departures: &mut Departures,
        outlet: &mut impl Outlet,
    ) -> Result<Sent, Discard> {
        self.has_gathered = true;
        let origin = (VnetHeader::default(), Some(self.identification));
        self.with_whole(|gateway, whole, headers| {
            gateway.send_whole(now, origin, whole, headers, departures, outlet)
        })
    }

    /// Sends a packet that is whole, or was put together from fragments with an identification.
    fn send_whole(
        &mut self,
        now: Now,
        (vnet, identification): (VnetHeader, Option<u32>),
        packet: &mut [u8],
        headers: &Headers,
        departures: &mut Departures,
        outlet: &mut impl Outlet,
    ) -> Result<Sent, Discard> {
        let slot = match self.route(now, &vnet, packet, headers)? {
            Onward::Peer(slot) => slot,
            Onward::IpVpn if identification.is_some() => return Ok(Sent::Reassembled),
            Onward::IpVpn => return Ok(Sent::Through),
            Onward::Worker(worker) => return Ok(Sent::Elsewhere(worker)),
            Onward::Unknown => return Ok(Sent::Unknown),
        };
        let child = self.table.child(slot).ok_or(Dropped::NoSa)?;
        let mtu = usize::from(child.inner_mtu);
        let departure = Departure {
            path: child.way.path,
            encapsulated: child.way.encapsulated,
            ecn: esp::ecn::encapsulate(headers.traffic_class),
        };
        if self.settings.clamp_mss
            && let Transport::Tcp(Tcp { flags, .. }) = headers.transport
            && flags & Tcp::SYN != 0
        {
            let checksum = match vnet.needs_checksum() {
                true => ChecksumState::Partial,
                false => ChecksumState::Complete,
            };
            rewrite::clamp_mss(packet, headers, child.mss(headers.destination), checksum);
        }
        let next_header = if headers.destination.is_ipv4() { 4 } else { 41 };
        let mut split = split(&vnet, headers, packet);
        let segments = split.as_mut().map_err(|_| Dropped::Unsplittable)?;
        departures.direct(&departure, outlet);
        let mut sealing = Sealing { next_header, departures, outlet };
        if segments.segment_len() <= mtu {
            while let Some(segment) = segments.next() {
                self.seal(slot, segment, &mut sealing)?;
            }
            return Ok(Sent::Sealed);
        }
        if let Some(identification) = identification.filter(|_| headers.source.is_ipv6()) {
            return self.seal_fragments6(slot, (packet, headers), identification, &mut sealing);
        }
        if headers.dont_fragment || !self.settings.fragment_inner {
            refuse_too_big(packet, headers, mtu, sealing.outlet);
            return Err(Dropped::TooBig.into());
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut sealed = Ok(());
        while let Some(segment) = segments.next()
            && sealed.is_ok()
        {
            scratch.clear();
            scratch.extend_from_slice(segment);
            sealed = self.seal_fragments(slot, &mut scratch, mtu, &mut sealing);
        }
        self.scratch = scratch;
        sealed.map(|()| Sent::Sealed)
    }

    /// Which way a packet goes.
    fn route(
        &mut self,
        now: Now,
        vnet: &VnetHeader,
        packet: &[u8],
        headers: &Headers,
    ) -> Result<Onward, Discard> {
        let way = match FlowKey::outbound(headers, packet) {
            Kind::Of(key) => {
                let Some(at) = self.find(self.last_out, &key) else {
                    return self.other_worker(headers);
                };
                self.judge_again(now, at, &key)?;
                self.last_out = Some(at);
                let packets = split::count(vnet, headers);
                self.carry(now, at, Toward::Client, (headers, packets));
                self.way_out(at, || ends_of_answer(headers))
            }
            Kind::About(key) => {
                let Some(at) = self.flows.find(&key) else {
                    return self.other_worker(headers);
                };
                self.judge_again(now, at, &key)?;
                self.way_out(at, || {
                    ends_between(headers.destination, headers.source, headers.protocol)
                })
            }
            Kind::Foreign => return Err(Dropped::Protocol.into()),
            Kind::Stray => return Err(Dropped::IcmpUnrelated.into()),
        };
        match way {
            Ok(Some(slot)) => Ok(Onward::Peer(slot)),
            Ok(None) => Ok(Onward::IpVpn),
            // The terminal may have gone on by an SA of another worker.
            Err(dropped) => match self.table.elsewhere(headers.destination) {
                Some(worker) => Ok(Onward::Worker(worker)),
                None => Err(dropped.into()),
            },
        }
    }

    fn other_worker(&self, headers: &Headers) -> Result<Onward, Discard> {
        match self.table.elsewhere(headers.destination) {
            Some(worker) => Ok(Onward::Worker(worker)),
            None if self.policy.is_on_ip_vpn(headers.destination) => Ok(Onward::Unknown),
            None => Err(Dropped::NoFlow.into()),
        }
    }

    /// Seals a packet that is too long for the tunnel in pieces.
    fn seal_fragments<O: Outlet>(
        &mut self,
        slot: u32,
        packet: &mut [u8],
        mtu: usize,
        sealing: &mut Sealing<'_, O>,
    ) -> Result<(), Discard> {
        let headers = Headers::parse(packet).map_err(|_| Dropped::Malformed)?;
        let cut = fragment::fragments(packet, &headers, mtu);
        let mut fragments = cut.map_err(|_| Dropped::Unfragmentable)?;
        while let Some(fragment) = fragments.next() {
            self.seal(slot, fragment, sealing)?;
        }
        Ok(())
    }

    /// Seals an IPv6 packet again in pieces that its source had cut into others.
    fn seal_fragments6<O: Outlet>(
        &mut self,
        slot: u32,
        (packet, headers): (&[u8], &Headers),
        identification: u32,
        sealing: &mut Sealing<'_, O>,
    ) -> Result<Sent, Discard> {
        let mtu = self.table.child(slot).map_or(0, |child| usize::from(child.inner_mtu));
        let cut = fragment::fragments6(packet, headers, identification, mtu);
        let mut pieces = cut.map_err(|_| Dropped::Unfragmentable)?;
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.resize(mtu, 0);
        let mut sealed = Ok(());
        while let Some(len) = pieces.write_next(&mut scratch)
            && sealed.is_ok()
        {
            sealed = self.seal(slot, scratch.get(..len).unwrap_or_default(), sealing);
        }
        self.scratch = scratch;
        sealed?;
        Ok(Sent::Sealed)
    }

    /// Seals a packet of the gateway's own.
    pub(crate) fn seal_one<O: Outlet>(
        &mut self,
        slot: u32,
        packet: &[u8],
        departures: &mut Departures,
        outlet: &mut O,
    ) -> Result<(), Dropped> {
        let next_header = if packet.first().is_some_and(|first| first >> 4 == 4) { 4 } else { 41 };
        self.seal(slot, packet, &mut Sealing { next_header, departures, outlet })
    }

    /// Seals one packet into the departures.
    fn seal<O: Outlet>(
        &mut self,
        slot: u32,
        inner: &[u8],
        sealing: &mut Sealing<'_, O>,
    ) -> Result<(), Dropped> {
        let Some(child) = self.table.child(slot) else { return Err(Dropped::NoSa) };
        let len = child.outbound.sealed_len(inner.len());
        let Sealing { next_header, departures, outlet } = sealing;
        let room = departures.reserve(len, *outlet).ok_or(Dropped::Unfragmentable)?;
        match child.outbound.seal_into(inner, *next_header, room) {
            Ok(len) => {
                departures.commit(len);
                if child.outbound.take_due() {
                    let session = child.member.session;
                    self.notices.push_back(Notice::RekeyDue { session, child: child.id });
                }
                Ok(())
            }
            Err(exhausted) => {
                self.note_spent(slot, exhausted);
                Err(exhausted.into())
            }
        }
    }
}

/// Whose fragments they are: so that no system takes the places of another's.
fn owner(system: IpAddr) -> u64 {
    match system {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits() as u64,
    }
}

/// Which way a packet from a system goes.
enum Onward {
    /// By the SA in this place.
    Peer(u32),
    /// As it is.
    IpVpn,
    /// To another worker, who has the SA.
    Worker(usize),
    /// To any other worker, who may know of its flow.
    Unknown,
}

/// Where sealed packets go.
struct Sealing<'a, O> {
    next_header: u8,
    departures: &'a mut Departures,
    outlet: &'a mut O,
}

/// Tells the sender what length gets through (RFC 1191 §4, RFC 4443 §3.2). The answer comes from
/// the address that the packet was for: the gateway is no hop of its own there.
fn refuse_too_big(packet: &[u8], headers: &Headers, mtu: usize, outlet: &mut impl Outlet) {
    let mut answer = [0; icmp::MAX_ERROR_LEN];
    let mtu = u16::try_from(mtu).unwrap_or(u16::MAX);
    if let Some(len) =
        icmp::fragmentation_needed(packet, headers, mtu, headers.destination, &mut answer)
    {
        outlet.answer(answer.get(..len).unwrap_or_default());
    }
}
