//! The connected systems: `[[system]]`.

use policy::{Destination, Maintenance, System, SystemId};
use terminator::Upstream;

use super::Reader;
use crate::config::Problem;
use crate::config::raw::{RawDestination, RawMaintenance, RawSystem};

impl Reader<'_> {
    pub(super) fn systems(&mut self, raw: Vec<RawSystem>) -> (Vec<System>, Vec<Upstream>) {
        if raw.is_empty() {
            let remedy = "add a [[system]] for each connected system";
            self.problems.push(Problem::whole("no system is configured", remedy));
        }
        let mut hosts: Vec<(String, SystemId)> = Vec::new();
        let mut systems: Vec<System> = Vec::new();
        let mut upstreams: Vec<Upstream> = Vec::new();
        for raw in raw {
            let id: Option<SystemId> = self.parsed(&raw.id, "as kmix-r-basic");
            let upstream = self.upstream(&raw.upstream);
            let destinations = raw.destination.iter().filter_map(|d| self.destination(d)).collect();
            let maintenance =
                raw.maintenance.iter().filter_map(|window| self.maintenance(window)).collect();
            let Some(id) = id else { continue };
            if systems.iter().any(|system| system.id == id) {
                self.fault(&raw.id, "is configured twice", "give every system an id of its own");
            }
            let mut names = Vec::new();
            for host in &raw.hosts {
                let name = self.host(host);
                match hosts.iter().find(|(other, _)| *other == name) {
                    Some((_, other)) => {
                        let message = format!("leads to {other} already");
                        self.fault(host, &message, "give every host name to one system");
                    }
                    None => hosts.push((name.clone(), id.clone())),
                }
                names.push(name);
            }
            if let Some(address) = upstream {
                // Behind one address a client permitted for one system could ask for another.
                if let Some(other) = upstreams.iter().find(|other| other.address == address) {
                    let message = format!("leads to {} already", other.system);
                    self.fault(&raw.upstream, &message, "give every system a port of its own");
                }
                let proxy_protocol = raw.proxy_protocol;
                upstreams.push(Upstream { system: id.clone(), address, proxy_protocol });
            }
            let name = raw.name.into_inner();
            systems.push(System { id, name, hosts: names, destinations, maintenance });
        }
        (systems, upstreams)
    }

    fn destination(&mut self, raw: &RawDestination) -> Option<Destination> {
        let network = self.prefix(&raw.network);
        let remedy = "list what the system serves, as [\"tcp/443\", \"icmp\"]";
        let services = raw.services.iter().filter_map(|service| self.parsed(service, remedy));
        let services = services.collect();
        Some(Destination { network: network?, services })
    }

    fn maintenance(&mut self, raw: &RawMaintenance) -> Option<Maintenance> {
        let (what, remedy) = ("a time with its offset", "as 2026-12-29T22:00+09:00");
        let from: Option<jiff::Timestamp> = self.parsed_as(&raw.from, what, remedy);
        let until: Option<jiff::Timestamp> = self.parsed_as(&raw.until, what, remedy);
        let (from, until) = (from?.as_second(), until?.as_second());
        if until <= from {
            self.fault(&raw.until, "is not after the beginning", "exchange from and until");
        }
        Some(Maintenance { from, until, closed: raw.closed })
    }
}
