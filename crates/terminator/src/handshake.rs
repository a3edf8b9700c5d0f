//! From the first byte of a client to its authenticated, permitted TLS stream.

#![allow(clippy::wildcard_enum_match_arm, reason = "the lists of TLS code points are open")]

use std::io;
use std::sync::Arc;

use connlog::{Credential, Facts, Negotiated};
use policy::{Caller, Fingerprint, Permit, Policy, Request, SystemId, Target};
use rustls::{CipherSuite, NamedGroup, ProtocolVersion, ServerConnection};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, timeout, timeout_at};
use tokio_rustls::server::TlsStream;

use crate::admission::{Admission, Presented};
use crate::front::{Front, Listener};
use crate::hello;
use crate::material::Material;
use crate::reasons::Refusal;
use crate::rejected::{Cause, Rejected, shorten};

/// A client that has proven who it is and may reach one system.
pub(crate) struct Admitted {
    pub(crate) stream: TlsStream<TcpStream>,
    pub(crate) permit: Permit,
    /// Who it is, for asking the policy again.
    pub(crate) fingerprint: Fingerprint,
    /// What verified its certificate.
    pub(crate) material: Arc<Material>,
    /// The certificate's common name.
    pub(crate) common_name: Option<String>,
}

/// Fatal alert `unrecognized_name` (RFC 6066 §3) in a plaintext record.
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];
/// How long a refused client may take to read its alert.
const LINGER: Duration = Duration::from_secs(1);

/// Runs the handshake and asks the policy. What becomes known on the way goes into
/// `facts`, so that a refusal can be recorded as fully as a success.
pub(crate) async fn admit(
    front: &Front,
    listener: &Listener,
    tcp: TcpStream,
    deadline: Instant,
    facts: &mut Facts,
) -> Result<Admitted, Rejected> {
    let start = hello::read(tcp, deadline).await?;
    let policy = front.policy();
    facts.generation = Some(policy.generation());
    let requested = start.client_hello().server_name().map(str::to_owned);
    facts.requested = requested.as_deref().map(shorten);
    let system = match choose_system(&policy, listener, requested.as_deref()) {
        Ok(system) => system,
        Err(refusal) => {
            // Seven bytes into an empty socket buffer: they fit, or the client is gone.
            let _ = start.io.try_write(&UNRECOGNIZED_NAME);
            return Err(Rejected { tcp: Some(start.io), ..refusal.into() });
        }
    };
    facts.system = Some(system.clone());

    let material = front.material();
    let admission = Admission::new(Arc::clone(&material), Arc::clone(&policy), system.clone());
    let config = material.config(listener.builder.clone(), listener.require_ems, admission.clone());
    let handshake = start.into_stream(Arc::new(config)).into_fallible();
    let outcome = timeout_at(deadline, handshake).await;
    let presented = admission.presented();
    if let Some(presented) = presented {
        note_presented(presented, facts);
    }
    let stream = match outcome {
        Err(_elapsed) => return Err(Refusal::HandshakeTimeout.into()),
        Ok(Err((error, tcp))) => {
            let rejected = Rejected::from_handshake(&error, presented, false);
            return Err(Rejected { tcp: Some(tcp), ..rejected });
        }
        Ok(Ok(stream)) => stream,
    };
    facts.negotiated = negotiated(stream.get_ref().1);
    let Some(presented) = presented else {
        return Err(Refusal::NoCertificate.into());
    };
    let fingerprint = Fingerprint(presented.leaf.fingerprint);
    let permit = permit(front, &policy, &fingerprint, &system)?;
    facts.institution = Some(permit.institution().clone());
    facts.terminal = permit.terminal().cloned();
    let common_name = presented.leaf.common_name.clone();
    Ok(Admitted { stream, permit, fingerprint, material, common_name })
}

/// The server name chooses the system; a client without one is served only by a
/// listener bound to one system, and no name leads past such a binding.
fn choose_system(
    policy: &Policy,
    listener: &Listener,
    requested: Option<&str>,
) -> Result<SystemId, Refusal> {
    match (requested, &listener.system) {
        (None, None) => Err(Refusal::NoServerName),
        (None, Some(bound)) => Ok(bound.clone()),
        (Some(name), bound) => match (policy.system_for_host(name), bound) {
            (None, _) => Err(Refusal::UnknownServerName),
            (Some(system), Some(bound)) if system.id != *bound => Err(Refusal::OtherServerName),
            (Some(system), _) => Ok(system.id.clone()),
        },
    }
}

/// The permit itself is asked for only now, when the key has been proven.
fn permit(
    front: &Front,
    policy: &Policy,
    fingerprint: &Fingerprint,
    system: &SystemId,
) -> Result<Permit, Rejected> {
    let request = Request {
        caller: Caller::Tls(fingerprint),
        target: Target::System(system),
        now: front.unix_now(),
    };
    policy.authorize(&request).map_err(|denied| Cause::Policy(denied.reason).into())
}

/// Until the client has proven that it holds the key, all this is only claimed.
fn note_presented(presented: &Presented, facts: &mut Facts) {
    let leaf = &presented.leaf;
    let registered = presented.denied.as_ref().and_then(|denied| denied.terminal.as_ref());
    let named = leaf.identity.as_ref().ok();
    let claimed = registered.map(ToString::to_string).or_else(|| {
        named.map(|identity| format!("{}/{}", identity.institution(), identity.terminal()))
    });
    facts.credential = Some(Credential::Certificate {
        serial: leaf.serial.to_string().into(),
        issuer: shorten(&leaf.issuer),
        claimed: claimed.map(Into::into),
    });
}

fn negotiated(connection: &ServerConnection) -> Option<Negotiated> {
    let version = match connection.protocol_version()? {
        ProtocolVersion::TLSv1_3 => "TLSv1.3",
        ProtocolVersion::TLSv1_2 => "TLSv1.2",
        _ => "unknown",
    };
    // IANA's names; rustls writes its own for TLS 1.3.
    let suite = match connection.negotiated_cipher_suite()?.suite() {
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        suite => suite.as_str().unwrap_or("unknown"),
    };
    let group =
        connection.negotiated_key_exchange_group().map(rustls::crypto::SupportedKxGroup::name);
    let group = group.as_ref().and_then(NamedGroup::as_str).unwrap_or("unknown");
    Some(Negotiated { version: version.into(), suite: suite.into(), group: group.into() })
}

/// Closes so that the alert arrives: a socket closed with unread bytes resets the
/// connection, and the client would see that instead of the reason.
pub(crate) async fn linger(mut tcp: TcpStream) {
    let drain = async move {
        tcp.shutdown().await?;
        let mut rest = tcp.take(64 * 1024);
        let mut sink = [0; 1024];
        while rest.read(&mut sink).await? > 0 {}
        io::Result::Ok(())
    };
    // Whether it read its alert or not, the client is gone after this.
    let _ = timeout(LINGER, drain).await;
}
