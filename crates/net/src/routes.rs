//! Rules and routes that lead packets into the gateway's devices, in tables of their own. Behind
//! each route stands a blackhole: when the gateway dies its devices and their routes vanish, and
//! nothing takes another way.
//!
//! With priority P and table T, the second device being the one for the IP-VPN:
//!
//! | rule | selects | its table leads into |
//! |---|---|---|
//! | P | `iif` each interface of the IP-VPN | T + 1: everything into the second device |
//! | P | `iif` the second device | main |
//! | P + 1 | everything | T: what is behind tunnels into the first device |
//! | P + 2 | `not iif` the first device | T + 2: what is on the IP-VPN into the first device |
//!
//! What the gateway writes into the first device towards the IP-VPN passes by the last rule, and
//! leaves by the main table. Nothing ever comes in through the second device; its rule is for the
//! strict test of source addresses (rp_filter, RFC 3704 §2.2) on the interfaces of the IP-VPN, which
//! asks for the way of an answer that came in there.
//!
//! Rules name interfaces that need not exist. Whatever is marked as ours is taken over or removed.

mod route;
mod rule;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::route::RouteMessage;
use netlink_packet_route::route::RouteProtocol;
use netlink_packet_route::rule::RuleMessage;
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::lack::Lack;
use crate::link::{LinkError, ipv6_exists};
use crate::netlink::Netlink;
use route::{Named, Route, Target};
use rule::{Rule, Selector};

/// Marks what is ours, as the protocol in `ip route` and `ip rule`. Beyond those that
/// <linux/rtnetlink.h> gives to others.
const PROTOCOL: RouteProtocol = RouteProtocol::Other(83);
/// RT_TABLE_MAIN of <linux/rtnetlink.h>.
const MAIN_TABLE: u32 = 254;

/// Names and numbers of what leads into the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steering {
    /// The device that what systems send is led into, and that everything permitted comes from.
    pub device: String,
    /// The IP-VPN, if there is one.
    pub ip_vpn: Option<IpVpn>,
    /// The first of three routing tables.
    pub table: u32,
    /// The first of three priorities of rules.
    pub priority: u32,
}

/// The closed network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpVpn {
    /// The device that what comes from it is led into.
    pub device: String,
    /// The interfaces to it. They need not exist yet.
    pub interfaces: Vec<String>,
}

/// Where the peers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefixes<'a> {
    /// Behind tunnels.
    pub tunnels: &'a [IpNet],
    /// On the IP-VPN.
    pub ip_vpn: &'a [IpNet],
}

/// The rules and routes of one gateway.
#[derive(Debug)]
pub struct Routes {
    netlink: Netlink,
    steering: Steering,
    /// Of the devices, the first before that for the IP-VPN; `None` for a barrier.
    devices: Option<(u32, Option<u32>)>,
    has_ipv6: bool,
}

/// What of ours the kernel holds, or should.
#[derive(Debug, Default)]
struct State {
    rules: BTreeSet<Rule>,
    routes: BTreeSet<Route>,
}

impl Routes {
    /// Finds the devices. Nothing is changed before [`Routes::replace`].
    ///
    /// # Errors
    /// When a device does not exist.
    pub fn open(steering: Steering) -> Result<Self, LinkError> {
        let mut routes = Self::barrier(steering)?;
        let first = routes.index(&routes.steering.device)?;
        let second = routes.steering.ip_vpn.as_ref().map(|ip_vpn| routes.index(&ip_vpn.device));
        routes.devices = Some((first, second.transpose()?));
        Ok(routes)
    }

    /// For rules and blackholes alone, without devices; the routes of a running gateway stay.
    ///
    /// # Errors
    /// When rtnetlink cannot be used.
    pub fn barrier(steering: Steering) -> Result<Self, LinkError> {
        let netlink = Netlink::open().map_err(LinkError::kernel(|| "use rtnetlink"))?;
        Ok(Self { netlink, steering, devices: None, has_ipv6: ipv6_exists() })
    }

    /// What the kernel lacks.
    pub fn lacks(&self) -> Option<Lack> {
        (!self.has_ipv6).then_some(Lack::Ipv6)
    }

    /// Leads exactly these prefixes into the devices, whatever the kernel holds of ours: also
    /// after a gateway that was killed or called things by other names, and while packets flow. A
    /// prefix that is gone loses its blackhole last; then the machine's other routes serve it.
    ///
    /// # Errors
    /// The first step that failed. The steps before it hold; it may be repeated.
    pub fn replace(&mut self, prefixes: Prefixes<'_>) -> Result<(), LinkError> {
        let (present, desired) = (self.present()?, self.desired(prefixes));
        self.add(&present, &desired)?;
        let mut stale = State {
            rules: &present.rules - &desired.rules,
            routes: &present.routes - &desired.routes,
        };
        if self.devices.is_none() {
            stale.routes.retain(|route| route.target == Target::Blackhole);
        }
        self.remove(&stale)
    }

    /// Adds what is missing for these prefixes, and removes nothing.
    ///
    /// # Errors
    /// As [`Routes::replace`].
    pub fn complete(&mut self, prefixes: Prefixes<'_>) -> Result<(), LinkError> {
        let present = self.present()?;
        self.add(&present, &self.desired(prefixes))
    }

    /// What is missing for these prefixes, in words of ip(8).
    ///
    /// # Errors
    /// When the kernel does not list what it holds.
    pub fn missing(&mut self, prefixes: Prefixes<'_>) -> Result<Vec<String>, LinkError> {
        let (present, desired) = (self.present()?, self.desired(prefixes));
        let rules = &desired.rules - &present.rules;
        let routes = &desired.routes - &present.routes;
        Ok(self.describe(&State { rules, routes }))
    }

    /// What the kernel holds of ours, in words of ip(8).
    ///
    /// # Errors
    /// As [`Routes::missing`].
    pub fn standing(&mut self) -> Result<Vec<String>, LinkError> {
        let present = self.present()?;
        Ok(self.describe(&present))
    }

    /// Removes all that is ours, by whatever gateway it was made.
    ///
    /// # Errors
    /// As [`Routes::replace`].
    pub fn clear(&mut self) -> Result<(), LinkError> {
        let present = self.present()?;
        self.remove(&present)
    }

    fn index(&self, device: &str) -> Result<u32, LinkError> {
        let found = self.netlink.index(device);
        found.map_err(LinkError::kernel(|| format!("find {device}")))
    }

    fn describe(&self, state: &State) -> Vec<String> {
        let rules = state.rules.iter().map(ToString::to_string);
        let routes = state.routes.iter();
        let routes = routes.map(|route| Named(route, self.device_of(route)).to_string());
        rules.chain(routes).collect()
    }

    fn device_of(&self, route: &Route) -> &str {
        match &self.steering.ip_vpn {
            Some(ip_vpn) if route.table == self.steering.table + 1 => &ip_vpn.device,
            _ => &self.steering.device,
        }
    }

    /// Blackholes before devices, and both before the rules that lead to them.
    fn add(&mut self, present: &State, desired: &State) -> Result<(), LinkError> {
        for route in desired.routes.difference(&present.routes) {
            let message = RouteNetlinkMessage::NewRoute(route.into());
            let name = Named(route, self.device_of(route)).to_string();
            self.request("add", &name, message, NLM_F_CREATE | NLM_F_REPLACE)?;
        }
        for rule in desired.rules.difference(&present.rules) {
            let message = RouteNetlinkMessage::NewRule(rule.into());
            self.request("add", rule, message, NLM_F_CREATE | NLM_F_EXCL)?;
        }
        Ok(())
    }

    /// The other way round.
    fn remove(&mut self, stale: &State) -> Result<(), LinkError> {
        for rule in stale.rules.iter().rev() {
            self.request("remove", rule, RouteNetlinkMessage::DelRule(rule.into()), 0)?;
        }
        for route in stale.routes.iter().rev() {
            let name = Named(route, self.device_of(route)).to_string();
            self.request("remove", &name, RouteNetlinkMessage::DelRoute(route.into()), 0)?;
        }
        Ok(())
    }

    fn request(
        &mut self,
        verb: &str,
        what: &impl Display,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> Result<(), LinkError> {
        match self.netlink.request(message, flags) {
            Err(error) if is_as_wanted(verb, &error) => Ok(()),
            done => done.map_err(LinkError::kernel(|| format!("{verb} the {what}"))),
        }
    }

    fn desired(&self, prefixes: Prefixes<'_>) -> State {
        let families = if self.has_ipv6 { &[false, true][..] } else { &[false] };
        let rules = families.iter().flat_map(|&v6| self.rules(v6)).collect();
        let table = self.steering.table;
        let (inside, outside) = self.devices.map_or((None, None), |(one, two)| (Some(one), two));
        let mut routes = BTreeSet::new();
        let mut lead = |prefix: &IpNet, table: u32, device: Option<u32>| {
            let targets = [Some(Target::Blackhole), device.map(Target::Device)];
            let prefix = prefix.trunc();
            routes.extend(targets.into_iter().flatten().map(|target| Route {
                target,
                table,
                prefix,
            }));
        };
        prefixes.tunnels.iter().for_each(|prefix| lead(prefix, table, inside));
        if self.steering.ip_vpn.is_some() {
            let all = [Ipv4Net::default().into(), Ipv6Net::default().into()];
            let all = all.iter().take(families.len());
            all.for_each(|prefix| lead(prefix, table + 1, outside));
            prefixes.ip_vpn.iter().for_each(|prefix| lead(prefix, table + 2, inside));
        }
        State { rules, routes }
    }

    fn rules(&self, v6: bool) -> Vec<Rule> {
        let Steering { device, ip_vpn, table, priority } = &self.steering;
        let rule = |selector, priority, table| Rule { v6, priority, table, selector };
        let mut rules = vec![rule(Selector::All, priority + 1, *table)];
        if let Some(IpVpn { device: second, interfaces }) = ip_vpn {
            let from = |name: &String| Selector::From(name.clone());
            rules.extend(interfaces.iter().map(|name| rule(from(name), *priority, table + 1)));
            rules.push(rule(from(second), *priority, MAIN_TABLE));
            rules.push(rule(Selector::NotFrom(device.clone()), priority + 2, table + 2));
        }
        rules
    }

    fn present(&mut self) -> Result<State, LinkError> {
        let mut state = State::default();
        for v6 in [false, true] {
            if v6 && !self.has_ipv6 {
                continue;
            }
            let family = if v6 { AddressFamily::Inet6 } else { AddressFamily::Inet };
            let mut request = RuleMessage::default();
            request.header.family = family;
            let listed = self.list("rules", RouteNetlinkMessage::GetRule(request))?;
            state.rules.extend(listed.iter().filter_map(Rule::recognize));
            let mut request = RouteMessage::default();
            request.header.address_family = family;
            request.header.protocol = PROTOCOL;
            let listed = self.list("routes", RouteNetlinkMessage::GetRoute(request))?;
            state.routes.extend(listed.iter().filter_map(Route::recognize));
        }
        Ok(state)
    }

    fn list(
        &mut self,
        what: &str,
        request: RouteNetlinkMessage,
    ) -> Result<Vec<RouteNetlinkMessage>, LinkError> {
        self.netlink.dump(request).map_err(LinkError::kernel(|| format!("list the {what}")))
    }
}

/// Somebody else was faster; or the device of a route has gone, and the route with it.
fn is_as_wanted(verb: &str, error: &io::Error) -> bool {
    match error.raw_os_error() {
        Some(libc::EEXIST) => verb == "add",
        Some(libc::ESRCH | libc::ENOENT) => verb == "remove",
        _ => false,
    }
}
