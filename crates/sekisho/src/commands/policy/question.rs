//! From the words of a command line or a file to a question for the policy.

use std::net::{IpAddr, SocketAddr};

use policy::{
    Caller, Credential, Fingerprint, Network, Request, Status, SystemId, Target, TerminalName,
    Transport, UnixSeconds,
};

use super::Book;
use crate::commands::{router, when};
use crate::{unix_micros, unix_now};

/// A question as people put it.
pub(super) struct Words<'a> {
    pub(super) road: Network,
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    /// `None` for now.
    pub(super) at: Option<&'a str>,
}

/// A word that does not say what is meant.
#[derive(Debug)]
pub(super) struct Unclear {
    /// Which: `from`, `to` or `at`.
    pub(super) word: &'static str,
    pub(super) message: String,
    pub(super) remedy: String,
}

/// A question that the policy can answer.
#[derive(Debug)]
pub(super) struct Question {
    road: Network,
    from: From,
    to: To,
    pub(super) now: UnixSeconds,
}

#[derive(Debug)]
enum From {
    Address(IpAddr),
    Certificate(Fingerprint),
    Identity(String),
}

#[derive(Debug)]
enum To {
    System(SystemId),
    Address { address: IpAddr, transport: Transport, port: u16 },
}

impl Question {
    pub(super) fn read(book: &Book<'_>, words: &Words<'_>) -> Result<Self, Unclear> {
        let moment = |text| when::parse(text, book.config.offset, unix_micros());
        let now = match words.at.map(moment) {
            None => unix_now(),
            Some(Ok(micros)) => micros.div_euclid(1_000_000),
            Some(Err(error)) => return Err(unclear("at", error.to_string(), "or leave it out")),
        };
        let from = match words.road {
            Network::IpVpn => source(words.from),
            Network::Ipsec | Network::Tls => terminal(book, words, now),
        };
        Ok(Self { road: words.road, from: from?, to: to(book, words.to)?, now })
    }

    pub(super) fn request(&self) -> Request<'_> {
        let caller = match (&self.from, self.road) {
            (From::Address(address), _) => Caller::IpVpn(*address),
            (From::Certificate(fingerprint), Network::Tls) => Caller::Tls(fingerprint),
            (From::Certificate(fingerprint), _) => Caller::IpsecCertificate(fingerprint),
            (From::Identity(identity), _) => Caller::IpsecIdentity(identity),
        };
        let target = match &self.to {
            To::System(id) => Target::System(id),
            &To::Address { address, transport, port } => {
                Target::Address { address, transport, port }
            }
        };
        Request { caller, target, now: self.now }
    }
}

fn unclear(word: &'static str, message: String, remedy: impl Into<String>) -> Unclear {
    Unclear { word, message, remedy: remedy.into() }
}

fn source(text: &str) -> Result<From, Unclear> {
    text.parse().map(From::Address).map_err(|_| {
        let message =
            format!("'{text}' is not an address, and the IP-VPN knows callers by nothing else");
        unclear("from", message, "give a source address, as 10.1.2.3")
    })
}

fn terminal(book: &Book<'_>, words: &Words<'_>, now: UnixSeconds) -> Result<From, Unclear> {
    if let Ok(fingerprint) = words.from.parse() {
        return Ok(From::Certificate(fingerprint));
    }
    if let Ok(name) = words.from.parse() {
        return credential(book, &name, words.road, now);
    }
    if words.road == Network::Ipsec {
        let identity = router::canonical(words.from).map(From::Identity);
        let remedy = "give INSTITUTION/TERMINAL, a certificate's fingerprint, or an IKE identity";
        return identity.map_err(|error| unclear("from", error.to_string(), remedy));
    }
    let message = format!("'{}' is neither a terminal nor a certificate's fingerprint", words.from);
    Err(unclear("from", message, "give INSTITUTION/TERMINAL, as 3710001/ct-1"))
}

/// What the terminal would show: of several the one that can be used, and longest.
fn credential(
    book: &Book<'_>,
    name: &TerminalName,
    road: Network,
    now: UnixSeconds,
) -> Result<From, Unclear> {
    let terminal = book.roster.terminals.iter().find(|terminal| terminal.name == *name);
    let Some(terminal) = terminal else {
        let remedy = "check the spelling; 'sekisho terminal list' shows all";
        return Err(unclear("from", format!("terminal {name} is not registered"), remedy));
    };
    let fits = |credential: &Credential| match credential {
        Credential::Certificate(_) => true,
        Credential::IkeIdentity(_) => road == Network::Ipsec,
    };
    let use_of = |(credential, status): &&(Credential, Status)| {
        let (holds, until) = match credential {
            Credential::Certificate(it) => {
                ((it.not_before..=it.not_after).contains(&now), it.not_after)
            }
            Credential::IkeIdentity(_) => (true, UnixSeconds::MAX),
        };
        (*status == Status::Active, holds, until)
    };
    let credentials = terminal.credentials.iter().filter(|(credential, _)| fits(credential));
    match credentials.max_by_key(use_of) {
        Some((Credential::Certificate(certificate), _)) => {
            Ok(From::Certificate(certificate.fingerprint))
        }
        Some((Credential::IkeIdentity(identity), _)) => Ok(From::Identity(identity.clone())),
        None => {
            let message = format!("terminal {name} has nothing to prove itself with on {road}");
            let remedy = format!("run: sekisho terminal issue {name} --out DIRECTORY");
            Err(unclear("from", message, remedy))
        }
    }
}

fn to(book: &Book<'_>, text: &str) -> Result<To, Unclear> {
    if let Some(address) = address(text) {
        return Ok(address);
    }
    let by_host = || book.policy.system_for_host(text).map(|system| system.id.clone());
    let by_id = || book.policy.systems().iter().find(|system| system.id.as_str() == text);
    let known = by_id().map(|system| system.id.clone()).or_else(by_host);
    // What is not known may be asked for all the same: the policy says what it makes of it.
    known.or_else(|| text.parse().ok().filter(|_| text.parse::<IpAddr>().is_err())).map_or_else(
        || {
            let message = format!("'{text}' names no system, host or service");
            let remedy = "give a system's id, a host name, ADDRESS:PORT, ADDRESS:PORT/udp or \
                          ADDRESS/icmp";
            Err(unclear("to", message, remedy))
        },
        |id| Ok(To::System(id)),
    )
}

/// `ADDRESS:PORT`, `ADDRESS:PORT/tcp`, `ADDRESS:PORT/udp` or `ADDRESS/icmp`.
fn address(text: &str) -> Option<To> {
    let (place, transport) = match text.rsplit_once('/') {
        None => (text, Transport::Tcp),
        Some((place, "tcp")) => (place, Transport::Tcp),
        Some((place, "udp")) => (place, Transport::Udp),
        Some((place, "icmp")) => (place, Transport::Icmp),
        Some(_) => return None,
    };
    if transport == Transport::Icmp {
        return Some(To::Address { address: place.parse().ok()?, transport, port: 0 });
    }
    let place: SocketAddr = place.parse().ok()?;
    Some(To::Address { address: place.ip(), transport, port: place.port() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_written_as_people_write_them() {
        let read = |text| match address(text)? {
            To::Address { address, transport, port } => {
                Some(format!("{address} {transport} {port}"))
            }
            To::System(_) => None,
        };
        assert_eq!(read("192.0.2.1:443").unwrap(), "192.0.2.1 tcp 443");
        assert_eq!(read("[2001:db8::1]:53/udp").unwrap(), "2001:db8::1 udp 53");
        assert_eq!(read("2001:db8::1/icmp").unwrap(), "2001:db8::1 icmp 0");
        for other in
            ["192.0.2.1", "192.0.2.1/24", "192.0.2.1:443/icmp", "kmix-plus", "a.example:443"]
        {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
