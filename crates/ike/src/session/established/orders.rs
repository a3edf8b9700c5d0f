//! What the shell asks for.

use super::{Established, Outcome, Task};
use crate::Ending;
use crate::event::{ChildId, Grant};
use crate::path::Path;
use crate::session::child::ChildState;
use crate::session::context::Context;
use crate::session::offer::Terms;
use ike_negotiation::is_subset;

impl Established {
    pub(crate) fn want(&mut self, cx: &mut Context<'_>, task: Task) -> Outcome {
        self.tasks.push_back(task);
        self.go_on(cx)
    }

    pub(crate) fn rekey(&mut self, cx: &mut Context<'_>) -> Outcome {
        self.want(cx, Task::RekeyIke)
    }

    pub(crate) fn rekey_child(&mut self, cx: &mut Context<'_>, id: ChildId) -> Outcome {
        let with_key_exchange =
            self.children.find(id).is_some_and(|child| self.ours || child.suite.group.is_some());
        self.want(cx, Task::RekeyChild { id, with_key_exchange })
    }

    pub(crate) fn expire_child(&mut self, cx: &mut Context<'_>, id: ChildId) -> Outcome {
        self.delete_child(id, Ending::Lifetime);
        self.go_on(cx)
    }

    pub(crate) fn note_alive(&mut self, cx: &mut Context<'_>) -> Outcome {
        self.last_heard = cx.now.instant;
        Outcome::Alive
    }

    /// What is no longer granted is deleted; the rest is left as it is.
    pub(crate) fn amend(&mut self, cx: &mut Context<'_>, grant: Grant) -> Outcome {
        let lease = std::mem::take(&mut self.terms.lease);
        self.terms = Terms::new(grant, lease);
        let terms = &self.terms;
        let beyond: Vec<ChildId> = self
            .children
            .iter()
            .filter(|child| !matches!(child.state, ChildState::Deleting(_)))
            .filter(|child| {
                !is_subset(&child.local, &terms.local) || !is_subset(&child.remote, &terms.remote)
            })
            .map(|child| child.id)
            .collect();
        for id in beyond {
            self.delete_child(id, Ending::Ordered);
        }
        self.go_on(cx)
    }

    pub(crate) fn migrate(&mut self, cx: &mut Context<'_>, path: Path) -> Outcome {
        self.move_to(cx, path, self.peer.nat);
        if !(self.ours && self.mobike) {
            return Outcome::Alive;
        }
        self.want(cx, Task::Addresses)
    }
}
