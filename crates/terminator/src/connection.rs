//! One task owns a connection from accept to record.

use std::net::SocketAddr;
use std::sync::Arc;

use connlog::{Dismissal, Event, Facts, Record, Traffic};
use logstore::{Ticket, Unwritable};
use pki::Leaf;
use policy::{Caller, Denied, Fingerprint, Network, Permit, Request, Target, UnixSeconds};
use reason::Reason as _;
use rustls::pki_types::UnixTime;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep, timeout_at};

use crate::front::{Front, Listener, Phase};
use crate::handshake::{self, Admitted};
use crate::limits::Place;
use crate::live::Meter;
use crate::material::Material;
use crate::proxy_v2::Header;
use crate::reasons::{Ending, Refusal};
use crate::rejected::{Cause, Rejected, refusal_of};
use crate::relay::Relay;
use crate::upstream;

/// How long a client is given to hear that its connection ends.
const HANG_UP: Duration = Duration::from_millis(200);

/// How a permitted connection ended.
enum End {
    Own(Ending),
    /// The open record did not reach the disk.
    NotRecorded(Unwritable),
    /// The policy of this generation takes its permit back.
    Withdrawn(Denied, u64),
    /// New CAs or CRLs do not verify its certificate.
    Untrusted(Refusal),
    /// An operator ended it.
    Dismissed(Dismissal),
}

/// Serves one accepted client to the end.
pub(crate) async fn serve(
    front: Arc<Front>,
    listener: Arc<Listener>,
    tcp: TcpStream,
    source: SocketAddr,
    mut place: Place,
    mut phase: watch::Receiver<Phase>,
) {
    let deadline = Instant::now() + front.settings.timeouts.setup;
    let accepted = front.now();
    let id = logstore::fresh_id(accepted);
    let local = tcp.local_addr().ok();
    let mut facts =
        Facts { network: Some(Network::Tls), source: Some(source), local, ..Facts::default() };

    // Boxed: the handshake's state is large, and gone while the connection lives.
    let admitted = tokio::select! {
        admitted = Box::pin(handshake::admit(&front, &listener, tcp, deadline, &mut facts)) => admitted,
        () = stopping(&mut phase) => Err(Refusal::Draining.into()),
    };
    let admitted = match admitted {
        Ok(admitted) => admitted,
        Err(rejected) => return turn_away(&front, id, source, facts, rejected).await,
    };
    place.established();
    let opened = front.now();
    let record = Record {
        connection: id,
        time: opened,
        gateway: Arc::clone(&front.settings.gateway),
        event: Event::Opened,
        facts: facts.clone(),
    };
    let mut ticket = match front.recorder.open(record) {
        Ok(ticket) => ticket,
        Err(unwritable) => {
            let rejected = Cause::Log(unwritable).into();
            return turn_away(&front, id, source, facts, rejected).await;
        }
    };
    let held = Held { fingerprint: admitted.fingerprint, material: Arc::clone(&admitted.material) };
    let permit = admitted.permit.clone();
    let member = front.live.enter(id, source, &permit, opened);
    let meter = member.meter();
    let connecting = connect(&front, &listener, admitted, meter, &mut ticket, &facts, deadline);
    let connected = tokio::select! {
        connected = Box::pin(connecting) => connected,
        () = stopping(&mut phase) => Err(End::Own(Ending::Stopped)),
        by = member.dismissed() => Err(End::Dismissed(by)),
    };
    match connected {
        Err(end) => {
            let end = member.leave().map_or(end, End::Dismissed);
            end.record(&front, ticket, Traffic::default());
        }
        Ok(mut relay) => {
            let end = tokio::select! {
                end = hold(&front, &mut relay, &held, permit, phase) => end,
                by = member.dismissed() => End::Dismissed(by),
            };
            // Whoever ordered it to end in its last moment was told that it would.
            let end = member.leave().map_or(end, End::Dismissed);
            end.record(&front, ticket, relay.traffic());
            if !matches!(end, End::Own(Ending::Client | Ending::System)) {
                relay.break_off(HANG_UP).await;
            }
        }
    }
}

impl End {
    /// Counts it, and writes the close record.
    fn record(&self, front: &Front, mut ticket: Ticket, traffic: Traffic) {
        if let Self::Withdrawn(_, generation) = self {
            ticket.facts_mut().generation = Some(*generation);
        }
        let detail = match self {
            Self::Dismissed(by) => Some(by.detail()),
            Self::Own(_) | Self::NotRecorded(_) | Self::Withdrawn(..) | Self::Untrusted(_) => None,
        };
        ticket.close_with(self.count(front), detail, traffic, front.now());
    }

    /// Counts it; the code for the record.
    fn count(&self, front: &Front) -> &'static str {
        match self {
            Self::Own(ending) => {
                front.count_ending(*ending);
                ending.code()
            }
            Self::Dismissed(by) => {
                front.count_dismissal();
                by.code()
            }
            Self::Withdrawn(denied, _) => {
                front.count_denial(denied.reason);
                denied.reason.code()
            }
            Self::Untrusted(refusal) => {
                front.count_refusal(*refusal);
                refusal.code()
            }
            Self::NotRecorded(unwritable) => {
                front.count_unwritable(*unwritable);
                unwritable.reason().code()
            }
        }
    }
}

async fn turn_away(
    front: &Front,
    id: connlog::ConnectionId,
    source: SocketAddr,
    facts: Facts,
    mut rejected: Rejected,
) {
    let tcp = rejected.tcp.take();
    front.reject(id, source.ip(), facts, &rejected);
    if let Some(tcp) = tcp {
        Box::pin(handshake::linger(tcp)).await;
    }
}

/// Connects the permit's system while the open record becomes durable: no byte of the
/// client goes through before both are done.
async fn connect(
    front: &Front,
    listener: &Listener,
    admitted: Admitted,
    meter: Meter,
    ticket: &mut Ticket,
    facts: &Facts,
    deadline: Instant,
) -> Result<Relay, End> {
    let id = ticket.connection().to_string();
    let negotiated = facts.negotiated.as_ref();
    let terminal = admitted.permit.terminal().map(ToString::to_string);
    let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
    let header = Header {
        source: facts.source.unwrap_or(unspecified),
        destination: facts.local.unwrap_or(unspecified),
        authority: facts.requested.as_deref(),
        unique_id: &id,
        tls_version: negotiated.map_or("", |n| &n.version),
        cipher: negotiated.map_or("", |n| &n.suite),
        common_name: admitted.common_name.as_deref(),
        terminal: terminal.as_deref(),
    };
    let connecting = async {
        let upstreams = listener.upstream.iter().chain(&front.settings.upstreams);
        upstream::connect(&admitted.permit, upstreams, &header, deadline).await.map_err(End::Own)
    };
    let recording = async {
        let durable = timeout_at(deadline, ticket.durable()).await;
        durable.unwrap_or(Err(Unwritable::Storage)).map_err(End::NotRecorded)
    };
    let (system, ()) = tokio::try_join!(connecting, recording)?;
    Ok(Relay::new(admitted.stream, system, front.settings.timeouts.idle, meter))
}

/// What a live connection is judged by again.
struct Held {
    fingerprint: Fingerprint,
    /// What verified its certificate.
    material: Arc<Material>,
}

/// Relays for as long as the permit holds: asks the policy again whenever it changes and
/// when time alone may have ended it, and verifies the certificate again whenever CAs or
/// CRLs change.
async fn hold(
    front: &Front,
    relay: &mut Relay,
    held: &Held,
    mut permit: Permit,
    mut phase: watch::Receiver<Phase>,
) -> End {
    let (mut policies, mut materials) = front.changes();
    loop {
        let until_recheck = wait(permit.recheck_at(), front.unix_now());
        tokio::select! {
            biased;
            () = stopping(&mut phase) => return End::Own(Ending::Stopped),
            // Both senders live as long as the gateway; their end is its own.
            changed = policies.changed() => if changed.is_err() {
                return End::Own(Ending::Stopped);
            },
            changed = materials.changed() => {
                if changed.is_err() {
                    return End::Own(Ending::Stopped);
                }
                let material = Arc::clone(&materials.borrow_and_update());
                if let Err(refusal) = verify_again(held, &material, relay) {
                    return End::Untrusted(refusal);
                }
                continue;
            }
            () = sleep(until_recheck) => {}
            ending = relay.run() => return End::Own(ending),
        }
        let policy = Arc::clone(&policies.borrow_and_update());
        let request = Request {
            caller: Caller::Tls(&held.fingerprint),
            target: Target::System(permit.system()),
            now: front.unix_now(),
        };
        match policy.authorize(&request) {
            Ok(renewed) => permit = renewed,
            Err(denied) => return End::Withdrawn(denied, policy.generation()),
        }
    }
}

fn verify_again(held: &Held, material: &Arc<Material>, relay: &Relay) -> Result<(), Refusal> {
    if Arc::ptr_eq(material, &held.material) {
        return Ok(());
    }
    let Some((certificate, sent)) = relay.client_certificates().split_first() else {
        return Err(Refusal::NoCertificate);
    };
    let leaf = Leaf::from_der(certificate).map_err(|_| Refusal::CertificateMalformed)?;
    material.verify(certificate, sent, &leaf, UnixTime::now()).map_err(|error| refusal_of(&error))
}

/// Resolves when live connections are to end, or whoever would say so is gone.
async fn stopping(phase: &mut watch::Receiver<Phase>) {
    let _ = phase.wait_for(|phase| *phase == Phase::Stopping).await;
}

/// How long until `recheck_at`; in pieces of an hour at most, so that a clock that is
/// set meanwhile is noticed.
fn wait(recheck_at: Option<UnixSeconds>, now: UnixSeconds) -> Duration {
    const AN_HOUR: u64 = 3600;
    let seconds = recheck_at.map_or(AN_HOUR, |at| u64::try_from(at - now).unwrap_or(0));
    Duration::from_secs(seconds.clamp(1, AN_HOUR))
}
