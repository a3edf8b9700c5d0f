//! Messages before their state, and states after a failure.

use ike_wire::{AuthMethod, Authentication, Delete, ExchangeType, NotifyType, Payload, Protocol};

use super::super::fixtures::identity;
use super::rogue::Rogue;
use super::{B, World, both, dropped, quick, reasons, seconds};
use crate::session::note;
use crate::{Dropped, Refusal};

/// libreswan CVE-2019-12312: a message before its state.
#[test]
fn before_ike_auth_nothing_else_is_heard() {
    let mut world = World::new(quick(), both());
    let mut rogue = Rogue::begin(&mut world);
    let delete = [Payload::Delete(Delete { protocol: Protocol::Ike, spis: Vec::new() })];
    let requests: [(ExchangeType, &[Payload<'_>]); 5] = [
        (ExchangeType::CREATE_CHILD_SA, &[Payload::Nonce(&[1; 32])]),
        (ExchangeType::INFORMATIONAL, &delete),
        (ExchangeType::INFORMATIONAL, &[]),
        (ExchangeType::IKE_INTERMEDIATE, &[]),
        (ExchangeType(99), &[]),
    ];
    for (number, (exchange, payloads)) in (1..).zip(requests) {
        assert!(rogue.ask(&mut world, exchange, payloads).is_empty());
        assert_eq!(dropped(&world, B, Dropped::OutOfState), number);
    }
    assert_eq!(world.hosts[B].endpoint.half_open(), 1);
    world.run();
    assert!(world.hosts[B].events.is_empty());
    world.close_all();
}

/// libreswan CVE-2023-23009, CVE-2024-2357: state left after a failed authentication.
#[test]
fn after_a_failed_ike_auth_nothing_is_left_to_talk_to() {
    let mut world = World::new(quick(), both());
    let mut rogue = Rogue::begin(&mut world);
    let id = identity("a.example");
    let payloads = [
        Payload::IdInitiator(id.as_identification()),
        Payload::Authentication(Authentication { method: AuthMethod::SHARED_KEY, data: &[0; 32] }),
    ];
    let answers = rogue.ask(&mut world, ExchangeType::IKE_AUTH, &payloads);
    let again = rogue.ask_again(&mut world);
    assert_eq!(answers, again);
    rogue.advance(&world);
    assert!(rogue.understands(answers[0].clone()));
    world.run();
    assert_eq!(reasons(&world, B), [Refusal::PreSharedKey]);
    let events = world.hosts[B].events.len();

    let requests: [(ExchangeType, &[Payload<'_>]); 3] = [
        (ExchangeType::IKE_AUTH, &payloads),
        (ExchangeType::CREATE_CHILD_SA, &[Payload::Nonce(&[1; 32])]),
        (ExchangeType::INFORMATIONAL, &[note(NotifyType::INITIAL_CONTACT, &[])]),
    ];
    for (exchange, payloads) in requests {
        assert!(rogue.ask(&mut world, exchange, payloads).is_empty());
    }
    assert_eq!(dropped(&world, B, Dropped::OutOfState), 3);
    // It keeps its place among the half-open until it is forgotten.
    assert_eq!(world.hosts[B].endpoint.half_open(), 1);
    world.pass(seconds(11));
    assert_eq!(world.hosts[B].endpoint.half_open(), 0);
    assert_eq!(world.hosts[B].events.len(), events);
    assert_eq!(world.hosts[B].endpoint.in_use(), (0, 0, 0));
    assert_eq!(world.hosts[B].endpoint.sessions().count(), 0);
}
