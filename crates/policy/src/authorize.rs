//! The decision.

use std::net::IpAddr;

use crate::caller::{Known, earlier};
use crate::compile::{InstitutionIndex, SystemIndex};
use crate::trace::{Check, Trace};
use crate::{
    Caller, Denial, Destination, InstitutionCode, Network, Policy, PortRange, System, SystemId,
    TerminalName, Transport, UnixSeconds,
};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// A system by its id.
    System(&'a SystemId),
    /// A packet's destination.
    Address {
        /// Destination address.
        address: IpAddr,
        /// Protocol.
        transport: Transport,
        /// Destination port; 0 for ICMP.
        port: u16,
    },
}

/// A question to the policy.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who asks.
    pub caller: Caller<'a>,
    /// For what.
    pub target: Target<'a>,
    /// When.
    pub now: UnixSeconds,
}

/// Leave to reach one system. Made by [`Policy::authorize`] only; connecting upstream
/// requires one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    network: Network,
    institution: InstitutionCode,
    terminal: Option<TerminalName>,
    system: SystemId,
    generation: u64,
    recheck_at: Option<UnixSeconds>,
}

impl Permit {
    /// Whether another permit is to the same system, for the same institution and terminal, by the
    /// same road.
    pub fn is_as(&self, other: &Self) -> bool {
        let Self { network, institution, terminal, system, generation: _, recheck_at: _ } = self;
        *network == other.network
            && *institution == other.institution
            && *terminal == other.terminal
            && *system == other.system
    }

    /// The road.
    pub fn network(&self) -> Network {
        self.network
    }

    /// The institution that was let in.
    pub fn institution(&self) -> &InstitutionCode {
        &self.institution
    }

    /// Its terminal; unknown on the IP-VPN, where only the institution is.
    pub fn terminal(&self) -> Option<&TerminalName> {
        self.terminal.as_ref()
    }

    /// The one system it is for.
    pub fn system(&self) -> &SystemId {
        &self.system
    }

    /// The generation of the policy that gave it.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// When the passing of time alone may end it (hours, certificate, maintenance):
    /// the holder asks again then.
    pub fn recheck_at(&self) -> Option<UnixSeconds> {
        self.recheck_at
    }
}

/// A refusal, with as much of the caller and target as could be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// Why.
    pub reason: Denial,
    /// The caller's institution, where known.
    pub institution: Option<InstitutionCode>,
    /// The caller's terminal, where known.
    pub terminal: Option<TerminalName>,
    /// The system asked for, where known.
    pub system: Option<SystemId>,
}

impl Denied {
    /// A caller's refusal, whatever it asked for.
    pub(crate) fn of(caller: Option<&Known<'_>>, reason: Denial) -> Self {
        let terminal = caller.and_then(|caller| caller.terminal);
        Self {
            reason,
            institution: caller.map(|caller| caller.institution.code.clone()),
            terminal: terminal.map(|terminal| terminal.name.clone()),
            system: None,
        }
    }
}

/// A request, as far as roster and systems know what it names.
pub(crate) struct Case<'p> {
    pub(crate) caller: Result<Known<'p>, Denial>,
    pub(crate) target: Result<(SystemIndex, &'p System), Denial>,
}

/// What the tables have for an address: each time the longest prefix that holds it, by its
/// length in bits.
pub(crate) struct Surroundings<'p> {
    pub(crate) system: Option<(u8, &'p [(SystemIndex, Destination)])>,
    pub(crate) session: Option<(u8, InstitutionIndex)>,
}

impl Policy {
    /// Decides. Costs a few table look-ups, and no allocation.
    pub fn authorize(&self, request: &Request<'_>) -> Result<Permit, Denied> {
        self.decide(&self.case(request), request, &mut ())
    }

    pub(crate) fn case(&self, request: &Request<'_>) -> Case<'_> {
        Case { caller: self.identify(&request.caller), target: self.locate(&request.target) }
    }

    /// The decision on a request and its case; `trace` is told of every check.
    pub(crate) fn decide(
        &self,
        case: &Case<'_>,
        request: &Request<'_>,
        trace: &mut impl Trace,
    ) -> Result<Permit, Denied> {
        self.judge(case, request, trace).map_err(|reason| Denied {
            system: case.target.ok().map(|(_, system)| system.id.clone()),
            ..Denied::of(case.caller.as_ref().ok(), reason)
        })
    }

    fn judge(
        &self,
        case: &Case<'_>,
        request: &Request<'_>,
        trace: &mut impl Trace,
    ) -> Result<Permit, Denial> {
        trace.begin(Check::Identity);
        let known = case.caller.as_ref().map_err(|&denial| denial)?;
        let network = request.caller.network();
        let mut recheck_at = known.check(network, request.now, trace)?;
        trace.begin(Check::Destination);
        let (index, system) = case.target?;
        trace.begin(Check::Permission);
        if known.institution.systems & 1 << index == 0 {
            return Err(Denial::SystemNotPermitted);
        }
        trace.begin(Check::Hours);
        recheck_at = earlier(recheck_at, known.check_hours(self.offset, request.now)?);
        trace.begin(Check::Maintenance);
        recheck_at = earlier(recheck_at, next_closure(system, request.now)?);
        Ok(Permit {
            network,
            institution: known.institution.code.clone(),
            terminal: known.terminal.map(|terminal| terminal.name.clone()),
            system: system.id.clone(),
            generation: self.generation,
            recheck_at,
        })
    }

    fn locate(&self, target: &Target<'_>) -> Result<(SystemIndex, &System), Denial> {
        let index = match target {
            Target::System(id) => self.system_index(id).ok_or(Denial::NoSuchSystem)?,
            Target::Address { address, transport, port } => {
                self.system_at(*address, *transport, *port)?
            }
        };
        let system = self.systems.get(usize::from(index)).ok_or(Denial::NoSuchSystem)?;
        Ok((index, system))
    }

    fn system_at(
        &self,
        address: IpAddr,
        transport: Transport,
        port: u16,
    ) -> Result<SystemIndex, Denial> {
        let Surroundings { system, session } = self.surroundings(address);
        let candidates = match (system, session) {
            (None, None) => return Err(Denial::DestinationNotASystem),
            (None, Some(_)) => return Err(Denial::SessionToSession),
            // Where prefixes overlap, the one that says more of the address decides.
            (Some((system, _)), Some((session, _))) if session >= system => {
                return Err(Denial::SessionToSession);
            }
            (Some((_, candidates)), _) => candidates,
        };
        let (index, _) = serving(candidates, transport, port).ok_or(Denial::PortNotServed)?;
        Ok(index)
    }

    pub(crate) fn surroundings(&self, address: IpAddr) -> Surroundings<'_> {
        let inner = self.inner.longest_match(address);
        let ip_vpn = self.ip_vpn.longest_match(address);
        let session = inner.max(ip_vpn).map(|(length, &institution)| (length, institution));
        let system = self.destinations.longest_match(address);
        Surroundings { system: system.map(|(length, at)| (length, at.as_slice())), session }
    }
}

/// The first of the systems at one prefix that serves a port, and as part of what.
pub(crate) fn serving(
    candidates: &[(SystemIndex, Destination)],
    transport: Transport,
    port: u16,
) -> Option<(SystemIndex, &PortRange)> {
    candidates.iter().find_map(|(index, destination)| {
        let mut services = destination.services.iter();
        let service = services
            .find(|service| service.transport == transport && service.ports.contains(&port))?;
        Some((*index, service))
    })
}

/// When the system next closes for maintenance; an error when it is closed now.
fn next_closure(system: &System, now: UnixSeconds) -> Result<Option<UnixSeconds>, Denial> {
    let closures = || system.maintenance.iter().filter(|window| window.closed);
    if closures().any(|window| (window.from..window.until).contains(&now)) {
        return Err(Denial::Maintenance);
    }
    Ok(closures().map(|window| window.from).filter(|&from| from > now).min())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{MONDAY, NOON, institution, system, world};
    use crate::{Fingerprint, Institution, Roster, Status, UtcOffset};

    fn reason(policy: &Policy, caller: Caller<'_>, target: Target<'_>, now: i64) -> Option<Denial> {
        policy.authorize(&Request { caller, target, now }).err().map(|denied| denied.reason)
    }

    fn address(text: &str, port: u16) -> Target<'_> {
        Target::Address { address: text.parse().unwrap(), transport: Transport::Tcp, port }
    }

    #[test]
    fn each_road_leads_to_the_permitted_system_and_no_other() {
        let policy = world(|_| {});
        let (path, dokuei) = ("path".parse().unwrap(), "dokuei".parse().unwrap());
        let fingerprint = Fingerprint([7; 32]);
        let callers = [
            Caller::Tls(&fingerprint),
            Caller::IpsecCertificate(&fingerprint),
            Caller::IpsecIdentity("rtx.h1"),
            Caller::IpVpn("10.1.2.3".parse().unwrap()),
        ];
        for caller in callers {
            let ask = |target| reason(&policy, caller, target, NOON);
            assert_eq!(ask(Target::System(&path)), None);
            assert_eq!(ask(address("192.0.2.10", 443)), None);
            assert_eq!(ask(Target::System(&dokuei)), Some(Denial::SystemNotPermitted));
            assert_eq!(ask(address("192.0.2.20", 104)), Some(Denial::SystemNotPermitted));
            assert_eq!(ask(address("192.0.2.10", 22)), Some(Denial::PortNotServed));
            assert_eq!(ask(address("10.2.0.9", 443)), Some(Denial::SessionToSession));
            assert_eq!(ask(address("10.1.0.9", 443)), Some(Denial::SessionToSession));
            assert_eq!(ask(address("8.8.8.8", 443)), Some(Denial::DestinationNotASystem));
            // A session's prefix within a system's wider one.
            assert_eq!(ask(address("10.9.0.1", 80)), Some(Denial::SystemNotPermitted));
            assert_eq!(ask(address("10.1.0.1", 80)), Some(Denial::SessionToSession));
        }
    }

    #[test]
    fn whoever_is_stopped_anywhere_is_refused_by_name() {
        let fingerprint = Fingerprint([7; 32]);
        let path = "path".parse().unwrap();
        let ask = |now, change: fn(&mut Roster)| {
            let request =
                Request { caller: Caller::Tls(&fingerprint), target: Target::System(&path), now };
            world(change).authorize(&request).map_err(|denied| denied.reason)
        };
        let denied = |now, change: fn(&mut Roster)| ask(now, change).unwrap_err();
        assert_eq!(denied(-1, |_| {}), Denial::CertificateNotYetValid);
        assert_eq!(denied(NOON * 2 + 1, |_| {}), Denial::CertificateExpired);
        assert_eq!(denied(MONDAY + 59, |_| {}), Denial::Maintenance);
        assert_eq!(
            denied(NOON, |r| r.institutions[0].status = Status::Suspended),
            Denial::InstitutionStopped
        );
        assert_eq!(
            denied(NOON, |r| r.terminals[0].status = Status::Suspended),
            Denial::TerminalStopped
        );
        assert_eq!(
            denied(NOON, |r| r.terminals[0].credentials[0].1 = Status::Revoked),
            Denial::CredentialRevoked
        );
        assert_eq!(
            denied(NOON, |r| r.terminals[0].credentials[0].1 = Status::Suspended),
            Denial::CredentialSuspended
        );
        assert_eq!(denied(NOON, |r| r.terminals.clear()), Denial::CertificateNotRegistered);
        assert_eq!(
            denied(NOON, |r| r.institutions[0].networks = [Network::IpVpn].into_iter().collect()),
            Denial::NetworkNotPermitted
        );
        assert_eq!(
            denied(NOON, |r| r.institutions[0].hours = Some("mon 13:00-14:00".parse().unwrap())),
            Denial::OutsideHours
        );
        assert_eq!(ask(MONDAY - 9, |_| {}).unwrap().recheck_at(), Some(MONDAY));
        assert_eq!(ask(NOON, |_| {}).unwrap().recheck_at(), Some(NOON * 2 + 1));
        let until_two =
            ask(NOON, |r| r.institutions[0].hours = Some("mon 10:00-14:00".parse().unwrap()));
        assert_eq!(until_two.unwrap().recheck_at(), Some(MONDAY + 14 * 3600));
    }

    #[test]
    fn ambiguity_is_a_conflict() {
        let compile =
            |roster: &Roster, systems| Policy::compile(1, UtcOffset::default(), systems, roster);
        let prefix = vec!["10.1.2.3/16".parse().unwrap()];
        let of = |code| Institution { ip_vpn_prefixes: prefix.clone(), ..institution(code) };
        let twice = Roster { institutions: vec![of("H1"), of("H2")], ..Roster::default() };
        assert!(matches!(compile(&twice, vec![]), Err(crate::Conflict::Prefix(..))));
        let twins = vec![system("a", "192.0.2.1/32", "icmp"), system("a", "192.0.2.2/32", "icmp")];
        assert!(matches!(compile(&Roster::default(), twins), Err(crate::Conflict::System(_))));
    }
}
