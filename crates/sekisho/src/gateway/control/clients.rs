//! The few clients that are served at once.

use std::collections::BTreeMap;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// So many; each has a thread.
pub(super) const CLIENTS: usize = 8;

/// Those that are served.
#[derive(Default)]
pub(super) struct Clients {
    served: Mutex<Served>,
    left: Condvar,
}

#[derive(Default)]
struct Served {
    newest: u64,
    /// By age, oldest first.
    streams: BTreeMap<u64, UnixStream>,
}

impl Clients {
    /// Gives a client a place. When all are taken, whoever has had one for longest is cut off: an
    /// honest client needs a moment only.
    pub(super) fn enter(self: &Arc<Self>, stream: &UnixStream) -> io::Result<Client> {
        let stream = stream.try_clone()?;
        let mut served = self.served();
        while served.streams.len() >= CLIENTS {
            if let Some((_, oldest)) = served.streams.first_key_value() {
                // Gone already is as good.
                let _ = oldest.shutdown(Shutdown::Both);
            }
            served = self.left.wait(served).unwrap_or_else(PoisonError::into_inner);
        }
        served.newest += 1;
        let number = served.newest;
        served.streams.insert(number, stream);
        Ok(Client { clients: Arc::clone(self), number })
    }

    fn served(&self) -> MutexGuard<'_, Served> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client's place, given back when dropped.
pub(super) struct Client {
    clients: Arc<Clients>,
    number: u64,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.clients.served().streams.remove(&self.number);
        self.clients.left.notify_all();
    }
}
