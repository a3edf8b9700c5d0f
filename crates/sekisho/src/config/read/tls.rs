//! The section `[tls]`.

use policy::System;
use terminator::{Limits, ListenerSettings, Timeouts, Upstream};

use super::Reader;
use crate::config::raw::{RawListener, RawTls};
use crate::config::{Problem, Tls};

impl Reader<'_> {
    pub(super) fn tls(&mut self, raw: RawTls, systems: &[System]) -> Option<Tls> {
        let limits = self.limits(&raw);
        let timeouts = Timeouts {
            setup: self.duration(raw.setup_timeout, 10),
            idle: self.duration(raw.idle_timeout, 3600),
            drain: self.duration(raw.drain_timeout, 30),
        };
        if raw.certificate.is_empty() {
            let remedy = "add [[tls.certificate]] with chain and key";
            self.problems.push(Problem::whole("no server certificate is configured", remedy));
        }
        if raw.listener.is_empty() {
            let remedy = "add [[tls.listener]] with an address";
            self.problems.push(Problem::whole("no listener is configured", remedy));
        }
        let listener_spans = raw.listener.iter().map(|listener| listener.address.span()).collect();
        let listeners: Vec<_> =
            raw.listener.into_iter().filter_map(|l| self.listener(l, systems)).collect();
        Some(Tls {
            certificates: raw.certificate.iter().map(|files| self.certificate(files)).collect(),
            client_ca: self.client_ca(&raw.client_ca),
            crl: self.crl(&raw.crl),
            listeners,
            listener_spans,
            timeouts,
            limits,
        })
    }

    /// A listener's own upstream must not be another system's.
    pub(super) fn check_services(
        &mut self,
        listeners: &[ListenerSettings],
        upstreams: &[Upstream],
    ) {
        for service in listeners.iter().filter_map(|listener| listener.upstream.as_ref()) {
            let clash = |other: &&Upstream| {
                other.address == service.address && other.system != service.system
            };
            if let Some(other) = upstreams.iter().find(clash) {
                let message = format!(
                    "{} is the upstream of {} and of a listener of {}",
                    service.address, other.system, service.system
                );
                self.problems.push(Problem::whole(message, "give every system ports of its own"));
            }
        }
    }

    fn limits(&mut self, raw: &RawTls) -> Limits {
        let mut limit = |given, default| self.at_least_one(given, default) as usize;
        Limits {
            handshakes: limit(&raw.limits.handshakes, 4096),
            handshakes_per_source: limit(&raw.limits.handshakes_per_source, 256),
            connections: limit(&raw.limits.connections, 65_536),
            connections_per_source: limit(&raw.limits.connections_per_source, 8192),
        }
    }

    fn listener(&mut self, raw: RawListener, systems: &[System]) -> Option<ListenerSettings> {
        let address = self.parsed_as(&raw.address, "ADDRESS:PORT", "as 0.0.0.0:443 or [::]:443");
        let profile = match raw.profile {
            Some(word) => self.parsed(&word, "cryptrec-high is the default")?,
            None => terminator::Profile::default(),
        };
        let system = match raw.system {
            Some(id) => {
                let known = systems.iter().find(|system| system.id.as_str() == id.as_ref());
                if known.is_none() {
                    let remedy = "bind the listener to the id of a [[system]]";
                    self.fault(&id, "is no configured system", remedy);
                }
                Some(known?.id.clone())
            }
            None => None,
        };
        let upstream = match (raw.upstream, &system) {
            (None, _) => None,
            (Some(given), Some(system)) => Some(Upstream {
                system: system.clone(),
                address: self.upstream(&given)?,
                proxy_protocol: raw.proxy_protocol,
            }),
            (Some(given), None) => {
                let remedy = "add system = \"…\" to this [[tls.listener]]";
                self.fault(&given, "is given for a listener of no system", remedy);
                None
            }
        };
        Some(ListenerSettings {
            address: address?,
            profile,
            system,
            upstream,
            require_extended_master_secret: raw.require_extended_master_secret.unwrap_or(true),
        })
    }
}
