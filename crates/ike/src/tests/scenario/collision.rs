//! Both sides at once (RFC 7296 §2.8, §2.25).

use std::collections::BTreeSet;

use super::{A, B, Up, endings, quick, seconds, up, up_with};
use crate::{Ending, Endpoint, Event};

/// Enough for each side to win once.
const SEEDS: u64 = 12;

#[test]
fn simultaneous_child_rekeying_leaves_one_successor_whoever_wins() {
    let mut losers = BTreeSet::new();
    for seed in 0..SEEDS {
        let mut up = up_with(seed, quick()).crossing();
        let old = up.child(A);
        up.rekey_child(A);
        up.rekey_child(B);
        up.world.pass(seconds(10));
        assert_eq!(up.world.agree(), 1);
        assert_ne!(up.child(A), old);
        // Whoever loses has never installed what it asked for.
        let installed = |host| up.world.count(host, |event| matches!(event, Event::ChildUp(_)));
        assert_eq!(installed(A) + installed(B), 2 + 3);
        losers.insert(installed(A));
    }
    assert_eq!(losers.len(), 2);
}

#[test]
fn simultaneous_ike_rekeying_leaves_one_successor_whoever_wins() {
    let mut winners = BTreeSet::new();
    for seed in 0..SEEDS {
        let mut up = up_with(seed, quick()).crossing();
        up.rekey(A);
        up.rekey(B);
        up.world.pass(seconds(12));
        assert_eq!(up.world.agree(), 1);
        for host in [A, B] {
            assert_eq!(up.world.count(host, |event| matches!(event, Event::Rekeyed(..))), 1);
            assert_eq!(up.world.hosts[host].endpoint.in_use(), (1, 1, 0));
        }
        let a = &up.world.hosts[A].endpoint;
        let (initiator, _) = a.sessions().find_map(|session| session.spis()).unwrap();
        winners.insert(a.owns(initiator));
    }
    assert_eq!(winners.len(), 2);
}

#[test]
fn child_rekeying_crosses_child_deletion() {
    let mut up = up().crossing();
    up.rekey_child(A);
    up.expire_child(B);
    up.world.pass(seconds(20));
    assert_eq!(up.world.agree(), 0);
    assert_eq!(up.world.hosts[A].endpoint.in_use(), (1, 0, 0));
}

#[test]
fn deletions_of_one_child_cross() {
    let mut up = up().crossing();
    up.expire_child(A);
    up.expire_child(B);
    up.world.pass(seconds(1));
    assert_eq!(up.world.agree(), 0);
}

#[test]
fn child_rekeying_and_ike_rekeying_make_each_other_wait() {
    let mut up = up().crossing();
    let old = up.child(B);
    up.rekey(A);
    up.rekey_child(B);
    up.world.pass(seconds(15));
    assert_eq!(up.world.agree(), 1);
    assert_ne!(up.child(B), old);
    let rekeyed = |host| up.world.count(host, |event| matches!(event, Event::Rekeyed(..)));
    assert_eq!((rekeyed(A), rekeyed(B)), (1, 1));
}

#[test]
fn ike_rekeying_crosses_ike_deletion() {
    let mut up = up().crossing();
    up.rekey(A);
    up.close(B);
    up.world.pass(seconds(5));
    assert_eq!(up.world.agree(), 0);
    assert_eq!(endings(&up.world, A), [Ending::Peer]);
    assert_eq!(endings(&up.world, B), [Ending::Ordered]);
    up.world.close_all();
}

/// The peer has answered, but its answer is still on its way when the session is closed. A
/// new IKE SA, which we never learn of, dies of silence.
#[test]
fn closing_while_rekeying_leaves_nothing_at_the_peer() {
    let timers = quick().timers;
    let until_silence_is_noticed = timers.liveness + timers.patience() + seconds(1);
    let orders: [(fn(&mut Up), _); 2] =
        [(|up| up.rekey_child(A), seconds(5)), (|up| up.rekey(A), until_silence_is_noticed)];
    for (order, enough) in orders {
        let mut up = up().crossing();
        order(&mut up);
        up.world.pass(std::time::Duration::from_millis(60));
        up.close(A);
        up.world.pass(enough);
        assert_eq!(up.world.agree(), 0);
        assert_eq!(endings(&up.world, B).len(), 1);
        up.world.close_all();
    }
}

/// The request is lost once; the DELETE behind it must not be taken for a gap in the window.
#[test]
fn closing_while_a_request_is_lost_is_told_to_the_peer() {
    let mut up = up().crossing();
    up.world.network.cut[A] = true;
    up.rekey_child(A);
    up.world.pass(seconds(0));
    up.world.network.cut[A] = false;
    up.close(A);
    up.world.pass(seconds(5));
    assert_eq!(endings(&up.world, B), [Ending::Peer]);
}

/// A CHILD_SA is rekeyed, or ended, by the side that answered, and the answer was lost.
#[test]
fn what_the_peer_does_not_know_yet_is_not_lost() {
    for order in [Endpoint::rekey_child, Endpoint::expire_child] {
        let mut up = up();
        up.world.network.cut[B] = true;
        up.rekey_child(A);
        up.world.run();
        up.world.network.cut[B] = false;
        let id = up.ids[B];
        let (_, young) = up.world.hosts[B].ledger.live().last().unwrap();
        up.world.order(B, |endpoint, now| order(endpoint, now, id, young));
        up.world.pass(seconds(15));
        up.world.agree();
    }
}
