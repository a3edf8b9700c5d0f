//! The writer thread: takes all that waits, writes it, tells who waits for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use connlog::{Event, Facts, Record, Timestamp};
use jiff::civil::Date;
use reason::Reason;

use crate::days::Days;
use crate::directory::Held;
use crate::shared::{Message, Parcel, Shared};
use crate::{Cause, LogError, LogReason, Unwritable, day, fresh_id};

/// Records in one transaction.
const BATCH: usize = 4096;
/// The thread looks around this often when nothing comes.
const TICK: Duration = Duration::from_secs(1);
/// Pause before a failed write is tried again; doubled each time.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest such pause.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// A record that has left the queue.
struct Pending {
    parcel: Parcel,
    day: Date,
    /// Its number in the day file, once given.
    seq: Option<i64>,
}

/// A time in which nothing can be written.
struct Outage {
    since: Timestamp,
    began: Instant,
    cause: Cause,
    pause: Duration,
    retry: Instant,
}

pub(crate) struct Worker {
    queue: Receiver<Message>,
    shared: Arc<Shared>,
    days: Days,
    /// Sorted by day; in the order of arrival within a day.
    pending: VecDeque<Pending>,
    outage: Option<Outage>,
    /// The deadline, once told to stop.
    stopping: Option<Instant>,
    _held: Held,
}

impl Worker {
    pub(crate) fn new(
        queue: Receiver<Message>,
        shared: Arc<Shared>,
        days: Days,
        held: Held,
    ) -> Self {
        let pending = VecDeque::new();
        Self { queue, shared, days, pending, outage: None, stopping: None, _held: held }
    }

    /// Writes until told to stop and done, or until the deadline of that.
    pub(crate) fn run(&mut self) -> Result<(), LogError> {
        while !self.is_done() {
            self.gather();
            if self.outage.as_ref().is_some_and(|outage| Instant::now() < outage.retry) {
                self.refuse_waiters();
                continue;
            }
            self.tell_losses();
            self.write();
            self.days.close_idle(day::of(&self.shared.now()));
        }
        self.finish()
    }

    fn is_done(&self) -> bool {
        self.stopping.is_some_and(|deadline| {
            let settled = self.pending.is_empty() && self.shared.taken() == 0;
            settled || Instant::now() >= deadline
        })
    }

    /// Takes what waits in the queue; waits for it if there is nothing else to do.
    fn gather(&mut self) {
        match self.queue.recv_timeout(self.leisure()) {
            Ok(message) => self.take(message),
            Err(RecvTimeoutError::Timeout) => return,
            // Nobody is left who could record anything, or stop us.
            Err(RecvTimeoutError::Disconnected) => self.stopping = Some(Instant::now()),
        }
        self.drain(BATCH);
    }

    /// Takes at most `limit` messages, without waiting.
    fn drain(&mut self, limit: usize) {
        for _ in 0..limit {
            let Ok(message) = self.queue.try_recv() else { break };
            self.take(message);
        }
        // A stable sort; almost always there is one day only.
        self.pending.make_contiguous().sort_by_key(|pending| pending.day);
    }

    fn leisure(&self) -> Duration {
        let now = Instant::now();
        let work = match &self.outage {
            Some(outage) => outage.retry.saturating_duration_since(now),
            None if self.pending.is_empty() => TICK,
            None => Duration::ZERO,
        };
        self.stopping.map_or(work, |deadline| work.min(deadline.saturating_duration_since(now)))
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Record(parcel) => {
                let day = day::of(&parcel.record.time);
                self.pending.push_back(Pending { parcel, day, seq: None });
            }
            Message::Stop { deadline } => self.stopping = Some(deadline),
        }
    }

    /// Writes what is pending. On failure it stays pending.
    fn write(&mut self) {
        while !self.pending.is_empty() {
            self.shared.write_begins();
            if let Err(error) = self.write_batch() {
                self.failed(&error);
                return;
            }
            self.shared.write_succeeded();
            self.regained();
        }
    }

    /// Writes one transaction: pending records of the first day among them.
    fn write_batch(&mut self) -> Result<(), LogError> {
        let Some(day) = self.pending.front().map(|pending| pending.day) else { return Ok(()) };
        let count = self.pending.iter().take(BATCH).take_while(|p| p.day == day).count();
        let batch = self.pending.range_mut(..count);
        self.days.append(day, batch.map(|p| (&mut p.seq, &*p.parcel.record)))?;
        self.shared.count_written(u64::try_from(count).unwrap_or(u64::MAX));
        for pending in self.pending.drain(..count) {
            if let Some(waiter) = pending.parcel.waiter {
                // Whoever no longer waits does not mind.
                let _ = waiter.send(Ok(()));
            }
        }
        Ok(())
    }

    fn failed(&mut self, error: &LogError) {
        let now = Instant::now();
        let (since, began, pause) = match &self.outage {
            Some(outage) => (outage.since, outage.began, (outage.pause * 2).min(PAUSE_MAX)),
            None => (self.shared.now(), now, PAUSE),
        };
        let cause = Cause::of(error);
        self.outage = Some(Outage { since, began, cause, pause, retry: now + pause });
        self.shared.write_failed(since, error);
        self.refuse_waiters();
    }

    /// Whoever waits is told that its record is not on disk.
    fn refuse_waiters(&mut self) {
        for pending in &mut self.pending {
            if let Some(waiter) = pending.parcel.waiter.take() {
                let _ = waiter.send(Err(Unwritable::Storage));
            }
        }
    }

    /// Records the end of an outage.
    fn regained(&mut self) {
        let Some(outage) = self.outage.take() else { return };
        let (cause, seconds) = (outage.cause.as_str(), outage.began.elapsed().as_secs());
        let lost = self.shared.take_untold();
        self.note(LogReason::Regained, format!("lost={lost} cause={cause} seconds={seconds}"));
    }

    /// Records how many records were lost since the last time.
    fn tell_losses(&mut self) {
        // During an outage they are told at its end.
        let lost = if self.outage.is_none() { self.shared.take_untold() } else { 0 };
        if lost > 0 {
            self.note(LogReason::RecordsLost, format!("lost={lost}"));
        }
    }

    fn note(&mut self, reason: LogReason, detail: String) {
        let time = self.shared.now();
        let record = Record {
            connection: fresh_id(time),
            time,
            gateway: Arc::clone(&self.shared.config.gateway),
            event: Event::Control { reason: reason.code().into(), detail: Some(detail.into()) },
            facts: Facts::default(),
        };
        self.shared.count_waiting();
        self.take(Message::Record(Parcel { record: Box::new(record), room: None, waiter: None }));
    }

    fn finish(&mut self) -> Result<(), LogError> {
        self.drain(usize::MAX);
        let kept = self.pending.iter().filter(|pending| pending.parcel.room.is_some()).count();
        let open = self.shared.taken().saturating_sub(u64::try_from(kept).unwrap_or(u64::MAX));
        self.shared.count_lost(open);
        self.tell_losses();
        self.write();
        self.days.close();
        let unwritten = u64::try_from(self.pending.len()).unwrap_or(u64::MAX);
        if open == 0 && unwritten == 0 {
            Ok(())
        } else {
            Err(LogError::Unfinished { open, unwritten })
        }
    }
}

/// However the thread ends, nobody takes the log for alive afterwards.
impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.stopped();
    }
}
