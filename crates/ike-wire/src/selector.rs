//! Traffic selectors (RFC 7296 §3.13.1).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv4Subnets, Ipv6Net, Ipv6Subnets};

use crate::octets::{Reader, put_unit};
use crate::{Malformed, MalformedReason};

const TS_IPV4_ADDR_RANGE: u8 = 7;
const TS_IPV6_ADDR_RANGE: u8 = 8;

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

const ANY_PORT: (u16, u16) = (0, u16::MAX);
const OPAQUE: (u16, u16) = (u16::MAX, 0);

/// A range of addresses, ports and one protocol (or any).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TrafficSelector {
    /// IP protocol number; 0 for any.
    pub protocol: u8,
    /// Ports; for ICMP type and code. `0..=65535` for any; `65535..=0` for OPAQUE (RFC 7296).
    pub ports: (u16, u16),
    /// First to last address, inclusive.
    pub addresses: AddressRange,
}

/// First to last address, inclusive, of one family; first ≤ last once parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressRange {
    /// TS_IPV4_ADDR_RANGE
    V4(Ipv4Addr, Ipv4Addr),
    /// TS_IPV6_ADDR_RANGE
    V6(Ipv6Addr, Ipv6Addr),
}

impl TrafficSelector {
    /// Every packet of `other` is one of this selector's too.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        let protocol = self.protocol == 0 || self.protocol == other.protocol;
        let (first, last) = self.ports;
        let ports = self.ports == ANY_PORT
            || self.ports == other.ports
            || (other.ports != OPAQUE && first <= other.ports.0 && other.ports.1 <= last);
        protocol && ports && self.addresses.covers(&other.addresses)
    }

    /// No packet is within it. What was parsed never is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let (first, last) = self.ports;
        self.addresses.is_empty() || (first > last && self.ports != OPAQUE)
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Option<Self>, Malformed> {
        let inverted = reader.malformed(MalformedReason::SelectorRange);
        let ([kind, protocol], mut body) = reader.unit()?;
        if kind != TS_IPV4_ADDR_RANGE && kind != TS_IPV6_ADDR_RANGE {
            return Ok(None);
        }
        let ports = (body.u16()?, body.u16()?);
        let addresses = if kind == TS_IPV4_ADDR_RANGE {
            AddressRange::V4(body.array::<4>()?.into(), body.array::<4>()?.into())
        } else {
            AddressRange::V6(body.array::<16>()?.into(), body.array::<16>()?.into())
        };
        body.finish()?;
        let selector = Self { protocol, ports, addresses };
        if selector.is_empty() { Err(inverted) } else { Ok(Some(selector)) }
    }

    fn emit(&self, out: &mut Vec<u8>) -> Option<()> {
        let (first, last) = self.ports;
        let mut body = [first.to_be_bytes(), last.to_be_bytes()].concat();
        let kind = match self.addresses {
            AddressRange::V4(first, last) => {
                body.extend([first.octets(), last.octets()].concat());
                TS_IPV4_ADDR_RANGE
            }
            AddressRange::V6(first, last) => {
                body.extend([first.octets(), last.octets()].concat());
                TS_IPV6_ADDR_RANGE
            }
        };
        put_unit(out, [kind, self.protocol], &body)
    }
}

/// Reads a Traffic Selector payload. A selector of a type that we do not know is left out:
/// that narrows (RFC 7296 §2.9).
pub(crate) fn parse(mut reader: Reader<'_>) -> Result<Vec<TrafficSelector>, Malformed> {
    let [count, ..] = reader.array::<4>()?;
    let mut selectors = Vec::new();
    for _ in 0..count {
        selectors.extend(TrafficSelector::parse(&mut reader)?);
    }
    reader.finish()?;
    Ok(selectors)
}

/// `None` when there are more selectors than their count can say.
pub(crate) fn emit(selectors: &[TrafficSelector]) -> Option<Vec<u8>> {
    let mut out = vec![u8::try_from(selectors.len()).ok()?, 0, 0, 0];
    for selector in selectors {
        selector.emit(&mut out)?;
    }
    Some(out)
}

impl AddressRange {
    /// This address is within it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::V4(first, last), IpAddr::V4(address)) => (first..=last).contains(&&address),
            (Self::V6(first, last), IpAddr::V6(address)) => (first..=last).contains(&&address),
            (Self::V4(..), IpAddr::V6(_)) | (Self::V6(..), IpAddr::V4(_)) => false,
        }
    }

    /// Every address of `other` is one of this range too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let (first, last) = other.bounds();
        self.contains(first) && self.contains(last)
    }

    /// The last address comes before the first.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::V4(first, last) => first > last,
            Self::V6(first, last) => first > last,
        }
    }

    /// First and last address.
    #[must_use]
    pub const fn bounds(&self) -> (IpAddr, IpAddr) {
        match *self {
            Self::V4(first, last) => (IpAddr::V4(first), IpAddr::V4(last)),
            Self::V6(first, last) => (IpAddr::V6(first), IpAddr::V6(last)),
        }
    }

    /// The one network that is exactly this range, if there is one.
    #[must_use]
    pub fn network(&self) -> Option<IpNet> {
        match *self {
            Self::V4(first, last) => only(Ipv4Subnets::new(first, last, 0)).map(IpNet::V4),
            Self::V6(first, last) => only(Ipv6Subnets::new(first, last, 0)).map(IpNet::V6),
        }
    }
}

fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next();
    if items.next().is_none() { first } else { None }
}

impl From<IpNet> for AddressRange {
    fn from(net: IpNet) -> Self {
        match net {
            IpNet::V4(net) => Self::V4(Ipv4Net::network(&net), Ipv4Net::broadcast(&net)),
            IpNet::V6(net) => Self::V6(Ipv6Net::network(&net), Ipv6Net::broadcast(&net)),
        }
    }
}

impl From<IpNet> for TrafficSelector {
    /// Any protocol and port of this network.
    fn from(net: IpNet) -> Self {
        Self { protocol: 0, ports: ANY_PORT, addresses: net.into() }
    }
}

impl fmt::Display for AddressRange {
    /// As `10.0.0.0/24`, or `10.0.0.1-10.0.0.9`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = self.bounds();
        match self.network() {
            Some(net) => write!(f, "{net}"),
            None => write!(f, "{first}-{last}"),
        }
    }
}

impl fmt::Display for TrafficSelector {
    /// As `10.0.0.0/24`, `10.0.0.0/24 udp`, `10.0.0.0/24 tcp/443` or `10.0.0.0/24 icmp/8.0`
    /// (type and code).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.addresses)?;
        if self.protocol == 0 && self.ports == ANY_PORT {
            return Ok(());
        }
        match self.protocol {
            0 => f.write_str(" any")?,
            ICMP => f.write_str(" icmp")?,
            6 => f.write_str(" tcp")?,
            17 => f.write_str(" udp")?,
            ICMPV6 => f.write_str(" icmpv6")?,
            number => write!(f, " {number}")?,
        }
        let port = |port: u16| match self.protocol {
            ICMP | ICMPV6 => format!("{}.{}", port >> 8, port & 0xff),
            _ => port.to_string(),
        };
        match self.ports {
            ANY_PORT => Ok(()),
            OPAQUE => f.write_str("/opaque"),
            (first, last) if first == last => write!(f, "/{}", port(first)),
            (first, last) => write!(f, "/{}-{}", port(first), port(last)),
        }
    }
}
