//! What many SAs and many flows cost: time, when each packet or train is of another one, in no
//! order; and memory.

use std::sync::Arc;

use ::policy::Policy;
use bench::figures::Figure;
use bench::memory;
use bench::population::INSTITUTIONS;

use crate::gateway::{Flow, Gateway};
use crate::ip::Upper;
use crate::load::{Compared, Load, compare};
use crate::traffic::Packets;

const FLOWS: u32 = 1_000_000;
const TRAFFIC: Packets = Packets { upper: Upper::Tcp, length: 1408 };

/// Memory is what the process grows by, so that it includes what the cryptographic library
/// allocates: measure it first.
pub(crate) fn figures(policy: &Arc<Policy>) -> Vec<Figure> {
    let mut one = Gateway::new(policy, 1, 1);
    one.meet_peers();
    one.begin(Flow { peer: 0, number: 0 }, Upper::Tcp);
    let (mut sas, of_sa) =
        grown(INSTITUTIONS.into(), || Gateway::new(policy, INSTITUTIONS, INSTITUTIONS.into()));
    sas.meet_peers();
    for peer in 0..INSTITUTIONS {
        sas.begin(Flow { peer, number: 0 }, Upper::Tcp);
    }
    let (mut flows, of_flow) = grown(FLOWS, || {
        let mut gateway = Gateway::new(policy, 1, FLOWS);
        gateway.meet_peers();
        for number in 0..FLOWS {
            gateway.begin(Flow { peer: 0, number }, Upper::Tcp);
        }
        gateway
    });
    assert_eq!([&one, &sas, &flows].map(Gateway::held), [(1, 1), (10_000, 10_000), (1, 1_000_000)]);
    let of = |name, value| Figure { name: format!("memory/{name}"), value, unit: "B" };
    let mut figures = vec![of("sa", of_sa), of("flow", of_flow)];
    let peers = u32::from(INSTITUTIONS);
    let peer = |number| Flow { peer: number as u16, number: 0 };
    figures.extend(times("sas", &mut one, &mut sas, || scattered(peers, peer)));
    let flow = |number| Flow { peer: 0, number };
    figures.extend(times("flows", &mut one, &mut flows, || scattered(FLOWS, flow)));
    figures
}

/// What `make` makes, and by how much the process has grown for each of `count`.
fn grown(count: u32, make: impl FnOnce() -> Gateway) -> (Gateway, f64) {
    let before = memory::of_process(std::process::id());
    let made = make();
    let growth = memory::of_process(std::process::id()).saturating_sub(before);
    (made, growth as f64 / f64::from(count))
}

/// Numbers below `count`, in no order.
fn scattered(count: u32, flow: impl Fn(u32) -> Flow) -> impl FnMut() -> Flow {
    let mut state = 1_u64;
    move || {
        // Knuth's linear congruential generator; its high half has no pattern.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        flow((((state >> 32) * u64::from(count)) >> 32) as u32)
    }
}

/// One compared with many, each way, by packets and by trains of them.
fn times<N: FnMut() -> Flow + 'static>(
    what: &str,
    one: &mut Gateway,
    many: &mut Gateway,
    scattered: impl Fn() -> N,
) -> Vec<Figure> {
    type Make<'m> = &'m dyn for<'g> Fn(&'g mut Gateway, Box<dyn FnMut() -> Flow>) -> Load<'g>;
    let ways: [(&str, Make<'_>); 4] = [
        ("outbound-packets", &|gateway, next| TRAFFIC.answers(gateway, next)),
        ("outbound-trains", &|gateway, next| TRAFFIC.super_packets(gateway, next)),
        ("inbound-packets", &|gateway, next| TRAFFIC.trains(gateway, 1, next)),
        ("inbound-trains", &|gateway, next| TRAFFIC.trains(gateway, usize::MAX, next)),
    ];
    let mut figures = Vec::new();
    for (way, make) in ways {
        let mut base = make(one, Box::new(|| Flow { peer: 0, number: 0 }));
        let mut load = make(many, Box::new(scattered()));
        let Compared { base, load, ratio } = compare(&mut base, &mut load);
        let of =
            |name: &str, value, unit| Figure { name: format!("{what}/{way}/{name}"), value, unit };
        figures.extend([of("one", base, "ns"), of("many", load, "ns"), of("ratio", ratio, "")]);
    }
    figures
}
