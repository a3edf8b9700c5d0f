//! Starting and stopping the writer thread.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::days::Days;
use crate::shared::{Message, Shared};
use crate::worker::Worker;
use crate::{Config, LogError, Recorder, day, directory};

/// What the disk is given after the deadline to take the last records.
const LAST_WRITE: Duration = Duration::from_secs(5);

/// The running writer. If dropped it runs on until no [`Recorder`] and no
/// [`Ticket`](crate::Ticket) is left.
#[must_use = "stop the writer to have everything on disk"]
pub struct Writer {
    queue: Sender<Message>,
    shared: Arc<Shared>,
    outcome: Receiver<Result<(), LogError>>,
}

impl Writer {
    /// Takes the log directory for this gateway, opens the file of today and starts the
    /// writer thread.
    ///
    /// # Errors
    ///
    /// The directory is missing, open to others, not writable or held by another
    /// gateway; or today's file cannot be written, unless
    /// [`OnFailure::Admit`](crate::OnFailure::Admit) says to begin nevertheless.
    pub fn start(config: Config) -> Result<(Recorder, Self), LogError> {
        let held = directory::hold(&config.directory)?;
        let mut days = Days::new(config.directory.clone(), Arc::clone(&config.gateway));
        let shared = Arc::new(Shared::new(config));
        let today = days.open(day::of(&shared.now()));
        if !shared.admits() {
            today?;
        }
        let (queue, received) = mpsc::channel();
        let (done, outcome) = mpsc::sync_channel(1);
        let mut worker = Worker::new(received, Arc::clone(&shared), days, held);
        let run = move || {
            let result = worker.run();
            drop(worker);
            // Nobody listens if the writer was dropped instead of stopped.
            let _ = done.send(result);
        };
        thread::Builder::new().name("log-writer".into()).spawn(run).map_err(LogError::Thread)?;
        let recorder = Recorder::new(queue.clone(), Arc::clone(&shared));
        Ok((recorder, Self { queue, shared, outcome }))
    }

    /// Takes no more records, waits until `deadline` for open connections to be closed
    /// and all to be written, and lets go of the directory. The disk is given at most
    /// five seconds more.
    ///
    /// # Errors
    ///
    /// Connections were still open at the deadline, or records could not be written:
    /// how many, the error says and, where it can, the log.
    pub fn stop(self, deadline: Instant) -> Result<(), LogError> {
        self.shared.close_rooms();
        // If the thread is gone its outcome says so.
        let _ = self.queue.send(Message::Stop { deadline });
        let patience = deadline.saturating_duration_since(Instant::now()) + LAST_WRITE;
        match self.outcome.recv_timeout(patience) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => Err(LogError::Unresponsive),
            Err(RecvTimeoutError::Disconnected) => Err(LogError::Died),
        }
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("figures", &self.shared.figures()).finish_non_exhaustive()
    }
}
