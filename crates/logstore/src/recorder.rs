//! The way into the log, for any number of tasks and threads.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use connlog::{Event, Record};
use tokio::sync::oneshot;

use crate::shared::{Message, Parcel, Room, Shared, Waiter};
use crate::ticket::Durable;
use crate::{Figures, LogState, Ticket, Unwritable};

/// Takes records for the writer thread. Cheap to clone; no call blocks.
#[derive(Clone)]
pub struct Recorder {
    queue: Sender<Message>,
    pub(crate) shared: Arc<Shared>,
}

impl Recorder {
    pub(crate) fn new(queue: Sender<Message>, shared: Arc<Shared>) -> Self {
        Self { queue, shared }
    }

    /// Records that a connection is permitted and keeps room for its close record. The
    /// record's event is [`Event::Opened`] whatever it was.
    ///
    /// # Errors
    ///
    /// The connection must not begin, since it could not be recorded. With
    /// [`OnFailure::Admit`](crate::OnFailure::Admit) only a stopped log refuses.
    pub fn open(&self, mut record: Record) -> Result<Ticket, Unwritable> {
        record.event = Event::Opened;
        let Some((open, close)) = self.admit()? else {
            return Ok(Ticket::new(self.clone(), record, None, Durable::Settled(Ok(()))));
        };
        let (waiter, durable) = self.receipt();
        self.send(Parcel { record: Box::new(record.clone()), room: Some(open), waiter })?;
        Ok(Ticket::new(self.clone(), record, Some(close), durable))
    }

    /// Records that a flow is permitted, and keeps room for its close record. The flow does not
    /// wait for the disk.
    ///
    /// # Errors
    ///
    /// As those of [`Recorder::open`].
    pub fn begin(&self, mut record: Record) -> Result<Claim, Unwritable> {
        record.event = Event::Opened;
        let Some((open, close)) = self.admit()? else { return Ok(Claim(None)) };
        self.send(Parcel { record: Box::new(record), room: Some(open), waiter: None })?;
        Ok(Claim(Some(close)))
    }

    /// Records the end of what [`Recorder::begin`] recorded.
    pub fn end(&self, claim: Claim, record: Record) {
        match claim.0 {
            Some(room) => self.send_with(room, record),
            None => self.offer(record),
        }
    }

    /// Records a refusal. If there is no room it is counted as lost. Half of the room is
    /// not for refusals: whoever is turned away does not crowd out whoever is let in.
    pub fn denied(&self, record: Record) {
        if self.shared.taken() * 2 > self.figures().capacity {
            self.shared.count_lost(1);
        } else {
            self.offer(record);
        }
    }

    /// Records something about the gateway itself. If there is no room it is counted
    /// as lost.
    pub fn control(&self, record: Record) {
        self.offer(record);
    }

    /// How the log fares.
    pub fn state(&self) -> LogState {
        self.shared.state()
    }

    /// Numbers for dashboards.
    pub fn figures(&self) -> Figures {
        self.shared.figures()
    }

    /// Room for the open and the close record; none where what cannot be recorded is let in all the
    /// same, and counted.
    fn admit(&self) -> Result<Option<(Room, Room)>, Unwritable> {
        match self.reserve_pair() {
            Ok(pair) => Ok(Some(pair)),
            Err(Unwritable::QueueFull | Unwritable::Storage) if self.shared.admits() => {
                self.shared.count_lost(1);
                Ok(None)
            }
            Err(unwritable) => Err(unwritable),
        }
    }

    fn reserve_pair(&self) -> Result<(Room, Room), Unwritable> {
        if self.shared.is_failing() && !self.shared.admits() {
            return Err(Unwritable::Storage);
        }
        let mut rooms = self.shared.reserve(2)?;
        let close = rooms.split(1).ok_or(Unwritable::QueueFull)?;
        Ok((rooms, close))
    }

    fn receipt(&self) -> (Option<Waiter>, Durable) {
        if self.shared.admits() {
            return (None, Durable::Settled(Ok(())));
        }
        let (waiter, receipt) = oneshot::channel();
        (Some(waiter), Durable::Awaited(receipt))
    }

    pub(crate) fn offer(&self, record: Record) {
        match self.shared.reserve(1) {
            Ok(room) => self.send_with(room, record),
            Err(_) => self.shared.count_lost(1),
        }
    }

    pub(crate) fn send_with(&self, room: Room, record: Record) {
        let parcel = Parcel { record: Box::new(record), room: Some(room), waiter: None };
        if self.send(parcel).is_err() {
            self.shared.count_lost(1);
        }
    }

    fn send(&self, parcel: Parcel) -> Result<(), Unwritable> {
        self.shared.count_waiting();
        self.queue.send(Message::Record(parcel)).map_err(|_| Unwritable::Stopped)
    }
}

/// A flow's claim on its close record. Whoever has it gives it to [`Recorder::end`].
#[derive(Debug)]
#[must_use = "without it the close record may find no room"]
pub struct Claim(Option<Room>);

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("figures", &self.figures()).finish_non_exhaustive()
    }
}
