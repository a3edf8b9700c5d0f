//! Two ends in one process. Time is simulated; what the responder needs is measured.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bench::log;
use bench::random::Kernel;
use ike::{
    ChildId, ChildPlan, Config, Credentials, Endpoint, Event, Grant, Now, Path, SessionId, Target,
};
use ike_wire::TrafficSelector;

use crate::ends::Proofs;

/// Longer than whatever is over is remembered.
const FORGOTTEN: Duration = Duration::from_secs(60);

pub(crate) struct Pair {
    initiator: Endpoint,
    responder: Endpoint,
    settings: (Arc<Config>, Arc<Credentials>),
    target: Target,
    grant: Grant,
    now: Now,
    answers: VecDeque<ike::Transmit>,
    established: Option<SessionId>,
    spent: Duration,
}

impl Pair {
    /// Both with the same settings.
    pub(crate) fn new(proofs: &Proofs, config: Config) -> Self {
        let now = Now { instant: Instant::now(), unix: log::now().unix_micros / 1_000_000 };
        let responder = Arc::new(config.clone());
        let settings = (Arc::new(config), Arc::new(proofs.of_initiator()));
        let everything = || vec!["0.0.0.0/0".parse::<ipnet::IpNet>().unwrap().into()];
        Self {
            initiator: endpoint(now, &settings.0, &settings.1),
            responder: endpoint(now, &responder, &Arc::new(proofs.of_responder())),
            settings,
            target: target(proofs, everything),
            grant: Grant {
                subject: "3700000/ct-01".into(),
                reachable: everything(),
                inner: everything(),
                virtual_address: false,
            },
            now,
            answers: VecDeque::new(),
            established: None,
            spent: Duration::ZERO,
        }
    }

    /// What the responder needed since it was asked last.
    pub(crate) fn take_spent(&mut self) -> Duration {
        std::mem::take(&mut self.spent)
    }

    /// IKE_SA_INIT to IKE_AUTH, with a CHILD_SA.
    pub(crate) fn begin(&mut self) -> SessionId {
        self.initiator.initiate(self.now, self.target.clone()).unwrap();
        self.exchange();
        self.established.take().unwrap()
    }

    /// Deletes a session, and waits until nothing of it is left.
    pub(crate) fn end(&mut self, id: SessionId) {
        self.initiator.close(self.now, id);
        self.exchange();
        self.wait(FORGOTTEN);
    }

    /// The initiator asks whether the responder lives.
    pub(crate) fn ask_for_life(&mut self, after: Duration) {
        self.now.instant += after;
        self.initiator.handle_timeout(self.now);
        self.exchange();
    }

    pub(crate) fn rekey(&mut self, id: SessionId) {
        self.initiator.rekey(self.now, id);
        self.exchange();
        self.wait(FORGOTTEN);
    }

    pub(crate) fn rekey_child(&mut self, id: SessionId) {
        let child = self.only_child();
        self.initiator.rekey_child(self.now, id, child);
        self.exchange();
        assert_ne!(self.only_child(), child, "it has a successor");
    }

    /// The initiator loses all it knows.
    pub(crate) fn forget_initiator(&mut self) {
        self.initiator = endpoint(self.now, &self.settings.0, &self.settings.1);
    }

    /// Sessions of the responder.
    pub(crate) fn held(&self) -> usize {
        self.responder.sessions().count()
    }

    fn only_child(&self) -> ChildId {
        let mut sessions = self.initiator.sessions();
        sessions.next().and_then(|session| session.children().next()).unwrap().id
    }

    fn wait(&mut self, duration: Duration) {
        self.now.instant += duration;
        self.initiator.handle_timeout(self.now);
        self.responder.handle_timeout(self.now);
        while self.responder.poll_event().is_some() {}
        self.note();
    }

    /// Carries messages until both are quiet.
    fn exchange(&mut self) {
        self.note();
        while let Some(request) = self.initiator.poll_transmit() {
            let start = Instant::now();
            self.respond(request);
            self.spent += start.elapsed();
            while let Some(mut answer) = self.answers.pop_front() {
                let path = reversed(answer.path);
                self.initiator.handle_datagram(self.now, path, &mut answer.datagram);
                self.note();
            }
        }
    }

    /// All that a responder does with a message.
    fn respond(&mut self, mut request: ike::Transmit) {
        let path = reversed(request.path);
        self.responder.handle_datagram(self.now, path, &mut request.datagram);
        while let Some(event) = self.responder.poll_event() {
            if let Event::Authenticated(id, _) = event {
                self.responder.admit(self.now, id, self.grant.clone());
            }
        }
        self.answers.extend(std::iter::from_fn(|| self.responder.poll_transmit()));
    }

    #[allow(clippy::wildcard_enum_match_arm, reason = "the rest is as it should be")]
    fn note(&mut self) {
        while let Some(event) = self.initiator.poll_event() {
            match event {
                Event::Established(id, ..) => self.established = Some(id),
                Event::Refused(..) | Event::ExchangeFailed(..) => panic!("{event:?}"),
                _ => {}
            }
        }
    }
}

fn endpoint(now: Now, config: &Arc<Config>, credentials: &Arc<Credentials>) -> Endpoint {
    let (config, credentials) = (Arc::clone(config), Arc::clone(credentials));
    Endpoint::new(now.instant, config, credentials, Box::new(Kernel))
}

fn target(proofs: &Proofs, everything: impl Fn() -> Vec<TrafficSelector>) -> Target {
    let [local, remote] = ["192.0.2.1:500", "192.0.2.2:500"].map(|text| text.parse().unwrap());
    Target {
        path: Path { local, remote },
        identity: proofs.initiator(),
        peer: proofs.responder(),
        pre_shared_key: matches!(proofs, Proofs::SharedKey),
        subject: "gateway".into(),
        children: vec![ChildPlan { local: everything(), remote: everything() }],
        virtual_addresses: (false, false),
        initial_contact: false,
    }
}

fn reversed(path: Path) -> Path {
    Path { local: path.remote, remote: path.local }
}
