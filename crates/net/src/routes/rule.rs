//! A rule (ip-rule(8)), to and from netlink.

use std::fmt;

use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleFlags, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::PROTOCOL;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rule {
    pub(super) v6: bool,
    pub(super) priority: u32,
    /// Where it leads.
    pub(super) table: u32,
    pub(super) selector: Selector,
}

/// Which packets it is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Selector {
    All,
    /// What came in through an interface.
    From(String),
    /// What did not, whether there is such an interface or not.
    NotFrom(String),
}

impl Rule {
    /// Reads a rule of ours.
    #[allow(clippy::wildcard_enum_match_arm, reason = "other rules are not ours")]
    pub(super) fn recognize(message: &RouteNetlinkMessage) -> Option<Self> {
        let RouteNetlinkMessage::NewRule(message) = message else { return None };
        let (mut table, mut priority) = (None, 0);
        let (mut interface, mut is_ours) = (None, false);
        for attribute in &message.attributes {
            match attribute {
                RuleAttribute::Table(number) => table = Some(*number),
                RuleAttribute::Priority(number) => priority = *number,
                RuleAttribute::Iifname(name) => interface = Some(name.clone()),
                RuleAttribute::Protocol(protocol) => is_ours = *protocol == PROTOCOL,
                _ => {}
            }
        }
        let selector = match interface {
            None => Selector::All,
            Some(name) if message.header.flags.contains(RuleFlags::Invert) => {
                Selector::NotFrom(name)
            }
            Some(name) => Selector::From(name),
        };
        let v6 = message.header.family == AddressFamily::Inet6;
        table.filter(|_| is_ours).map(|table| Self { v6, priority, table, selector })
    }
}

impl From<&Rule> for RuleMessage {
    fn from(rule: &Rule) -> Self {
        let mut message = Self::default();
        message.header.family = if rule.v6 { AddressFamily::Inet6 } else { AddressFamily::Inet };
        message.header.action = RuleAction::ToTable;
        message.attributes = vec![
            RuleAttribute::Table(rule.table),
            RuleAttribute::Priority(rule.priority),
            RuleAttribute::Protocol(PROTOCOL),
        ];
        if let Selector::From(name) | Selector::NotFrom(name) = &rule.selector {
            message.attributes.push(RuleAttribute::Iifname(name.clone()));
        }
        if matches!(rule.selector, Selector::NotFrom(_)) {
            message.header.flags = RuleFlags::Invert;
        }
        message
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = if self.v6 { "-6" } else { "-4" };
        write!(f, "{family} rule priority {}", self.priority)?;
        match &self.selector {
            Selector::All => {}
            Selector::From(name) => write!(f, " iif {name}")?,
            Selector::NotFrom(name) => write!(f, " not iif {name}")?,
        }
        write!(f, " lookup {}", self.table)
    }
}
