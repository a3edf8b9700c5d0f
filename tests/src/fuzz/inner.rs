//! One message, sealed with the right keys, in each of the states that a session can be in.

use std::time::Duration;

use ike_wire::ExchangeType;

use super::content::Content;
use super::input::Input;
use super::sequence::World;

/// The input is a state, an exchange type, how it is sent, and payloads: framed ones, or the
/// type of the first and octets.
///
/// # Panics
///
/// When the gateway panics, contradicts itself, or keeps anything of what is over.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let mut world = World::default();
    let state = input.octet();
    let response = reach(&mut world, state % 8);
    let exchange = ExchangeType(34 + input.octet() % 12);
    let how = input.octet();
    let content = if how & 1 == 0 {
        Content::framed(&mut input)
    } else {
        Content { first: input.octet(), octets: input.rest().to_vec() }
    };
    if response {
        world.respond(0, exchange, &content);
    } else {
        world.request(0, exchange, &content, how & 0x30);
    }
    world.hear();
    world.gateway.finish(state & 8 == 0);
}

/// Brings up a session so far; says whether the gateway now awaits a response.
fn reach(world: &mut World, state: u8) -> bool {
    let mut nothing = Input::new(&[]);
    if state == 6 {
        // The gateway begins: IKE_AUTH is sent.
        world.gateway.initiate(world.peer.path, 6);
        world.hear();
        world.answer(&mut nothing, 0);
        world.hear();
        return true;
    }
    // By AES-CBC; with an additional key exchange; with a NAT and a post-quantum key; plain.
    let choice = match state {
        4 => 1,
        5 => 2,
        7 => 24,
        _ => 0,
    };
    world.begin(&mut Input::new(&[choice]));
    world.hear();
    if state == 0 || state == 5 {
        return false;
    }
    world.go_on(&mut Input::new(&[0, 2 | 4]));
    world.hear();
    assert_eq!(world.gateway.up().len(), 1, "the peer is not let in");
    let (id, children) = world.gateway.up().swap_remove(0);
    let now = world.gateway.now();
    match state {
        2 => world.gateway.endpoint.rekey(now, id),
        3 => world.gateway.endpoint.rekey_child(now, id, children[0].0),
        4 => world.gateway.endpoint.expire_child(now, id, children[0].0),
        7 => drop(world.gateway.pass(Duration::from_secs(31))),
        _ => return false,
    }
    world.hear();
    state != 7
}
