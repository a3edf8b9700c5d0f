//! One thing at a time.

mod addresses;
mod authentication;
mod collision;
mod hostile;
mod limits;
mod negotiation;
mod repetition;
mod rogue;
mod state;

use std::time::Duration;

use super::fixtures::{both, quick};
use super::world::{A, B, World};
use crate::{Config, Dropped, Ending, Event, Refusal, SessionId};

/// A session that is up.
struct Up {
    world: World,
    /// What each end calls it.
    ids: [SessionId; 2],
}

fn up_with(seed: u64, config: Config) -> Up {
    let mut world = World::seeded(seed, [config.clone(), config], both(), false);
    world.initiate(|_| {});
    world.run();
    assert_eq!(world.agree(), 1);
    let ids = [A, B].map(|host| world.hosts[host].ledger.sessions().next().unwrap());
    Up { world, ids }
}

fn up() -> Up {
    up_with(0, quick())
}

impl Up {
    /// Messages cross from now on.
    fn crossing(mut self) -> Self {
        let latency = Duration::from_millis(50);
        self.world.network.latency = (latency, latency);
        self
    }

    fn child(&self, host: usize) -> crate::ChildId {
        self.world.hosts[host].ledger.live().next().unwrap().1
    }

    fn rekey(&mut self, host: usize) {
        let id = self.ids[host];
        self.world.order(host, |endpoint, now| endpoint.rekey(now, id));
    }

    fn rekey_child(&mut self, host: usize) {
        let (id, child) = (self.ids[host], self.child(host));
        self.world.order(host, |endpoint, now| endpoint.rekey_child(now, id, child));
    }

    fn expire_child(&mut self, host: usize) {
        let (id, child) = (self.ids[host], self.child(host));
        self.world.order(host, |endpoint, now| endpoint.expire_child(now, id, child));
    }

    fn close(&mut self, host: usize) {
        let id = self.ids[host];
        self.world.order(host, |endpoint, now| endpoint.close(now, id));
    }
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// Why and with which particulars a host refused, or was refused.
fn refusals(world: &World, host: usize) -> Vec<(Refusal, String)> {
    let refusal = |event: &Event| {
        if let Event::Refused(refused) = event {
            Some((refused.reason, refused.detail.clone().unwrap_or_default()))
        } else if let Event::ExchangeFailed(_, reason, detail) = event {
            Some((*reason, detail.clone().unwrap_or_default()))
        } else {
            None
        }
    };
    world.hosts[host].events.iter().filter_map(refusal).collect()
}

fn reasons(world: &World, host: usize) -> Vec<Refusal> {
    refusals(world, host).into_iter().map(|(reason, _)| reason).collect()
}

fn endings(world: &World, host: usize) -> Vec<Ending> {
    let ending = |event: &Event| {
        if let Event::Closed(_, ending) = event { Some(*ending) } else { None }
    };
    world.hosts[host].events.iter().filter_map(ending).collect()
}

/// How often a host dropped a datagram for this reason.
fn dropped(world: &World, host: usize, reason: Dropped) -> u64 {
    let counters = world.hosts[host].endpoint.counters();
    counters.dropped.iter().find(|(one, _)| *one == reason).map_or(0, |(_, count)| count)
}
