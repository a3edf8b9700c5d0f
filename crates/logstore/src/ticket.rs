//! An open connection's claim on its close record.

use std::mem;
use std::sync::Arc;

use connlog::{Code, ConnectionId, Event, Facts, Record, Timestamp, Traffic};
use reason::Reason;
use tokio::sync::oneshot;

use crate::shared::Room;
use crate::{LogReason, Recorder, Unwritable};

/// Whether the open record is on disk.
pub(crate) enum Durable {
    Awaited(oneshot::Receiver<Result<(), Unwritable>>),
    Settled(Result<(), Unwritable>),
}

/// Owned by an open connection. Ends in exactly one close record: that of
/// [`Ticket::close`], or `close.abandoned` when dropped without it.
#[must_use = "dropping a ticket records the connection as abandoned"]
pub struct Ticket {
    recorder: Recorder,
    /// The open record, with what has been learned since.
    record: Record,
    /// That of the close record; `None` if the connection was admitted without.
    room: Option<Room>,
    durable: Durable,
    closed: bool,
}

impl Ticket {
    pub(crate) fn new(
        recorder: Recorder,
        record: Record,
        room: Option<Room>,
        durable: Durable,
    ) -> Self {
        Self { recorder, record, room, durable, closed: false }
    }

    /// The connection's id.
    pub fn connection(&self) -> ConnectionId {
        self.record.connection
    }

    /// What the close record will say of the connection; at first what the open record
    /// said.
    pub fn facts_mut(&mut self) -> &mut Facts {
        &mut self.record.facts
    }

    /// Waits until the open record is on disk. May be cancelled and called again. The
    /// deadline is the caller's to set.
    ///
    /// # Errors
    ///
    /// The record could not be written when tried. It is kept and written later, so
    /// the caller still closes the ticket, with the error's reason.
    pub async fn durable(&mut self) -> Result<(), Unwritable> {
        let result = match &mut self.durable {
            Durable::Settled(result) => return *result,
            Durable::Awaited(receipt) => receipt.await.unwrap_or(Err(Unwritable::Stopped)),
        };
        self.durable = Durable::Settled(result);
        result
    }

    /// Records the end of the connection.
    pub fn close(self, reason: impl Into<Code>, traffic: Traffic, time: Timestamp) {
        self.close_with(reason, None, traffic, time);
    }

    /// The same, with particulars.
    pub fn close_with(
        mut self,
        reason: impl Into<Code>,
        detail: Option<Arc<str>>,
        traffic: Traffic,
        time: Timestamp,
    ) {
        self.finish(reason.into(), detail, traffic, time);
    }

    fn finish(
        &mut self,
        reason: Code,
        detail: Option<Arc<str>>,
        traffic: Traffic,
        time: Timestamp,
    ) {
        self.closed = true;
        let started = self.record.time.unix_micros;
        let record = Record {
            connection: self.record.connection,
            time,
            gateway: Arc::clone(&self.record.gateway),
            event: Event::Closed { reason, detail, started, traffic },
            facts: mem::take(&mut self.record.facts),
        };
        match self.room.take() {
            Some(room) => self.recorder.send_with(room, record),
            None => self.recorder.offer(record),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.closed {
            let now = self.recorder.shared.now();
            self.finish(LogReason::Abandoned.code().into(), None, Traffic::default(), now);
        }
    }
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Ticket").field(&self.connection()).finish()
    }
}
