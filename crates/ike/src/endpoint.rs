//! All sessions of a gateway behind one door.

mod dispatch;
mod init;
mod sources;
mod subjects;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::cookie::Cookies;
use crate::counters::Counters;
use crate::credentials::Credentials;
use crate::event::{ChildId, Event, Grant, Now, SessionId, Transmit};
use crate::pool::Pool;
use crate::session::context::{Context, Output, SpiTable};
use crate::session::initiator::{Initiating, Target};
use crate::session::{Established, Stage};
use crate::{Dropped, Ending, Path, Random};

use sources::{Beginnings, Sources};
use subjects::Subjects;
pub use view::{ChildView, SessionView};

/// The IKEv2 side of a gateway: responder and initiator of any number of sessions.
///
/// Whatever happened (a datagram, a time-out, an order) is handed in by one of the `handle_*`
/// and order methods. After each of them the shell carries out all of
/// [`poll_event`](Self::poll_event), then all of [`poll_transmit`](Self::poll_transmit), so
/// that a CHILD_SA is installed before the answer that completes it leaves; and comes back
/// at [`poll_timeout`](Self::poll_timeout) at the latest.
pub struct Endpoint {
    config: Arc<Config>,
    credentials: Arc<Credentials>,
    random: Box<dyn Random + Send>,
    sessions: HashMap<SessionId, Entry>,
    /// Responder's sessions before IKE_AUTH, to know a repeated IKE_SA_INIT.
    begun: HashMap<(SocketAddr, u64), SessionId>,
    timeouts: BTreeSet<(Instant, SessionId)>,
    spis: SpiTable,
    pool: Pool,
    cookies: Cookies,
    half_open: Sources,
    beginnings: Beginnings,
    subjects: Subjects,
    out: Output,
}

/// Between two time-outs of one session.
const SOON: Duration = Duration::from_millis(1);

struct Entry {
    stage: Stage,
    timeout: Option<Instant>,
    /// The responder's key in `begun`, and its place among the half-open.
    begun: Option<(SocketAddr, u64)>,
    /// Its key in `subjects`.
    subject: Option<Arc<str>>,
}

impl Endpoint {
    /// An endpoint without sessions.
    pub fn new(
        now: Instant,
        config: Arc<Config>,
        credentials: Arc<Credentials>,
        mut random: Box<dyn Random + Send>,
    ) -> Self {
        Self {
            pool: Pool::new(&config.pool),
            cookies: Cookies::new(now, &mut *random),
            config,
            credentials,
            random,
            sessions: HashMap::new(),
            begun: HashMap::new(),
            timeouts: BTreeSet::new(),
            spis: SpiTable::default(),
            half_open: Sources::default(),
            beginnings: Beginnings::new(now),
            subjects: Subjects::default(),
            out: Output::default(),
        }
    }

    /// Takes what time has brought.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some(&(at, id)) = self.timeouts.first() {
            if at > now.instant {
                break;
            }
            self.step(now, id, Stage::handle_timeout);
            self.put_off(now, id);
        }
    }

    /// What is still due after its step, as a stage that began in it may be, comes soon: no
    /// fault can stop time, and nobody is forgotten.
    fn put_off(&mut self, now: Now, id: SessionId) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        if let Some(at) = entry.timeout.filter(|at| *at <= now.instant) {
            let soon = now.instant + SOON;
            self.timeouts.remove(&(at, id));
            self.timeouts.insert((soon, id));
            entry.timeout = Some(soon);
        }
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timeouts.first().map(|(at, _)| *at)
    }

    /// The next thing that happened.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.out.events.pop_front()
    }

    /// The next datagram to send.
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.transmits.pop_front()
    }

    /// Lets in a peer that [`Event::Authenticated`] reported.
    pub fn admit(&mut self, now: Now, id: SessionId, grant: Grant) {
        self.step(now, id, |stage, cx| stage.admit(cx, grant));
    }

    /// Turns away a peer that [`Event::Authenticated`] reported. It is told no reason.
    pub fn refuse(&mut self, now: Now, id: SessionId) {
        self.step(now, id, Stage::refuse);
    }

    /// The policy grants something else now: CHILD_SAs beyond it are deleted.
    pub fn amend(&mut self, now: Now, id: SessionId, grant: Grant) {
        self.step(now, id, |stage, cx| {
            stage.with_established(cx, |established, cx| established.amend(cx, grant))
        });
    }

    /// Ends a session, whatever its stage.
    pub fn close(&mut self, now: Now, id: SessionId) {
        self.step(now, id, |stage, cx| stage.close(cx, Ending::Ordered));
    }

    /// Gives the IKE SA new keys now.
    pub fn rekey(&mut self, now: Now, id: SessionId) {
        self.step(now, id, |stage, cx| stage.with_established(cx, Established::rekey));
    }

    /// Gives a CHILD_SA a successor now: the soft limit of its bytes or packets is reached.
    pub fn rekey_child(&mut self, now: Now, id: SessionId, child: ChildId) {
        self.step(now, id, |stage, cx| {
            stage.with_established(cx, |established, cx| established.rekey_child(cx, child))
        });
    }

    /// Ends a CHILD_SA now: the hard limit of its bytes or packets is reached.
    pub fn expire_child(&mut self, now: Now, id: SessionId, child: ChildId) {
        self.step(now, id, |stage, cx| {
            stage.with_established(cx, |established, cx| established.expire_child(cx, child))
        });
    }

    /// Something authentic arrived from the peer by ESP: it lives (RFC 7296 §2.4).
    pub fn note_alive(&mut self, now: Now, id: SessionId) {
        self.step(now, id, |stage, cx| stage.with_established(cx, Established::note_alive));
    }

    /// The peer's newest ESP packet came by `path`: a NAT gave it another address
    /// (RFC 7296 §2.23).
    pub fn note_path(&mut self, now: Now, id: SessionId, path: Path) {
        self.step(now, id, |stage, cx| {
            stage.with_established(cx, |established, cx| established.note_path(cx, path))
        });
    }

    /// Begins a session.
    ///
    /// # Errors
    /// [`Dropped`]: no room, or no proposal to make.
    pub fn initiate(&mut self, now: Now, target: Target) -> Result<SessionId, Dropped> {
        if self.sessions.len() >= self.config.limits.sessions {
            return Err(Dropped::Sessions);
        }
        let id = self.spis.next_session();
        let begun = Initiating::begin(&mut self.context(now), id, target)?;
        let stage = Stage::Initiating(Box::new(begun));
        self.sessions.insert(id, Entry { stage, timeout: None, begun: None, subject: None });
        self.settle(now, id);
        Ok(id)
    }

    /// Our own outer address changed (RFC 4555 §3.5): tells the peer. Only the initiator of
    /// a session may.
    pub fn migrate(&mut self, now: Now, id: SessionId, path: Path) {
        self.step(now, id, |stage, cx| {
            stage.with_established(cx, |established, cx| established.migrate(cx, path))
        });
    }

    /// Other settings from now on. Leases stay while their prefixes do.
    pub fn set_config(&mut self, config: Arc<Config>) {
        self.pool.reconfigure(&config.pool);
        self.config = config;
    }

    /// Other credentials from now on. Whose session no longer holds is the shell's to judge.
    pub fn set_credentials(&mut self, credentials: Arc<Credentials>) {
        self.credentials = credentials;
    }

    /// Counters by reason.
    #[must_use]
    pub fn counters(&self) -> &Arc<Counters> {
        &self.out.counters
    }

    /// Responder's sessions that are not decided about yet.
    #[must_use]
    pub fn half_open(&self) -> usize {
        self.half_open.total()
    }

    /// IKE and ESP SPIs in use, and leases: what must return to nothing when all is over.
    #[must_use]
    pub fn in_use(&self) -> (usize, usize, usize) {
        let (ike, esp) = self.spis.in_use();
        (ike, esp, self.pool.in_use())
    }

    fn context(&mut self, now: Now) -> Context<'_> {
        Context {
            now,
            config: &self.config,
            credentials: &self.credentials,
            random: &mut *self.random,
            spis: &mut self.spis,
            pool: &mut self.pool,
            out: &mut self.out,
        }
    }

    /// Lets a session take a step.
    fn step(
        &mut self,
        now: Now,
        id: SessionId,
        step: impl FnOnce(Stage, &mut Context<'_>) -> Stage,
    ) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let stage = std::mem::replace(&mut entry.stage, Stage::Gone);
        let mut context = Context {
            now,
            config: &self.config,
            credentials: &self.credentials,
            random: &mut *self.random,
            spis: &mut self.spis,
            pool: &mut self.pool,
            out: &mut self.out,
        };
        let stage = step(stage, &mut context);
        if let Some(entry) = self.sessions.get_mut(&id) {
            entry.stage = stage;
        }
        self.settle(now, id);
    }

    /// Keeps the tables true after a step.
    fn settle(&mut self, now: Now, id: SessionId) {
        let mut newcomer = None;
        if let Some(entry) = self.sessions.get_mut(&id) {
            if let Some(key) = entry.begun.take_if(|_| !entry.stage.is_half_open()) {
                self.begun.remove(&key);
                self.half_open.leave(key.0.ip());
            }
            let subject = entry.stage.subject();
            if subject != entry.subject.as_ref() {
                entry.subject.iter().for_each(|old| self.subjects.leave(old, id));
                subject.into_iter().for_each(|new| self.subjects.enter(new, id));
                entry.subject = subject.cloned();
                newcomer = entry.subject.clone();
            }
            let timeout = entry.stage.next_timeout(&self.config.timers);
            if timeout != entry.timeout {
                entry.timeout.map(|at| self.timeouts.remove(&(at, id)));
                timeout.map(|at| self.timeouts.insert((at, id)));
                entry.timeout = timeout;
            }
            if matches!(entry.stage, Stage::Gone) {
                self.sessions.remove(&id);
            }
        }
        if let Some((new, subject)) = self.out.initial_contact.take() {
            // The peer lost everything it had before (RFC 7296 §2.4): so do we.
            for other in self.subjects.others(&subject, new) {
                self.step(now, other, |stage, cx| stage.close(cx, Ending::InitialContact));
            }
        }
        let limit = self.config.limits.sessions_per_subject;
        if let Some(oldest) = newcomer.and_then(|new| self.subjects.surplus(&new, limit)) {
            self.step(now, oldest, |stage, cx| stage.close(cx, Ending::Surplus));
        }
    }
}
