//! INFORMATIONAL: DELETE, signs of life, addresses (RFC 7296 §1.4, RFC 4555).

use ike_wire::{Delete, NotifyType, Payload, Payloads, Protocol};

use super::requests::{detect, nat_hashes};
use super::{Awaiting, Established, Outcome, Which};
use crate::path::Path;
use crate::sa::Inner;
use crate::session::context::Context;
use crate::session::notes::note;
use crate::{Dropped, Ending};

impl Established {
    pub(super) fn handle_informational(
        &mut self,
        cx: &mut Context<'_>,
        which: Which,
        path: Path,
        inner: &Inner,
        payloads: &Payloads<'_>,
    ) -> Result<Outcome, Dropped> {
        let request = &inner.request;
        if payloads.deletes().any(|delete| delete.protocol == Protocol::Ike) {
            self.respond(cx, which, path, request, &[])?;
            return Ok(self.ike_deleted(cx, which));
        }
        if payloads.notify(NotifyType::AUTHENTICATION_FAILED).is_some() {
            // It does not believe us after all (RFC 7296 §2.21.2).
            self.respond(cx, which, path, request, &[])?;
            return Ok(self.finish_session(cx, Ending::Peer));
        }
        let spis = self.children_deleted(cx, payloads);
        // Only the initiator of a session moves (RFC 4555 §3.5).
        let may_move = self.mobike && !self.ours;
        let addresses = may_move && payloads.notify(NotifyType::UPDATE_SA_ADDRESSES).is_some();
        let spis_of_sa = self.sa(which).map(|sa| sa.spis).ok_or(Dropped::Internal)?;
        let (source, destination) = nat_hashes(cx.config, spis_of_sa, &path);
        let mut answer = Vec::new();
        if !spis.is_empty() {
            answer.push(Payload::Delete(Delete { protocol: Protocol::Esp, spis }));
        }
        if addresses {
            let nat = detect(cx.config, spis_of_sa, &path, payloads).unwrap_or(self.peer.nat);
            self.move_to(cx, path, nat);
        }
        if payloads.notify(NotifyType::NAT_DETECTION_SOURCE_IP).is_some() {
            answer.push(note(NotifyType::NAT_DETECTION_SOURCE_IP, &source));
            answer.push(note(NotifyType::NAT_DETECTION_DESTINATION_IP, &destination));
        }
        if let Some(cookie) = payloads.notify(NotifyType::COOKIE2) {
            answer.push(note(NotifyType::COOKIE2, cookie.data));
        }
        self.respond(cx, which, path, request, &answer)?;
        Ok(Outcome::Alive)
    }

    /// Removes the CHILD_SAs that the peer deletes; returns our SPIs of them, for the answer.
    fn children_deleted(&mut self, cx: &mut Context<'_>, payloads: &Payloads<'_>) -> Vec<u32> {
        let in_flight = match self.current.outbound.awaiting() {
            Some(Awaiting::DeleteChild(id)) => Some(*id),
            _ => None,
        };
        let mut answered = Vec::new();
        for delete in payloads.deletes().filter(|delete| delete.protocol == Protocol::Esp) {
            for &spi in &delete.spis {
                let Some(child) = self.children.by_peer_spi(spi) else {
                    if let Some(wish) = self.wish_under_way() {
                        wish.note_deleted(spi);
                    }
                    continue;
                };
                let (id, ending) = (child.id, child.ending_by_peer());
                // Both delete it at once: each answer leaves it out (RFC 7296 §2.25.1).
                if in_flight != Some(id) {
                    answered.push(child.spi_in);
                }
                self.children.remove(cx, self.id, id, ending);
            }
        }
        answered
    }

    fn ike_deleted(&mut self, cx: &mut Context<'_>, which: Which) -> Outcome {
        let linger = cx.now.instant + cx.config.timers.linger;
        match which {
            Which::Current => {
                let Some(candidate) = self.candidate.take() else {
                    return self.finish_session(cx, Ending::Peer);
                };
                // The peer's new IKE SA stands; it never learned of ours.
                let awaiting = self.current.outbound.finish();
                self.abandon(cx, awaiting);
                let old = self.succeed(cx, candidate.sa);
                self.forget_at(old, linger);
            }
            Which::Candidate => {
                if let Some(candidate) = self.candidate.take() {
                    let index = self.retire(cx, candidate.sa);
                    self.forget_at(index, linger);
                }
            }
            Which::Retiring(index) => {
                if let Some(retiring) = self.retiring.get_mut(index) {
                    let awaiting = retiring.sa.outbound.finish();
                    if matches!(awaiting, Some(Awaiting::Addresses)) {
                        self.tasks.push_back(super::Task::Addresses);
                    }
                }
                self.forget_at(index, linger);
            }
        }
        Outcome::Alive
    }

    fn forget_at(&mut self, index: usize, until: std::time::Instant) {
        if let Some(retiring) = self.retiring.get_mut(index) {
            retiring.until = until;
        }
    }
}
