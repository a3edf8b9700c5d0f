//! A connected system: one object for its TLS host names and its layer-3 addresses.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use ipnet::IpNet;

use crate::{SystemId, UnixSeconds};

/// A transport protocol above IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP
    Tcp,
    /// UDP
    Udp,
    /// ICMP or ICMPv6 echo; it has no port.
    Icmp,
}

impl Transport {
    /// As services are written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
        }
    }
}

impl FromStr for Transport {
    type Err = PortRangeError;

    fn from_str(text: &str) -> Result<Self, PortRangeError> {
        match text {
            "tcp" => Ok(Self::Tcp),
            "udp" => Ok(Self::Udp),
            "icmp" => Ok(Self::Icmp),
            _ => Err(PortRangeError),
        }
    }
}

/// A protocol and its ports, written `tcp/443`, `tcp/11112-11120` or `icmp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The protocol.
    pub transport: Transport,
    /// The destination ports; all for ICMP.
    pub ports: RangeInclusive<u16>,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
        })
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.ports.start(), self.ports.end());
        match self.transport {
            Transport::Icmp => write!(f, "{}", self.transport),
            Transport::Tcp | Transport::Udp if first == last => {
                write!(f, "{}/{first}", self.transport)
            }
            Transport::Tcp | Transport::Udp => write!(f, "{}/{first}-{last}", self.transport),
        }
    }
}

/// The text is not `tcp/PORT`, `udp/PORT-PORT` or `icmp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRangeError;

impl fmt::Display for PortRangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is not like 'tcp/443', 'udp/5000-5010' or 'icmp'")
    }
}

impl std::error::Error for PortRangeError {}

impl FromStr for PortRange {
    type Err = PortRangeError;

    fn from_str(text: &str) -> Result<Self, PortRangeError> {
        if text == "icmp" {
            return Ok(Self { transport: Transport::Icmp, ports: 0..=u16::MAX });
        }
        let (transport, ports) = text.split_once('/').ok_or(PortRangeError)?;
        let transport: Transport = transport.parse()?;
        if transport == Transport::Icmp {
            return Err(PortRangeError);
        }
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        let first: u16 = first.parse().map_err(|_| PortRangeError)?;
        let last: u16 = last.parse().map_err(|_| PortRangeError)?;
        if first == 0 || first > last {
            return Err(PortRangeError);
        }
        Ok(Self { transport, ports: first..=last })
    }
}

/// Where a system is reached on the layer-3 roads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Its addresses.
    pub network: IpNet,
    /// What is served there.
    pub services: Vec<PortRange>,
}

/// A time in which a system is being worked on (clause 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Maintenance {
    /// First second.
    pub from: UnixSeconds,
    /// First second after.
    pub until: UnixSeconds,
    /// Connections are refused meanwhile; otherwise the window is only announced.
    pub closed: bool,
}

/// A connected system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// Its identifier.
    pub id: SystemId,
    /// Its name for people.
    pub name: String,
    /// Host names (SNI) that lead to it, in lower case.
    pub hosts: Vec<String>,
    /// Where it is reached on the layer-3 roads.
    pub destinations: Vec<Destination>,
    /// Announced maintenance.
    pub maintenance: Vec<Maintenance>,
}
