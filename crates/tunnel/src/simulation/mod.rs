//! A gateway between hosts that others wrote (smoltcp's TCP): everything that goes wrong on a path
//! goes wrong, SAs are rekeyed all the time, and what arrives must be what was sent.
//!
//! | module | holds |
//! |---|---|
//! | `link` | the path between peer and gateway: loss, delay, reordering, copies, damage |
//! | `host` | a host with TCP: the client behind the peer, and the system |
//! | `peer` | the peer: its SAs, its NAT, when it uses which SA |
//! | `rekeying` | SAs replaced by either end or both |
//! | `world` | all of them, and time |
//! | `datagrams` | UDP in fragments, and packets that must not arrive |

mod datagrams;
mod host;
mod link;
mod peer;
mod rekeying;
mod world;

use link::Weather;
use world::{Plan, World};

use crate::Dropped;

/// Numbers that look random, and are the same for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end.max(1)
    }

    /// So many times of a thousand.
    pub(crate) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }
}

/// Seeds of each simulation.
const SEEDS: u64 = 150;

/// On a path that loses nothing, rekeying loses nothing either, in whatever order its steps come.
#[test]
fn rekeying_loses_nothing() {
    for seed in 0..SEEDS {
        let plan = Plan { rekey_every: 60, collisions: true, ..Plan::calm(seed) };
        let world = World::run(plan, Weather { most_delay: 20, ..Weather::CALM });
        assert!(world.rekeyed > 3, "seed {seed}: {} rekeyings", world.rekeyed);
        assert_eq!(world.dropped(), [], "seed {seed}");
        assert_eq!(world.datagrams.lost(), 0, "seed {seed}");
    }
}

/// On a bad path, with a NAT that forgets and time that jumps, TCP arrives whole.
#[test]
fn tcp_arrives_whole_on_a_bad_path() {
    let mut super_packets = 0;
    for seed in 0..SEEDS {
        let mut random = Random::new(seed ^ 0xbad);
        let weather = Weather {
            loss: random.below(80),
            copies: random.below(100),
            damage: random.below(50),
            most_delay: 1 + random.below(60),
        };
        let plan = Plan {
            rekey_every: 200 + random.below(2000),
            collisions: true,
            disturbances: random.below(6) as u32,
            ..Plan::calm(seed)
        };
        let world = World::run(plan, weather);
        super_packets += world.super_packets;
        for (dropped, count) in world.dropped() {
            // What the weather, the NAT and time explain.
            let explained = matches!(
                dropped,
                Dropped::Replayed
                    | Dropped::TooOld
                    | Dropped::NotAuthentic
                    | Dropped::UnknownSpi
                    | Dropped::NoFlow
                    | Dropped::FragmentTimeout
                    | Dropped::FragmentLimit
            );
            assert!(explained, "seed {seed}: {dropped:?} {count} times");
        }
    }
    assert!(super_packets > SEEDS, "{super_packets} super-packets in all");
}

/// Whatever a peer with the keys tries, nothing of it arrives, and what is permitted still does.
#[test]
fn nothing_that_is_refused_arrives() {
    for seed in 0..SEEDS {
        let plan = Plan { hostile: true, rekey_every: 500, ..Plan::calm(seed) };
        let world = World::run(plan, Weather { most_delay: 20, ..Weather::CALM });
        let tally = world.gateway.tally();
        let denied: u64 = tally.denied.iter().map(|(_, count)| count).sum();
        let dropped: u64 = world.dropped().iter().map(|(_, count)| count).sum();
        assert_eq!(denied + dropped, world.datagrams.refused, "seed {seed}");
        assert!(denied > 0 && dropped > 0, "seed {seed}");
        assert_eq!(world.datagrams.lost(), 0, "seed {seed}");
    }
}
