//! Peers that move (RFC 7296 §2.23, RFC 4555).

use super::{A, B, Up, seconds, up};
use crate::{Event, Nat, Path};

fn moves(up: &Up, host: usize) -> Vec<(Path, Nat)> {
    let moved = |event: &Event| {
        if let Event::PathChanged(_, path, nat) = event { Some((*path, *nat)) } else { None }
    };
    up.world.hosts[host].events.iter().filter_map(moved).collect()
}

#[test]
fn a_nat_that_rebinds_is_followed() {
    let mut world = super::World::new(super::quick(), super::both());
    world.network.rebind();
    world.initiate(|_| {});
    world.run();
    world.network.rebind();
    // B's own requests go astray until A says something.
    world.pass(seconds(40));
    assert_eq!(world.agree(), 1);
    assert_eq!(world.count(B, |event| matches!(event, Event::PathChanged(..))), 1);
}

/// The answer went to the old address: the repeated request has it sent to the new one.
#[test]
fn an_answer_finds_a_peer_that_moved_meanwhile() {
    let mut up = up().crossing();
    up.rekey_child(A);
    up.world.pass(std::time::Duration::from_millis(60));
    up.world.hosts[A].address = [10, 0, 0, 9].into();
    let (id, path) = (up.ids[A], up.world.path(4500));
    up.world.order(A, |endpoint, now| endpoint.migrate(now, id, path));
    up.world.pass(seconds(10));
    assert_eq!(up.world.agree(), 1);
    assert_eq!(up.world.count(A, |event| matches!(event, Event::ChildUp(_))), 2);
    assert_eq!(moves(&up, B).len(), 1);
}

#[test]
fn mobike_moves_a_session_without_inventing_a_nat() {
    let mut up = up().crossing();
    // It moves again before the first move is known, and while the IKE SA is rekeyed.
    for last in [7, 8, 9] {
        up.world.hosts[A].address = [10, 0, 0, last].into();
        let (id, path) = (up.ids[A], up.world.path(4500));
        up.world.order(A, |endpoint, now| endpoint.migrate(now, id, path));
        if last == 8 {
            up.rekey(B);
        }
    }
    up.world.pass(seconds(10));
    assert_eq!(up.world.agree(), 1);
    let path = up.world.path(4500);
    let seen = Path { local: path.remote, remote: path.local };
    assert_eq!(moves(&up, B).last(), Some(&(seen, Nat::default())));
    assert!(moves(&up, A).iter().all(|(_, nat)| !nat.any()), "{:?}", moves(&up, A));
}
