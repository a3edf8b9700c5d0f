//! IKE_SA_INIT from strangers: cheap to refuse, bounded to keep (RFC 7296 §2.6).

use std::ops::Range;

use ike_wire::{Flags, Header, NotifyType, Payload, Payloads, emit_clear, parse_payloads};

use super::{Endpoint, Entry};
use crate::Dropped;
use crate::cookie::About;
use crate::event::{Now, Refused, SessionId};
use crate::path::Path;
use crate::session::responder::{AwaitAuth, InitRefusal};
use crate::session::{Stage, clear_header, note};
use crate::vendor::vendor;

/// Octets of IKE_SA_INIT that we remember for AUTH; with modp4096 and every known algorithm
/// clients send a quarter of this.
const MAX_INIT: usize = 8192;

impl Endpoint {
    pub(super) fn begin(
        &mut self,
        now: Now,
        path: Path,
        header: Header,
        datagram: &[u8],
        (first, body): (u8, Range<usize>),
    ) -> Result<(), Dropped> {
        if datagram.len() > MAX_INIT {
            return Err(Dropped::TooLarge);
        }
        if header.initiator_spi == 0 || header.message_id != 0 {
            return Err(Dropped::Malformed);
        }
        if let Some(&id) = self.begun.get(&(path.remote, header.initiator_spi)) {
            return self.answer_again(id, path, datagram);
        }
        let payloads = parse_payloads(first, datagram.get(body).unwrap_or_default());
        let payloads = match payloads {
            Ok(payloads) => payloads,
            Err(malformed) => {
                self.out.counters.malformed.count(malformed.reason());
                let refusal = InitRefusal::from(malformed);
                self.say(path, &header, &refusal);
                return Err(Dropped::Malformed);
            }
        };
        self.check_room(now, path, &header, &payloads)?;
        self.beginnings.count(now.instant);
        let id = self.spis.next_session();
        let begun =
            AwaitAuth::begin(&mut self.context(now), id, path, (&header, datagram), &payloads);
        match begun {
            Ok(stage) => {
                let key = (path.remote, header.initiator_spi);
                let stage = Stage::AwaitAuth(Box::new(stage));
                self.sessions
                    .insert(id, Entry { stage, timeout: None, begun: Some(key), subject: None });
                self.begun.insert(key, id);
                self.half_open.enter(path.remote.ip());
                self.settle(now, id);
                Ok(())
            }
            Err(refusal) => {
                self.say(path, &header, &refusal);
                match refusal.explain() {
                    Some((reason, detail)) => {
                        self.out.refused(Refused {
                            session: None,
                            path,
                            reason,
                            detail,
                            identity: None,
                            certificate: None,
                            vendor: payloads.vendor_ids().find_map(vendor),
                        });
                        Ok(())
                    }
                    None => Err(Dropped::KeyExchangeGroup),
                }
            }
        }
    }

    /// The same IKE_SA_INIT again has the same answer; another one with its SPI has none.
    fn answer_again(&mut self, id: SessionId, path: Path, datagram: &[u8]) -> Result<(), Dropped> {
        let answer = self.sessions.get(&id).and_then(|entry| entry.stage.init_answer(datagram));
        let answer = answer.ok_or(Dropped::StaleMessageId)?.to_vec();
        self.out.send(path, &[answer]);
        Ok(())
    }

    fn check_room(
        &mut self,
        now: Now,
        path: Path,
        header: &Header,
        payloads: &Payloads<'_>,
    ) -> Result<(), Dropped> {
        let limits = self.config.limits;
        if self.sessions.len() >= limits.sessions {
            return Err(Dropped::Sessions);
        }
        // Also when they come to nothing: their key exchanges cost all the same.
        let busy = self.half_open.total().max(self.beginnings.in_this_second(now.instant));
        if busy >= limits.cookie_threshold {
            self.check_cookie(now, path, header, payloads)?;
        }
        if self.half_open.total() >= limits.half_open {
            return Err(Dropped::HalfOpen);
        }
        if self.half_open.of(path.remote.ip()) >= limits.half_open_per_source {
            return Err(Dropped::HalfOpenFromSource);
        }
        Ok(())
    }

    fn check_cookie(
        &mut self,
        now: Now,
        path: Path,
        header: &Header,
        payloads: &Payloads<'_>,
    ) -> Result<(), Dropped> {
        let nonce = payloads.nonce().map_err(|_| Dropped::Malformed)?;
        let about = About { initiator_spi: header.initiator_spi, nonce, source: path.remote };
        let random = &mut *self.random;
        let given = payloads.notify(NotifyType::COOKIE).map(|notify| notify.data);
        if given.is_some_and(|given| self.cookies.check(now.instant, random, &about, given)) {
            return Ok(());
        }
        // A wrong one counts as none: it may only be old (RFC 7296 §2.6).
        let cookie = self.cookies.make(now.instant, random, &about).ok_or(Dropped::Internal)?;
        self.reply(path, header, &[note(NotifyType::COOKIE, &cookie)]);
        Err(if given.is_some() { Dropped::WrongCookie } else { Dropped::CookieWanted })
    }

    fn say(&mut self, path: Path, header: &Header, refusal: &InitRefusal) {
        let (kind, data) = refusal.answer();
        self.reply(path, header, &[note(kind, &data)]);
    }

    /// Answers without remembering, in the clear.
    fn reply(&mut self, path: Path, header: &Header, payloads: &[Payload<'_>]) {
        let header = clear_header((header.initiator_spi, 0), Flags::RESPONSE);
        if let Ok(datagram) = emit_clear(header, payloads) {
            self.out.send(path, &[datagram]);
        }
    }
}
