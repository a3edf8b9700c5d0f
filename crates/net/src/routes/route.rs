//! A route (ip-route(8)), to and from netlink.

use std::fmt;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteMessage, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::PROTOCOL;
use crate::link::family;

/// Metric of a blackhole; any route of its prefix that has a device is better.
const LAST_RESORT: u32 = 9999;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Route {
    pub(super) target: Target,
    pub(super) table: u32,
    pub(super) prefix: IpNet,
}

/// What a route does. In this order they are made, so that the blackhole is there first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Blackhole,
    /// By its index.
    Device(u32),
}

impl Route {
    /// Reads a route of ours.
    #[allow(clippy::wildcard_enum_match_arm, reason = "other routes are not ours")]
    pub(super) fn recognize(message: &RouteNetlinkMessage) -> Option<Self> {
        let RouteNetlinkMessage::NewRoute(message) = message else { return None };
        let (mut table, mut device, mut destination) = (None, None, None);
        for attribute in &message.attributes {
            match attribute {
                RouteAttribute::Table(number) => table = Some(*number),
                RouteAttribute::Oif(index) => device = Some(*index),
                RouteAttribute::Destination(RouteAddress::Inet(ip)) => {
                    destination = Some((*ip).into());
                }
                RouteAttribute::Destination(RouteAddress::Inet6(ip)) => {
                    destination = Some((*ip).into());
                }
                _ => {}
            }
        }
        let target = match message.header.kind {
            RouteType::BlackHole => Target::Blackhole,
            RouteType::Unicast => Target::Device(device?),
            _ => return None,
        };
        // A default route has no destination attribute.
        let any = match message.header.address_family {
            AddressFamily::Inet6 => Ipv6Net::default().addr().into(),
            _ => Ipv4Net::default().addr().into(),
        };
        let length = message.header.destination_prefix_length;
        let prefix = IpNet::new(destination.unwrap_or(any), length).ok()?;
        let is_ours = message.header.protocol == PROTOCOL;
        table.filter(|_| is_ours).map(|table| Self { target, table, prefix })
    }
}

impl From<&Route> for RouteMessage {
    fn from(route: &Route) -> Self {
        let mut message = Self::default();
        message.header.address_family = family(route.prefix);
        message.header.destination_prefix_length = route.prefix.prefix_len();
        message.header.protocol = PROTOCOL;
        // Also to a device: errors that the kernel itself sends there then come from another
        // interface's address, not from that of the device, which means nothing.
        message.header.scope = RouteScope::Universe;
        message.attributes = vec![
            RouteAttribute::Table(route.table),
            RouteAttribute::Destination(RouteAddress::from(route.prefix.network())),
        ];
        match route.target {
            Target::Blackhole => {
                message.header.kind = RouteType::BlackHole;
                message.attributes.push(RouteAttribute::Priority(LAST_RESORT));
            }
            Target::Device(index) => {
                message.header.kind = RouteType::Unicast;
                message.attributes.push(RouteAttribute::Oif(index));
            }
        }
        message
    }
}

/// In words of ip(8), with the device's name.
pub(super) struct Named<'a>(pub(super) &'a Route, pub(super) &'a str);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Route { target, table, prefix }, device) = self;
        match target {
            Target::Blackhole => write!(f, "route blackhole {prefix} table {table}"),
            Target::Device(_) => write!(f, "route {prefix} dev {device} table {table}"),
        }
    }
}
