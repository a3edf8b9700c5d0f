//! Seeded runs: everything that sessions do, at random and at once, over bad networks.
//!
//! `IKE_SIMULATION_SEEDS=from..to` runs others than the usual seeds.

mod course;
mod orders;

use std::time::Duration;

use super::fixtures::{both, everything};
use super::world::{A, B, World};
use crate::{Ending, Grant};
use course::Course;

/// Usual seeds of each kind of run.
const SEEDS: u64 = 1000;

#[allow(clippy::disallowed_methods)] // Long runs are asked for by hand.
fn seeds() -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("IKE_SIMULATION_SEEDS") else { return 0..SEEDS };
    let (from, to) = text.split_once("..").expect("from..to");
    from.parse().unwrap()..to.parse().unwrap()
}

/// Returns how all sessions and CHILD_SAs of all runs ended.
fn for_each_seed(run: fn(u64) -> World) -> Vec<Ending> {
    let mut endings = Vec::new();
    let mut failed = Vec::new();
    for seed in seeds() {
        let Ok(world) = std::panic::catch_unwind(|| run(seed)) else {
            failed.push(seed);
            continue;
        };
        for host in world.hosts {
            let ended = host.endpoint.counters().ended.iter().filter(|(_, count)| *count > 0);
            endings.extend(ended.map(|(ending, _)| ending));
        }
    }
    assert!(failed.is_empty(), "seeds {failed:?}");
    endings
}

/// Orders of all kinds, outages, little patience.
#[test]
fn wild_runs_end_in_agreement() {
    let endings = for_each_seed(|seed| {
        let mut course = Course::new(seed);
        let mut world = course.world();
        orders::initiate(&course, &mut world);
        for _ in 0..course.orders {
            let pause = course.pause();
            world.pass(pause);
            orders::give(&mut course, &mut world, orders::ANY);
        }
        heal(&course, &mut world);
        world.close_all();
        world
    });
    // The runs go everywhere.
    for ending in [
        Ending::Peer,
        Ending::Rekeyed,
        Ending::DeadPeer,
        Ending::Lifetime,
        Ending::InitialContact,
        Ending::Parent,
        Ending::Childless,
        Ending::Ordered,
    ] {
        assert!(endings.contains(&ending), "never {ending:?}");
    }
}

/// Nothing but rekeying, on a network that loses little: there is always a CHILD_SA.
#[test]
fn rekeying_leaves_no_gap() {
    for_each_seed(|seed| {
        let mut course = Course::gentle(seed);
        let mut world = course.world();
        let plans = course.plans.len();
        orders::initiate(&course, &mut world);
        world.pass(Duration::from_secs(20));
        assert!(world.common() >= plans, "{} of {plans} CHILD_SAs", world.common());
        for _ in 0..course.orders {
            let end = world.elapsed + course.pause();
            while world.step(end) {
                assert!(world.common() >= plans, "a gap at {:?}", world.elapsed);
                for host in [A, B] {
                    let [one, other] = [host, 1 - host].map(|host| &world.hosts[host].ledger);
                    assert!(one.is_heard_by(other), "unheard at {:?}", world.elapsed);
                }
            }
            world.elapsed = end;
            orders::give(&mut course, &mut world, orders::REKEYING);
        }
        heal(&course, &mut world);
        assert_eq!(world.agree(), plans);
        world.close_all();
        world
    });
}

/// All goes well from now on; when everything that went wrong has been noticed, both ends
/// have the same, at every moment.
fn heal(course: &Course, world: &mut World) {
    world.network.heal();
    world.deliberation = Duration::ZERO;
    world.grant = Some(Grant { subject: "a".into(), ..course.grant(everything()) });
    world.pass(course.time_to_heal());
    world.agree();
    let end = world.elapsed + Duration::from_secs(60);
    while world.elapsed < end {
        world.pass(Duration::from_millis(700));
        world.agree();
    }
}
