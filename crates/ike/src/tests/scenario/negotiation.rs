//! What both ends can agree on, and what they say when they cannot.

use super::super::fixtures::{generous, net};
use super::{A, B, Config, World, both, dropped, quick, reasons, refusals, seconds};
use crate::{ChildPlan, Dropped, Ending, Event, Grant, Refusal};

fn proposing(ike: &str) -> Config {
    Config { ike_proposals: vec![ike.parse().unwrap()], ..quick() }
}

fn between(a: Config, b: Config) -> World {
    World::seeded(0, [a, b], both(), false)
}

#[test]
fn another_group_is_asked_for_and_used() {
    let a = proposing("aes256gcm16-prfsha256-x25519-ecp256");
    let mut world = between(a, proposing("aes256gcm16-prfsha256-ecp256"));
    world.initiate(|_| {});
    world.run();
    assert_eq!(world.agree(), 1);
    assert_eq!(dropped(&world, B, Dropped::KeyExchangeGroup), 1);
}

#[test]
fn doubled_datagrams_of_ike_sa_init_do_no_harm() {
    let a = proposing("aes256gcm16-prfsha256-x25519-ecp256");
    let mut b = proposing("aes256gcm16-prfsha256-ecp256");
    b.limits.cookie_threshold = 0;
    let mut world = between(a, b);
    world.network.duplication = 1000;
    world.initiate(|_| {});
    world.pass(seconds(5));
    assert_eq!(world.agree(), 1);
}

#[test]
fn under_load_a_cookie_is_asked_for() {
    let mut config = quick();
    config.limits.cookie_threshold = 0;
    let mut world = between(config.clone(), config);
    world.initiate(|_| {});
    world.run();
    assert_eq!(world.agree(), 1);
    assert_eq!(dropped(&world, B, Dropped::CookieWanted), 1);
}

#[test]
fn no_common_proposal_is_explained() {
    let mut world =
        between(proposing("aes128-sha256-modp2048"), proposing("aes256gcm16-prfsha384-ecp384"));
    world.initiate(|_| {});
    world.run();
    let [(reason, detail)] = &refusals(&world, B)[..] else { panic!() };
    assert_eq!(*reason, Refusal::NoProposalChosen);
    assert!(detail.contains("modp2048") && detail.contains("ecp384"), "{detail}");
    assert_eq!(refusals(&world, A), [(Refusal::Peer, "NO_PROPOSAL_CHOSEN".to_owned())]);
    world.close_all();
}

#[test]
fn no_common_child_proposal_keeps_the_ike_sa() {
    let child = |text: &str| Config { child_proposals: vec![text.parse().unwrap()], ..quick() };
    let mut world = between(child("aes128gcm16-noesn"), child("aes256gcm16-noesn"));
    world.initiate(|_| {});
    world.run();
    assert_eq!(world.agree(), 0);
    assert_eq!(reasons(&world, B), [Refusal::NoChildProposalChosen]);
    assert_eq!(refusals(&world, A), [(Refusal::Peer, "NO_PROPOSAL_CHOSEN".to_owned())]);
    assert_eq!(world.hosts[B].ledger.sessions().count(), 1);
}

#[test]
fn an_additional_key_exchange_takes_part() {
    let config = proposing("aes256gcm16-prfsha384-ecp384-ke1_mlkem768");
    let mut world = between(config.clone(), config);
    world.network.loss = 200;
    world.initiate(|_| {});
    world.pass(seconds(25));
    assert_eq!(world.agree(), 1);
    let hybrid = |event: &Event| {
        if let Event::Established(_, peer, _) = event {
            !peer.suite.additional.is_empty()
        } else {
            false
        }
    };
    assert_eq!((world.count(A, hybrid), world.count(B, hybrid)), (1, 1));
}

#[test]
fn selectors_are_narrowed_to_what_is_granted() {
    let mut world = between(quick(), quick());
    world.grant = Some(Grant { reachable: net("10.9.0.0/16"), ..generous() });
    world.initiate(|_| {});
    world.run();
    assert_eq!(world.agree(), 1);
    let session = world.hosts[A].endpoint.sessions().next().unwrap();
    assert_eq!(session.children().next().unwrap().remote, net("10.9.0.0/16"));
}

#[test]
fn unacceptable_selectors_keep_the_ike_sa_for_a_while() {
    let mut world = between(quick(), quick());
    world.grant = Some(Grant { reachable: net("10.9.0.0/16"), ..generous() });
    world.initiate(|target| {
        let remote = net("10.8.0.0/16");
        target.children = vec![ChildPlan { local: net("10.1.0.0/16"), remote }];
    });
    world.run();
    assert_eq!(world.agree(), 0);
    let [(reason, detail)] = &refusals(&world, B)[..] else { panic!() };
    assert_eq!(*reason, Refusal::SelectorsUnacceptable);
    assert!(detail.contains("10.8.0.0/16") && detail.contains("10.9.0.0/16"), "{detail}");
    assert_eq!(refusals(&world, A), [(Refusal::Peer, "TS_UNACCEPTABLE".to_owned())]);
    assert_eq!(world.hosts[A].ledger.sessions().count(), 1);
    world.pass(seconds(70));
    assert!(super::endings(&world, A).contains(&Ending::Childless));
    world.close_all();
}
