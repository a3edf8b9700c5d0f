//! From the shape of the file to checked values. All problems are found in one pass.

use std::fmt::Display;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use policy::{Destination, Maintenance, System, SystemId, UtcOffset};
use terminator::{Limits, ListenerSettings, Timeouts, Upstream};
use toml::Spanned;

use super::raw::{
    Raw, RawCertificate, RawDestination, RawListener, RawMaintenance, RawSystem, RawTls, Text,
};
use super::{CaFiles, CertificateFiles, Config, Located, Log, Problem, Tls};

const MAX_WORKERS: u16 = 256;
const LEAST_QUEUE: u32 = 64;
/// Room for the open and close records of the default number of connections, and more.
const DEFAULT_QUEUE: u32 = 262_144;

pub(super) fn read(path: &Path, source: &str) -> Result<Config, Vec<Problem>> {
    let raw: Raw = toml::from_str(source).map_err(|error| vec![not_the_shape(&error)])?;
    let mut reader = Reader { base: path.parent().unwrap_or(Path::new("")), problems: Vec::new() };
    let config = reader.config(path, source, raw);
    match config {
        Some(config) if reader.problems.is_empty() => Ok(config),
        Some(_) | None => Err(reader.problems),
    }
}

fn not_the_shape(error: &toml::de::Error) -> Problem {
    let message = error.message().to_owned();
    let remedy = if message.starts_with("unknown field") {
        "remove the key or correct its spelling; conf/sekisho.toml explains every key"
    } else if message.starts_with("missing field") {
        "add the key; conf/sekisho.toml explains every key"
    } else {
        "correct the value; conf/sekisho.toml shows the form of every key"
    };
    Problem { span: error.span(), message, remedy: remedy.to_owned() }
}

/// Collects problems on the way. A value that is wrong becomes `None` and a problem.
struct Reader<'a> {
    /// What relative paths are relative to.
    base: &'a Path,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn config(&mut self, path: &Path, source: &str, raw: Raw) -> Option<Config> {
        let name = raw.gateway.name.as_ref();
        if name.is_empty() || name.len() > 64 || name.chars().any(char::is_control) {
            self.fault(&raw.gateway.name, "is not a name", "give 1 to 64 printable characters");
        }
        let offset = self.optional(raw.gateway.utc_offset, Self::offset).unwrap_or_default();
        let workers = self.workers(raw.gateway.workers);
        let made = [&raw.gateway.socket, &raw.registry.path, &raw.log.directory];
        let made = made.map(|file| self.located(file)).to_vec();
        let registry = self.base.join(raw.registry.path.as_ref());
        let log = Log {
            directory: self.base.join(raw.log.directory.as_ref()),
            capacity: self.capacity(raw.log.queue),
            on_failure: self
                .optional(raw.log.when_unwritable, Self::on_failure)
                .unwrap_or(logstore::OnFailure::Refuse),
        };
        let ca = raw.ca.map(|ca| CaFiles {
            directory: self.base.join(ca.directory.as_ref()),
            trust_domain: self.trust_domain(&ca.trust_domain),
            passphrase: ca.passphrase_file.as_ref().map(|file| self.located(file)),
        });
        let (systems, upstreams) = self.systems(raw.system);
        let tls = self.tls(raw.tls, &systems)?;
        self.check_services(&tls.listeners, &upstreams);
        if (log.capacity as usize) < tls.limits.connections {
            let message = format!(
                "[log] queue is {}, [tls.limits] connections is {}",
                log.capacity, tls.limits.connections
            );
            let remedy = "raise the queue or lower the limit: every live connection keeps a \
                          place for its close record";
            self.problems.push(Problem::whole(message, remedy));
        }
        Some(Config {
            path: path.to_owned(),
            source: source.into(),
            gateway: name.as_str().into(),
            offset,
            workers,
            socket: self.base.join(raw.gateway.socket.as_ref()),
            registry,
            log,
            ca,
            tls,
            systems,
            upstreams,
            made,
        })
    }

    /// A listener's own upstream must not be another system's.
    fn check_services(&mut self, listeners: &[ListenerSettings], upstreams: &[Upstream]) {
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

    fn workers(&mut self, given: Option<Spanned<u16>>) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        match given {
            None => cores,
            Some(workers) if (1..=MAX_WORKERS).contains(workers.as_ref()) => {
                usize::from(*workers.as_ref())
            }
            Some(workers) => {
                let remedy = "give 1 to 256, or leave the key out for one thread a core";
                self.problem(workers.span(), format!("{} workers", workers.as_ref()), remedy);
                cores
            }
        }
    }

    fn capacity(&mut self, given: Option<Spanned<u32>>) -> u32 {
        match given {
            None => DEFAULT_QUEUE,
            Some(queue) if *queue.as_ref() >= LEAST_QUEUE => *queue.as_ref(),
            Some(queue) => {
                let remedy = "give at least 64: every live connection keeps a place";
                self.problem(queue.span(), "the queue is too short", remedy);
                DEFAULT_QUEUE
            }
        }
    }

    fn tls(&mut self, raw: RawTls, systems: &[System]) -> Option<Tls> {
        let limits = self.limits(&raw);
        let timeouts = Timeouts {
            setup: self.duration(raw.setup_timeout, 10),
            idle: self.duration(raw.idle_timeout, 3600),
            drain: self.duration(raw.drain_timeout, 30),
        };
        if raw.client_ca.as_ref().is_empty() {
            let remedy = "name at least one CA file: without a trusted CA nobody could be let in";
            self.problem(raw.client_ca.span(), "no client CA is given", remedy);
        }
        if raw.crl.as_ref().is_empty() {
            let remedy = "name the CRL of every CA in the chain: without one, revocation \
                          cannot be checked and the gateway does not start";
            self.problem(raw.crl.span(), "no CRL is given", remedy);
        }
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
            client_ca: raw.client_ca.as_ref().iter().map(|file| self.located(file)).collect(),
            crl: raw.crl.as_ref().iter().map(|file| self.located(file)).collect(),
            listeners,
            listener_spans,
            timeouts,
            limits,
        })
    }

    fn limits(&mut self, raw: &RawTls) -> Limits {
        let mut limit = |given: &Option<Spanned<u32>>, default: usize| match given {
            None => default,
            Some(value) if *value.as_ref() > 0 => *value.as_ref() as usize,
            Some(value) => {
                let remedy = "give at least 1, or leave the key out";
                self.problems.push(Problem::at(value.span(), "a limit of nothing", remedy));
                default
            }
        };
        Limits {
            handshakes: limit(&raw.limits.handshakes, 4096),
            handshakes_per_source: limit(&raw.limits.handshakes_per_source, 256),
            connections: limit(&raw.limits.connections, 65_536),
            connections_per_source: limit(&raw.limits.connections_per_source, 8192),
        }
    }

    fn certificate(&self, raw: &RawCertificate) -> CertificateFiles {
        CertificateFiles {
            chain: self.located(&raw.chain),
            key: self.located(&raw.key),
            passphrase: raw.passphrase_file.as_ref().map(|file| self.located(file)),
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

    fn systems(&mut self, raw: Vec<RawSystem>) -> (Vec<System>, Vec<Upstream>) {
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

    /// A DNS host name in lower case (RFC 1123 §2.1); no wildcard: one name, one system.
    fn host(&mut self, host: &Text) -> String {
        let name = host.as_ref().to_ascii_lowercase();
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if name.len() > 253 || !name.split('.').all(label) {
            let remedy = "give a full name as basic.kmix-r.example; wildcards and addresses \
                          are not possible here";
            self.fault(host, "is not a host name", remedy);
        }
        name
    }

    fn trust_domain(&mut self, given: &Text) -> String {
        if let Err(error) = pki::Identity::new(given.as_ref(), "I", "T") {
            let remedy = "give the network's own domain in lower case, as kmix-r.jp";
            self.fault(given, &format!("is no trust domain: {error}"), remedy);
        }
        given.as_ref().clone()
    }

    fn upstream(&mut self, given: &Text) -> Option<String> {
        let text = given.as_ref();
        let port = text.rsplit_once(':').and_then(|(host, port)| {
            let port = port.parse::<u16>().ok().filter(|&port| port > 0)?;
            (!host.is_empty()).then_some(port)
        });
        if port.is_none() {
            self.fault(given, "is not HOST:PORT", "as 10.20.0.10:8080 or [2001:db8::10]:8080");
        }
        port.map(|_| text.clone())
    }

    fn destination(&mut self, raw: &RawDestination) -> Option<Destination> {
        let network: Option<IpNet> = match raw.network.as_ref().parse::<std::net::IpAddr>() {
            Ok(address) => Some(address.into()),
            Err(_) => self.parsed_as(&raw.network, "an address or prefix", "as 192.0.2.10/32"),
        };
        if let Some(network) = network.filter(|network| *network != network.trunc()) {
            let remedy = format!("{} or {}/32", network.trunc(), network.addr());
            self.fault(&raw.network, "has bits beyond its prefix length", &remedy);
        }
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

    fn offset(&mut self, given: &Text) -> Option<UtcOffset> {
        let minutes = given.as_ref().split_once(':').and_then(|(hours, minutes)| {
            let (sign, digits) = match hours.split_at_checked(1)? {
                ("+", digits) => (1, digits),
                ("-", digits) => (-1, digits),
                _ => return None,
            };
            let (hours, minutes): (i16, i16) = (digits.parse().ok()?, minutes.parse().ok()?);
            ((0..=14).contains(&hours) && (0..60).contains(&minutes))
                .then_some(sign * (hours * 60 + minutes))
        });
        if minutes.is_none() {
            self.fault(given, "is not an offset from UTC", "as +09:00");
        }
        minutes.map(|minutes| UtcOffset { minutes })
    }

    fn on_failure(&mut self, given: &Text) -> Option<logstore::OnFailure> {
        match given.as_ref().as_str() {
            "refuse" => Some(logstore::OnFailure::Refuse),
            "admit" => Some(logstore::OnFailure::Admit),
            _ => {
                self.fault(given, "is neither 'refuse' nor 'admit'", "refuse is the default");
                None
            }
        }
    }

    /// A duration from one second to a week.
    fn duration(&mut self, given: Option<Text>, default_seconds: u64) -> Duration {
        let default = Duration::from_secs(default_seconds);
        let Some(given) = given else { return default };
        let parsed = given.as_ref().parse::<jiff::SignedDuration>().ok();
        let parsed = parsed.and_then(|duration| Duration::try_from(duration).ok());
        let bounds = Duration::from_secs(1)..=Duration::from_secs(7 * 24 * 3600);
        match parsed.filter(|duration| bounds.contains(duration)) {
            Some(duration) => duration,
            None => {
                self.fault(&given, "is not a duration", "give 1s to 168h, as '10s' or '1h 30m'");
                default
            }
        }
    }

    fn located(&self, file: &Text) -> Located {
        Located { path: self.base.join(file.as_ref()), span: file.span() }
    }

    fn optional<T>(
        &mut self,
        given: Option<Text>,
        read: impl FnOnce(&mut Self, &Text) -> Option<T>,
    ) -> Option<T> {
        given.and_then(|given| read(self, &given))
    }

    fn parsed<T: FromStr<Err: Display>>(&mut self, given: &Text, remedy: &str) -> Option<T> {
        match given.as_ref().parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(given, &error.to_string(), remedy);
                None
            }
        }
    }

    /// For types whose own errors do not read on from the value.
    fn parsed_as<T: FromStr>(&mut self, given: &Text, what: &str, remedy: &str) -> Option<T> {
        let value = given.as_ref().parse().ok();
        if value.is_none() {
            self.fault(given, &format!("is not {what}"), remedy);
        }
        value
    }

    fn fault(&mut self, given: &Text, message: &str, remedy: &str) {
        self.problem(given.span(), format!("'{}' {message}", given.as_ref()), remedy);
    }

    fn problem(&mut self, span: Range<usize>, message: impl Into<String>, remedy: &str) {
        self.problems.push(Problem::at(span, message, remedy));
    }
}
