//! What a seed makes of a run.

use std::time::Duration;

use ike_wire::TrafficSelector;

use super::both;
use crate::config::PoolConfig;
use crate::tests::fixtures::{Seeded, both_with_certificates, everything, net, quick};
use crate::tests::world::World;
use crate::{ChildPlan, Config, Grant, Timers};

pub(super) struct Course {
    pub(super) random: Seeded,
    pub(super) orders: u64,
    pub(super) plans: Vec<ChildPlan>,
    pub(super) virtual_addresses: (bool, bool),
    pub(super) certificates: bool,
    seed: u64,
    gentle: bool,
    configs: [Config; 2],
}

impl Course {
    pub(super) fn new(seed: u64) -> Self {
        Self::of(seed, false)
    }

    pub(super) fn gentle(seed: u64) -> Self {
        Self::of(seed, true)
    }

    fn of(seed: u64, gentle: bool) -> Self {
        let mut random = Seeded::new(seed);
        let children = if gentle { 1 + random.below(3) } else { random.below(4) };
        let plans = (0..children).map(|index| plan(&mut random, index, children)).collect();
        let proposals = proposals(&mut random);
        let one = config(&mut random, gentle, &proposals);
        let same = random.one_in(2);
        let other = if same { one.clone() } else { config(&mut random, gentle, &proposals) };
        let configs = [one, other];
        let virtual_addresses = match (gentle, random.below(4)) {
            (false, 0) => (true, true),
            (false, 1) => (true, false),
            _ => (false, false),
        };
        let certificates = random.one_in(8);
        let orders = 10 + random.below(40);
        Self { random, orders, plans, virtual_addresses, certificates, seed, gentle, configs }
    }

    pub(super) fn world(&mut self) -> World {
        let little_jitter = self.random.one_in(3);
        let credentials = if self.certificates { both_with_certificates() } else { both() };
        let mut world = World::seeded(self.seed, self.configs.clone(), credentials, little_jitter);
        let random = &mut self.random;
        let network = &mut world.network;
        network.loss = random.pick(if self.gentle { &[0, 20, 50] } else { &[0, 50, 200, 400] });
        network.duplication = random.pick(&[0, 50, 300]);
        let least = Duration::from_millis(random.pick(&[0, 1, 20, 150]));
        network.latency = (least, least + Duration::from_millis(random.pick(&[0, 5, 200])));
        if random.one_in(2) {
            network.rebind();
        }
        if !self.gentle {
            world.deliberation = Duration::from_millis(random.pick(&[0, 0, 300]));
        }
        world.grant = Some(self.grant(everything()));
        world
    }

    pub(super) fn grant(&self, reachable: Vec<TrafficSelector>) -> Grant {
        Grant { subject: "a".into(), reachable, inner: everything(), virtual_address: true }
    }

    /// Until the next order.
    pub(super) fn pause(&mut self) -> Duration {
        match self.random.below(4) {
            0 => Duration::ZERO,
            1 => Duration::from_millis(self.random.below(300)),
            _ => Duration::from_millis(self.random.below(8000)),
        }
    }

    /// All that was lost has been repeated or given up, all that is dead has been noticed.
    pub(super) fn time_to_heal(&self) -> Duration {
        let slowest =
            |one: fn(&Timers) -> Duration| self.configs.iter().map(|c| one(&c.timers)).max();
        let times = [Timers::patience, |t: &Timers| t.liveness, |t: &Timers| t.setup + t.retry];
        times.into_iter().filter_map(slowest).sum::<Duration>() * 2
    }
}

fn plan(random: &mut Seeded, index: u64, of: u64) -> ChildPlan {
    if of == 1 && random.one_in(2) {
        return ChildPlan { local: everything(), remote: everything() };
    }
    let local = net(&format!("10.1.{index}.0/24"));
    ChildPlan { local, remote: net("10.2.0.0/16") }
}

/// What both ends can agree on.
fn proposals(random: &mut Seeded) -> Config {
    let hybrid = if random.one_in(4) { "-ke1_mlkem768" } else { "" };
    let ike = format!("aes256gcm16-prfsha256-x25519{hybrid}");
    let child = random.pick(&[
        "aes256gcm16-x25519-none-noesn",
        "aes256gcm16-noesn",
        "aes128-sha256-x25519-esn-noesn",
        "aes256gcm16-x25519-ke1_mlkem768-noesn",
    ]);
    Config {
        ike_proposals: vec![ike.parse().unwrap()],
        child_proposals: vec![child.parse().unwrap()],
        ..quick()
    }
}

fn config(random: &mut Seeded, gentle: bool, proposals: &Config) -> Config {
    let mut config = proposals.clone();
    let seconds = Duration::from_secs;
    config.timers = Timers {
        ike_lifetime: seconds(random.pick(&[30, 60, 100_000])),
        child_lifetime: seconds(random.pick(&[15, 30, 30, 100_000])),
        margin: seconds(40),
        liveness: seconds(10),
        retransmit: Duration::from_millis(500),
        retransmit_cap: seconds(4),
        transmissions: if gentle { 10 } else { 5 },
        setup: seconds(20),
        linger: seconds(5),
        childless: seconds(if random.one_in(2) { 20 } else { 100_000 }),
        retry: seconds(2),
    };
    config.fragment_size = random.pick(&[1228, 1228, 400, 200]);
    if !gentle {
        config.limits.cookie_threshold = random.pick(&[0, 1, 128]);
    }
    config.pool = PoolConfig {
        v4: vec!["172.16.0.0/30".parse().unwrap()],
        v6: vec!["fd00::/64".parse().unwrap()],
        dns: vec!["172.16.0.1".parse().unwrap()],
    };
    config.force_encapsulation = random.one_in(4);
    config
}
