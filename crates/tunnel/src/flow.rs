//! One conversation through the gateway.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use packet::icmp::{Quoted, QuotedFlow};
use packet::{Headers, Icmp, Transport};
use policy::Permit;

use crate::Member;
use crate::child::ChildRef;
use crate::course::Course;
use crate::selector::Ends;

/// Protocol numbers of IANA.
pub(crate) mod protocol {
    pub(crate) const ICMP: u8 = 1;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const ICMPV6: u8 = 58;
}

const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST: u8 = 8;
const ECHO_REQUEST_V6: u8 = 128;
const ECHO_REPLY_V6: u8 = 129;

/// The two halves of an address. (No array: two arrays would be compared in memory, where they
/// have only just been written.)
type Halves = (u64, u64);

/// Names a flow: both ends, whoever sends. An IPv4 address is kept as IPv4-mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FlowKey {
    client: Halves,
    system: Halves,
    /// From the low bits: the system's port, the client's or the identifier of an echo, and the
    /// protocol. (One word, for the same reason.)
    upper: u64,
}

/// What a packet is to the flow table.
pub(crate) enum Kind {
    /// Of a flow.
    Of(FlowKey),
    /// An ICMP error about a flow.
    About(FlowKey),
    /// Of a protocol that is not forwarded.
    Foreign,
    /// ICMP that is no echo and no error about something.
    Stray,
}

impl FlowKey {
    /// What a packet from the peer is.
    #[inline]
    pub(crate) fn inbound(headers: &Headers, octets: &[u8]) -> Kind {
        let ports = match headers.transport {
            Transport::Tcp(tcp) => (tcp.source, tcp.destination),
            Transport::Udp(udp) => (udp.source, udp.destination),
            Transport::Icmp(Icmp { kind, identifier, .. })
                if matches!(
                    (headers.protocol, kind),
                    (protocol::ICMP, ECHO_REQUEST) | (protocol::ICMPV6, ECHO_REQUEST_V6)
                ) =>
            {
                (identifier, 0)
            }
            Transport::Icmp(_) => {
                return Self::about(headers, octets, |quoted, (source, destination)| {
                    let ports = (destination, source);
                    Self::new(&quoted.destination, &quoted.source, ports, quoted.protocol)
                });
            }
            Transport::Other | Transport::Absent => return Kind::Foreign,
        };
        Kind::Of(Self::new(&headers.source, &headers.destination, ports, headers.protocol))
    }

    /// What a packet to the peer is.
    #[inline]
    pub(crate) fn outbound(headers: &Headers, octets: &[u8]) -> Kind {
        let ports = match headers.transport {
            Transport::Tcp(tcp) => (tcp.destination, tcp.source),
            Transport::Udp(udp) => (udp.destination, udp.source),
            Transport::Icmp(Icmp { kind, identifier, .. })
                if matches!(
                    (headers.protocol, kind),
                    (protocol::ICMP, ECHO_REPLY) | (protocol::ICMPV6, ECHO_REPLY_V6)
                ) =>
            {
                (identifier, 0)
            }
            Transport::Icmp(_) => {
                return Self::about(headers, octets, |quoted, ports| {
                    Self::new(&quoted.source, &quoted.destination, ports, quoted.protocol)
                });
            }
            Transport::Other | Transport::Absent => return Kind::Foreign,
        };
        Kind::Of(Self::new(&headers.destination, &headers.source, ports, headers.protocol))
    }

    #[cold]
    fn about(
        headers: &Headers,
        octets: &[u8],
        key: impl FnOnce(&Quoted, (u16, u16)) -> Self,
    ) -> Kind {
        let Some(quoted) = packet::icmp::quoted(octets, headers) else { return Kind::Stray };
        // An error goes to the sender of what it quotes (RFC 792, RFC 4443 §2.2); what goes to
        // anybody else was permitted by nobody.
        if quoted.source != headers.destination {
            return Kind::Stray;
        }
        let ports = match quoted.flow {
            QuotedFlow::Ports(source, destination) => (source, destination),
            // Only a request has an answer that can go wrong; its identifier is the client's.
            QuotedFlow::Echo(identifier) => (identifier, 0),
            QuotedFlow::Protocol => return Kind::Stray,
        };
        Kind::About(key(&quoted, ports))
    }

    #[inline]
    fn new(client: &IpAddr, system: &IpAddr, ports: (u16, u16), protocol: u8) -> Self {
        let (at_client, at_system) = ports;
        let upper = u64::from(protocol) << 32 | u64::from(at_client) << 16 | u64::from(at_system);
        Self { client: halves(client), system: halves(system), upper }
    }

    /// Both ends, as the policy is asked about them.
    pub(crate) fn ends(&self) -> Ends {
        let [client, system] = [self.client, self.system].map(address);
        let (client, system) = match client.to_ipv4_mapped() {
            Some(client) => (client.into(), system.to_canonical()),
            None => (client.into(), system.into()),
        };
        Ends {
            client: (client, (self.upper >> 16) as u16),
            system: (system, self.upper as u16),
            protocol: self.protocol(),
        }
    }

    pub(crate) fn protocol(&self) -> u8 {
        (self.upper >> 32) as u8
    }
}

#[inline]
fn halves(address: &IpAddr) -> Halves {
    match address {
        IpAddr::V4(v4) => (0, 0xffff << 32 | u64::from(v4.to_bits())),
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            ((bits >> 64) as u64, bits as u64)
        }
    }
}

fn address((high, low): Halves) -> Ipv6Addr {
    Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low))
}

/// Where the client is.
#[derive(Clone, Debug)]
pub(crate) enum Road {
    /// On the closed IP-VPN.
    IpVpn,
    /// Behind a tunnel.
    Tunnel {
        /// Whose it is; as long as the flow lives, that one may continue it by any SA.
        member: Arc<Member>,
        /// By which SA packets go to the peer.
        child: ChildRef,
    },
}

/// In place of a session, of flows on the IP-VPN. No gateway runs for so many sessions.
pub(crate) const NO_SESSION: u64 = u64::MAX;

/// What is known of a flow.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) road: Road,
    /// The member's session, near at hand.
    pub(crate) session: u64,
    /// When it was judged last: [`Forwarder::epoch`](crate::Forwarder).
    pub(crate) epoch: u64,
    /// When time alone may end the permit, in seconds since 1970.
    pub(crate) recheck_at: i64,
    /// What it has carried.
    pub(crate) traffic: Traffic,
    pub(crate) course: Course,
    /// Its entry in the ledger.
    pub(crate) entry: u32,
    /// By whose leave it began.
    pub(crate) permit: Permit,
}

/// What went each way; "in" is from the client to the system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Octets of IP packets from the client.
    pub octets_in: u64,
    /// Octets of IP packets to the client.
    pub octets_out: u64,
    /// Packets from the client.
    pub packets_in: u64,
    /// Packets to the client.
    pub packets_out: u64,
}
