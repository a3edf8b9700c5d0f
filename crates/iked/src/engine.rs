//! The thread `ike`: one loop over all that can happen to the endpoint.

use std::collections::{BTreeSet, HashMap};
use std::future::ready;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use connlog::{ConnectionId, Dismissal, Dismissed};
use ike::{Credentials, Endpoint, Now, Proof, SessionId};
use logstore::{Ticket, Unwritable};
use policy::Policy;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use crate::cause::Cause;
use crate::journal::Journal;
use crate::receiver::Received;
use crate::session::Session;
use crate::sockets::Outlet;
use crate::tally::Tally;
use crate::{DataPlane, Discarded, Material, Notice, SessionStatus, Snapshot, Withdrawal};

/// Messages handled before anything else has its turn.
const BATCH: usize = 32;
/// Sessions judged again before anything else has its turn.
const JUDGED_AT_ONCE: usize = 32;
/// Folded refusals, and permits that time alone ends, are looked at this often.
const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// When nothing is due.
const LONG: Duration = Duration::from_secs(3600);

/// What the rest of the gateway tells the thread.
#[derive(Debug)]
pub(crate) enum Command {
    Replace(Material),
    Notice(Notice),
    Describe(SyncSender<Snapshot>),
    End(ConnectionId, Dismissal, SyncSender<Option<SessionStatus>>),
    Stop,
}

/// A session whose open record was waited for.
pub(crate) type Recorded = (SessionId, Ticket, Result<(), Unwritable>);

/// Everything the thread owns.
pub(crate) struct Engine {
    pub(crate) endpoint: Endpoint,
    pub(crate) outlet: Outlet,
    pub(crate) data_plane: Box<dyn DataPlane>,
    pub(crate) journal: Journal,
    pub(crate) tally: Arc<Tally>,
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) policy: Arc<Policy>,
    /// Whether there are virtual addresses to give.
    pub(crate) has_pool: bool,
    pub(crate) sessions: HashMap<SessionId, Session>,
    /// To be judged again, because something has changed.
    pub(crate) unjudged: BTreeSet<SessionId>,
    pub(crate) recording: JoinSet<Recorded>,
}

impl Engine {
    /// Serves until told to stop; then ends all sessions.
    pub(crate) async fn run(
        mut self,
        mut received: mpsc::Receiver<Received>,
        mut commands: mpsc::UnboundedReceiver<Command>,
        mut policies: watch::Receiver<Arc<Policy>>,
    ) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut housekeeping = interval(HOUSEKEEPING);
        housekeeping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = self.endpoint.poll_timeout().unwrap_or_else(|| Instant::now() + LONG);
            tokio::select! {
                count = received.recv_many(&mut batch, BATCH) => {
                    // The receiving thread is gone; the gateway notices and stops.
                    if count == 0 {
                        break;
                    }
                    for Received { path, mut message } in batch.drain(..) {
                        self.endpoint.handle_datagram(self.now(), path, &mut message);
                        self.carry_out();
                    }
                }
                command = commands.recv() => match command {
                    Some(Command::Replace(material)) => self.replace(material),
                    Some(Command::Notice(notice)) => self.notice(notice),
                    Some(Command::Describe(answer)) => self.describe(&answer),
                    Some(Command::End(id, by, answer)) => drop(answer.try_send(self.end(id, by))),
                    Some(Command::Stop) | None => break,
                },
                changed = policies.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    self.policy = Arc::clone(&policies.borrow_and_update());
                    self.unjudged.extend(self.sessions.keys());
                }
                Some(recorded) = self.recording.join_next() => {
                    if let Ok(recorded) = recorded {
                        self.recorded(recorded);
                    }
                }
                () = sleep_until(due.into()) => self.endpoint.handle_timeout(self.now()),
                () = ready(()), if !self.unjudged.is_empty() => self.judge_some(),
                _ = housekeeping.tick() => self.keep_house(),
            }
            self.carry_out();
        }
        self.stop().await;
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Now {
        let unix = self.journal.now().unix_micros.div_euclid(1_000_000);
        Now { instant: Instant::now(), unix }
    }

    /// Carries out what the endpoint asks: all events, then all messages. A CHILD_SA is installed
    /// before the message that completes it leaves.
    pub(crate) fn carry_out(&mut self) {
        while let Some(event) = self.endpoint.poll_event() {
            self.handle(event);
        }
        while let Some(transmit) = self.endpoint.poll_transmit() {
            if let Err(error) = self.outlet.send(&transmit) {
                tracing::debug!(%error, remote = %transmit.path.remote, "sending IKE failed");
                self.tally.discarded(Discarded::SendFailed);
            }
        }
    }

    fn replace(&mut self, material: Material) {
        let Material { credentials, trust_changed } = material;
        let old = std::mem::replace(&mut self.credentials, credentials);
        self.endpoint.set_credentials(Arc::clone(&self.credentials));
        let mut ended = Vec::new();
        for (&id, session) in &mut self.sessions {
            if let Err(cause) = crate::verdict::keys_hold(&session.peer, &old, &self.credentials) {
                ended.push((id, cause));
            } else if trust_changed && matches!(session.peer.proof, Proof::Certificate(_)) {
                session.verify = true;
                self.unjudged.insert(id);
            }
        }
        for (id, cause) in ended {
            self.withdraw(id, cause);
        }
    }

    fn notice(&mut self, notice: Notice) {
        let now = self.now();
        match notice {
            Notice::Alive(session) => self.endpoint.note_alive(now, session),
            Notice::Moved(session, path) => self.endpoint.note_path(now, session, path),
            Notice::RekeyDue(session, child) => self.endpoint.rekey_child(now, session, child),
            Notice::Spent(session, child) => self.endpoint.expire_child(now, session, child),
        }
    }

    fn describe(&self, answer: &SyncSender<Snapshot>) {
        let sessions = self.sessions.iter().map(|(&id, session)| self.status(id, session));
        let sessions = sessions.collect();
        // Whoever asked may have lost patience.
        let _ = answer.try_send(Snapshot { half_open: self.endpoint.half_open(), sessions });
    }

    fn status(&self, id: SessionId, session: &Session) -> SessionStatus {
        session.status(self.endpoint.session(id).and_then(|session| session.last_heard()))
    }

    /// Ends the session of this connection, unless it is ending; what it was.
    fn end(&mut self, connection: ConnectionId, by: Dismissal) -> Option<SessionStatus> {
        let mut sessions = self.sessions.iter();
        let (&id, session) = sessions.find(|(_, session)| session.id == connection)?;
        let status = self.status(id, session);
        self.living(id)?.dismissal = Some(by);
        self.withdraw(id, Cause::Dismissed(Dismissed::ByOperator));
        Some(status)
    }

    /// Not all at once: verifying thousands of certificates must not keep IKE waiting.
    fn judge_some(&mut self) {
        for _ in 0..JUDGED_AT_ONCE {
            let Some(id) = self.unjudged.pop_first() else { return };
            self.judge_again(id);
        }
    }

    fn keep_house(&mut self) {
        self.journal.record_folded(false);
        let now = self.now().unix;
        let due = self
            .sessions
            .iter()
            .filter(|(_, session)| session.recheck_at.is_some_and(|recheck_at| recheck_at <= now));
        self.unjudged.extend(due.map(|(id, _)| id));
    }

    async fn stop(mut self) {
        let all: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in all {
            self.withdraw(id, Cause::Own(Withdrawal::Stopped));
        }
        self.carry_out();
        while let Some(recorded) = self.recording.join_next().await {
            if let Ok(recorded) = recorded {
                self.recorded(recorded);
            }
        }
        self.carry_out();
        let left: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in left {
            self.finish(id, Cause::Own(Withdrawal::Stopped));
        }
        self.journal.record_folded(true);
    }

    /// The session, while it has not been told to end.
    pub(crate) fn living(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions.get_mut(&id).filter(|session| session.cause.is_none())
    }

    /// Ends a session for a reason of the gateway's own.
    pub(crate) fn withdraw(&mut self, id: SessionId, cause: Cause) {
        let Some(session) = self.living(id) else { return };
        session.cause = Some(cause);
        let admitted = session.ticket.is_some();
        self.tally.count(cause);
        let now = self.now();
        if admitted {
            self.endpoint.close(now, id);
        } else {
            self.endpoint.refuse(now, id);
        }
    }
}
