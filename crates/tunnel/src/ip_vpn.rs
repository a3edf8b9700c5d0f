//! From the IP-VPN to a system. The way back is [`outbound`](crate::outbound)'s, which finds that
//! the flow's client is on no tunnel.

use packet::{Headers, VnetHeader, split};

use crate::forwarder::{Forwarder, Now};
use crate::judge::Sender;
use crate::selector::Ends;
use crate::{Discard, Dropped, Ledger};

/// What became of a packet from the IP-VPN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It goes on as it is.
    Through,
    /// The last missing fragment of one: take it from [`Forwarder::reassembled`].
    Reassembled,
    /// A fragment that waits for others.
    Held,
}

/// In place of a session, of fragments: an institution's index follows.
const OWNER: u64 = 1 << 63;

impl<L: Ledger> Forwarder<L> {
    /// Judges what came in on an interface of the IP-VPN: a packet or a super-packet, and what
    /// the kernel says of it.
    ///
    /// # Errors
    /// Why it is dropped. It is counted already.
    pub fn handle_ip_vpn(
        &mut self,
        now: Now,
        vnet: &VnetHeader,
        packet: &[u8],
    ) -> Result<Passage, Discard> {
        let passed = self.pass_ip_vpn(now, vnet, packet);
        if let Err(discard) = &passed {
            self.tally.count(*discard);
        }
        passed
    }

    fn pass_ip_vpn(
        &mut self,
        now: Now,
        vnet: &VnetHeader,
        packet: &[u8],
    ) -> Result<Passage, Discard> {
        let parsed = Headers::parse(packet);
        let headers = parsed.as_ref().map_err(|_| Dropped::Malformed)?;
        let packet = packet.get(..headers.len()).ok_or(Dropped::Malformed)?;
        if headers.fragment.is_some() {
            return self.put_ip_vpn_together(now, packet, headers);
        }
        self.enter(now, Sender::IpVpn, packet, headers, split::count(vnet, headers))?;
        Ok(Passage::Through)
    }

    /// Takes a fragment, perhaps the last of its datagram. Who has no institution may not leave
    /// fragments here.
    fn put_ip_vpn_together(
        &mut self,
        now: Now,
        packet: &[u8],
        headers: &Headers,
    ) -> Result<Passage, Discard> {
        let Some(institution) = self.policy.ip_vpn_prefix(headers.source) else {
            let denial = policy::Denial::SourceNotRegistered.into();
            return Err(self.refuse(Sender::IpVpn, &Ends::of(headers), denial));
        };
        let owner = OWNER | u64::from(institution);
        let added = self.from_peers.add(now.instant, owner, headers, packet);
        let Some(whole) = added.map_err(Dropped::from)? else { return Ok(Passage::Held) };
        self.whole.clear();
        self.whole.extend_from_slice(whole);
        self.identification = headers.fragment.map_or(0, |fragment| fragment.identification);
        let resets = self.resets.len();
        let judged = self.with_whole(|gateway, whole, headers| {
            gateway.enter(now, Sender::IpVpn, whole, headers, 1)
        });
        // Another worker may know its connection: nothing is said of it to the sender.
        self.resets.truncate(resets);
        judged.map(|()| Passage::Reassembled)
    }
}
