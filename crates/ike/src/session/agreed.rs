//! A CHILD_SA that both sides agreed on: with all its key exchanges done, it is installed.

use crypto::Secret;
use ike_negotiation::ChildSuite;
use ike_wire::TrafficSelector;

use crate::event::{ChildId, ChildSa, Event};
use crate::keys::{ChildKeys, Nonces, SharedSecrets};
use crate::session::child::{Child, ChildState, lifetime};
use crate::session::context::Context;
use crate::session::offer::Parent;
use crate::suite::cipher;

/// Both nonces of the exchange that makes an SA.
#[derive(Debug)]
pub(crate) struct OwnNonces {
    pub(crate) initiator: Vec<u8>,
    pub(crate) responder: Vec<u8>,
}

impl OwnNonces {
    pub(crate) fn of(nonces: Nonces<'_>) -> Self {
        Self { initiator: nonces.initiator.to_vec(), responder: nonces.responder.to_vec() }
    }

    pub(crate) fn borrow(&self) -> Nonces<'_> {
        Nonces { initiator: &self.initiator, responder: &self.responder }
    }

    /// Decides between SAs made at once (RFC 7296 §2.8.1).
    pub(crate) fn lowest(&self) -> &[u8] {
        self.initiator.as_slice().min(&self.responder)
    }
}

/// A CHILD_SA that both sides agreed on.
#[derive(Debug)]
pub(crate) struct Agreed {
    pub(crate) spi_in: u32,
    pub(crate) spi_out: u32,
    pub(crate) suite: ChildSuite,
    pub(crate) local: Vec<TrafficSelector>,
    pub(crate) remote: Vec<TrafficSelector>,
    /// We asked for it.
    pub(crate) ours: bool,
    pub(crate) replaces: Option<ChildId>,
    pub(crate) nonces: OwnNonces,
    /// SK(0), when there is a key exchange.
    pub(crate) first: Option<Secret>,
    /// SK(1) and so on, from IKE_FOLLOWUP_KE (RFC 9370 §2.2.4).
    pub(crate) additional: Vec<Secret>,
}

impl Agreed {
    /// Makes the keys and reports the CHILD_SA up, before the message that completes it
    /// leaves. On failure its SPI is given back.
    pub(crate) fn install(
        self,
        cx: &mut Context<'_>,
        parent: &Parent<'_>,
    ) -> Result<Child, crypto::Error> {
        let shared =
            self.first.as_ref().map(|first| SharedSecrets { first, additional: &self.additional });
        let cipher = cipher(self.suite.cipher);
        let made = parent.keys.child(parent.prf, cipher, self.nonces.borrow(), shared);
        let ChildKeys { initiator, responder } =
            made.inspect_err(|_| cx.spis.release_esp(self.spi_in))?;
        let (keys_out, keys_in) =
            if self.ours { (initiator, responder) } else { (responder, initiator) };
        let id = cx.spis.next_child();
        let timers = &cx.config.timers;
        let (rekey_at, expires_at) =
            lifetime(cx.now.instant, cx.random, (timers.child_lifetime, timers.margin), self.ours);
        cx.out.event(Event::ChildUp(Box::new(ChildSa {
            session: parent.session,
            id,
            replaces: self.replaces,
            spi_in: self.spi_in,
            spi_out: self.spi_out,
            suite: self.suite.clone(),
            keys_in,
            keys_out,
            local: self.local.clone(),
            remote: self.remote.clone(),
            path: parent.path,
            encapsulate: parent.nat.any(),
            send_at_once: self.ours || self.replaces.is_none(),
        })));
        Ok(Child {
            id,
            spi_in: self.spi_in,
            spi_out: self.spi_out,
            suite: self.suite,
            local: self.local,
            remote: self.remote,
            state: ChildState::Live,
            rekey_at,
            expires_at,
        })
    }
}
