//! Live sessions of every road alike: listed, and ended one at a time by an operator.
//!
//! A road takes part in three places: [`Sessions::each`] shows its sessions, [`Kind`] has a
//! variant for what only they have, and [`Sessions::order`] ends one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use connlog::{ConnectionId, Dismissal, Facts, Traffic};
use datapath::{FlowStatus, Flows, Handle, Wanted};
use iked::{NotEnded, Service, SessionStatus};
use policy::{Network, Transport};
use terminator::{Connection, Front};

use super::control::{Child, Kind, Listing, Selection, Session};
use super::{GatewayEvent, Journal};

/// Who may give no answer.
const IKE: &str = "IKE";
const FLOWS: &str = "the data plane";
/// The most that one answer lists.
const MOST: usize = 10_000;
/// Hexadecimal digits that suffice for an id: its last group is random.
const DIGITS: usize = 12;
/// The longest name of an operator, and the longest words, in characters.
const LONGEST_NAME: usize = 100;
const LONGEST_WORDS: usize = 500;

/// Whom to ask.
pub(super) struct Sessions {
    pub(super) front: Arc<Front>,
    pub(super) ike: Option<Arc<Service>>,
    pub(super) plane: Option<Arc<Handle>>,
    pub(super) journal: Journal,
}

/// A session as its road shows it.
struct Shown {
    id: ConnectionId,
    facts: Facts,
    session: Session,
}

/// How it goes.
#[derive(Clone, Copy)]
struct Course {
    since: i64,
    idle: Option<Duration>,
    traffic: Option<Traffic>,
    state: &'static str,
}

impl Shown {
    fn new(id: ConnectionId, facts: Facts, course: Course, kind: Kind) -> Self {
        let canonical =
            |source: SocketAddr| SocketAddr::new(source.ip().to_canonical(), source.port());
        let session = Session {
            id: id.to_string(),
            road: facts.network.map(|road| road.to_string()).unwrap_or_default(),
            institution: facts.institution.as_ref().map(ToString::to_string),
            terminal: facts.terminal.as_ref().map(|name| name.terminal.to_string()),
            system: facts.system.as_ref().map(ToString::to_string),
            source: facts.source.map(canonical),
            since: course.since,
            idle_seconds: course.idle.map(|idle| idle.as_secs()),
            octets_in: course.traffic.map(|traffic| traffic.bytes_in),
            octets_out: course.traffic.map(|traffic| traffic.bytes_out),
            state: course.state.to_owned(),
            kind,
        };
        Self { id, facts, session }
    }
}

impl Sessions {
    /// The newest that fit.
    pub(super) fn list(&self, selection: &Selection) -> Listing {
        let limit = selection.limit.clamp(1, MOST);
        // An id begins with the time: the newest is the greatest.
        let (mut newest, mut left_out) = (BTreeMap::new(), 0);
        let mut take = |shown: Shown| {
            if fits(selection, &shown.session) {
                newest.insert(shown.id, shown.session);
            }
            if newest.len() > limit {
                newest.pop_first();
                left_out += 1;
            }
        };
        let mut silent = self.each(&mut take);
        let asked = selection.clone();
        let wanted: Arc<Wanted> = Arc::new(move |flow| fits(&asked, &of_flow(flow).session));
        let more = self.each_flow(&wanted, limit, &mut take);
        left_out += more.unwrap_or(0);
        silent.extend(more.is_none().then_some(FLOWS));
        let silent = silent.into_iter().map(str::to_owned).collect();
        Listing { sessions: newest.into_values().collect(), left_out, silent }
    }

    /// Ends the one session whose id is, or ends with, `id`; what it was. The order is on record,
    /// with who gave it.
    pub(super) fn end(
        &self,
        id: &str,
        operator: &str,
        reason: Option<&str>,
    ) -> Result<Session, String> {
        let by = Dismissal {
            operator: one_line("operator's name", operator, LONGEST_NAME)?.into(),
            words: match reason {
                Some(words) => Some(one_line("reason", words, LONGEST_WORDS)?.into()),
                None => None,
            },
        };
        let Shown { id, facts, session } = self.order(self.find(id)?, &by)?;
        tracing::info!(%id, operator = %by.operator, "a session is ended by an operator's order");
        self.journal.note_of(id, facts, GatewayEvent::SessionEnded, Some(by.detail()));
        Ok(session)
    }

    /// Shows every session but flows; who does not answer.
    fn each(&self, mut show: impl FnMut(Shown)) -> Vec<&'static str> {
        self.front.connections().for_each(|connection| show(of_tls(&connection)));
        match self.ike.as_ref().map(|ike| ike.snapshot()) {
            None => Vec::new(),
            Some(None) => vec![IKE],
            Some(Some(snapshot)) => {
                snapshot.sessions.iter().for_each(|session| show(of_ike(session)));
                Vec::new()
            }
        }
    }

    /// Shows the newest flows that are wanted; how many more there are. `None` when the data plane
    /// does not answer.
    fn each_flow(
        &self,
        wanted: &Arc<Wanted>,
        most: usize,
        show: impl FnMut(Shown),
    ) -> Option<usize> {
        let Some(plane) = &self.plane else { return Some(0) };
        let Flows { newest, left_out } = plane.flows(wanted, most)?;
        newest.iter().map(of_flow).for_each(show);
        Some(left_out)
    }

    /// The id of the one session that is meant.
    fn find(&self, text: &str) -> Result<ConnectionId, String> {
        let tail = text.replace('-', "").to_ascii_lowercase();
        if tail.len() < DIGITS || !tail.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(format!(
                "'{}' is no id: give the one that 'sekisho sessions' shows",
                text.escape_debug()
            ));
        }
        let mut found = Vec::new();
        let mut take = |shown: Shown| {
            if ends_with(shown.id, &tail) {
                found.push(shown.id);
            }
        };
        let mut silent = self.each(&mut take);
        let wanted = tail.clone();
        let wanted: Arc<Wanted> = Arc::new(move |flow| ends_with(flow.connection, &wanted));
        silent.extend(self.each_flow(&wanted, 2, &mut take).is_none().then_some(FLOWS));
        match found.as_slice() {
            [id] => Ok(*id),
            [] if silent.is_empty() => Err(no_such(text)),
            [] => {
                let silent = silent.join(" and ");
                Err(format!("{}; {silent} gave no answer and may have it", no_such(text)))
            }
            [..] => Err(format!("several ids end with '{text}': give the whole of it")),
        }
    }

    fn end_flow(&self, id: ConnectionId, by: &Dismissal) -> Option<Shown> {
        let plane = self.plane.as_ref()?;
        let wanted: Arc<Wanted> = Arc::new(move |flow| flow.connection == id);
        let flow = plane.flows(&wanted, 1)?.newest.first().map(of_flow)?;
        plane.end_flow(id, by).then_some(flow)
    }

    /// Has its road end it.
    fn order(&self, id: ConnectionId, by: &Dismissal) -> Result<Shown, String> {
        if let Some(connection) = self.front.end(&id, by.clone()) {
            return Ok(of_tls(&connection));
        }
        if let Some(flow) = self.end_flow(id, by) {
            return Ok(flow);
        }
        match self.ike.as_ref().map(|ike| ike.end(id, by.clone())) {
            Some(Ok(session)) => Ok(of_ike(&session)),
            Some(Err(NotEnded::NoAnswer)) => {
                Err("IKE does not answer; when it does again, the session ends".to_owned())
            }
            Some(Err(NotEnded::NoSuchSession)) | None => Err(no_such(&id.to_string())),
        }
    }
}

/// Whether an id ends with these digits.
fn ends_with(id: ConnectionId, digits: &str) -> bool {
    id.to_string().replace('-', "").ends_with(digits)
}

fn no_such(id: &str) -> String {
    format!(
        "no session {id} is live, or it is ending already; 'sekisho sessions' lists those that are"
    )
}

/// A text for the record.
fn one_line(what: &str, text: &str, longest: usize) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().nth(longest).is_some() || text.contains(char::is_control) {
        return Err(format!("the {what} is to be one line of at most {longest} characters"));
    }
    Ok(text.to_owned())
}

fn fits(selection: &Selection, session: &Session) -> bool {
    let Selection { road, institution, terminal, system, source, limit: _ } = selection;
    let is = |wanted: &Option<String>, has: Option<&String>| {
        wanted.as_ref().is_none_or(|wanted| has == Some(wanted))
    };
    is(road, Some(&session.road))
        && is(institution, session.institution.as_ref())
        && is(terminal, session.terminal.as_ref())
        && is(system, session.system.as_ref())
        && source
            .is_none_or(|prefix| session.source.is_some_and(|from| prefix.contains(&from.ip())))
}

fn of_tls(connection: &Connection) -> Shown {
    let facts = Facts {
        network: Some(Network::Tls),
        source: Some(connection.source),
        institution: Some(connection.institution.clone()),
        terminal: connection.terminal.clone(),
        system: Some(connection.system.clone()),
        ..Facts::default()
    };
    let course = Course {
        since: connection.since,
        idle: Some(connection.idle),
        traffic: Some(connection.traffic),
        state: connection.stage.as_str(),
    };
    Shown::new(connection.id, facts, course, Kind::Tls)
}

fn of_ike(status: &SessionStatus) -> Shown {
    let facts = Facts {
        network: Some(Network::Ipsec),
        source: Some(status.remote),
        local: Some(status.local),
        institution: status.owner.as_ref().map(|owner| owner.institution.clone()),
        terminal: status.owner.clone(),
        ..Facts::default()
    };
    let children: Vec<Child> = status.children.iter().map(child).collect();
    let course = Course {
        since: status.since,
        idle: status.idle,
        // What a living CHILD_SA has carried, only its worker knows.
        traffic: children.is_empty().then_some(status.carried),
        state: status.state.as_str(),
    };
    let kind = Kind::Ike { identity: status.identity.clone(), children };
    Shown::new(status.connection, facts, course, kind)
}

fn of_flow(flow: &FlowStatus) -> Shown {
    let traffic = flow.traffic;
    let course = Course {
        since: flow.started,
        idle: Some(flow.idle),
        traffic: Some(Traffic {
            bytes_in: traffic.octets_in,
            bytes_out: traffic.octets_out,
            packets_in: traffic.packets_in,
            packets_out: traffic.packets_out,
        }),
        state: "flow",
    };
    let any = SocketAddr::from(([0; 4], 0));
    let kind = Kind::Flow {
        client: flow.facts.inner_source.unwrap_or(any),
        destination: flow.facts.inner_destination.unwrap_or(any),
        protocol: flow.facts.protocol.map_or("", Transport::as_str).to_owned(),
    };
    Shown::new(flow.connection, flow.facts.clone(), course, kind)
}

fn child(child: &iked::ChildStatus) -> Child {
    Child {
        spi_in: format!("{:08x}", child.spi_in),
        spi_out: format!("{:08x}", child.spi_out),
        suite: child.suite.clone(),
        local: child.local.clone(),
        remote: child.remote.clone(),
        age_seconds: child.age.as_secs(),
    }
}
