//! Answers to segments of TCP connections that did not begin here: their senders connect anew at
//! once, instead of repeating themselves for minutes, as after a restart of the gateway.

use packet::Headers;
use packet::reset::{MAX_RESET_LEN, reset};

use crate::Ledger;
use crate::child::ChildRef;
use crate::departures::{Departure, Departures, Outlet};
use crate::forwarder::Forwarder;
use crate::judge::Sender;

/// Answers that wait; whoever gets none will ask again.
const MOST: usize = 64;

/// An answer.
pub(crate) struct Reset {
    /// By which SA; `None` to the IP-VPN.
    by: Option<ChildRef>,
    packet: [u8; MAX_RESET_LEN],
    len: usize,
}

impl<L: Ledger> Forwarder<L> {
    /// Makes the answer to a segment that its sender may send, but that begins nothing.
    pub(crate) fn note_reset(&mut self, sender: Sender, segment: &Headers) {
        if self.resets.len() >= MOST {
            return;
        }
        let by = match sender {
            Sender::IpVpn => None,
            Sender::Peer(slot) => match self.table.child(slot) {
                Some(child) => Some(ChildRef { slot, id: child.id }),
                None => return,
            },
        };
        let mut packet = [0; MAX_RESET_LEN];
        if let Some(len) = reset(segment, &mut packet) {
            self.resets.push(Reset { by, packet, len });
        }
    }

    /// Whether [`Self::send_resets`] has something to send.
    #[must_use]
    pub fn owes_resets(&self) -> bool {
        !self.resets.is_empty()
    }

    /// Sends the answers that wait.
    pub fn send_resets(&mut self, departures: &mut Departures, outlet: &mut impl Outlet) {
        for Reset { by, packet, len } in std::mem::take(&mut self.resets) {
            let packet = packet.get(..len).unwrap_or_default();
            let Some(by) = by else {
                outlet.answer(packet);
                continue;
            };
            let Some(child) = self.table.named(by).filter(|child| child.is_current()) else {
                continue;
            };
            let (path, encapsulated) = (child.way.path, child.way.encapsulated);
            departures.direct(&Departure { path, encapsulated, ecn: 0 }, outlet);
            // An SA that is spent answers nothing, and is on the way out.
            let _ = self.seal_one(by.slot, packet, departures, outlet);
        }
        departures.flush(outlet);
    }
}
