//! One client turned away: the reason for the record, from whichever part it comes.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "the errors of rustls and of the system are open lists"
)]

use std::io;
use std::sync::Arc;

use logstore::Unwritable;
use policy::Denial;
use reason::Reason as _;
use rustls::{CertificateError, Error, PeerIncompatible};
use tokio::net::TcpStream;

use crate::admission::Presented;
use crate::reasons::Refusal;

/// Whose reason it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cause {
    Tls(Refusal),
    Policy(Denial),
    Log(Unwritable),
}

impl Cause {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Tls(refusal) => refusal.code(),
            Self::Policy(denial) => denial.code(),
            Self::Log(unwritable) => unwritable.reason().code(),
        }
    }
}

/// A client turned away.
#[derive(Debug)]
pub(crate) struct Rejected {
    pub(crate) cause: Cause,
    /// The protocol's own words, where it had some.
    pub(crate) detail: Option<Arc<str>>,
    /// The socket, while the client may still read its alert from it.
    pub(crate) tcp: Option<TcpStream>,
}

impl From<Cause> for Rejected {
    fn from(cause: Cause) -> Self {
        Self { cause, detail: None, tcp: None }
    }
}

impl From<Refusal> for Rejected {
    fn from(refusal: Refusal) -> Self {
        Cause::Tls(refusal).into()
    }
}

impl Rejected {
    /// Reads the outcome of a failed handshake step. `early` says that no ClientHello had come.
    pub(crate) fn from_handshake(
        error: &io::Error,
        presented: Option<&Presented>,
        early: bool,
    ) -> Self {
        if let Some(denied) = presented.and_then(|presented| presented.denied.as_ref()) {
            return Cause::Policy(denied.reason).into();
        }
        if let Some(weakness) = presented.and_then(|presented| presented.weakness) {
            let detail = Some(weakness.to_string().into());
            return Self { detail, ..Refusal::CertificateWeak.into() };
        }
        if presented.is_some_and(Presented::proof_failed) {
            return Refusal::ProofOfPossession.into();
        }
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        let refusal = match tls {
            Some(tls) => refusal_of(tls),
            None => match error.kind() {
                io::ErrorKind::UnexpectedEof if early => Refusal::ClosedBeforeHello,
                io::ErrorKind::ConnectionReset if early => Refusal::ClosedBeforeHello,
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe => Refusal::ClosedInHandshake,
                _ => Refusal::SocketError,
            },
        };
        let detail = tls.map(|tls| shorten(&tls.to_string()));
        Self { detail, ..refusal.into() }
    }
}

/// The longest text that a client may put into its record, in characters.
const LONGEST_TEXT: usize = 255;

/// What a client said of itself, cut where it is too long.
pub(crate) fn shorten(text: &str) -> Arc<str> {
    if text.chars().nth(LONGEST_TEXT).is_none() {
        return text.into();
    }
    text.chars().take(LONGEST_TEXT - 1).chain(['…']).collect::<String>().into()
}

/// One place where rustls's errors become ours.
pub(crate) fn refusal_of(error: &Error) -> Refusal {
    match error {
        Error::NoCertificatesPresented => Refusal::NoCertificate,
        Error::InvalidCertificate(fault) => certificate_fault(fault),
        Error::PeerIncompatible(fault) => incompatible(fault),
        Error::AlertReceived(_) => Refusal::ClientAlert,
        Error::InvalidCertRevocationList(_) => Refusal::CrlInvalid,
        Error::DecryptError
        | Error::PeerMisbehaved(_)
        | Error::InvalidMessage(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::PeerSentOversizedRecord => Refusal::Malformed,
        _ => Refusal::Incompatible,
    }
}

fn incompatible(fault: &PeerIncompatible) -> Refusal {
    use PeerIncompatible as Fault;
    match fault {
        Fault::Tls12NotOffered
        | Fault::Tls12NotOfferedOrEnabled
        | Fault::ServerDoesNotSupportTls12Or13
        | Fault::ServerTlsVersionIsDisabledByOurConfig
        | Fault::SupportedVersionsExtensionRequired => Refusal::ProtocolVersion,
        Fault::NoCipherSuitesInCommon => Refusal::CipherSuite,
        Fault::NoKxGroupsInCommon
        | Fault::NamedGroupsExtensionRequired
        | Fault::KeyShareExtensionRequired => Refusal::KeyExchangeGroup,
        Fault::NoSignatureSchemesInCommon
        | Fault::NoCertificateRequestSignatureSchemesInCommon
        | Fault::SignatureAlgorithmsExtensionRequired => Refusal::SignatureScheme,
        Fault::ExtendedMasterSecretExtensionRequired => Refusal::ExtendedMasterSecret,
        _ => Refusal::Incompatible,
    }
}

fn certificate_fault(fault: &CertificateError) -> Refusal {
    use CertificateError as Fault;
    match fault {
        Fault::BadEncoding => Refusal::CertificateMalformed,
        Fault::UnknownIssuer => Refusal::CertificateUnknownCa,
        Fault::Expired | Fault::ExpiredContext { .. } => Refusal::CertificateExpired,
        Fault::NotValidYet | Fault::NotValidYetContext { .. } => Refusal::CertificateNotYetValid,
        Fault::Revoked => Refusal::CertificateRevoked,
        Fault::UnknownRevocationStatus => Refusal::RevocationUnknown,
        Fault::ExpiredRevocationList | Fault::ExpiredRevocationListContext { .. } => {
            Refusal::CrlExpired
        }
        Fault::InvalidPurpose | Fault::InvalidPurposeContext { .. } => Refusal::CertificatePurpose,
        Fault::BadSignature
        | Fault::UnsupportedSignatureAlgorithmContext { .. }
        | Fault::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            Refusal::CertificateSignature
        }
        _ => Refusal::CertificateInvalid,
    }
}
