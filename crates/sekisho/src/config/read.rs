//! From the shape of the file to checked values. All problems are found in one pass.

mod data_plane;
mod ipsec;
mod system;
mod tls;

use std::fmt::Display;
use std::net::IpAddr;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use policy::UtcOffset;
use toml::Spanned;

use super::raw::{Raw, RawCertificate, Text};
use super::{CaFiles, CertificateFiles, Config, Located, Log, Problem};

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
        let made = made.into_iter().chain(&raw.registry.key);
        let made = made.map(|file| self.located(file)).collect();
        let registry = self.base.join(raw.registry.path.as_ref());
        let sealing_key = match &raw.registry.key {
            Some(file) => self.located(file),
            None => {
                let path = registry.with_extension("key");
                Located { path, span: raw.registry.path.span() }
            }
        };
        let log = Log {
            directory: self.base.join(raw.log.directory.as_ref()),
            capacity: 0,
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
        let data_plane = self.data_plane(raw.data_plane);
        let ip_vpn = raw.ip_vpn.map(|ip_vpn| self.ip_vpn(&ip_vpn, &data_plane.device));
        let ipsec = raw.ipsec.map(|ipsec| self.ipsec(ipsec, &tls, &systems));
        self.check_services(&tls.listeners, &upstreams);
        let flows = match ipsec.is_some() || ip_vpn.is_some() {
            true => data_plane.workers.saturating_mul(data_plane.flows),
            false => 0,
        };
        let capacity = self.capacity(raw.log.queue, tls.limits.connections, flows);
        let log = Log { capacity, ..log };
        Some(Config {
            path: path.to_owned(),
            source: source.into(),
            gateway: name.as_str().into(),
            offset,
            workers,
            socket: self.base.join(raw.gateway.socket.as_ref()),
            registry,
            sealing_key,
            log,
            ca,
            tls,
            data_plane,
            ip_vpn,
            ipsec,
            systems,
            upstreams,
            made,
        })
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

    /// How many records may wait. Everything that is live keeps a place for its close record, and
    /// half of the places are not for refusals.
    fn capacity(&mut self, given: Option<Spanned<u32>>, connections: usize, flows: usize) -> u32 {
        let live = u32::try_from(connections.saturating_add(flows)).unwrap_or(u32::MAX);
        let Some(queue) = given else { return DEFAULT_QUEUE.max(live.saturating_mul(2)) };
        let least = live.max(LEAST_QUEUE);
        if *queue.as_ref() < least {
            let message = format!("the queue is too short for {connections} connections");
            let message = match flows {
                0 => message,
                flows => format!("{message} and {flows} flows"),
            };
            let remedy = format!(
                "give at least {least}, or lower [tls.limits] connections or [data_plane] flows: \
                 whatever is live keeps a place for its close record"
            );
            self.problem(queue.span(), message, &remedy);
        }
        *queue.as_ref()
    }

    fn at_least_one<T: Copy + PartialOrd + From<u8>>(
        &mut self,
        given: &Option<Spanned<T>>,
        default: T,
    ) -> T {
        match given {
            None => default,
            Some(value) if *value.as_ref() >= T::from(1) => *value.as_ref(),
            Some(value) => {
                self.problem(
                    value.span(),
                    "a limit of nothing",
                    "give at least 1, or leave the key out",
                );
                default
            }
        }
    }

    fn client_ca(&mut self, given: &Spanned<Vec<Text>>) -> Vec<Located> {
        let remedy = "name at least one CA file: without a trusted CA nobody could be let in";
        self.files(given, "no client CA is given", remedy)
    }

    fn crl(&mut self, given: &Spanned<Vec<Text>>) -> Vec<Located> {
        let remedy = "name the CRL of every CA in the chain: without one, revocation \
                      cannot be checked and the gateway does not start";
        self.files(given, "no CRL is given", remedy)
    }

    fn files(&mut self, given: &Spanned<Vec<Text>>, none: &str, remedy: &str) -> Vec<Located> {
        if given.as_ref().is_empty() {
            self.problem(given.span(), none, remedy);
        }
        given.as_ref().iter().map(|file| self.located(file)).collect()
    }

    fn certificate(&self, raw: &RawCertificate) -> CertificateFiles {
        CertificateFiles {
            chain: self.located(&raw.chain),
            key: self.located(&raw.key),
            passphrase: raw.passphrase_file.as_ref().map(|file| self.located(file)),
        }
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

    fn prefix(&mut self, given: &Text) -> Option<IpNet> {
        let network: Option<IpNet> = match given.as_ref().parse::<IpAddr>() {
            Ok(address) => Some(address.into()),
            Err(_) => self.parsed_as(given, "an address or prefix", "as 192.0.2.10/32"),
        };
        if let Some(network) = network.filter(|network| *network != network.trunc()) {
            let one = IpNet::from(network.addr());
            let remedy = format!("{} or {one}", network.trunc());
            self.fault(given, "has bits beyond its prefix length", &remedy);
        }
        network
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
