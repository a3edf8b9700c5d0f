//! Decisions with 10,000 institutions, 100,000 prefixes and 200,000 terminals.
//!
//! Every decision is about another caller than the one before, in no order, so that
//! the tables come from memory as they do in a busy gateway.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bench::population::{self, INSTITUTIONS, MONDAY_MORNING, SYSTEMS, TERMINALS};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode};
use policy::{Caller, Denial, Permit, Policy, Request, SystemId, Target, Transport, UtcOffset};

/// Callers in a round.
const CALLERS: u32 = 1 << 16;

pub(crate) fn bench(criterion: &mut Criterion) {
    let policy = compiled();
    let mut group = criterion.benchmark_group("policy");
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    certificates(&mut group, &policy);
    ike_identities(&mut group, &policy);
    addresses(&mut group, &policy);
    host_names(&mut group, &policy);
    compile(&mut group);
    group.finish();
}

fn compiled() -> Policy {
    let roster = population::roster();
    Policy::compile(1, UtcOffset::default(), population::systems(), &roster).unwrap()
}

fn certificates(group: &mut BenchmarkGroup<'_, WallTime>, policy: &Policy) {
    let (permitted, denied) = systems();
    let registered: Vec<_> =
        callers(|institution, number| population::fingerprint(institution, number.max(1)));
    let strangers: Vec<_> =
        callers(|institution, number| population::fingerprint(institution, number + TERMINALS));
    let certificate = |fingerprint| (Caller::Tls(fingerprint), Target::System(&permitted));
    let to_denied = |fingerprint| (Caller::Tls(fingerprint), Target::System(&denied));
    let same = [population::fingerprint(1, 1)];

    decide(group, policy, "certificate/permitted", Ok(()), &registered, certificate);
    decide(group, policy, "certificate/same-again", Ok(()), &same, certificate);
    let refused = Err(Denial::SystemNotPermitted);
    decide(group, policy, "certificate/denied-system", refused, &registered, to_denied);
    let refused = Err(Denial::CertificateNotRegistered);
    decide(group, policy, "certificate/not-registered", refused, &strangers, certificate);
}

fn ike_identities(group: &mut BenchmarkGroup<'_, WallTime>, policy: &Policy) {
    let (system, _) = systems();
    let identities: Vec<String> = callers(|institution, _| population::ike_identity(institution));
    decide(group, policy, "ike-identity/permitted", Ok(()), &identities, |identity| {
        (Caller::IpsecIdentity(identity), Target::System(&system))
    });
}

fn addresses(group: &mut BenchmarkGroup<'_, WallTime>, policy: &Policy) {
    let (system, _) = systems();
    let v4 = callers(|institution, _| population::ip_vpn_v4(institution));
    let v6 = callers(|institution, _| population::ip_vpn_v6(institution));
    let to_system = |source: &IpAddr| (Caller::IpVpn(*source), Target::System(&system));
    decide(group, policy, "ip-vpn-source/ipv4", Ok(()), &v4, to_system);
    decide(group, policy, "ip-vpn-source/ipv6", Ok(()), &v6, to_system);

    let packet = |source: &IpAddr, destination| {
        let target = Target::Address { address: destination, transport: Transport::Tcp, port: 443 };
        (Caller::IpVpn(*source), target)
    };
    let at_system = population::system_v4(2);
    decide(group, policy, "packet-destination/system", Ok(()), &v4, |source| {
        packet(source, at_system)
    });
    let other = population::ip_vpn_v4(INSTITUTIONS / 2);
    let refused = Err(Denial::SessionToSession);
    decide(group, policy, "packet-destination/another-session", refused, &v4, |source| {
        packet(source, other)
    });
    let internet = Ipv4Addr::new(198, 51, 100, 1).into();
    let refused = Err(Denial::DestinationNotASystem);
    decide(group, policy, "packet-destination/internet", refused, &v4, |source| {
        packet(source, internet)
    });
}

fn host_names(group: &mut BenchmarkGroup<'_, WallTime>, policy: &Policy) {
    for (name, host) in [
        ("host-name/lower-case", "reading.example.jp"),
        ("host-name/mixed-case", "Reading.Example.JP"),
        ("host-name/unknown", "www.example.org"),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| policy.system_for_host(black_box(host)).is_some());
        });
    }
}

fn compile(group: &mut BenchmarkGroup<'_, WallTime>) {
    let (roster, systems) = (population::roster(), population::systems());
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.bench_function("compile", |bencher| {
        bencher.iter_with_large_drop(|| {
            Policy::compile(1, UtcOffset::default(), systems.clone(), &roster).unwrap()
        });
    });
}

/// Measures one decision for each caller in turn, the permit's or denial's drop included.
fn decide<'a, C, F>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    policy: &Policy,
    name: &str,
    expected: Result<(), Denial>,
    callers: &'a [C],
    request: F,
) where
    F: Fn(&'a C) -> (Caller<'a>, Target<'a>),
{
    let authorize = |caller| -> Result<Permit, Denial> {
        let (caller, target) = request(caller);
        let request = Request { caller, target, now: MONDAY_MORNING };
        policy.authorize(black_box(&request)).map_err(|denied| denied.reason)
    };
    for caller in callers {
        assert_eq!(authorize(caller).map(drop), expected, "{name}");
    }
    let mut next = callers.iter().cycle();
    group.bench_function(name, |bencher| {
        bencher.iter(|| next.next().map(&authorize));
    });
}

/// A round of callers, made of an institution and a terminal's number.
fn callers<C>(make: impl Fn(u16, u16) -> C) -> Vec<C> {
    let institutions = u32::from(INSTITUTIONS);
    (0..CALLERS)
        .map(|step| {
            let institution = u16::try_from(step * 7919 % institutions).unwrap();
            let number = u16::try_from(step / institutions).unwrap() * 3 % TERMINALS;
            make(institution, number)
        })
        .collect()
}

/// A system that every institution may use, and one that none may.
fn systems() -> (SystemId, SystemId) {
    let [permitted, .., denied] = SYSTEMS;
    (permitted.parse().unwrap(), denied.parse().unwrap())
}
