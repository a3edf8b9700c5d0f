//! Our requests: one at a time, sent again until answered (RFC 7296 §2.1).

use std::time::{Duration, Instant};

use crate::config::Timers;

/// Our side of the window. `W` says what a response is awaited for.
#[derive(Debug)]
pub(crate) struct Outbound<W> {
    next_id: u32,
    pending: Option<Pending<W>>,
}

#[derive(Debug)]
struct Pending<W> {
    id: u32,
    datagrams: Vec<Vec<u8>>,
    transmissions: u8,
    wait: Duration,
    due: Instant,
    awaiting: W,
}

/// The peer has not answered, however often it was asked.
#[derive(Debug)]
pub(crate) struct Overdue;

impl<W> Outbound<W> {
    /// `next_id` is the message id of the first request.
    pub(crate) fn new(next_id: u32) -> Self {
        Self { next_id, pending: None }
    }

    /// The message id of the next request.
    pub(crate) fn next_id(&self) -> u32 {
        self.next_id
    }

    /// The message id of the response that is awaited.
    pub(crate) fn awaited_id(&self) -> Option<u32> {
        self.pending.as_ref().map(|pending| pending.id)
    }

    pub(crate) fn awaiting(&self) -> Option<&W> {
        self.pending.as_ref().map(|pending| &pending.awaiting)
    }

    pub(crate) fn awaiting_mut(&mut self) -> Option<&mut W> {
        self.pending.as_mut().map(|pending| &mut pending.awaiting)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_none()
    }

    /// Notes a request with [`Self::next_id`] that is being sent.
    pub(crate) fn begin(
        &mut self,
        now: Instant,
        timers: &Timers,
        datagrams: Vec<Vec<u8>>,
        awaiting: W,
    ) {
        let id = self.next_id;
        let (wait, due) = (timers.retransmit, now + timers.retransmit);
        // Far beyond what an SA's lifetime holds; an id is never used twice.
        self.next_id = id.saturating_add(1);
        self.pending = Some(Pending { id, datagrams, transmissions: 1, wait, due, awaiting });
    }

    /// When the request must be sent again.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.pending.as_ref().map(|pending| pending.due)
    }

    /// The request to send again, when it is time.
    pub(crate) fn retransmit(
        &mut self,
        now: Instant,
        timers: &Timers,
    ) -> Result<&[Vec<u8>], Overdue> {
        let Some(pending) = self.pending.as_mut().filter(|pending| pending.due <= now) else {
            return Ok(&[]);
        };
        if pending.transmissions >= timers.transmissions {
            return Err(Overdue);
        }
        pending.transmissions += 1;
        pending.wait = (pending.wait * 2).min(timers.retransmit_cap);
        pending.due = now + pending.wait;
        Ok(&pending.datagrams)
    }

    /// The response has arrived, or nobody waits for it any more.
    pub(crate) fn finish(&mut self) -> Option<W> {
        self.pending.take().map(|pending| pending.awaiting)
    }
}
