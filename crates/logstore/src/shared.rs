//! What recorders, tickets and the writer thread share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use connlog::{Record, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};

use crate::{Config, Figures, LogError, LogState, OnFailure, Unwritable};

/// A write that takes longer is called slow.
const SLOW: Duration = Duration::from_secs(1);

/// The right to have one record in memory; given back when dropped.
pub(crate) type Room = OwnedSemaphorePermit;

/// Whoever waits for an open record to be on disk.
pub(crate) type Waiter = oneshot::Sender<Result<(), Unwritable>>;

/// What the writer thread is sent.
pub(crate) enum Message {
    Record(Parcel),
    Stop { deadline: Instant },
}

/// A record on its way to the disk.
pub(crate) struct Parcel {
    pub(crate) record: Box<Record>,
    /// Held until the record is written. The writer's own records need none.
    pub(crate) room: Option<Room>,
    pub(crate) waiter: Option<Waiter>,
}

/// The memory of a full queue, beside the records themselves.
const _: () = assert!(size_of::<Message>() <= 48);

struct Health {
    state: LogState,
    /// The transaction being written.
    writing: Option<(Instant, Timestamp)>,
}

pub(crate) struct Shared {
    pub(crate) config: Config,
    rooms: Arc<Semaphore>,
    health: Mutex<Health>,
    waiting: AtomicU64,
    written: AtomicU64,
    batches: AtomicU64,
    lost: AtomicU64,
    /// Of the lost, those no record tells of yet.
    untold: AtomicU64,
}

impl Shared {
    pub(crate) fn new(config: Config) -> Self {
        let capacity = usize::try_from(config.capacity).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            config,
            rooms: Arc::new(Semaphore::new(capacity)),
            health: Mutex::new(Health { state: LogState::Writing, writing: None }),
            waiting: AtomicU64::new(0),
            written: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            untold: AtomicU64::new(0),
        }
    }

    /// Rooms for `n` records, all or none.
    pub(crate) fn reserve(&self, n: u32) -> Result<Room, Unwritable> {
        Arc::clone(&self.rooms).try_acquire_many_owned(n).map_err(|error| match error {
            TryAcquireError::NoPermits => Unwritable::QueueFull,
            TryAcquireError::Closed => Unwritable::Stopped,
        })
    }

    /// No room is given from now on.
    pub(crate) fn close_rooms(&self) {
        self.rooms.close();
    }

    pub(crate) fn taken(&self) -> u64 {
        let free = u64::try_from(self.rooms.available_permits()).unwrap_or(u64::MAX);
        u64::from(self.config.capacity).saturating_sub(free)
    }

    pub(crate) fn admits(&self) -> bool {
        self.config.on_failure == OnFailure::Admit
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.config.clock)()
    }

    pub(crate) fn count_waiting(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_written(&self, records: u64) {
        self.waiting.fetch_sub(records, Ordering::Relaxed);
        self.written.fetch_add(records, Ordering::Relaxed);
        self.batches.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_lost(&self, records: u64) {
        self.lost.fetch_add(records, Ordering::Relaxed);
        self.untold.fetch_add(records, Ordering::Relaxed);
    }

    /// Takes the number of lost records that no record tells of yet.
    pub(crate) fn take_untold(&self) -> u64 {
        self.untold.swap(0, Ordering::Relaxed)
    }

    pub(crate) fn figures(&self) -> Figures {
        Figures {
            capacity: self.config.capacity.into(),
            taken: self.taken(),
            waiting: self.waiting.load(Ordering::Relaxed),
            written: self.written.load(Ordering::Relaxed),
            batches: self.batches.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        // Each change is a single assignment, so a panic elsewhere leaves it whole.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state(&self) -> LogState {
        let health = self.health();
        match (&health.state, health.writing) {
            // The disk may hang in this very write.
            (LogState::Writing, Some((began, since))) if began.elapsed() > SLOW => {
                LogState::Slow { since }
            }
            (state, _) => state.clone(),
        }
    }

    pub(crate) fn is_failing(&self) -> bool {
        matches!(self.health().state, LogState::Failing { .. })
    }

    pub(crate) fn write_begins(&self) {
        let now = self.now();
        self.health().writing = Some((Instant::now(), now));
    }

    pub(crate) fn write_succeeded(&self) {
        let mut health = self.health();
        let slow = health.writing.take().filter(|(began, _)| began.elapsed() > SLOW);
        health.state = match (slow, &health.state) {
            (None, _) => LogState::Writing,
            (Some(_), LogState::Slow { since }) => LogState::Slow { since: *since },
            (Some((_, since)), _) => LogState::Slow { since },
        };
    }

    pub(crate) fn write_failed(&self, since: Timestamp, error: &LogError) {
        let cause = crate::Cause::of(error);
        let error = error.to_string().into();
        let mut health = self.health();
        health.writing = None;
        health.state = LogState::Failing { since, cause, error };
    }

    pub(crate) fn stopped(&self) {
        self.close_rooms();
        self.health().state = LogState::Stopped;
    }
}
