//! A network of realistic size: 10,000 institutions, 100,000 prefixes, 200,000 terminals,
//! five systems.
//!
//! Institution `n` may use every road and the first four systems; every other one has
//! office hours. Each has ten prefixes, half of them IPv4, half of them nested, some in
//! the next institution's; and twenty terminals, of which the first is a site router
//! with an IKE identity and the others have a certificate each.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use policy::{
    Certificate, Credential, Destination, Fingerprint, Institution, InstitutionCode,
    InstitutionKind, Maintenance, Networks, Roster, Status, System, SystemId, Terminal,
    TerminalName, UnixSeconds,
};

/// Institutions.
pub const INSTITUTIONS: u16 = 10_000;
/// Terminals of each, the site router included.
pub const TERMINALS: u16 = 20;
/// 2026-11-23 10:00:00 JST, a Monday: every institution is open.
pub const MONDAY_MORNING: UnixSeconds = 1_795_395_600;
/// The systems; institutions may not use the last one.
pub const SYSTEMS: [&str; 5] = ["referral", "imaging", "reading", "home-care", "dialysis"];

/// 2100-01-01T00:00:00Z.
const FAR_FUTURE: UnixSeconds = 4_102_444_800;
const DAY: UnixSeconds = 86_400;

/// All that the support desk has registered.
///
/// # Panics
///
/// Never: all of it is well-formed.
pub fn roster() -> Roster {
    Roster {
        institutions: (0..INSTITUTIONS).map(institution).collect(),
        terminals: (0..INSTITUTIONS)
            .flat_map(|of| (0..TERMINALS).map(move |number| terminal(of, number)))
            .collect(),
    }
}

/// The five systems, each at two host names and two prefixes.
///
/// # Panics
///
/// Never: all of it is well-formed.
pub fn systems() -> Vec<System> {
    (0..).zip(SYSTEMS).map(|(number, id)| system(number, id)).collect()
}

/// The name of terminal `number` of an institution.
///
/// # Panics
///
/// Never: it is well-formed.
pub fn terminal_name(institution: u16, number: u16) -> TerminalName {
    TerminalName {
        institution: code(institution),
        terminal: format!("ct-{number:02}").parse().unwrap(),
    }
}

/// The certificate of terminal `number` of an institution: any `number` but 0.
pub fn fingerprint(institution: u16, number: u16) -> Fingerprint {
    let seed = u64::from(institution) << 16 | u64::from(number);
    let mut bytes = [0; 32];
    for (word, lane) in bytes.chunks_exact_mut(8).zip(0..) {
        word.copy_from_slice(&scatter(seed << 2 | lane).to_be_bytes());
    }
    Fingerprint(bytes)
}

/// The IKE identity of an institution's site router.
pub fn ike_identity(institution: u16) -> String {
    format!("router.{}.sekisho.example.jp", code(institution))
}

/// An IPv4 address of an institution on the IP-VPN.
pub fn ip_vpn_v4(institution: u16) -> IpAddr {
    let [high, low] = institution.to_be_bytes();
    Ipv4Addr::new(10, high, low, 130).into()
}

/// An IPv6 address of an institution on the IP-VPN.
pub fn ip_vpn_v6(institution: u16) -> IpAddr {
    Ipv6Addr::new(0x2001, 0xdb8, institution, 0x8000, 0, 0, 0, 7).into()
}

/// An IPv4 address of the system with this place in [`SYSTEMS`].
pub fn system_v4(number: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, number * 16 + 1).into()
}

fn code(institution: u16) -> InstitutionCode {
    (3_700_000 + u32::from(institution)).to_string().parse().unwrap()
}

fn institution(number: u16) -> Institution {
    let code = code(number);
    let permitted = SYSTEMS.iter().take(SYSTEMS.len() - 1);
    let hours = "mon-fri 08:30-18:00, sat 09:00-12:30";
    Institution {
        name: format!("医療機関 {code}"),
        code,
        kind: InstitutionKind::Clinic,
        status: Status::Active,
        networks: Networks::ALL,
        systems: permitted.map(|id| id.parse().unwrap()).collect(),
        hours: (number % 2 == 1).then(|| hours.parse().unwrap()),
        ip_vpn_prefixes: ip_vpn_prefixes(number),
        inner_prefixes: inner_prefixes(number),
        within: vec![self::code(next(number))],
    }
}

/// In whose prefixes some of its own lie.
fn next(institution: u16) -> u16 {
    (institution + 1) % INSTITUTIONS
}

fn ip_vpn_prefixes(number: u16) -> Vec<IpNet> {
    let next = next(number);
    let v4 = |number: u16, last, length| {
        let [high, low] = number.to_be_bytes();
        net(Ipv4Addr::new(10, high, low, last), length)
    };
    let v6 = |number, subnet, length| {
        net(Ipv6Addr::new(0x2001, 0xdb8, number, subnet, 0, 0, 0, 0), length)
    };
    vec![
        v4(number, 0, 24),
        v4(number, 128, 30),
        v4(next, 64, 28),
        v6(number, 0, 48),
        v6(number, 0x8000, 64),
        v6(next, 0x4000, 52),
    ]
}

fn inner_prefixes(number: u16) -> Vec<IpNet> {
    let first = u32::from(Ipv4Addr::new(100, 64, 0, 0)) + u32::from(number) * 64;
    let v6 = |subnet, length| net(Ipv6Addr::new(0xfd00, 0, number, subnet, 0, 0, 0, 0), length);
    vec![net(Ipv4Addr::from(first), 26), net(Ipv4Addr::from(first + 32), 29), v6(0, 48), v6(1, 64)]
}

fn net(address: impl Into<IpAddr>, length: u8) -> IpNet {
    IpNet::new(address.into(), length).unwrap()
}

fn terminal(institution: u16, number: u16) -> Terminal {
    let credential = match number {
        0 => Credential::IkeIdentity(ike_identity(institution)),
        _ => Credential::Certificate(Certificate {
            fingerprint: fingerprint(institution, number),
            not_before: 0,
            not_after: FAR_FUTURE,
        }),
    };
    Terminal {
        name: terminal_name(institution, number),
        status: Status::Active,
        credentials: vec![(credential, Status::Active)],
    }
}

fn system(number: u8, id: &str) -> System {
    let v6 = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, number.into(), 0, 0, 0, 0);
    let services = ["tcp/443", "tcp/11112-11120", "icmp"].map(|text| text.parse().unwrap());
    let id: SystemId = id.parse().unwrap();
    System {
        name: id.to_string(),
        hosts: vec![format!("{id}.example.jp"), format!("{id}.example.com")],
        id,
        destinations: [net(system_v4(number), 28), net(v6, 64)]
            .map(|network| Destination { network, services: services.to_vec() })
            .into(),
        maintenance: vec![Maintenance { from: FAR_FUTURE - DAY, until: FAR_FUTURE, closed: true }],
    }
}

/// SplitMix64: distinct numbers to numbers without a pattern.
fn scatter(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}
