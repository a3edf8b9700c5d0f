//! From nothing to an established session, and back.

use std::time::Duration;

use super::fixtures::both;
use super::world::{A, B, World};
use crate::{Config, Event};

#[test]
fn a_session_comes_up_lives_and_ends() {
    let mut world = World::new(Config::default(), both());
    let id = world.initiate(|_| {});
    world.run();
    assert_eq!(world.agree(), 1);
    // A day: children rekeyed, IKE SA rekeyed, nothing lost.
    world.pass(Duration::from_secs(24 * 3600));
    assert_eq!(world.agree(), 1);
    let rekeyed = |host| world.count(host, |event| matches!(event, Event::Rekeyed(..)));
    assert!(rekeyed(A) >= 2 && rekeyed(A) == rekeyed(B));
    world.order(A, |endpoint, now| endpoint.close(now, id));
    world.run();
    assert_eq!(world.agree(), 0);
    world.close_all();
}
