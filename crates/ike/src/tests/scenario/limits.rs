//! What peers can make us hold.

use std::net::IpAddr;

use super::super::fixtures::generous;
use super::{A, B, World, both, dropped, endings, quick, reasons, refusals, seconds, up};
use crate::config::PoolConfig;
use crate::{Dropped, Ending, Event, Grant, Refusal, SessionId};

#[test]
fn half_open_sessions_are_bounded_and_time_out() {
    let mut config = quick();
    config.limits.half_open_per_source = 2;
    config.limits.half_open = 3;
    let mut world = World::new(config, both());
    // A does not hear the answers.
    world.network.cut[B] = true;
    for _ in 0..3 {
        world.initiate(|_| {});
    }
    world.run();
    assert_eq!(world.hosts[B].endpoint.half_open(), 2);
    assert_eq!(dropped(&world, B, Dropped::HalfOpenFromSource), 1);
    for last in [9, 10] {
        world.hosts[A].address = [10, 0, 0, last].into();
        world.initiate(|_| {});
        world.run();
    }
    assert_eq!(world.hosts[B].endpoint.half_open(), 3);
    assert_eq!(dropped(&world, B, Dropped::HalfOpen), 1);
    world.network.cut[A] = true;
    world.pass(seconds(31));
    assert_eq!(world.hosts[B].endpoint.half_open(), 0);
    assert_eq!(reasons(&world, B), [Refusal::SetupTimeout; 3]);
    assert!(reasons(&world, A).iter().all(|reason| *reason == Refusal::NoAnswer));
    world.close_all();
}

#[test]
fn sessions_are_bounded() {
    let mut config = quick();
    config.limits.sessions = 2;
    let mut world = World::seeded(0, [quick(), config], both(), false);
    for _ in 0..3 {
        world.initiate(|_| {});
        world.run();
    }
    assert_eq!(world.agree(), 2);
    assert!(dropped(&world, B, Dropped::Sessions) >= 1);
}

#[test]
fn children_are_bounded() {
    let mut config = quick();
    config.limits.children = 2;
    let mut world = World::new(config, both());
    world.initiate(|target| {
        let plan = target.children[0].clone();
        target.children = vec![plan; 3];
    });
    world.run();
    assert_eq!(world.agree(), 2);
    assert_eq!(reasons(&world, B), [Refusal::TooManyChildren]);
    assert_eq!(refusals(&world, A), [(Refusal::Peer, "NO_ADDITIONAL_SAS".to_owned())]);
    // They can still be rekeyed.
    let (session, child) = world.hosts[A].ledger.live().next().unwrap();
    world.order(A, |endpoint, now| endpoint.rekey_child(now, session, child));
    world.run();
    assert_eq!(world.agree(), 2);
    assert!(world.hosts[A].ledger.live().all(|(_, id)| id != child));
}

/// Begins a session as somebody who wants an address; tells what it got.
fn begin_as(world: &mut World, subject: &str) -> (SessionId, Vec<IpAddr>) {
    world.grant = Some(Grant { subject: subject.into(), ..generous() });
    let id = world.initiate(|target| target.virtual_addresses = (true, false));
    world.run();
    let given = |event: &Event| {
        if let Event::Established(of, _, addresses) = event {
            (*of == id).then(|| addresses.clone())
        } else {
            None
        }
    };
    (id, world.hosts[A].events.iter().find_map(given).unwrap())
}

#[test]
fn an_empty_pool_is_told_and_addresses_come_back() {
    let mut config = quick();
    let v4 = vec!["172.16.0.0/30".parse().unwrap()];
    config.pool = PoolConfig { v4, v6: Vec::new(), dns: Vec::new() };
    let mut world = World::new(config, both());
    let (first, address) = begin_as(&mut world, "one");
    begin_as(&mut world, "two");
    assert!(begin_as(&mut world, "three").1.is_empty());
    assert_eq!(reasons(&world, B), [Refusal::AddressFailure]);
    assert_eq!(refusals(&world, A), [(Refusal::Peer, "INTERNAL_ADDRESS_FAILURE".to_owned())]);
    world.order(A, |endpoint, now| endpoint.close(now, first));
    world.run();
    assert_eq!(begin_as(&mut world, "four").1, address);
    world.close_all();
}

#[test]
fn initial_contact_ends_the_older_session() {
    let mut up = up();
    // A begins anew and remembers nothing.
    let [fresh, _] = World::seeded(1, [quick(), quick()], both(), false).hosts;
    up.world.hosts[A] = fresh;
    up.world.initiate(|target| target.initial_contact = true);
    up.world.run();
    assert_eq!(endings(&up.world, B), [Ending::InitialContact]);
    assert_eq!(up.world.agree(), 1);
    up.world.close_all();
}

#[test]
fn a_dead_peer_is_noticed() {
    let mut up = up();
    up.world.network.cut = [true; 2];
    let timers = quick().timers;
    up.world.pass(timers.liveness + timers.patience() + seconds(1));
    for host in [A, B] {
        assert_eq!(endings(&up.world, host), [Ending::DeadPeer]);
    }
    up.world.close_all();
}
