//! What becomes of each `ike::Event`.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use connlog::Traffic;
use ike::{ChildId, ChildSa, Ending, Event, Nat, Path, Peer, Proof, Refusal, Refused, SessionId};
use ike_negotiation::IkeSuite;
use logstore::Unwritable;
use reason::Reason as _;
use tokio::time::timeout;

use crate::cause::Cause;
use crate::engine::{Engine, Recorded};
use crate::session::{Child, Session};
use crate::{Milestone, facts, verdict};

/// How long an open record may take to reach the disk, while the peer waits for its answer.
const DURABLE: Duration = Duration::from_secs(10);

impl Engine {
    pub(crate) fn handle(&mut self, event: Event) {
        match event {
            Event::Authenticated(id, peer) => self.authenticated(id, peer),
            Event::Established(id, peer, addresses) => self.established(id, peer, addresses),
            Event::ChildUp(child) => self.child_up(*child),
            Event::ChildDown(id, child, ending) => self.child_down(id, child, ending),
            Event::Rekeyed(id, suite) => self.rekeyed(id, suite),
            Event::PathChanged(id, path, nat) => self.path_changed(id, path, nat),
            Event::ExchangeFailed(id, refusal, detail) => {
                self.exchange_failed(id, refusal, detail.as_deref());
            }
            Event::Refused(refused) => self.refused(&refused),
            Event::Closed(id, ending) => self.finish(id, Cause::Ended(ending)),
        }
    }

    /// Asks the policy. Who is permitted is admitted once the open record is on disk.
    fn authenticated(&mut self, id: SessionId, peer: Box<Peer>) {
        let mut facts = facts::of_peer(&peer);
        let connection = self.journal.fresh_id();
        let tunnel = match verdict::ask(&self.policy, &peer, self.now().unix) {
            Ok(tunnel) => tunnel,
            Err(denied) => {
                let reason = denied.reason;
                facts::denied(&mut facts, denied, self.policy.generation());
                return self.turn_away(id, connection, facts, Cause::Policy(reason));
            }
        };
        facts::permitted(&mut facts, &tunnel);
        let mut ticket = match self.journal.open(connection, facts.clone()) {
            Ok(ticket) => ticket,
            Err(unwritable) => return self.turn_away(id, connection, facts, unwritable.into()),
        };
        self.recording.spawn(async move {
            let durable = timeout(DURABLE, ticket.durable()).await;
            (id, ticket, durable.unwrap_or(Err(Unwritable::Storage)))
        });
        let session = Session {
            id: connection,
            since: self.journal.now().unix_micros,
            grant: verdict::grant(&tunnel, &peer, self.has_pool),
            recheck_at: tunnel.recheck_at(),
            peer,
            facts,
            verify: false,
            ticket: None,
            cause: None,
            dismissal: None,
            established: None,
            addresses: Vec::new(),
            children: BTreeMap::new(),
            traffic: Traffic::default(),
        };
        self.sessions.insert(id, session);
    }

    fn turn_away(
        &mut self,
        id: SessionId,
        connection: connlog::ConnectionId,
        facts: connlog::Facts,
        cause: Cause,
    ) {
        self.tally.count(cause);
        self.journal.reject(connection, facts, cause.code(), None);
        self.endpoint.refuse(self.now(), id);
    }

    /// Admits a session whose open record is on disk, if it still may be.
    pub(crate) fn recorded(&mut self, (id, ticket, durable): Recorded) {
        let Some(session) = self.sessions.get_mut(&id) else {
            // No session is forgotten before its ticket comes back.
            return ticket.close(Ending::Ordered.code(), Traffic::default(), self.journal.now());
        };
        session.ticket = Some(ticket);
        if session.cause.is_none()
            && let Err(unwritable) = durable
        {
            let cause = unwritable.into();
            session.cause = Some(cause);
            self.tally.count(cause);
            self.endpoint.refuse(self.now(), id);
        }
        let Some(session) = self.sessions.get(&id) else { return };
        if session.cause.is_some() {
            // The endpoint was told before.
            return self.finish(id, Cause::Ended(Ending::Ordered));
        }
        let grant = session.grant.clone();
        self.endpoint.admit(self.now(), id, grant);
        self.carry_out();
        if self.sessions.get(&id).is_some_and(|session| session.established.is_none()) {
            // The endpoint had given it up before: its time was over.
            let cause = Cause::Refused(Refusal::SetupTimeout);
            self.tally.count(cause);
            self.finish(id, cause);
        }
    }

    fn established(&mut self, id: SessionId, peer: Box<Peer>, addresses: Vec<IpAddr>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let mut detail = facts::peer_detail(&peer);
        if !addresses.is_empty() {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            detail = format!("{detail}; virtual address {}", addresses.join(" "));
        }
        session.facts.inner_source = addresses.first().map(|&own| SocketAddr::new(own, 0));
        session.addresses = addresses;
        session.established = Some(Instant::now());
        session.peer = peer;
        self.note(id, Milestone::Established, &detail);
    }

    fn child_up(&mut self, child: ChildSa) {
        let (id, kept) = (child.session, Child::new(&child));
        let detail = match child.replaces {
            Some(_) => format!("{}; rekeyed", kept.detail),
            None => kept.detail.clone(),
        };
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.children.insert(child.id, kept);
        self.data_plane.install(child, &session.peer);
        self.note(id, Milestone::ChildUp, &detail);
    }

    fn child_down(&mut self, id: SessionId, child: ChildId, ending: Ending) {
        let traffic = self.data_plane.remove(child);
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.traffic += traffic;
        let gone = session.children.remove(&child);
        let detail = gone.map(|child| child.detail).unwrap_or_default();
        self.note(id, Milestone::ChildDown, &format!("{}; {detail}", ending.code()));
    }

    fn rekeyed(&mut self, id: SessionId, suite: IkeSuite) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.facts.negotiated = Some(facts::negotiated(&suite));
        session.peer.suite = suite;
        self.note(id, Milestone::Rekeyed, "");
    }

    fn path_changed(&mut self, id: SessionId, path: Path, nat: Nat) {
        self.data_plane.moved(id, path, nat);
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let detail = format!("from {}", session.peer.path.remote);
        (session.peer.path, session.peer.nat) = (path, nat);
        (session.facts.source, session.facts.local) = (Some(path.remote), Some(path.local));
        self.note(id, Milestone::PathChanged, &detail);
    }

    /// A request within a living session was refused.
    fn exchange_failed(&mut self, id: SessionId, refusal: Refusal, detail: Option<&str>) {
        let Some(session) = self.sessions.get(&id) else { return };
        let detail = detail.map(facts::detail);
        self.journal.reject(session.id, session.facts.clone(), refusal.code(), detail);
    }

    fn refused(&mut self, refused: &Refused) {
        let known = refused.session.and_then(|id| Some((id, self.sessions.get(&id)?)));
        let (connection, facts) = match known {
            Some((_, session)) => (session.id, session.facts.clone()),
            None => (self.journal.fresh_id(), facts::of_refused(refused)),
        };
        let known = known.map(|(id, _)| id);
        let (code, detail) = (refused.reason.code(), facts::refusal_detail(refused));
        self.journal.reject(connection, facts, code, detail);
        if let Some(id) = known {
            self.finish(id, Cause::Refused(refused.reason));
        }
    }

    /// Writes the close record and forgets the session. While its open record is on the way, the
    /// cause is kept until that is on disk.
    pub(crate) fn finish(&mut self, id: SessionId, otherwise: Cause) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let cause = *session.cause.get_or_insert(otherwise);
        if session.ticket.is_none() {
            return;
        }
        self.unjudged.remove(&id);
        let gone = self.sessions.remove(&id);
        let Some(session) = gone else { return };
        let Session { ticket: Some(mut ticket), facts, dismissal, traffic, .. } = session else {
            return;
        };
        *ticket.facts_mut() = facts;
        let detail = dismissal.map(|by| by.detail());
        ticket.close_with(cause.code(), detail, traffic, self.journal.now());
    }

    /// Judges a session again: its certificate, if CAs or CRLs have changed, and its permit.
    pub(crate) fn judge_again(&mut self, id: SessionId) {
        let (now, has_pool) = (self.now(), self.has_pool);
        let (policy, credentials) = (Arc::clone(&self.policy), Arc::clone(&self.credentials));
        let Some(session) = self.living(id) else { return };
        if std::mem::take(&mut session.verify)
            && let Proof::Certificate(certificate) = &session.peer.proof
            && let Err(cause) = verdict::certificate_holds(certificate, &credentials, now.unix)
        {
            return self.withdraw(id, cause);
        }
        match verdict::ask(&policy, &session.peer, now.unix) {
            Err(denied) => {
                session.facts.generation = Some(policy.generation());
                self.withdraw(id, Cause::Policy(denied.reason));
            }
            Ok(tunnel) => {
                session.recheck_at = tunnel.recheck_at();
                let grant = verdict::grant(&tunnel, &session.peer, has_pool);
                if grant != session.grant {
                    session.grant = grant.clone();
                    facts::permitted(&mut session.facts, &tunnel);
                    if session.ticket.is_some() {
                        self.endpoint.amend(now, id, grant);
                    }
                }
            }
        }
    }

    fn note(&self, id: SessionId, what: Milestone, detail: &str) {
        if let Some(session) = self.sessions.get(&id) {
            self.journal.note(session.id, &session.facts, what, detail);
        }
    }
}
