//! A session that is over, while its IKE SAs are being deleted or still answer.

use std::time::Instant;

use ike_wire::{Envelope, ExchangeType, NotifyType};

use crate::Dropped;
use crate::path::Path;
use crate::sa::{Inner, Received};
use crate::session::Stage;
use crate::session::context::Context;
use crate::session::established::{Awaiting, Established, Sa, delete_ike};
use crate::session::notes::note;

/// The end of a session.
#[derive(Debug)]
pub(crate) struct Closing {
    path: Path,
    sas: Vec<ClosingSa>,
    until: Instant,
    /// The peer had authenticated itself.
    established: bool,
}

#[derive(Debug)]
struct ClosingSa {
    sa: Sa,
    /// DELETE is still to be sent, once the window is free.
    delete: bool,
}

impl ClosingSa {
    fn is_deleting(&self) -> bool {
        self.delete || !self.sa.outbound.is_idle()
    }
}

impl Closing {
    /// Only answers what is sent again.
    pub(super) fn lingering(cx: &Context<'_>, path: Path, sa: Sa) -> Self {
        let until = cx.now.instant + cx.config.timers.linger;
        Self { path, sas: vec![ClosingSa { sa, delete: false }], until, established: false }
    }

    /// Sends DELETE for every IKE SA of the session; or, when the peer knows or is dead,
    /// lingers.
    pub(super) fn deleting(cx: &mut Context<'_>, session: Established, delete: bool) -> Stage {
        Self::of(cx, session.path(), session.into_sas(), delete)
    }

    pub(super) fn of(cx: &mut Context<'_>, path: Path, sas: Vec<Sa>, delete: bool) -> Stage {
        let timers = &cx.config.timers;
        let patience = if delete { timers.patience() } else { timers.linger };
        let until = cx.now.instant + patience;
        let sas = sas.into_iter().map(|mut sa| {
            if !delete {
                // Nobody will answer.
                sa.outbound.finish();
            }
            ClosingSa { sa, delete }
        });
        let mut closing = Self { path, sas: sas.collect(), until, established: true };
        closing.send_deletes(cx);
        Stage::Closing(Box::new(closing))
    }

    pub(super) fn was_established(&self) -> bool {
        self.established
    }

    fn send_deletes(&mut self, cx: &mut Context<'_>) {
        for closing in self.sas.iter_mut().filter(|closing| closing.delete) {
            if delete_ike(cx, &mut closing.sa, self.path) {
                closing.delete = false;
            }
        }
    }

    pub(super) fn handle(
        mut self,
        cx: &mut Context<'_>,
        path: Path,
        datagram: &mut [u8],
        envelope: &Envelope,
    ) -> (Stage, Result<(), Dropped>) {
        let result = self.step(cx, path, datagram, envelope);
        self.send_deletes(cx);
        (self.unless_done(), result)
    }

    fn step(
        &mut self,
        cx: &mut Context<'_>,
        path: Path,
        datagram: &mut [u8],
        envelope: &Envelope,
    ) -> Result<(), Dropped> {
        let spis = (envelope.header.initiator_spi, envelope.header.responder_spi);
        let index = self.sas.iter().position(|closing| closing.sa.spis == spis);
        let index = index.ok_or(Dropped::UnknownSpi)?;
        let Some(closing) = self.sas.get_mut(index) else { return Err(Dropped::UnknownSpi) };
        let deleting = closing.is_deleting();
        match closing.sa.receive(datagram, envelope)? {
            Received::Partial => Ok(()),
            Received::Again(datagrams) => {
                cx.out.send(self.path.for_repetition(path), datagrams);
                Ok(())
            }
            // Nothing but a DELETE under way makes its SA worth talking on.
            Received::Request(_) if !deleting => Err(Dropped::OutOfState),
            Received::Request(inner) => answer(cx, path, &mut closing.sa, &inner),
            Received::Response(_) => {
                if let Some(Awaiting::DeleteIke) = closing.sa.outbound.finish() {
                    let over = self.sas.swap_remove(index);
                    cx.spis.release_ike(over.sa.local_spi());
                }
                Ok(())
            }
        }
    }

    pub(super) fn handle_timeout(mut self, cx: &mut Context<'_>) -> Stage {
        let (now, path) = (cx.now.instant, self.path);
        for mut closing in std::mem::take(&mut self.sas) {
            match closing.sa.outbound.retransmit(now, &cx.config.timers) {
                Ok(datagrams) if now < self.until => {
                    cx.out.send(path, datagrams);
                    self.sas.push(closing);
                }
                _ => cx.spis.release_ike(closing.sa.local_spi()),
            }
        }
        self.unless_done()
    }

    pub(super) fn next_timeout(&self) -> Instant {
        let due = self.sas.iter().filter_map(|closing| closing.sa.outbound.due());
        due.min().map_or(self.until, |due| due.min(self.until))
    }

    fn unless_done(self) -> Stage {
        if self.sas.is_empty() { Stage::Gone } else { Stage::Closing(Box::new(self)) }
    }
}

/// A peer that does not know yet that it is over.
fn answer(cx: &mut Context<'_>, path: Path, sa: &mut Sa, inner: &Inner) -> Result<(), Dropped> {
    let busy = [note(NotifyType::TEMPORARY_FAILURE, &[])];
    let payloads: &[_] = match inner.request.header.exchange {
        ExchangeType::INFORMATIONAL => &[],
        _ => &busy,
    };
    let sealed = sa.respond(&inner.request, payloads).map_err(|_| Dropped::Internal)?;
    cx.out.send(path, &sealed.datagrams);
    Ok(())
}
