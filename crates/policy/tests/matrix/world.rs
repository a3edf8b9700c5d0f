//! One institution in one situation, and every way to ask for a system.

use std::net::IpAddr;

use policy::{
    Caller, Certificate, Credential, Denial, Destination, Fingerprint, Institution,
    InstitutionKind, Maintenance, Network, Networks, Policy, PortRange, Request, Roster, Status,
    System, SystemId, Target, Terminal, Transport, UtcOffset,
};

/// One of the five connected systems (clause 1.2).
pub(crate) struct Connected {
    pub(crate) id: &'static str,
    host: &'static str,
    address: &'static str,
    /// What is asked of it, all of which it serves.
    services: &'static [&'static str],
}

const fn connected(
    id: &'static str,
    host: &'static str,
    address: &'static str,
    services: &'static [&'static str],
) -> Connected {
    Connected { id, host, address, services }
}

/// Web; web, HL7 v2 over MLLP; web and an upload port; DICOM in the clear, by TLS and by web; web.
pub(crate) const SYSTEMS: [Connected; 5] = [
    connected("kmix-r-basic", "basic.example", "192.0.2.10", &["tcp/443", "icmp"]),
    connected("chiiki-kanja", "chiiki.example", "192.0.2.20", &["tcp/443", "tcp/2575", "icmp"]),
    connected("kmix-plus", "plus.example", "2001:db8::30", &["tcp/443", "tcp/8443", "icmp"]),
    connected(
        "enkaku-dokuei",
        "dokuei.example",
        "192.0.2.40",
        &["tcp/104", "tcp/11112", "tcp/2762", "tcp/443", "icmp"],
    ),
    connected("renkei-path", "path.example", "192.0.2.50", &["tcp/443", "icmp"]),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Situation {
    Usual,
    NotPermitted,
    InstitutionSuspended,
    TerminalSuspended,
    OutOfHours,
    Maintenance,
    RoadNotPermitted,
}

/// 2026-11-24 10:00 JST, a Tuesday.
const NOW: i64 = 1_795_482_000;
const CERTIFICATE: Fingerprint = Fingerprint([0x37; 32]);
const ROUTER: &str = "rtx.example";
const SOURCE: &str = "10.1.2.3";

pub(crate) struct World(Policy);

impl World {
    pub(crate) fn new(kind: InstitutionKind, road: Network, situation: Situation) -> Self {
        let roster = Roster {
            institutions: vec![institution(kind, road, situation)],
            terminals: terminals(situation),
        };
        let systems = SYSTEMS.iter().map(|system| configured(system, situation)).collect();
        Self(Policy::compile(1, UtcOffset::default(), systems, &roster).unwrap())
    }

    /// The reason of each refusal, by every credential of the road and every name the system has
    /// there.
    pub(crate) fn ask_every_way(
        &self,
        road: Network,
        system: &Connected,
    ) -> Vec<(String, Option<Denial>)> {
        let callers = match road {
            Network::IpVpn => vec![Caller::IpVpn(SOURCE.parse().unwrap())],
            Network::Ipsec => {
                vec![Caller::IpsecCertificate(&CERTIFICATE), Caller::IpsecIdentity(ROUTER)]
            }
            Network::Tls => vec![Caller::Tls(&CERTIFICATE)],
        };
        let id: SystemId = match road {
            Network::Tls => self.0.system_for_host(system.host).unwrap().id.clone(),
            Network::IpVpn | Network::Ipsec => system.id.parse().unwrap(),
        };
        let addresses = system.services.iter().filter(|_| road != Network::Tls).map(|service| {
            let address: IpAddr = system.address.parse().unwrap();
            let service: PortRange = service.parse().unwrap();
            let icmp = service.transport == Transport::Icmp;
            let port = if icmp { 0 } else { *service.ports.start() };
            Target::Address { address, transport: service.transport, port }
        });
        let targets: Vec<_> = [Target::System(&id)].into_iter().chain(addresses).collect();
        let asked = callers.iter().flat_map(|caller| targets.iter().map(move |to| (*caller, *to)));
        let answers = asked.map(|(caller, target)| {
            let answer = self.0.authorize(&Request { caller, target, now: NOW });
            (format!("{caller:?} {target:?}"), answer.err().map(|denied| denied.reason))
        });
        answers.collect()
    }
}

fn institution(kind: InstitutionKind, road: Network, situation: Situation) -> Institution {
    let systems: &[&str] = match kind {
        _ if situation == Situation::NotPermitted => &[],
        InstitutionKind::Hospital => {
            &["kmix-r-basic", "chiiki-kanja", "kmix-plus", "enkaku-dokuei", "renkei-path"]
        }
        InstitutionKind::Clinic => &["kmix-r-basic", "chiiki-kanja", "kmix-plus", "renkei-path"],
        InstitutionKind::DentalClinic => &["kmix-r-basic", "renkei-path"],
        InstitutionKind::Pharmacy => &["kmix-r-basic", "chiiki-kanja"],
    };
    let other_roads = Networks::ALL.iter().filter(|other| *other != road);
    Institution {
        code: "3710001".parse().unwrap(),
        name: kind.japanese().to_owned(),
        kind,
        status: suspended_if(situation == Situation::InstitutionSuspended),
        networks: if situation == Situation::RoadNotPermitted {
            other_roads.collect()
        } else {
            [road].into_iter().collect()
        },
        systems: systems.iter().map(|id| id.parse().unwrap()).collect(),
        hours: Some(if situation == Situation::OutOfHours {
            "mon 08:30-18:00, tue 10:01-18:00".parse().unwrap()
        } else {
            "tue 10:00-10:01".parse().unwrap()
        }),
        ip_vpn_prefixes: vec!["10.1.2.0/24".parse().unwrap()],
        inner_prefixes: vec!["10.2.0.0/24".parse().unwrap()],
        within: Vec::new(),
    }
}

fn terminals(situation: Situation) -> Vec<Terminal> {
    let certificate =
        Certificate { fingerprint: CERTIFICATE, not_before: NOW - 60, not_after: NOW + 60 };
    let terminal = |name: &str, credential| Terminal {
        name: name.parse().unwrap(),
        status: suspended_if(situation == Situation::TerminalSuspended),
        credentials: vec![(credential, Status::Active)],
    };
    vec![
        terminal("3710001/pc-1", Credential::Certificate(certificate)),
        terminal("3710001/rtx", Credential::IkeIdentity(ROUTER.to_owned())),
    ]
}

fn configured(system: &Connected, situation: Situation) -> System {
    let closed = situation == Situation::Maintenance;
    System {
        id: system.id.parse().unwrap(),
        name: system.id.to_owned(),
        hosts: vec![system.host.to_owned()],
        destinations: vec![Destination {
            network: system.address.parse::<IpAddr>().unwrap().into(),
            services: system.services.iter().map(|service| service.parse().unwrap()).collect(),
        }],
        // What is only announced stops nobody.
        maintenance: vec![Maintenance { from: NOW - 60, until: NOW + 60, closed }],
    }
}

fn suspended_if(suspended: bool) -> Status {
    if suspended { Status::Suspended } else { Status::Active }
}
