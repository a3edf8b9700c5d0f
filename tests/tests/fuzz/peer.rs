//! The hostile peer can also behave: what it then reaches proves that the targets get past
//! the door, and that the parts of `ike` fit together in other hands than the endpoint's.

use sekisho_tests::fuzz::input::Input;
use sekisho_tests::fuzz::sequence::World;

/// Octets of choices; then nothing is mutated.
fn input(choices: &[u8]) -> Input<'_> {
    Input::new(choices)
}

#[test]
fn as_initiator_it_is_let_in() {
    // Plain; AES-CBC; ML-KEM in addition; from behind a NAT; with a post-quantum key.
    for begin in [0, 1, 2, 9, 18] {
        let mut world = World::default();
        world.begin(&mut input(&[begin]));
        world.hear();
        if begin == 2 {
            world.go_on(&mut input(&[]));
            world.hear();
        }
        world.go_on(&mut input(&[]));
        world.hear();
        let up = world.gateway.up();
        assert!(matches!(&up[..], [(_, children)] if children.len() == 1), "{begin}: {up:?}");
        // The peer has verified the gateway's AUTH and can go on: the IKE SA is rekeyed, with
        // ML-KEM as well, and again from the gateway's side.
        rekey(&mut world);
        world.gateway.finish(true);
    }
}

fn rekey(world: &mut World) {
    let known = world.peer.sas.len();
    world.ask_for_ike(&mut input(&[2]));
    world.hear();
    world.follow_up(&mut input(&[]));
    world.hear();
    assert_eq!(world.peer.sas.len(), known + 1);
    let (id, _) = world.gateway.up().swap_remove(0);
    let now = world.gateway.now();
    world.gateway.endpoint.rekey(now, id);
    world.hear();
    // With the additional key exchange, which is asked for next.
    for _ in 0..2 {
        world.answer(&mut input(&[1]), 0);
        world.hear();
    }
    assert_eq!(world.peer.sas.len(), known + 2);
    assert_eq!(world.gateway.up().len(), 1);
}

#[test]
fn as_responder_it_is_believed() {
    let mut world = World::default();
    world.gateway.initiate(world.peer.path, 1);
    world.hear();
    for _ in 0..2 {
        world.answer(&mut input(&[]), 0);
        world.hear();
    }
    let up = world.gateway.up();
    assert!(matches!(&up[..], [(_, children)] if children.len() == 1), "{up:?}");
    world.gateway.finish(false);
}
