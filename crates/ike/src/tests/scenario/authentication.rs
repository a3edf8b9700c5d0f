//! Who is believed, and what the others are told.

use crypto::Secret;

use super::super::fixtures::{both_with_certificates, credentials, identity};
use super::{A, B, World, both, endings, quick, refusals, seconds};
use crate::{Credentials, Event, Ppk, Proof, Refusal};

fn between(credentials: [Credentials; 2]) -> World {
    World::seeded(0, [quick(), quick()], credentials, false)
}

fn try_to_begin(world: &mut World) {
    world.initiate(|_| {});
    world.run();
}

/// The peer learns no more than that it failed.
fn assert_disbelieved(world: &mut World, reason: Refusal) {
    let [(found, _)] = &refusals(world, B)[..] else { panic!("{:?}", refusals(world, B)) };
    assert_eq!(*found, reason);
    assert_eq!(refusals(world, A), [(Refusal::Peer, "AUTHENTICATION_FAILED".to_owned())]);
    assert_eq!(world.count(B, |event| matches!(event, Event::Authenticated(..))), 0);
    assert!(endings(world, B).is_empty());
    world.close_all();
}

#[test]
fn certificates_are_believed() {
    let mut world = between(both_with_certificates());
    world.initiate(|target| target.pre_shared_key = false);
    world.run();
    assert_eq!(world.agree(), 1, "{:?}", world.hosts[A].events);
    let certified = |event: &Event| {
        if let Event::Established(_, peer, _) = event {
            matches!(peer.proof, Proof::Certificate(_))
        } else {
            false
        }
    };
    assert_eq!((world.count(A, certified), world.count(B, certified)), (1, 1));
    world.close_all();
}

#[test]
fn a_wrong_key_is_told_to_the_operator_alone() {
    let [a, mut b] = both();
    b.pre_shared_keys.insert(identity("a.example"), Secret::new(b"another".to_vec()));
    let mut world = between([a, b]);
    try_to_begin(&mut world);
    assert_disbelieved(&mut world, Refusal::PreSharedKey);
}

#[test]
fn an_unknown_identity_is_told_to_the_operator_alone() {
    let [a, _] = both();
    let mut world = between([a, credentials("b.example", "c.example")]);
    try_to_begin(&mut world);
    assert_disbelieved(&mut world, Refusal::UnknownIdentity);
}

#[test]
fn a_responder_that_is_someone_else_is_left() {
    let [mut a, _] = both();
    a.pre_shared_keys.insert(identity("c.example"), Secret::new(b"a long shared key".to_vec()));
    let mut world = between([a, credentials("c.example", "a.example")]);
    try_to_begin(&mut world);
    assert_eq!(refusals(&world, A), [(Refusal::PeerIdentity, "c.example".to_owned())]);
    world.pass(seconds(10));
    assert_eq!(world.hosts[B].ledger.sessions().count(), 0);
    world.close_all();
}

#[test]
fn the_policy_refuses() {
    let mut world = between(both());
    world.grant = None;
    try_to_begin(&mut world);
    assert_eq!(refusals(&world, A), [(Refusal::Peer, "AUTHENTICATION_FAILED".to_owned())]);
    world.close_all();
}

/// The PPK that each end has for the other (RFC 8784), and whether it insists on it.
type Has = Option<(&'static str, bool)>;

fn with_ppks(ppks: [Has; 2]) -> World {
    let mut credentials = both();
    for ((has, peer), own) in ppks.iter().zip(["b.example", "a.example"]).zip(&mut credentials) {
        if let Some((id, required)) = *has {
            let key = Secret::new(vec![7; 32]);
            let ppk = Ppk { id: id.into(), key, required };
            own.ppks.insert(identity(peer), ppk);
        }
    }
    let mut world = between(credentials);
    try_to_begin(&mut world);
    world
}

fn took_part(world: &World) -> [Option<bool>; 2] {
    let ppk = |event: &Event| {
        if let Event::Established(_, peer, _) = event { Some(peer.ppk) } else { None }
    };
    [A, B].map(|host| world.hosts[host].events.iter().find_map(ppk))
}

#[test]
fn a_ppk_that_both_have_takes_part() {
    for required in [false, true] {
        let world = with_ppks([Some(("x", required)); 2]);
        assert_eq!(took_part(&world), [Some(true); 2]);
        assert_eq!(world.agree(), 1);
    }
}

#[test]
fn without_a_common_ppk_it_goes_on_where_none_is_required() {
    for b in [None, Some(("y", false))] {
        let world = with_ppks([Some(("x", false)), b]);
        assert_eq!(took_part(&world), [Some(false); 2]);
        assert_eq!(world.agree(), 1);
    }
}

#[test]
fn a_required_ppk_is_insisted_on() {
    for a in [None, Some(("x", false))] {
        let mut world = with_ppks([a, Some(("y", true))]);
        assert_disbelieved(&mut world, Refusal::Ppk);
    }
    for (b, reason) in [(None, Refusal::Ppk), (Some(("y", false)), Refusal::Peer)] {
        let mut world = with_ppks([Some(("x", true)), b]);
        assert_eq!(took_part(&world), [None; 2]);
        assert_eq!(refusals(&world, A)[0].0, reason);
        world.close_all();
    }
}
