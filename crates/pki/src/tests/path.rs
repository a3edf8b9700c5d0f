//! Paths from peers to trust anchors: each reason to refuse, reached by certificates made here and
//! by OpenSSL.

mod openssl_made;

use super::{DAY, NOW, Openssl, World, serial, server, terminal};
use crate::path::{AuthorityFault, ListFault};
use crate::{
    Algorithm, Authority, CrlUpdate, PathError, PeerUsage, SigningKey, Trust, TrustError, Validity,
};

use PeerUsage::{Client, Server};

const NONE: &[Vec<u8>] = &[];

fn trust(world: &World, crls: &[Vec<u8>]) -> Trust {
    Trust::new(&[world.root.certificate()], &[world.issuing.certificate()], crls).unwrap()
}

#[test]
fn dates_and_revocation_are_judged_along_the_path() {
    let world = World::new(Algorithm::EcdsaP256);
    let fresh = world.crls(NOW - 60);
    let good = trust(&world, &fresh);
    let list_end = NOW - 60 + DAY - 1;
    assert_eq!(good.ends(), list_end);

    let verify = |trust: &Trust, leaf: &[u8], now| {
        trust.verify(leaf, &[], Client, now).map(|verified| verified.valid_until)
    };
    assert_eq!(verify(&good, &world.good, NOW), Ok(list_end));
    assert_eq!(verify(&good, &world.revoked, NOW), Err(PathError::Revoked));
    assert_eq!(verify(&good, &world.expired, NOW), Err(PathError::Expired));
    assert_eq!(verify(&good, &world.good, NOW - 2 * DAY), Err(PathError::NotYetValid));
    assert_eq!(verify(&good, &world.good, -1), Err(PathError::NotYetValid));

    let [root_list, issuing_list] = fresh;
    let without_root = trust(&world, &[issuing_list]);
    assert_eq!(verify(&without_root, &world.good, NOW), Err(PathError::RevocationUnknown));
    let update = CrlUpdate { number: 8, this_update: NOW, next_update: NOW + DAY };
    let authority =
        crate::Revoked { serial: serial(2), at: NOW, reason: crate::Reason::CaCompromise };
    let lists = [
        world.root.sign_crl(update, [authority]).unwrap(),
        world.issuing.sign_crl(update, []).unwrap(),
    ];
    assert_eq!(verify(&trust(&world, &lists), &world.good, NOW), Err(PathError::Revoked));

    // The same names, other keys.
    let impostor = World::new(Algorithm::EcdsaP256);
    assert_eq!(verify(&good, &impostor.good, NOW), Err(PathError::Signature));
    let mixed = trust(&world, &[root_list, impostor.crls(NOW - 60)[1].clone()]);
    assert_eq!(verify(&mixed, &world.good, NOW), Err(PathError::CrlInvalid));
}

#[test]
fn a_remembered_verdict_ends_with_its_list_and_its_trust() {
    let world = World::new(Algorithm::EcdsaP256);
    let without_issuing =
        || Trust::new(&[world.root.certificate()], NONE, &world.crls(NOW - 60)).unwrap();
    let trust = without_issuing();
    let issuing = world.issuing.certificate();

    assert_eq!(trust.verify(&world.good, &[], Client, NOW), Err(PathError::UnknownIssuer));
    let first = trust.verify(&world.good, &[issuing], Client, NOW).unwrap();
    // No path could be built without the issuing authority: it is not built again.
    assert_eq!(trust.verify(&world.good, &[], Client, NOW + 1), Ok(first.clone()));
    let at = |now| trust.verify(&world.good, &[issuing], Client, now).map(drop);
    assert_eq!(at(first.valid_until), Ok(()));
    assert_eq!(at(first.valid_until + 1), Err(PathError::CrlExpired));

    assert_eq!(trust.verify(&world.good, &[issuing], Server, NOW), Err(PathError::WrongPurpose));
    let other = without_issuing().verify(&world.good, &[], Client, NOW);
    assert_eq!(other, Err(PathError::UnknownIssuer));
}

#[test]
fn a_gateway_is_no_terminal() {
    let world = World::new(Algorithm::EcdsaP256);
    let trust = trust(&world, &world.crls(NOW));
    let key = SigningKey::generate(Algorithm::Rsa2048).unwrap();
    let validity = Validity::new(NOW - DAY, NOW + DAY).unwrap();
    let gateway =
        world.issuing.issue_server(&server(), key.public_key(), validity, &serial(6)).unwrap();
    let verified = trust.verify(&gateway, &[], Server, NOW).unwrap();
    assert_eq!(verified.leaf.dns_names, server().dns_names);
    assert_eq!(verified.leaf.ip_addresses, server().ip_addresses);
    assert_eq!(&verified.leaf.public_key, key.public_key());
    assert_eq!(trust.verify(&gateway, &[], Client, NOW), Err(PathError::WrongPurpose));
}

#[test]
fn every_kind_of_key_may_stand_above_every_other() {
    use Algorithm::{EcdsaP256, EcdsaP384, Rsa2048, Rsa3072};
    let validity = Validity::new(NOW - DAY, NOW + DAY).unwrap();
    for [root, issuing, leaf] in [
        [EcdsaP384, EcdsaP384, EcdsaP256],
        [Rsa3072, EcdsaP256, Rsa2048],
        [EcdsaP256, Rsa3072, EcdsaP384],
    ] {
        let key = |algorithm| SigningKey::generate(algorithm).unwrap();
        let root = Authority::root(key(root), &super::subject("根"), validity, &serial(1)).unwrap();
        let issuing =
            root.issuing(key(issuing), &super::subject("発行"), validity, &serial(2)).unwrap();
        let leaf = key(leaf);
        let leaf =
            issuing.issue_terminal(&terminal(), leaf.public_key(), validity, &serial(3)).unwrap();
        let update = CrlUpdate { number: 1, this_update: NOW, next_update: NOW + DAY };
        let lists = [&root, &issuing].map(|authority| authority.sign_crl(update, []).unwrap());
        let trust = Trust::new(&[root.certificate()], &[issuing.certificate()], &lists).unwrap();
        assert!(trust.verify(&leaf, &[], Client, NOW).is_ok());
    }
}

#[test]
fn what_cannot_be_trusted_is_named() {
    let world = World::new(Algorithm::EcdsaP256);
    let root = &[world.root.certificate().to_vec()];
    let lists = world.crls(NOW);
    let fault = |anchors: &[Vec<u8>], intermediates: &[Vec<u8>], lists: &[Vec<u8>]| {
        Trust::new(anchors, intermediates, lists).unwrap_err()
    };
    assert_eq!(fault(NONE, NONE, &lists), TrustError::NoAnchor);
    assert_eq!(fault(root, NONE, NONE), TrustError::NoList);
    assert_eq!(
        fault(&[root[0].clone(), world.good.clone()], NONE, &lists),
        TrustError::Anchor { index: 1, fault: AuthorityFault::NotAnAuthority },
    );
    assert!(matches!(
        fault(root, &[lists[0].clone()], &lists),
        TrustError::Intermediate { index: 0, fault: AuthorityFault::Malformed(_) },
    ));
    assert!(matches!(
        fault(root, NONE, &[lists[0].clone(), root[0].clone()]),
        TrustError::List { index: 1, fault: ListFault::Malformed(_) },
    ));
    // webpki would look at the first list only, though the second revokes.
    let newer = world.crls(NOW + 60);
    assert!(matches!(
        fault(root, NONE, &[lists[1].clone(), newer[1].clone()]),
        TrustError::List { index: 1, fault: ListFault::SecondOfIssuer { .. } },
    ));
}

#[test]
fn authorities_are_known_by_the_hash_openssl_computes() {
    let world = World::new(Algorithm::EcdsaP384);
    let trust = trust(&world, &world.crls(NOW));
    let openssl = Openssl::new();
    let expected = [&world.root, &world.issuing].map(|authority| {
        openssl.write("spki", authority.key().public_key().as_der());
        openssl.run("dgst -sha1 -binary spki").unwrap()
    });
    assert!(trust.key_ids().map(<[u8; 20]>::as_slice).eq(expected.iter().map(Vec::as_slice)));
}
