//! The permitted connections that are live: whose they are, what has gone through, and the way
//! to end one.
//!
//! A connection takes a lock when it begins and when it ends, and only that of its shard. What it
//! moves meanwhile it writes into atomics of its own, which whoever lists connections reads.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use connlog::{ConnectionId, Dismissal, Timestamp, Traffic};
use policy::{InstitutionCode, Permit, SystemId, TerminalName};
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

/// By the last octet of the id, which is random: so many connections may begin or end at once.
const SHARDS: usize = 16;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its system is being connected, and its open record written.
    Connecting,
    /// Both directions are open.
    Open,
    /// One side has finished, and the other has not yet.
    Closing,
}

impl Stage {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Open => "open",
            Self::Closing => "closing",
        }
    }
}

/// A live connection, as it was when asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its id on record.
    pub id: ConnectionId,
    /// The client.
    pub source: SocketAddr,
    /// Whose it is.
    pub institution: InstitutionCode,
    /// The terminal.
    pub terminal: Option<TerminalName>,
    /// The system it leads to.
    pub system: SystemId,
    /// When it was opened, microseconds since the epoch.
    pub since: i64,
    /// Since when nothing has moved.
    pub idle: Duration,
    /// How far it has come.
    pub stage: Stage,
    /// What has gone through so far.
    pub traffic: Traffic,
}

/// One of them, as itself, the relay and the list share it.
#[derive(Debug)]
struct Entry {
    id: ConnectionId,
    source: SocketAddr,
    institution: InstitutionCode,
    terminal: Option<TerminalName>,
    system: SystemId,
    since: i64,
    entered: Instant,
    /// Milliseconds from `entered`.
    moved_at: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    connected: AtomicBool,
    closing: AtomicBool,
    /// Set under the lock of the shard only.
    dismissal: OnceLock<Dismissal>,
    dismissed: Notify,
}

type Shard = HashMap<ConnectionId, Arc<Entry>>;

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Live {
    shards: [Mutex<Shard>; SHARDS],
}

impl Live {
    /// Lists a connection that the policy permitted, until what is returned is dropped.
    pub(crate) fn enter(
        self: &Arc<Self>,
        id: ConnectionId,
        source: SocketAddr,
        permit: &Permit,
        opened: Timestamp,
    ) -> Member {
        let entry = Arc::new(Entry {
            id,
            source,
            institution: permit.institution().clone(),
            terminal: permit.terminal().cloned(),
            system: permit.system().clone(),
            since: opened.unix_micros,
            entered: Instant::now(),
            moved_at: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            connected: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            dismissal: OnceLock::new(),
            dismissed: Notify::new(),
        });
        if let Some(mut shard) = self.shard(&id) {
            shard.insert(id, Arc::clone(&entry));
        }
        Member { live: Arc::clone(self), entry }
    }

    /// Every one, in no order. Each was live while its shard was looked at.
    pub(crate) fn all(&self) -> impl Iterator<Item = Connection> {
        self.shards.iter().flat_map(|shard| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            // Only pointers are copied while others wait.
            let entries: Vec<Arc<Entry>> = shard.values().cloned().collect();
            drop(shard);
            entries.into_iter().map(|entry| entry.view())
        })
    }

    /// Orders the connection to end. `None`: no such connection is live, or it has the order
    /// already. Otherwise its close record will say `by`, whatever else ends it meanwhile.
    pub(crate) fn end(&self, id: &ConnectionId, by: Dismissal) -> Option<Connection> {
        let shard = self.shard(id)?;
        let entry = shard.get(id)?;
        entry.dismissal.set(by).ok()?;
        entry.dismissed.notify_one();
        Some(entry.view())
    }

    fn shard(&self, id: &ConnectionId) -> Option<MutexGuard<'_, Shard>> {
        let [.., last] = id.0;
        let shard = self.shards.get(usize::from(last) % SHARDS)?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Entry {
    fn view(&self) -> Connection {
        let idle_since = Duration::from_millis(self.moved_at.load(Ordering::Relaxed));
        let stage = if !self.connected.load(Ordering::Relaxed) {
            Stage::Connecting
        } else if self.closing.load(Ordering::Relaxed) {
            Stage::Closing
        } else {
            Stage::Open
        };
        Connection {
            id: self.id,
            source: self.source,
            institution: self.institution.clone(),
            terminal: self.terminal.clone(),
            system: self.system.clone(),
            since: self.since,
            idle: self.entered.elapsed().saturating_sub(idle_since),
            stage,
            traffic: Traffic {
                bytes_in: self.bytes_in.load(Ordering::Relaxed),
                bytes_out: self.bytes_out.load(Ordering::Relaxed),
                ..Traffic::default()
            },
        }
    }
}

/// A connection's place in the list. Leaves it when dropped.
#[derive(Debug)]
pub(crate) struct Member {
    live: Arc<Live>,
    entry: Arc<Entry>,
}

impl Member {
    /// What its relay writes.
    pub(crate) fn meter(&self) -> Meter {
        Meter(Arc::clone(&self.entry))
    }

    /// Resolves when an operator orders the connection to end.
    pub(crate) async fn dismissed(&self) -> Dismissal {
        loop {
            if let Some(dismissal) = self.entry.dismissal.get() {
                return dismissal.clone();
            }
            self.entry.dismissed.notified().await;
        }
    }

    /// Leaves the list. From here on nobody can order the connection to end; the order that came
    /// before, if one did.
    pub(crate) fn leave(self) -> Option<Dismissal> {
        let entry = Arc::clone(&self.entry);
        drop(self);
        entry.dismissal.get().cloned()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(mut shard) = self.live.shard(&self.entry.id) {
            shard.remove(&self.entry.id);
        }
    }
}

/// Where a relay says how far it is.
#[derive(Debug)]
pub(crate) struct Meter(Arc<Entry>);

impl Meter {
    /// Both streams are there.
    pub(crate) fn connected(&self) {
        self.0.connected.store(true, Ordering::Relaxed);
    }

    /// So much has gone through at `now`; whether one side has finished.
    pub(crate) fn moved(&self, now: Instant, traffic: Traffic, closing: bool) {
        let since = now.saturating_duration_since(self.0.entered).as_millis();
        let entry = &*self.0;
        entry.moved_at.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
        entry.bytes_in.store(traffic.bytes_in, Ordering::Relaxed);
        entry.bytes_out.store(traffic.bytes_out, Ordering::Relaxed);
        entry.closing.store(closing, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
