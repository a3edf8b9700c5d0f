//! What time brings: retransmissions, rekeying, ends, signs of life.

use std::time::{Duration, Instant};

use ike_negotiation::ChildProposal;

use super::{Established, IkeWish, Outcome, Task};
use crate::session::attempt::{Ask, Wish};
use crate::session::child::{Child, ChildState};
use crate::session::context::Context;
use crate::{Ending, Path};

impl Established {
    pub(crate) fn handle_timeout(&mut self, cx: &mut Context<'_>) -> Outcome {
        if retransmit(cx, &mut self.current, self.peer.path).is_err() {
            return self.finish_session(cx, Ending::DeadPeer);
        }
        if self.expires_at <= cx.now.instant {
            return self.finish_session(cx, Ending::Lifetime);
        }
        self.tend_retiring(cx);
        if self.unfinished.as_ref().is_some_and(|unfinished| unfinished.until <= cx.now.instant) {
            self.abandon_unfinished(cx);
        }
        self.tend_children(cx);
        if self.is_childless_too_long(cx) {
            return self.finish_session(cx, Ending::Childless);
        }
        self.queue_what_is_due(cx);
        self.go_on(cx)
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub(crate) fn next_timeout(&self, cx_timers: &crate::config::Timers) -> Option<Instant> {
        let children = self.children.iter().map(|child| child.rekey_at.min(child.expires_at));
        let retiring = self.retiring.iter().map(|retiring| {
            retiring.sa.outbound.due().map_or(retiring.until, |due| due.min(retiring.until))
        });
        let delayed = self.delayed.iter().map(|(at, _)| *at);
        let unfinished = self.unfinished.as_ref().map(|unfinished| unfinished.until);
        let fixed = [self.rekey_at.min(self.expires_at)];
        let liveness =
            self.current.outbound.is_idle().then(|| self.last_heard + cx_timers.liveness);
        let childless = self.childless_since.map(|since| since + cx_timers.childless);
        children
            .chain(retiring)
            .chain(delayed)
            .chain(fixed)
            .chain(unfinished)
            .chain(self.current.outbound.due())
            .chain(liveness)
            .chain(childless)
            .min()
    }

    fn tend_retiring(&mut self, cx: &mut Context<'_>) {
        let (now, path) = (cx.now.instant, self.peer.path);
        for mut retiring in std::mem::take(&mut self.retiring) {
            let dead = retransmit(cx, &mut retiring.sa, path).is_err();
            if dead || retiring.until <= now {
                cx.spis.release_ike(retiring.sa.local_spi());
            } else {
                self.retiring.push(retiring);
            }
        }
    }

    fn tend_children(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.instant;
        let due = |at: Instant| at <= now;
        let expired: Vec<_> =
            self.children.iter().filter(|child| due(child.expires_at)).map(|c| c.id).collect();
        for id in expired {
            if let Some(child) = self.children.find(id) {
                // What cannot be deleted in time either is dead with its session.
                child.expires_at = now + FAR;
                child.rekey_at = child.expires_at;
                self.delete_child(id, Ending::Lifetime);
            }
        }
        for child in self.children.iter_mut().filter(|child| due(child.rekey_at)) {
            child.rekey_at = child.expires_at;
            if matches!(child.state, ChildState::Live) {
                let key_exchange = usual_key_exchange(cx, self.ours, child);
                self.tasks.push_back(Task::Child(Wish::successor(child, key_exchange)));
            }
        }
    }

    pub(super) fn note_childlessness(&mut self, cx: &Context<'_>) {
        if !self.children.is_empty() {
            self.childless_since = None;
        } else if self.childless_since.is_none() {
            self.childless_since = Some(cx.now.instant);
        }
    }

    fn is_childless_too_long(&self, cx: &Context<'_>) -> bool {
        self.childless_since
            .is_some_and(|since| since + cx.config.timers.childless <= cx.now.instant)
    }

    fn queue_what_is_due(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.instant;
        if self.rekey_at <= now {
            self.rekey_at = self.expires_at;
            self.tasks.push_back(Task::RekeyIke(IkeWish::default()));
        }
        for (at, task) in std::mem::take(&mut self.delayed) {
            if at <= now {
                self.tasks.push_back(task);
            } else {
                self.delayed.push((at, task));
            }
        }
        let silent = self.last_heard + cx.config.timers.liveness <= now;
        if silent && self.current.outbound.is_idle() && self.tasks.is_empty() {
            self.tasks.push_back(Task::Liveness);
        }
    }

    /// Puts a task off (RFC 7296 §2.25).
    pub(super) fn delay(&mut self, cx: &mut Context<'_>, task: Task) {
        let wait = cx.random.spread(cx.config.timers.retry);
        self.delayed.push((cx.now.instant + wait, task));
    }
}

/// Clients that had no key exchange so far may take none from the gateway (Windows behind NAT
/// fails with one): as the responder of the session we leave it out where we may.
pub(super) fn usual_key_exchange(cx: &Context<'_>, ours: bool, child: &Child) -> Ask {
    let may_lack = cx.config.child_proposals.iter().any(ChildProposal::may_lack_key_exchange);
    if ours || child.suite.group.is_some() || !may_lack { Ask::AsUsual } else { Ask::Without }
}

/// Beyond the life of any session.
const FAR: Duration = Duration::from_secs(366 * 24 * 3600);

fn retransmit(
    cx: &mut Context<'_>,
    sa: &mut super::Sa,
    path: Path,
) -> Result<(), crate::sa::Overdue> {
    let datagrams = sa.outbound.retransmit(cx.now.instant, &cx.config.timers)?;
    cx.out.send(path, datagrams);
    Ok(())
}
