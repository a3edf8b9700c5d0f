//! The record's types.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use policy::{InstitutionCode, Network, SystemId, TerminalName, Transport};

/// A reason's code, as `tls.no-certificate`.
pub type Code = Cow<'static, str>;

/// Names one connection, flow or refused attempt, globally unique; the open and the
/// close record of a connection share it. UUID version 7 (RFC 9562 §5.7).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub [u8; 16]);

impl ConnectionId {
    /// Makes an id from the time and 10 random bytes (RFC 9562 §5.7).
    pub fn new(unix_micros: i64, random: [u8; 10]) -> Self {
        let millis = u64::try_from(unix_micros / 1000).unwrap_or(0);
        let [_, _, a, b, c, d, e, f] = millis.to_be_bytes();
        let [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9] = random;
        let (version, variant) = (0x70 | r0 & 0x0f, 0x80 | r2 & 0x3f);
        Self([a, b, c, d, e, f, version, r1, variant, r3, r4, r5, r6, r7, r8, r9])
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether the gateway's clock was known to be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockState {
    /// The kernel says a time service keeps it.
    Synchronized,
    /// The kernel says none does.
    Unsynchronized,
    /// Not known.
    Unknown,
}

impl ClockState {
    /// The word in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Synchronized => "synchronized",
            Self::Unsynchronized => "unsynchronized",
            Self::Unknown => "unknown",
        }
    }
}

/// A moment as the gateway saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub unix_micros: i64,
    /// Minutes east of UTC of the gateway's local time.
    pub offset_minutes: i16,
    /// Whether the clock was known to be right.
    pub clock: ClockState,
}

/// What the caller proved itself with, or tried to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A certificate.
    Certificate {
        /// Serial number, lower-case hexadecimal.
        serial: Arc<str>,
        /// Issuer's distinguished name (RFC 4514).
        issuer: Arc<str>,
        /// The identity it carries, whether or not it was believed.
        claimed: Option<Arc<str>>,
    },
    /// An IKE identity.
    Ike(Arc<str>),
}

/// What the two ends agreed on, in the protocol's registered names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// As `TLSv1.3` or `IKEv2`.
    pub version: Cow<'static, str>,
    /// As `TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384`.
    pub suite: Cow<'static, str>,
    /// As `secp256r1`.
    pub group: Cow<'static, str>,
}

/// What is known of a connection; grows while it is being judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The road.
    pub network: Option<Network>,
    /// Outer source.
    pub source: Option<SocketAddr>,
    /// The gateway's own address that was reached.
    pub local: Option<SocketAddr>,
    /// Source inside the tunnel; on the IP-VPN the same as outside.
    pub inner_source: Option<SocketAddr>,
    /// Destination inside the tunnel.
    pub inner_destination: Option<SocketAddr>,
    /// What the ends speak on the layer-3 roads.
    pub protocol: Option<Transport>,
    /// The institution, as the policy names it.
    pub institution: Option<InstitutionCode>,
    /// The terminal, as the policy names it.
    pub terminal: Option<TerminalName>,
    /// What it proved itself with.
    pub credential: Option<Credential>,
    /// The system asked for.
    pub system: Option<SystemId>,
    /// The host name asked for (SNI), shortened to 255 bytes.
    pub requested: Option<Arc<str>>,
    /// What was negotiated.
    pub negotiated: Option<Negotiated>,
    /// Generation of the policy that judged.
    pub generation: Option<u64>,
}

/// What went each way; "in" is from the caller to the system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Payload bytes from the caller.
    pub bytes_in: u64,
    /// Payload bytes to the caller.
    pub bytes_out: u64,
    /// Packets from the caller (layer-3 roads).
    pub packets_in: u64,
    /// Packets to the caller (layer-3 roads).
    pub packets_out: u64,
}

impl std::ops::AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.packets_in += other.packets_in;
        self.packets_out += other.packets_out;
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Permitted and begun.
    Opened,
    /// Ended.
    Closed {
        /// Why.
        reason: Code,
        /// Particulars, as who ended it.
        detail: Option<Arc<str>>,
        /// When it was opened, microseconds since the epoch.
        started: i64,
        /// What went through.
        traffic: Traffic,
    },
    /// Refused.
    Denied {
        /// Why.
        reason: Code,
        /// How many attempts this one record stands for.
        attempts: u64,
        /// The precise cause in the protocol's own words.
        detail: Option<Arc<str>>,
    },
    /// The gateway itself: started, stopped, policy changed, log regained.
    Control {
        /// What.
        reason: Code,
        /// Particulars.
        detail: Option<Arc<str>>,
    },
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The connection it is about.
    pub connection: ConnectionId,
    /// When it was made; for a close record, when the connection ended.
    pub time: Timestamp,
    /// The gateway that made it.
    pub gateway: Arc<str>,
    /// What happened.
    pub event: Event,
    /// To whom.
    pub facts: Facts,
}

impl Record {
    /// `open`, `close`, `denied` or `control`.
    pub fn kind(&self) -> &'static str {
        match self.event {
            Event::Opened => "open",
            Event::Closed { .. } => "close",
            Event::Denied { .. } => "denied",
            Event::Control { .. } => "control",
        }
    }

    /// The reason's code, where there is one.
    pub fn reason(&self) -> Option<&str> {
        match &self.event {
            Event::Opened => None,
            Event::Closed { reason, .. }
            | Event::Denied { reason, .. }
            | Event::Control { reason, .. } => Some(reason),
        }
    }
}
