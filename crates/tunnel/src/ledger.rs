//! Where flows and refusals are recorded.

use std::net::SocketAddr;
use std::sync::Arc;

use policy::{Denied, Network, Permit, Transport};
use reason::reasons;

use crate::flow::{Traffic, protocol};
use crate::selector::Ends;
use crate::{Discard, Member, Path};

/// What writes the records. Called at the first and last packet of a flow and at refusals, by the
/// worker itself: must not block.
pub trait Ledger {
    /// A flow is permitted and begins now. Returns what names its entry from here on; `None` when
    /// it cannot be recorded, and so may not be.
    fn opened(&mut self, opening: &Opening<'_>) -> Option<u32>;

    /// The flow of this entry is over, for the reason of this code.
    fn closed(&mut self, entry: u32, reason: &'static str, traffic: Traffic);

    /// A packet that would begin a flow was refused.
    fn refused(&mut self, refusal: &Refusal<'_>);
}

/// Who is at the far end, and by which road.
#[derive(Clone, Copy, Debug)]
pub enum Party<'a> {
    /// An address on the closed IP-VPN.
    IpVpn,
    /// Somebody whom IKE authenticated.
    Tunnel {
        /// Who.
        member: &'a Arc<Member>,
        /// Between which outer addresses.
        path: Path,
    },
}

impl Party<'_> {
    /// The road.
    #[must_use]
    pub fn network(&self) -> Network {
        match self {
            Self::IpVpn => Network::IpVpn,
            Self::Tunnel { .. } => Network::Ipsec,
        }
    }
}

/// A flow that begins.
#[derive(Debug)]
pub struct Opening<'a> {
    /// Who began it.
    pub party: Party<'a>,
    /// By whose leave.
    pub permit: &'a Permit,
    /// Between whom.
    pub conversation: Conversation,
}

/// A packet that began nothing.
#[derive(Debug)]
pub struct Refusal<'a> {
    /// Whose it was.
    pub party: Party<'a>,
    /// Between whom it would have been.
    pub conversation: Conversation,
    /// Why.
    pub reason: Discard,
    /// What the policy knows of it, when the policy refused it.
    pub denied: Option<&'a Denied>,
    /// Which policy was asked.
    pub generation: u64,
}

/// Both ends of a flow, and what they speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Address and port of the client; the port of an ICMP echo is 0.
    pub client: SocketAddr,
    /// Address and port of the system.
    pub system: SocketAddr,
    /// `None` for a protocol that is not forwarded.
    pub transport: Option<Transport>,
}

impl From<&Ends> for Conversation {
    fn from(ends: &Ends) -> Self {
        let transport = transport(ends.protocol);
        let port = |port| if transport == Some(Transport::Icmp) { 0 } else { port };
        Self {
            client: SocketAddr::new(ends.client.0, port(ends.client.1)),
            system: SocketAddr::new(ends.system.0, port(ends.system.1)),
            transport,
        }
    }
}

/// The policy's word for a protocol number.
pub(crate) fn transport(number: u8) -> Option<Transport> {
    match number {
        protocol::TCP => Some(Transport::Tcp),
        protocol::UDP => Some(Transport::Udp),
        protocol::ICMP | protocol::ICMPV6 => Some(Transport::Icmp),
        _ => None,
    }
}

reasons! {
    /// Why a flow ended, where the policy did not end it.
    pub enum Ending {
        /// Both ends of a TCP connection have closed it.
        Finished = "flow.finished",
            ja "通信が正常に終了しました。", en "both ends closed the connection";
        /// One end of a TCP connection broke it off.
        Reset = "flow.reset",
            ja "TCP 接続が中断されました (RST)。", en "one end broke the TCP connection off (RST)";
        /// No packet came for long.
        Idle = "flow.idle",
            ja "通信が途絶えたため終了しました。", en "no packet came for too long";
        /// The system never answered.
        Unanswered = "flow.unanswered",
            ja "接続システムからの応答がありませんでした。", en "the system did not answer";
        /// No SA leads to the terminal any more.
        PeerGone = "flow.sa-lost",
            ja "IPsec の SA がなくなったため終了しました。", en "no SA leads to the terminal any more";
        /// The flow table was full.
        Evicted = "flow.evicted",
            ja "通信の登録数が上限に達し、最も使われていないものを終了しました。",
            en "the flow table was full, and this one was silent longest";
        /// Institution, terminal or system are others now.
        Reassigned = "flow.reassigned",
            ja "アドレスの割り当て（機関・端末・接続システム）が変わったため終了しました。",
            en "its addresses belong to another institution, terminal or system now";
        /// The gateway stops.
        Stopped = "flow.gateway-stopped",
            ja "ゲートウェイが停止しました。", en "the gateway stopped";
    }
}

#[cfg(test)]
mod tests;
