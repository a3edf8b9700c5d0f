//! In random worlds, the explanation and the decision are one.

use proptest::prelude::*;

use super::*;
use crate::testing::{institution, system};
use crate::{
    Certificate, Credential, Hours, Institution, Maintenance, Network, System, SystemId, Terminal,
    UtcOffset,
};

/// Draws from what proptest gave, which it can make smaller.
struct Dice(std::vec::IntoIter<u8>);

impl Dice {
    fn below(&mut self, count: u8) -> u8 {
        self.0.next().unwrap_or(0) % count
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[usize::from(self.below(of.len() as u8))].clone()
    }

    /// One time in three.
    fn rarely(&mut self) -> bool {
        self.below(3) == 2
    }

    fn status(&mut self) -> Status {
        self.one(&[
            Status::Active,
            Status::Active,
            Status::Active,
            Status::Suspended,
            Status::Revoked,
        ])
    }

    /// Within two days around [`MONDAY`], often just at a full hour or a second before.
    fn time(&mut self) -> i64 {
        let hour = MONDAY + (i64::from(self.below(48)) - 24) * 3600;
        hour - i64::from(self.below(2))
    }
}

const SYSTEMS: [&str; 3] = ["one", "two", "three"];
const NOT_CONFIGURED: &str = "four";
const ADDRESSES: [&str; 10] = [
    "192.0.2.1",
    "192.0.2.2",
    "192.0.2.99",
    "198.51.100.1",
    "10.0.0.1",
    "10.0.1.1",
    "10.1.0.1",
    "10.1.1.1",
    "10.2.0.1",
    "2001:db8::1",
];

fn systems(dice: &mut Dice) -> Vec<System> {
    let places = ["192.0.2.1/32", "192.0.2.0/25", "10.0.0.0/8"];
    let each = SYSTEMS.iter().zip(places).map(|(id, place)| {
        let service = dice.one(&["tcp/443", "udp/1-500", "icmp"]);
        let windows = (0..dice.below(3)).map(|_| {
            let from = dice.time();
            Maintenance {
                from,
                until: from + 3600 * i64::from(dice.below(5) + 1),
                closed: !dice.rarely(),
            }
        });
        System { maintenance: windows.collect(), ..system(id, place, service) }
    });
    each.collect()
}

fn roster(dice: &mut Dice) -> Roster {
    let mut roster = Roster::default();
    for number in 0..2u8 {
        let code = format!("H{number}");
        let hours =
            ["mon 08:00-18:00", "daily 22:00-06:00", "sun 00:00-24:00", "daily 00:00-24:00"];
        let hours = dice.rarely().then(|| dice.one(&hours).parse::<Hours>().unwrap());
        let roads = Network::ALL.iter().copied().filter(|_| !dice.rarely()).collect();
        let permitted = SYSTEMS.iter().chain([&NOT_CONFIGURED]).filter(|_| !dice.rarely());
        let permitted = permitted.map(|id| id.parse().unwrap()).collect();
        roster.institutions.push(Institution {
            status: dice.status(),
            networks: roads,
            systems: permitted,
            hours,
            ip_vpn_prefixes: vec![format!("10.{number}.0.0/16").parse().unwrap()],
            inner_prefixes: vec![format!("10.{}.1.0/24", 1 - number).parse().unwrap()],
            within: vec![format!("H{}", 1 - number).parse().unwrap()],
            ..institution(&code)
        });
        let not_before = if dice.rarely() { dice.time() } else { 0 };
        let not_after = if dice.rarely() { dice.time() } else { MONDAY * 2 };
        let certificate =
            Certificate { fingerprint: Fingerprint([number; 32]), not_before, not_after };
        roster.terminals.push(Terminal {
            name: format!("{code}/pc").parse().unwrap(),
            status: dice.status(),
            credentials: vec![
                (Credential::Certificate(certificate), dice.status()),
                (Credential::IkeIdentity(format!("rtx-{number}")), dice.status()),
            ],
        });
    }
    roster
}

/// What the request borrows from.
struct Names {
    certificate: Fingerprint,
    identity: String,
    system: SystemId,
}

fn names(dice: &mut Dice) -> Names {
    Names {
        certificate: Fingerprint([dice.below(3); 32]),
        identity: format!("rtx-{}", dice.below(3)),
        system: dice.one(&["one", "two", "three", NOT_CONFIGURED]).parse().unwrap(),
    }
}

fn request<'a>(dice: &mut Dice, names: &'a Names) -> Request<'a> {
    let source = dice.one(&ADDRESSES).parse().unwrap();
    let callers = [
        Caller::IpVpn(source),
        Caller::Tls(&names.certificate),
        Caller::IpsecCertificate(&names.certificate),
        Caller::IpsecIdentity(&names.identity),
    ];
    let address = dice.one(&ADDRESSES).parse().unwrap();
    let transport = dice.one(&[Transport::Tcp, Transport::Udp, Transport::Icmp]);
    let port = dice.one(&[443, 1, 500, 501]);
    let targets = [Target::System(&names.system), Target::Address { address, transport, port }];
    Request { caller: dice.one(&callers), target: dice.one(&targets), now: dice.time() }
}

/// Whether `explanation` says what `policy` does.
fn holds(policy: &Policy, request: &Request<'_>, explanation: &Explanation) {
    let outcome = policy.authorize(request);
    assert_eq!(explanation.outcome, outcome);
    let checks: Vec<Check> = explanation.steps.iter().map(|step| step.check).collect();
    assert!(checks.is_sorted() && checks.first() == Some(&Check::Identity), "{checks:?}");
    assert_eq!(checks.last() == Some(&Check::Maintenance), is_late(&outcome), "{checks:?}");
    let permitted_at = |now| policy.authorize(&Request { now, ..*request }).is_ok();
    for change in &explanation.changes {
        let Change::Time(at) = *change else { continue };
        assert!(at > request.now);
        assert_eq!(permitted_at(at), outcome.is_err(), "the moment at which it turns");
        assert_eq!(permitted_at(at - 1), outcome.is_ok(), "it turns no earlier");
    }
    let waits = explanation.changes.iter().any(|change| matches!(change, Change::Time(_)));
    let hourly = (1..24 * 8).map(|hours| request.now + hours * 3600);
    if outcome.is_err() && !waits {
        assert!(!hourly.into_iter().any(permitted_at), "waiting would help");
    }
}

/// All checks were made.
fn is_late(outcome: &Result<Permit, Denied>) -> bool {
    outcome.as_ref().err().is_none_or(|denied| denied.reason == Denial::Maintenance)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn explanation_and_decision_are_one(throws in proptest::collection::vec(any::<u8>(), 110)) {
        let mut dice = Dice(throws.into_iter());
        let (systems, roster) = (systems(&mut dice), roster(&mut dice));
        let policy = Policy::compile(1, UtcOffset::default(), systems, &roster).unwrap();
        let names = names(&mut dice);
        for _ in 0..4 {
            let request = request(&mut dice, &names);
            holds(&policy, &request, &policy.explain(&request));
        }
    }
}
