//! Which sessions are of one and the same peer.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::event::SessionId;

/// Established sessions by whose they are, each with the oldest first.
#[derive(Debug, Default)]
pub(super) struct Subjects(HashMap<Arc<str>, BTreeSet<SessionId>>);

impl Subjects {
    pub(super) fn enter(&mut self, subject: &Arc<str>, id: SessionId) {
        self.0.entry(Arc::clone(subject)).or_default().insert(id);
    }

    pub(super) fn leave(&mut self, subject: &Arc<str>, id: SessionId) {
        if let Some(sessions) = self.0.get_mut(subject) {
            sessions.remove(&id);
            if sessions.is_empty() {
                self.0.remove(subject);
            }
        }
    }

    pub(super) fn others(&self, subject: &str, except: SessionId) -> Vec<SessionId> {
        let sessions = self.0.get(subject).into_iter().flatten().copied();
        sessions.filter(|id| *id != except).collect()
    }

    /// The oldest, when there are more than `limit`.
    pub(super) fn surplus(&self, subject: &str, limit: usize) -> Option<SessionId> {
        let sessions = self.0.get(subject)?;
        if sessions.len() > limit { sessions.first().copied() } else { None }
    }
}
