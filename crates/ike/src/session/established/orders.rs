//! What the shell asks for.

use std::sync::Arc;

use super::timeouts::usual_key_exchange;
use super::{Established, IkeWish, Outcome, Task};
use crate::Ending;
use crate::event::{ChildId, Grant};
use crate::path::Path;
use crate::session::attempt::Wish;
use crate::session::child::ChildState;
use crate::session::context::Context;
use crate::session::offer::Terms;

impl Established {
    pub(crate) fn want(&mut self, cx: &mut Context<'_>, task: Task) -> Outcome {
        self.tasks.push_back(task);
        self.go_on(cx)
    }

    pub(crate) fn rekey(&mut self, cx: &mut Context<'_>) -> Outcome {
        self.want(cx, Task::RekeyIke(IkeWish::default()))
    }

    pub(crate) fn rekey_child(&mut self, cx: &mut Context<'_>, id: ChildId) -> Outcome {
        match self.children.find(id) {
            Some(child) => {
                let wish = Wish::successor(child, usual_key_exchange(cx, self.ours, child));
                self.want(cx, Task::Child(wish))
            }
            None => Outcome::Alive,
        }
    }

    pub(crate) fn expire_child(&mut self, cx: &mut Context<'_>, id: ChildId) -> Outcome {
        self.delete_child(id, Ending::Lifetime);
        self.go_on(cx)
    }

    pub(crate) fn note_alive(&mut self, cx: &mut Context<'_>) -> Outcome {
        self.last_heard = cx.now.instant;
        Outcome::Alive
    }

    pub(crate) fn note_path(&mut self, cx: &mut Context<'_>, path: Path) -> Outcome {
        self.heard(cx, path);
        Outcome::Alive
    }

    /// What is no longer granted is deleted; the rest is left as it is.
    pub(crate) fn amend(&mut self, cx: &mut Context<'_>, grant: Grant) -> Outcome {
        let lease = std::mem::take(&mut self.terms.lease);
        // Who it is does not change: the lease goes back under the name it was given to.
        let subject = Arc::clone(&self.terms.subject);
        self.terms = Terms::new(Grant { subject, ..grant }, lease);
        let terms = &self.terms;
        let beyond: Vec<ChildId> = self
            .children
            .iter()
            .filter(|child| !matches!(child.state, ChildState::Deleting(_)))
            .filter(|child| !terms.grant(&child.local, &child.remote))
            .map(|child| child.id)
            .collect();
        for id in beyond {
            self.delete_child(id, Ending::Ordered);
        }
        self.go_on(cx)
    }

    /// Only the initiator of a session may move, and tells the peer (RFC 4555 §3.5).
    pub(crate) fn migrate(&mut self, cx: &mut Context<'_>, path: Path) -> Outcome {
        if !(self.ours && self.mobike) {
            return Outcome::Alive;
        }
        self.move_to(cx, path, self.peer.nat);
        self.want(cx, Task::Addresses)
    }
}
