//! What hosts try, by programs that others wrote: curl, DCMTK, ping, openssl.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;

use demo::systems::{AE_TITLE, Kind};

use super::{CENTRE, HTTPS, MLLP, MLLPS, Topology, system};
use crate::netns::Namespace;
use crate::peers::Credential;
use crate::program::{self, Outcome};
use crate::site::HOSTS;

/// How long a client waits, in seconds, for what it will get and for what it will not.
const PATIENCE: [&str; 2] = ["5", "1"];

/// How a client fared by its own account.
pub(super) struct Told {
    /// It did what it came for.
    pub(super) satisfied: bool,
    /// What it said.
    pub(super) said: String,
}

impl Told {
    fn of(outcome: &Outcome, satisfied: bool) -> Self {
        let text = format!("{}{}", outcome.output, outcome.errors);
        let said = text.trim_end().lines().last().unwrap_or_default().chars().take(200).collect();
        Self { satisfied, said }
    }
}

impl From<Outcome> for Told {
    fn from(outcome: Outcome) -> Self {
        Self::of(&outcome, outcome.status.success())
    }
}

/// What is tried without TLS.
#[derive(Clone, Copy, Debug)]
pub(super) enum Service {
    /// What the system is there for: its page, or the store of images.
    Main(Kind),
    /// An HL7 message.
    Message,
    /// HTTP at a port of a system that is not served.
    Unserved(Kind),
    /// ICMP echo to an address.
    Echo(IpAddr),
    /// HTTP at an address that is no system.
    Web(IpAddr),
}

impl Service {
    /// Where that is; port 0 for ICMP.
    pub(super) fn address(self) -> SocketAddr {
        match self {
            Self::Main(kind) => system(kind),
            Self::Message => SocketAddr::new(system(Kind::ChiikiKanja).ip(), MLLP),
            Self::Unserved(kind) => SocketAddr::new(system(kind).ip(), super::UNSERVED),
            Self::Echo(address) => SocketAddr::new(address, 0),
            Self::Web(address) => SocketAddr::new(address, 80),
        }
    }
}

/// A host and the address that it uses, its own or not.
#[derive(Clone, Copy)]
pub(super) struct Host<'a> {
    pub(super) namespace: &'a Namespace,
    pub(super) address: &'a str,
}

impl Host<'_> {
    /// Tries a service. Whoever is `hopeful` has more patience.
    pub(super) fn attempt(self, topology: &Topology, service: Service, hopeful: bool) -> Told {
        let [long, short] = PATIENCE;
        let patience = if hopeful { long } else { short };
        let at = service.address();
        match service {
            Service::Main(Kind::EnkakuDokuei) => self.store(topology, at, patience),
            Service::Main(kind) => self.fetch(at, patience, &page_of(kind)),
            Service::Unserved(_) | Service::Web(_) => self.fetch(at, patience, ""),
            Service::Message => self.message(at),
            Service::Echo(address) => self.ping(address),
        }
    }

    fn fetch(self, at: SocketAddr, patience: &str, marker: &str) -> Told {
        let outcome = program::finish(self.curl(patience).arg(format!("http://{at}/")), b"");
        let found = outcome.output.contains(marker);
        let succeeded = outcome.status.success();
        Told::of(&outcome, succeeded && found)
    }

    /// curl has no idea of MLLP, and need not: it carries the octets, and waits for more.
    fn message(self, at: SocketAddr) -> Told {
        let url = format!("telnet://{at}");
        let outcome = program::finish(self.curl("1").arg(url), demo::HL7_MESSAGE);
        Told::of(&outcome, outcome.says(demo::HL7_ACCEPTED))
    }

    fn curl(self, patience: &str) -> Command {
        let mut curl = self.namespace.command("curl");
        curl.args(["-sS", "--noproxy", "*", "--max-time", patience]);
        curl.args(["--interface", self.address]);
        curl
    }

    fn store(self, topology: &Topology, at: SocketAddr, patience: &str) -> Told {
        let mut storescu = self.namespace.command("storescu");
        storescu.args(["-to", patience, "-ta", patience, "-td", patience]);
        storescu.args(["-aet", "CT1", "-aec", AE_TITLE]);
        storescu.args([at.ip().to_string(), at.port().to_string()]).args(&topology.images);
        program::finish(&mut storescu, b"").into()
    }

    fn ping(self, address: IpAddr) -> Told {
        let mut ping = self.namespace.command("ping");
        ping.args(["-n", "-c", "1", "-W", "1", "-I", self.address, &address.to_string()]);
        program::finish(&mut ping, b"").into()
    }

    /// A download that goes on until it is ended.
    pub(super) fn endless(self, kind: Kind) -> Command {
        let mut curl = self.curl("60");
        curl.arg(format!("http://{}/bytes?n=1000000000000", system(kind)));
        quietly(curl)
    }

    /// Fetches a system's page by TLS, or connects to the store of images.
    pub(super) fn fetch_by_tls(
        self,
        topology: &Topology,
        kind: Kind,
        credential: Option<&Credential>,
    ) -> Told {
        let mut curl = self.tls(topology, kind, credential);
        let outcome = program::finish(curl.arg(format!("https://{}/", host(kind))), b"");
        let satisfied = outcome.status.success() && outcome.says(&page_of(kind));
        Told::of(&outcome, satisfied)
    }

    /// The same without an end.
    pub(super) fn endless_by_tls(
        self,
        topology: &Topology,
        kind: Kind,
        credential: &Credential,
    ) -> Command {
        let mut curl = self.tls(topology, kind, Some(credential));
        curl.args(["--max-time", "60"]);
        curl.arg(format!("https://{}/bytes?n=1000000000000", host(kind)));
        quietly(curl)
    }

    fn tls(self, topology: &Topology, kind: Kind, credential: Option<&Credential>) -> Command {
        let mut curl = self.curl("10");
        curl.args(["--resolve", &format!("{}:{HTTPS}:{CENTRE}", host(kind))]);
        curl.arg("--cacert").arg(topology.gateway.site.ca());
        if let Some((certificate, key)) = credential {
            curl.arg("--cert").arg(certificate).arg("--key").arg(key);
        }
        curl
    }

    /// Sends an HL7 message by TLS; openssl waits for more, and is ended.
    pub(super) fn message_by_tls(
        self,
        topology: &Topology,
        (certificate, key): &Credential,
    ) -> Told {
        let ca = topology.gateway.site.ca();
        let mut openssl = self.namespace.command("timeout");
        openssl.args(["1", "openssl", "s_client", "-quiet", "-verify_return_error"]);
        openssl.args(["-connect", &format!("{CENTRE}:{MLLPS}")]).arg("-CAfile").arg(&ca);
        openssl.arg("-cert").arg(certificate).arg("-key").arg(key).arg("-cert_chain").arg(&ca);
        let outcome = program::finish(&mut openssl, demo::HL7_MESSAGE);
        Told::of(&outcome, outcome.says(demo::HL7_ACCEPTED))
    }
}

/// What only the page of this system holds.
fn page_of(kind: Kind) -> String {
    format!("content=\"{kind}\"")
}

/// The host name that leads to a system.
fn host(kind: Kind) -> &'static str {
    HOSTS.iter().find(|(system, _)| *system == kind).map(|(_, host)| *host).unwrap()
}

/// At a pace that leaves others room.
fn quietly(mut curl: Command) -> Command {
    use std::process::Stdio;
    curl.args(["--limit-rate", "1M", "-o", "/dev/null"]);
    curl.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    curl
}
