//! What each check looks at, read from the tables that the judge reads.

use ipnet::IpNet;

use super::{Particular, Particular as P, Value};
use crate::authorize::{Case, Surroundings, serving};
use crate::caller::Known;
use crate::{
    Caller, Check, Denial, Maintenance, Network, Policy, PortRange, Request, System, SystemId,
    Target, Transport, UnixSeconds,
};

pub(super) type Particulars = Vec<(Particular, Value)>;

impl Policy {
    pub(super) fn particulars(
        &self,
        check: Check,
        case: &Case<'_>,
        request: &Request<'_>,
    ) -> Particulars {
        let known = case.caller.as_ref().ok();
        let system = case.target.ok().map(|(_, system)| system);
        match check {
            Check::Identity => self.identity(known, &request.caller),
            Check::Destination => self.destination(case.target.map(|(_, system)| system), request),
            Check::Maintenance => system.map(|s| maintenance(s, request.now)).unwrap_or_default(),
            Check::Credential
            | Check::Validity
            | Check::Terminal
            | Check::Institution
            | Check::Road
            | Check::Permission
            | Check::Hours => known.map(|k| self.of_known(check, k, request)).unwrap_or_default(),
        }
    }

    fn identity(&self, known: Option<&Known<'_>>, caller: &Caller<'_>) -> Particulars {
        let mut found = match caller {
            Caller::IpVpn(source) => {
                let held = self.ip_vpn.longest_match(*source);
                let prefix = held.and_then(|(length, _)| prefix(*source, length));
                let prefix = prefix.map(|prefix| text(P::Prefix, &prefix));
                [text(P::Source, source)].into_iter().chain(prefix).collect()
            }
            Caller::Tls(certificate) | Caller::IpsecCertificate(certificate) => {
                vec![text(P::Certificate, certificate)]
            }
            Caller::IpsecIdentity(identity) => vec![text(P::IkeIdentity, identity)],
        };
        found.extend(known.map(|known| match known.terminal {
            Some(terminal) => text(P::Terminal, &terminal.name),
            None => text(P::Institution, &known.institution.code),
        }));
        found
    }

    /// The checks of a caller that is known.
    fn of_known(&self, check: Check, known: &Known<'_>, request: &Request<'_>) -> Particulars {
        let institution = known.institution;
        match check {
            Check::Credential => vec![text(P::Status, &known.credential)],
            Check::Validity => known.certificate.map_or_else(Vec::new, |certificate| {
                vec![
                    (P::NotBefore, Value::Time(certificate.not_before)),
                    (P::NotAfter, Value::Time(certificate.not_after)),
                ]
            }),
            Check::Terminal => known.terminal.map_or_else(Vec::new, |terminal| {
                vec![text(P::Terminal, &terminal.name), text(P::Status, &terminal.status)]
            }),
            Check::Institution => {
                vec![text(P::Institution, &institution.code), text(P::Status, &institution.status)]
            }
            Check::Road => {
                let permitted = institution.networks.iter().map(Network::as_str);
                vec![text(P::Network, &request.caller.network()), list(P::Permitted, permitted)]
            }
            Check::Permission => {
                let permitted = institution.system_ids.iter().map(SystemId::as_str);
                vec![list(P::Permitted, permitted)]
            }
            Check::Hours => self.hours(known, request.now),
            Check::Identity | Check::Destination | Check::Maintenance => Vec::new(),
        }
    }

    fn hours(&self, known: &Known<'_>, now: UnixSeconds) -> Particulars {
        let Some(hours) = &known.institution.hours else {
            return vec![text(P::Hours, "always")];
        };
        let (open, change) = hours.at(now, self.offset);
        let edge = if open { P::Closes } else { P::Opens };
        let change = change.map(|moment| (edge, Value::Time(moment)));
        [text(P::Hours, hours)].into_iter().chain(change).collect()
    }

    fn destination(&self, located: Result<&System, Denial>, request: &Request<'_>) -> Particulars {
        let (address, transport, port) = match request.target {
            Target::System(id) => return vec![text(P::System, id)],
            Target::Address { address, transport, port } => (address, transport, port),
        };
        let mut found = vec![text(P::Address, &address), text(P::Service, &asked(transport, port))];
        let Surroundings { system, session } = self.surroundings(address);
        if let Some((length, candidates)) = system {
            found.extend(prefix(address, length).map(|prefix| text(P::Destination, &prefix)));
            found.push(match serving(candidates, transport, port) {
                Some((_, service)) => text(P::Served, service),
                None => list(P::Served, candidates.iter().flat_map(|(_, at)| &at.services)),
            });
        }
        if located == Err(Denial::SessionToSession) {
            found.extend(session.into_iter().flat_map(|(length, holder)| {
                let holder = self.institutions.get(holder as usize);
                let holder = holder.map(|holder| text(P::Institution, &holder.code));
                prefix(address, length)
                    .map(|held| text(P::Session, &held))
                    .into_iter()
                    .chain(holder)
            }));
        }
        found.extend(located.ok().map(|system| text(P::System, &system.id)));
        found
    }
}

fn maintenance(system: &System, now: UnixSeconds) -> Particulars {
    let closures = system.maintenance.iter().filter(|window| window.closed && window.until > now);
    let next: Option<&Maintenance> = closures.min_by_key(|window| window.from);
    let window = next.into_iter().flat_map(|window| {
        [(P::From, Value::Time(window.from)), (P::Until, Value::Time(window.until))]
    });
    [text(P::System, &system.id)].into_iter().chain(window).collect()
}

/// The service as it would be configured.
pub(super) fn asked(transport: Transport, port: u16) -> PortRange {
    PortRange { transport, ports: port..=port }
}

/// The prefix of so many bits that holds `address`, as the tables see it.
pub(super) fn prefix(address: std::net::IpAddr, length: u8) -> Option<IpNet> {
    IpNet::new(address.to_canonical(), length).ok().map(|net| net.trunc())
}

fn text(particular: Particular, value: &(impl ToString + ?Sized)) -> (Particular, Value) {
    (particular, Value::Text(value.to_string()))
}

fn list<T: ToString>(
    particular: Particular,
    values: impl Iterator<Item = T>,
) -> (Particular, Value) {
    let words: Vec<String> = values.map(|value| value.to_string()).collect();
    text(particular, &words.join(" "))
}

/// A list as the command line takes it.
pub(super) fn commas<T: ToString>(values: impl Iterator<Item = T>) -> String {
    values.map(|value| value.to_string()).collect::<Vec<_>>().join(",")
}
