//! Routes into the TUN, in a table of their own that a rule leads to. Behind each stands a
//! blackhole: when the gateway dies its device and routes vanish, and nothing takes another way.

use std::collections::BTreeSet;
use std::io;

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::lack::Lack;
use crate::link::{LinkError, family, ipv6_exists};
use crate::netlink::Netlink;

/// Marks what is ours, as the protocol in `ip route` and `ip rule`. Beyond those that
/// <linux/rtnetlink.h> gives to others.
const PROTOCOL: RouteProtocol = RouteProtocol::Other(83);

/// Metric of a blackhole; any route of its prefix that has a device is better.
const LAST_RESORT: u32 = 9999;

/// The routes into one device.
#[derive(Debug)]
pub struct Routes {
    netlink: Netlink,
    device: String,
    index: u32,
    table: u32,
    families: Vec<AddressFamily>,
}

/// What a route does. In this order they are made, so that the blackhole is there first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Blackhole,
    Device,
}

impl Routes {
    /// Makes every packet look up `table` at `priority` among the rules. A rule that an earlier
    /// gateway left for this table at another priority goes; its routes stay until
    /// [`Routes::replace`].
    ///
    /// # Errors
    /// The first step that failed.
    pub fn open(device: &str, table: u32, priority: u32) -> Result<Self, LinkError> {
        let netlink = Netlink::open().map_err(LinkError::kernel(|| "use rtnetlink"))?;
        let found = netlink.index(device);
        let index = found.map_err(LinkError::kernel(|| format!("find {device}")))?;
        let mut families = vec![AddressFamily::Inet];
        if ipv6_exists() {
            families.push(AddressFamily::Inet6);
        }
        let device = device.to_owned();
        let mut routes = Self { netlink, device, index, table, families };
        for family in routes.families.clone() {
            routes.replace_rule(family, priority).map_err(LinkError::kernel(|| {
                format!("make the rule {priority}: lookup {table} for {family}")
            }))?;
        }
        Ok(routes)
    }

    /// What the kernel lacks.
    pub fn lacks(&self) -> Option<Lack> {
        (!self.families.contains(&AddressFamily::Inet6)).then_some(Lack::Ipv6)
    }

    /// Leads exactly these prefixes into the device, whatever the table holds: also after a
    /// gateway that was killed, and while packets flow. A prefix that is gone loses its blackhole
    /// last; then the machine's other routes serve it.
    ///
    /// # Errors
    /// The first step that failed. The steps before it hold; it may be repeated.
    pub fn replace(&mut self, prefixes: &[IpNet]) -> Result<(), LinkError> {
        let table = self.table;
        let present =
            self.present().map_err(LinkError::kernel(|| format!("read the table {table}")))?;
        let targets = [Target::Blackhole, Target::Device];
        let desired: BTreeSet<_> = targets
            .into_iter()
            .flat_map(|target| prefixes.iter().map(move |prefix| (target, prefix.trunc())))
            .collect();
        for &(target, prefix) in desired.difference(&present) {
            let route = RouteNetlinkMessage::NewRoute(self.route(target, prefix));
            let done = self.netlink.request(route, NLM_F_CREATE | NLM_F_REPLACE);
            done.map_err(LinkError::kernel(|| self.describe("add", target, prefix)))?;
        }
        for (target, prefix) in (&present - &desired).into_iter().rev() {
            let route = RouteNetlinkMessage::DelRoute(self.route(target, prefix));
            let done = self.netlink.request(route, 0);
            done.map_err(LinkError::kernel(|| self.describe("remove", target, prefix)))?;
        }
        Ok(())
    }

    fn describe(&self, verb: &str, target: Target, prefix: IpNet) -> String {
        let Self { device, table, .. } = self;
        match target {
            Target::Blackhole => format!("{verb} the blackhole route {prefix} in table {table}"),
            Target::Device => format!("{verb} the route {prefix} dev {device} in table {table}"),
        }
    }

    fn route(&self, target: Target, prefix: IpNet) -> RouteMessage {
        let mut route = RouteMessage::default();
        route.header.address_family = family(prefix);
        route.header.destination_prefix_length = prefix.prefix_len();
        route.header.protocol = PROTOCOL;
        route.attributes = vec![
            RouteAttribute::Table(self.table),
            RouteAttribute::Destination(RouteAddress::from(prefix.network())),
        ];
        match target {
            Target::Blackhole => {
                route.header.kind = RouteType::BlackHole;
                route.header.scope = RouteScope::Universe;
                route.attributes.push(RouteAttribute::Priority(LAST_RESORT));
            }
            Target::Device => {
                route.header.kind = RouteType::Unicast;
                route.header.scope = RouteScope::Link;
                route.attributes.push(RouteAttribute::Oif(self.index));
            }
        }
        route
    }

    /// Our routes that the table holds.
    fn present(&mut self) -> io::Result<BTreeSet<(Target, IpNet)>> {
        let mut present = BTreeSet::new();
        for family in self.families.clone() {
            let mut request = RouteMessage::default();
            request.header.address_family = family;
            request.attributes.push(RouteAttribute::Table(self.table));
            let listed = match self.netlink.dump(RouteNetlinkMessage::GetRoute(request)) {
                // The kernel makes a table with its first route.
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => continue,
                listed => listed?,
            };
            present.extend(listed.iter().filter_map(|message| self.recognize(message)));
        }
        Ok(present)
    }

    #[allow(clippy::wildcard_enum_match_arm, reason = "other routes are not ours")]
    fn recognize(&self, message: &RouteNetlinkMessage) -> Option<(Target, IpNet)> {
        let RouteNetlinkMessage::NewRoute(route) = message else { return None };
        let attributes = &route.attributes;
        let ours = route.header.protocol == PROTOCOL
            && attributes.contains(&RouteAttribute::Table(self.table));
        let target = match route.header.kind {
            RouteType::BlackHole => Target::Blackhole,
            RouteType::Unicast if attributes.contains(&RouteAttribute::Oif(self.index)) => {
                Target::Device
            }
            _ => return None,
        };
        let destination = attributes.iter().find_map(|attribute| match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(ip)) => Some((*ip).into()),
            RouteAttribute::Destination(RouteAddress::Inet6(ip)) => Some((*ip).into()),
            _ => None,
        });
        // A default route has no destination attribute.
        let any = match route.header.address_family {
            AddressFamily::Inet6 => std::net::Ipv6Addr::UNSPECIFIED.into(),
            _ => std::net::Ipv4Addr::UNSPECIFIED.into(),
        };
        let length = route.header.destination_prefix_length;
        let prefix = IpNet::new(destination.unwrap_or(any), length).ok()?;
        ours.then_some((target, prefix))
    }

    fn replace_rule(&mut self, family: AddressFamily, priority: u32) -> io::Result<()> {
        let mut request = RuleMessage::default();
        request.header.family = family;
        let listed = self.netlink.dump(RouteNetlinkMessage::GetRule(request))?;
        let rule = self.rule(family, priority);
        match self.netlink.request(RouteNetlinkMessage::NewRule(rule), NLM_F_CREATE | NLM_F_EXCL) {
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {}
            done => done?,
        }
        for message in listed {
            let Some(old) = self.priority_of_ours(&message) else { continue };
            if old != priority {
                let rule = self.rule(family, old);
                self.netlink.request(RouteNetlinkMessage::DelRule(rule), 0)?;
            }
        }
        Ok(())
    }

    fn rule(&self, family: AddressFamily, priority: u32) -> RuleMessage {
        let mut rule = RuleMessage::default();
        rule.header.family = family;
        rule.header.action = RuleAction::ToTable;
        rule.attributes = vec![
            RuleAttribute::Table(self.table),
            RuleAttribute::Priority(priority),
            RuleAttribute::Protocol(PROTOCOL),
        ];
        rule
    }

    #[allow(clippy::wildcard_enum_match_arm, reason = "other rules are not ours")]
    fn priority_of_ours(&self, message: &RouteNetlinkMessage) -> Option<u32> {
        let RouteNetlinkMessage::NewRule(rule) = message else { return None };
        let attributes = &rule.attributes;
        let ours = attributes.contains(&RuleAttribute::Table(self.table))
            && attributes.contains(&RuleAttribute::Protocol(PROTOCOL));
        let priority = attributes.iter().find_map(|attribute| match attribute {
            RuleAttribute::Priority(priority) => Some(*priority),
            _ => None,
        });
        priority.filter(|_| ours)
    }
}
