//! From a datagram to its session.

use ike_wire::{Content, Envelope, ExchangeType, Flags, Header, Malformed};

use super::Endpoint;
use crate::Dropped;
use crate::event::{Now, SessionId};
use crate::path::Path;
use crate::session::Stage;

impl Endpoint {
    /// Handles a datagram (without non-ESP marker). It is decrypted in place.
    pub fn handle_datagram(&mut self, now: Now, path: Path, datagram: &mut [u8]) {
        if let Err(dropped) = self.dispatch(now, path, datagram) {
            self.out.counters.dropped.count(dropped);
        }
    }

    fn dispatch(&mut self, now: Now, path: Path, datagram: &mut [u8]) -> Result<(), Dropped> {
        let envelope = Envelope::parse(datagram).map_err(|malformed| {
            self.out.counters.malformed.count(malformed.reason());
            if matches!(malformed, Malformed::Version { .. }) {
                Dropped::Version
            } else {
                Dropped::Malformed
            }
        })?;
        let header = envelope.header;
        if is_first(&header) {
            return match envelope.content {
                Content::Clear { first, body } => {
                    self.begin(now, path, header, datagram, (first, body))
                }
                Content::Encrypted { .. } | Content::Fragment { .. } => Err(Dropped::OutOfState),
            };
        }
        let id = self.session_of(&header).ok_or(Dropped::UnknownSpi)?;
        let mut result = Ok(());
        self.step(now, id, |stage: Stage, cx| {
            let (stage, outcome) = stage.handle(cx, path, datagram, &envelope);
            result = outcome;
            stage
        });
        result
    }

    /// The flag tells whose SPI is ours (RFC 7296 §3.1).
    fn session_of(&self, header: &Header) -> Option<SessionId> {
        let ours = if header.flags.contains(Flags::INITIATOR) {
            header.responder_spi
        } else {
            header.initiator_spi
        };
        self.spis.session(ours)
    }
}

/// The first message of a session: a request that knows no SPI of ours.
fn is_first(header: &Header) -> bool {
    header.exchange == ExchangeType::IKE_SA_INIT
        && header.flags.contains(Flags::INITIATOR)
        && !header.flags.contains(Flags::RESPONSE)
        && header.responder_spi == 0
}
