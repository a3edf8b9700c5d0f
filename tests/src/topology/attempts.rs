//! Who tries what, and what should come of it.

use std::net::IpAddr;

use demo::systems::Kind;

use super::clients::{Host, Service};
use super::peers::{self, Peer};
use super::places::{CENTRE_INSIDE, INTRUDER, MEMBER, PHARMACY, STRANGER, WARD};
use super::verdicts::{Attempt, DROPPED, Judged, PERMITTED, Trace};
use super::{Topology, live};
use crate::road::ip;

/// The reason for which IKE makes no child beyond the permit.
const BEYOND: &str = "ike.ts-unacceptable";

/// An institution with its place, its road and its permissions.
struct Member<'a> {
    code: &'static str,
    kind: &'static str,
    road: &'static str,
    host: Host<'a>,
    systems: &'static [Kind],
    /// By what it asks for tunnels.
    peer: Option<Peer>,
}

/// Makes every attempt, one after the other, until `stop` says so.
pub(super) fn all(topology: &Topology, stop: impl Fn() -> bool) -> Vec<Judged> {
    let clinic = topology.peers.clinic_address();
    let members = members(topology, &clinic);
    let mut attempts: Vec<Attempt<'_>> =
        members.iter().flat_map(|member| matrix(topology, member)).collect();
    attempts.extend(further(topology, &members, ip(&clinic)));
    attempts.extend(strangers(topology));
    attempts.extend(intruders(topology));
    let mut judged = Vec::new();
    for attempt in attempts {
        if stop() {
            return judged;
        }
        judged.push(attempt.judge(topology));
    }
    judged.extend(live::ended(topology, stop));
    judged
}

fn members<'a>(topology: &'a Topology, clinic: &'a str) -> [Member<'a>; 4] {
    use Kind::{ChiikiKanja, EnkakuDokuei, KmixPlus, KmixRBasic, RenkeiPath};
    let networks = &topology.networks;
    let member = |code, kind, road, namespace, address, systems, peer| Member {
        code,
        kind,
        road,
        host: Host { namespace, address },
        systems,
        peer,
    };
    let most: &[_] = &[ChiikiKanja, KmixPlus, EnkakuDokuei, RenkeiPath];
    let some: &[_] = &[ChiikiKanja, KmixPlus, EnkakuDokuei];
    let few: &[_] = &[KmixRBasic, ChiikiKanja];
    let (router, terminal) = (Some(Peer::Router), Some(Peer::Clinic));
    [
        member("3710001", "病院", "ip-vpn", &networks.member, MEMBER, most, None),
        member("3710002", "病院", "ipsec", &networks.ward, WARD, some, router),
        member("3710101", "診療所", "ipsec", &networks.clinic, clinic, few, terminal),
        member("3740001", "薬局", "tls", &networks.pharmacy, PHARMACY, few, None),
    ]
}

/// Every system, permitted or not.
fn matrix<'a>(topology: &'a Topology, member: &Member<'a>) -> Vec<Attempt<'a>> {
    Kind::ALL.into_iter().map(|kind| of_system(topology, member, kind)).collect()
}

fn of_system<'a>(topology: &'a Topology, member: &Member<'a>, kind: Kind) -> Attempt<'a> {
    let permitted = member.systems.contains(&kind);
    match (member.road, permitted, member.peer) {
        ("tls", ..) => by_tls(topology, member, kind, permitted),
        // Tunnels lead to permitted systems only: the router is refused one that does not.
        (_, false, Some(peer)) => {
            let what = format!("{} → {} — IKE CHILD_SA", named(member), kind.name_ja());
            asking(topology, what, member.code, (peer, kind.id()), BEYOND)
        }
        (_, false, None) => {
            by_packets(topology, member, Service::Main(kind), "policy.system-not-permitted")
        }
        (_, true, _) => by_packets(topology, member, Service::Main(kind), PERMITTED),
    }
}

fn named(member: &Member<'_>) -> String {
    format!("{} {} {}", road_name(member.road), member.code, member.kind)
}

/// All of one width.
pub(super) fn road_name(road: &str) -> &'static str {
    match road {
        "ip-vpn" => "IP-VPN",
        "ipsec" => "IPsec ",
        "tls" => "TLS   ",
        _ => "none  ",
    }
}

fn by_packets<'a>(
    topology: &'a Topology,
    member: &Member<'a>,
    service: Service,
    expected: &'static str,
) -> Attempt<'a> {
    let (what, system) = told(service);
    let hopeful = expected == PERMITTED;
    let host = member.host;
    Attempt {
        what: format!("{} → {what}", named(member)),
        road: member.road,
        institution: member.code,
        system,
        expected,
        succeeds: hopeful,
        trace: Trace::Flow(ip(host.address), service.address()),
        act: Box::new(move || host.attempt(topology, service, hopeful)),
    }
}

/// A service in words, and the system that it is of.
fn told(service: Service) -> (String, Option<Kind>) {
    match service {
        Service::Main(Kind::EnkakuDokuei) => {
            let name = Kind::EnkakuDokuei.name_ja();
            (format!("{name} — storescu, 5 images"), Some(Kind::EnkakuDokuei))
        }
        Service::Main(kind) => (format!("{} — curl", kind.name_ja()), Some(kind)),
        Service::Message => {
            let kind = Kind::ChiikiKanja;
            (format!("{} — HL7 v2 MLLP", kind.name_ja()), Some(kind))
        }
        Service::Unserved(kind) => {
            (format!("{} 提供していないポート a port not served", kind.name_ja()), None)
        }
        Service::Echo(address) => {
            let kind = Kind::ALL.into_iter().find(|&kind| super::system(kind).ip() == address);
            let name = kind.map_or_else(|| address.to_string(), |kind| kind.name_ja().to_owned());
            (format!("{name} — ping"), kind)
        }
        Service::Web(address) => (format!("{address} — curl"), None),
    }
}

fn by_tls<'a>(
    topology: &'a Topology,
    member: &Member<'a>,
    kind: Kind,
    permitted: bool,
) -> Attempt<'a> {
    let host = member.host;
    let credential = topology.gateway.site.terminal("3740001/pc-1");
    Attempt {
        what: format!("{} → {} — curl", named(member), kind.name_ja()),
        road: "tls",
        institution: member.code,
        system: Some(kind),
        expected: if permitted { PERMITTED } else { "policy.system-not-permitted" },
        succeeds: permitted,
        trace: Trace::Connection(ip(host.address)),
        act: Box::new(move || host.fetch_by_tls(topology, kind, Some(&credential))),
    }
}

/// A peer asks IKE for what it does not get.
fn asking<'a>(
    topology: &'a Topology,
    what: String,
    institution: &'static str,
    (peer, child): (Peer, &'static str),
    expected: &'static str,
) -> Attempt<'a> {
    Attempt {
        what,
        road: "ipsec",
        institution,
        system: None,
        expected,
        succeeds: false,
        trace: Trace::Session,
        act: Box::new(move || topology.peers.initiate(peer, child).into()),
    }
}

/// Other services, and what is no system.
fn further<'a>(
    topology: &'a Topology,
    [member, ward, clinic, pharmacy]: &[Member<'a>; 4],
    terminal: IpAddr,
) -> Vec<Attempt<'a>> {
    let plus = super::system(Kind::KmixPlus).ip();
    let basic = super::system(Kind::KmixRBasic).ip();
    let packets = |member, service, expected| by_packets(topology, member, service, expected);
    let mut attempts = Vec::new();
    for (member, pinged) in [(member, plus), (ward, plus), (clinic, basic)] {
        attempts.push(packets(member, Service::Message, PERMITTED));
        attempts.push(packets(member, Service::Echo(pinged), PERMITTED));
        let unserved = Service::Unserved(member.systems[1]);
        attempts.push(packets(member, unserved, "policy.port-not-served"));
    }
    attempts.push(message_by_tls(topology, pharmacy));
    for (address, expected) in [
        (ip(WARD), "policy.session-to-session"),
        // Which addresses terminals are lent, the policy does not know; they are no system.
        (terminal, "policy.destination-not-a-system"),
        (ip(INTRUDER), "policy.destination-not-a-system"),
    ] {
        attempts.push(packets(member, Service::Web(address), expected));
    }
    attempts.push(packets(member, Service::Echo(ip(CENTRE_INSIDE)), DROPPED));
    for (member, peer) in [(ward, Peer::Router), (clinic, Peer::Clinic)] {
        let what = format!("{} → 他の機関の端末 others' terminals — IKE CHILD_SA", named(member));
        attempts.push(asking(topology, what, member.code, (peer, peers::SESSIONS), BEYOND));
    }
    attempts
}

fn message_by_tls<'a>(topology: &'a Topology, member: &Member<'a>) -> Attempt<'a> {
    let host = member.host;
    let credential = topology.gateway.site.terminal("3740001/pc-1");
    Attempt {
        what: format!("{} → {} — HL7 v2 MLLP", named(member), Kind::ChiikiKanja.name_ja()),
        act: Box::new(move || host.message_by_tls(topology, &credential)),
        ..by_tls(topology, member, Kind::ChiikiKanja, true)
    }
}

/// Packets of somebody whom no institution knows.
fn forged<'a>(
    topology: &'a Topology,
    what: &str,
    road: &'static str,
    host: Host<'a>,
    expected: &'static str,
) -> Attempt<'a> {
    let service = Service::Main(Kind::KmixPlus);
    Attempt {
        what: format!("{} {what} {} → K-MIX+", road_name(road), host.address),
        road,
        institution: "",
        system: None,
        expected,
        succeeds: false,
        trace: Trace::Flow(ip(host.address), service.address()),
        act: Box::new(move || host.attempt(topology, service, false)),
    }
}

/// Whoever is on the closed network and is nobody.
fn strangers(topology: &Topology) -> Vec<Attempt<'_>> {
    const UNREGISTERED: &str = "policy.source-not-registered";
    let from = |address| Host { namespace: &topology.networks.stranger, address };
    let own = forged(topology, "未登録 unregistered", "ip-vpn", from(STRANGER), UNREGISTERED);
    let tunnel =
        forged(topology, "IPsec の病院を詐称 spoofing", "ip-vpn", from(WARD), UNREGISTERED);
    // Within the closed network only its carrier could tell who is who. The answers find the
    // hospital, which wants nothing of them.
    let member =
        forged(topology, "病院を詐称、応答は本物へ spoofing", "ip-vpn", from(MEMBER), PERMITTED);
    let member = Attempt { institution: "3710001", system: Some(Kind::KmixPlus), ..member };
    vec![own, tunnel, member]
}

/// Whoever is on the Internet and is nobody.
fn intruders(topology: &Topology) -> Vec<Attempt<'_>> {
    let from = |address| Host { namespace: &topology.networks.intruder, address };
    let tls = |what: &str, credential: Option<_>, expected| Attempt {
        what: format!("TLS    {what} → K-MIX+"),
        road: "tls",
        institution: "",
        system: None,
        expected,
        succeeds: false,
        trace: Trace::Connection(ip(INTRUDER)),
        act: Box::new(move || {
            from(INTRUDER).fetch_by_tls(topology, Kind::KmixPlus, credential.as_ref())
        }),
    };
    let file = |name| topology.gateway.site.path(name);
    let stranger = (file("stranger/terminal.pem"), file("stranger/terminal.key"));
    let ike = |what: &str, child, expected| {
        asking(topology, format!("IPsec  {what}"), "", (Peer::Intruder, child), expected)
    };
    let plain = |what, address| forged(topology, what, "", from(address), DROPPED);
    vec![
        tls("別の CA の証明書 unknown CA", Some(stranger), "tls.certificate-unknown-ca"),
        tls("証明書なし no certificate", None, "tls.no-certificate"),
        ike("病院のルータの ID、違う鍵 wrong key", peers::WRONG_KEY, "ike.pre-shared-key"),
        ike("知らない ID unknown identity", peers::UNKNOWN, "ike.unknown-identity"),
        plain("平文 in the clear", INTRUDER),
        plain("平文、IP-VPN の病院を詐称 spoofing", MEMBER),
        plain("平文、IPsec の病院を詐称 spoofing", WARD),
    ]
}
