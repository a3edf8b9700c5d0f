//! What an IPsec tunnel may be, before any packet is in it.

use ipnet::IpNet;

use crate::caller::{Known, earlier};
use crate::{
    Caller, Denial, Denied, Destination, InstitutionCode, Network, Policy, TerminalName,
    UnixSeconds,
};

/// Leave to have an IPsec tunnel. Made by [`Policy::tunnel`] only. It bounds what IKE may
/// agree to; every flow inside is judged again by [`Policy::authorize`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    institution: InstitutionCode,
    terminal: TerminalName,
    generation: u64,
    recheck_at: Option<UnixSeconds>,
    inner_prefixes: Vec<IpNet>,
    destinations: Vec<Destination>,
}

impl Tunnel {
    /// The institution that was let in.
    pub fn institution(&self) -> &InstitutionCode {
        &self.institution
    }

    /// Its terminal or site router.
    pub fn terminal(&self) -> &TerminalName {
        &self.terminal
    }

    /// The generation of the policy that gave it.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// When the passing of time alone may end it (hours, certificate): the holder asks
    /// again then.
    pub fn recheck_at(&self) -> Option<UnixSeconds> {
        self.recheck_at
    }

    /// What a site router may have behind it: the institution's prefixes inside tunnels.
    pub fn inner_prefixes(&self) -> &[IpNet] {
        &self.inner_prefixes
    }

    /// Where the systems that the institution may use are; never empty. A system closed
    /// for maintenance is among them: its flows are refused meanwhile.
    pub fn destinations(&self) -> &[Destination] {
        &self.destinations
    }
}

impl Policy {
    /// Decides whether `caller` may have an IPsec tunnel at `now`, and where it may lead.
    /// A caller by another road is refused: it has not proven anything to IKE.
    pub fn tunnel(&self, caller: &Caller<'_>, now: UnixSeconds) -> Result<Tunnel, Denied> {
        let known = self.identify(caller);
        self.judge_tunnel(&known, caller.network(), now)
            .map_err(|reason| Denied::of(known.as_ref().ok(), reason))
    }

    fn judge_tunnel(
        &self,
        caller: &Result<Known<'_>, Denial>,
        network: Network,
        now: UnixSeconds,
    ) -> Result<Tunnel, Denial> {
        let known = caller.as_ref().map_err(|&denial| denial)?;
        let recheck_at = known.check(network, now, &mut ())?;
        let (Network::Ipsec, Some(terminal)) = (network, known.terminal) else {
            return Err(Denial::NetworkNotPermitted);
        };
        let institution = known.institution;
        if institution.systems == 0 {
            return Err(Denial::SystemNotPermitted);
        }
        let recheck_at = earlier(recheck_at, known.check_hours(self.offset, now)?);
        let systems = (0..).zip(&self.systems);
        let permitted = systems.filter(|(index, _)| institution.systems & 1 << index != 0);
        let destinations: Vec<_> =
            permitted.flat_map(|(_, system)| &system.destinations).cloned().collect();
        if destinations.is_empty() {
            return Err(Denial::NoDestination);
        }
        Ok(Tunnel {
            institution: institution.code.clone(),
            terminal: terminal.name.clone(),
            generation: self.generation,
            recheck_at,
            inner_prefixes: institution.inner_prefixes.clone(),
            destinations,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{MONDAY, NOON, world};
    use crate::{Fingerprint, Roster, Status};

    const CERTIFICATE: Fingerprint = Fingerprint([7; 32]);
    const ROUTER: Caller<'_> = Caller::IpsecIdentity("rtx.h1");

    fn ask(
        caller: Caller<'_>,
        now: UnixSeconds,
        change: impl FnOnce(&mut Roster),
    ) -> Result<Tunnel, Denial> {
        world(change).tunnel(&caller, now).map_err(|denied| denied.reason)
    }

    #[test]
    fn a_tunnel_leads_from_the_institution_to_its_systems_and_nowhere_else() {
        for caller in [Caller::IpsecCertificate(&CERTIFICATE), ROUTER] {
            // In its maintenance: that is each flow's matter.
            let tunnel = ask(caller, MONDAY + 1, |_| {}).unwrap();
            assert_eq!(tunnel.terminal().to_string(), "H1/pc-1");
            assert_eq!((tunnel.institution().as_str(), tunnel.generation()), ("H1", 1));
            assert_eq!(tunnel.inner_prefixes(), ["10.2.0.0/16".parse().unwrap()]);
            let [destination] = tunnel.destinations() else { panic!("{tunnel:?}") };
            assert_eq!(destination.network, "192.0.2.10/32".parse().unwrap());
            assert_eq!(destination.services, ["tcp/443".parse().unwrap()]);
        }
        let three = ["path", "dokuei", "wide"].map(|id| id.parse().unwrap());
        let tunnel = ask(ROUTER, NOON, |r| r.institutions[0].systems = three.to_vec()).unwrap();
        assert_eq!(tunnel.destinations().len(), 3);
    }

    #[test]
    fn time_alone_can_end_a_tunnel() {
        let until_two = |r: &mut Roster| {
            r.institutions[0].hours = Some("mon 10:00-14:00".parse().unwrap());
        };
        let at = |caller, change: &dyn Fn(&mut Roster)| {
            ask(caller, NOON, |roster| change(roster)).unwrap().recheck_at()
        };
        assert_eq!(at(ROUTER, &|_| {}), None);
        assert_eq!(at(Caller::IpsecCertificate(&CERTIFICATE), &|_| {}), Some(NOON * 2 + 1));
        assert_eq!(at(ROUTER, &until_two), Some(MONDAY + 14 * 3600));
        assert_eq!(ask(ROUTER, MONDAY, until_two), Err(Denial::OutsideHours));
    }

    #[test]
    fn whoever_may_not_have_one_is_refused_by_name() {
        let denied = |change: fn(&mut Roster)| ask(ROUTER, NOON, change).unwrap_err();
        assert_eq!(
            denied(|r| r.terminals[0].credentials[1].1 = Status::Suspended),
            Denial::CredentialSuspended
        );
        assert_eq!(denied(|r| r.terminals[0].status = Status::Suspended), Denial::TerminalStopped);
        assert_eq!(
            denied(|r| r.institutions[0].status = Status::Revoked),
            Denial::InstitutionStopped
        );
        assert_eq!(
            denied(|r| r.institutions[0].networks = [Network::Tls].into_iter().collect()),
            Denial::NetworkNotPermitted
        );
        assert_eq!(denied(|r| r.institutions[0].systems.clear()), Denial::SystemNotPermitted);
        let of_tls_alone = |r: &mut Roster| {
            r.institutions[0].systems = vec!["tls-only".parse().unwrap()];
        };
        assert_eq!(denied(of_tls_alone), Denial::NoDestination);

        let refused = |caller| ask(caller, NOON, |_| {}).unwrap_err();
        assert_eq!(refused(Caller::IpsecIdentity("rtx")), Denial::IkeIdentityNotRegistered);
        assert_eq!(refused(Caller::Tls(&CERTIFICATE)), Denial::NetworkNotPermitted);
        let address = Caller::IpVpn("10.1.2.3".parse().unwrap());
        assert_eq!(refused(address), Denial::NetworkNotPermitted);

        let stopped = world(|r| r.terminals[0].status = Status::Suspended);
        let denied = stopped.tunnel(&ROUTER, NOON).unwrap_err();
        assert_eq!(denied.terminal.unwrap().to_string(), "H1/pc-1", "the record names it");
    }
}
