//! The Configuration payload (RFC 7296 §3.15).

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use crate::code_points::code_points;
use crate::octets::Reader;
use crate::{Malformed, MalformedReason};

/// Attributes of one payload; real clients ask for about ten.
pub const MAX_ATTRIBUTES: usize = 64;

code_points! {
    /// Configuration types (RFC 7296 §3.15).
    pub struct ConfigurationType(u8) {
        /// RFC 7296 §3.15
        CFG_REQUEST = 1;
        /// RFC 7296 §3.15
        CFG_REPLY = 2;
        /// RFC 7296 §3.15
        CFG_SET = 3;
        /// RFC 7296 §3.15
        CFG_ACK = 4;
    }
}

/// A Configuration payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration<'a> {
    /// Request, reply, set or acknowledgement.
    pub kind: ConfigurationType,
    /// What is asked or given, in order.
    pub attributes: Vec<Attribute<'a>>,
}

/// A configuration attribute (RFC 7296 §3.15.1). `None` is an attribute without a value: in a
/// request, any value is welcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute<'a> {
    /// INTERNAL_IP4_ADDRESS
    InternalIp4Address(Option<Ipv4Addr>),
    /// INTERNAL_IP4_NETMASK
    InternalIp4Netmask(Option<Ipv4Addr>),
    /// INTERNAL_IP4_DNS
    InternalIp4Dns(Option<Ipv4Addr>),
    /// INTERNAL_IP4_SUBNET
    InternalIp4Subnet(Option<Ipv4Net>),
    /// INTERNAL_IP6_ADDRESS with its prefix length, 0 to 128.
    InternalIp6Address(Option<(Ipv6Addr, u8)>),
    /// INTERNAL_IP6_DNS
    InternalIp6Dns(Option<Ipv6Addr>),
    /// INTERNAL_IP6_SUBNET
    InternalIp6Subnet(Option<Ipv6Net>),
    /// APPLICATION_VERSION, which the peer words as it likes.
    ApplicationVersion(&'a [u8]),
    /// Any other attribute.
    Unknown {
        /// Attribute type.
        kind: u16,
        /// Its value.
        data: &'a [u8],
    },
}

const INTERNAL_IP4_ADDRESS: u16 = 1;
const INTERNAL_IP4_NETMASK: u16 = 2;
const INTERNAL_IP4_DNS: u16 = 3;
const APPLICATION_VERSION: u16 = 7;
const INTERNAL_IP6_ADDRESS: u16 = 8;
const INTERNAL_IP6_DNS: u16 = 10;
const INTERNAL_IP4_SUBNET: u16 = 13;
const INTERNAL_IP6_SUBNET: u16 = 15;
/// The top bit of the type field is reserved.
const KIND_MASK: u16 = 0x7fff;

impl<'a> Configuration<'a> {
    pub(crate) fn parse(mut reader: Reader<'a>) -> Result<Self, Malformed> {
        let [kind, ..] = reader.array::<4>()?;
        let mut attributes = Vec::new();
        while !reader.is_empty() {
            if attributes.len() == MAX_ATTRIBUTES {
                return Err(reader.malformed(MalformedReason::TooManyAttributes));
            }
            let invalid = reader.malformed(MalformedReason::Attribute);
            let kind = reader.u16()? & KIND_MASK;
            let length = reader.u16()?;
            let data = reader.octets(length.into())?;
            attributes.push(Attribute::new(kind, data).ok_or(invalid)?);
        }
        Ok(Self { kind: ConfigurationType(kind), attributes })
    }

    /// `None` when an attribute is longer than its length field can say.
    pub(crate) fn emit(&self) -> Option<Vec<u8>> {
        let mut out = vec![self.kind.0, 0, 0, 0];
        for attribute in &self.attributes {
            let value = attribute.value();
            out.extend(attribute.kind().to_be_bytes());
            out.extend(u16::try_from(value.len()).ok()?.to_be_bytes());
            out.extend(value);
        }
        Some(out)
    }
}

impl<'a> Attribute<'a> {
    fn new(kind: u16, data: &'a [u8]) -> Option<Self> {
        Some(match kind {
            INTERNAL_IP4_ADDRESS => Self::InternalIp4Address(ip4(data)?),
            INTERNAL_IP4_NETMASK => Self::InternalIp4Netmask(ip4(data)?),
            INTERNAL_IP4_DNS => Self::InternalIp4Dns(ip4(data)?),
            INTERNAL_IP4_SUBNET => Self::InternalIp4Subnet(ip4_net(data)?),
            INTERNAL_IP6_ADDRESS => {
                Self::InternalIp6Address(ip6_net(data)?.map(|net| (net.addr(), net.prefix_len())))
            }
            INTERNAL_IP6_DNS => Self::InternalIp6Dns(ip6(data)?),
            INTERNAL_IP6_SUBNET => Self::InternalIp6Subnet(ip6_net(data)?),
            APPLICATION_VERSION => Self::ApplicationVersion(data),
            _ => Self::Unknown { kind, data },
        })
    }

    fn kind(&self) -> u16 {
        match self {
            Self::InternalIp4Address(_) => INTERNAL_IP4_ADDRESS,
            Self::InternalIp4Netmask(_) => INTERNAL_IP4_NETMASK,
            Self::InternalIp4Dns(_) => INTERNAL_IP4_DNS,
            Self::InternalIp4Subnet(_) => INTERNAL_IP4_SUBNET,
            Self::InternalIp6Address(_) => INTERNAL_IP6_ADDRESS,
            Self::InternalIp6Dns(_) => INTERNAL_IP6_DNS,
            Self::InternalIp6Subnet(_) => INTERNAL_IP6_SUBNET,
            Self::ApplicationVersion(_) => APPLICATION_VERSION,
            Self::Unknown { kind, .. } => kind & KIND_MASK,
        }
    }

    fn value(&self) -> Vec<u8> {
        match self {
            Self::InternalIp4Address(value)
            | Self::InternalIp4Netmask(value)
            | Self::InternalIp4Dns(value) => value.map_or_else(Vec::new, |ip| ip.octets().to_vec()),
            Self::InternalIp4Subnet(value) => value.map_or_else(Vec::new, |net| {
                [net.addr().octets(), net.netmask().octets()].concat()
            }),
            Self::InternalIp6Address(value) => value.map_or_else(Vec::new, with_prefix_len),
            Self::InternalIp6Dns(value) => value.map_or_else(Vec::new, |ip| ip.octets().to_vec()),
            Self::InternalIp6Subnet(value) => {
                value.map_or_else(Vec::new, |net| with_prefix_len((net.addr(), net.prefix_len())))
            }
            Self::ApplicationVersion(data) | Self::Unknown { data, .. } => data.to_vec(),
        }
    }
}

// The outer `Option` of these is whether the value fits its type, the inner whether there is one.

fn ip4(data: &[u8]) -> Option<Option<Ipv4Addr>> {
    present(data, |data| Some(<[u8; 4]>::try_from(data).ok()?.into()))
}

fn ip6(data: &[u8]) -> Option<Option<Ipv6Addr>> {
    present(data, |data| Some(<[u8; 16]>::try_from(data).ok()?.into()))
}

fn ip4_net(data: &[u8]) -> Option<Option<Ipv4Net>> {
    present(data, |data| {
        let (address, mask) = data.split_first_chunk::<4>()?;
        Ipv4Net::with_netmask((*address).into(), <[u8; 4]>::try_from(mask).ok()?.into()).ok()
    })
}

fn ip6_net(data: &[u8]) -> Option<Option<Ipv6Net>> {
    present(data, |data| {
        let (address, prefix_len) = data.split_first_chunk::<16>()?;
        let [prefix_len] = <[u8; 1]>::try_from(prefix_len).ok()?;
        Ipv6Net::new((*address).into(), prefix_len).ok()
    })
}

fn present<T>(data: &[u8], value: impl Fn(&[u8]) -> Option<T>) -> Option<Option<T>> {
    if data.is_empty() { Some(None) } else { value(data).map(Some) }
}

fn with_prefix_len((address, prefix_len): (Ipv6Addr, u8)) -> Vec<u8> {
    let mut out = address.octets().to_vec();
    out.push(prefix_len);
    out
}
