//! Bytes from the network never make the readers panic.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{NOW, World};
use crate::{Algorithm, Leaf, PeerUsage, RevocationList, SigningKey, Trust, strength};

#[derive(Clone, Debug)]
enum Mutation {
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Truncate(Index),
    Duplicate(Index, Index),
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        match self {
            Self::Set(at, byte) => bytes[at.index(length)] = *byte,
            Self::Insert(at, byte) => bytes.insert(at.index(length), *byte),
            Self::Remove(at) => drop(bytes.remove(at.index(length))),
            Self::Truncate(at) => bytes.truncate(at.index(length)),
            Self::Duplicate(from, to) => {
                let tail = bytes[from.index(length)..].to_vec();
                bytes.splice(to.index(length)..to.index(length), tail);
            }
        }
    }
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let index = any::<Index>;
    let one = prop_oneof![
        8 => (index(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        2 => (index(), any::<u8>()).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        2 => index().prop_map(Mutation::Remove),
        1 => index().prop_map(Mutation::Truncate),
        1 => (index(), index()).prop_map(|(from, to)| Mutation::Duplicate(from, to)),
    ];
    proptest::collection::vec(one, 1..6)
}

#[test]
fn mutated_documents_do_not_panic() {
    let world = World::new(Algorithm::EcdsaP256);
    let rsa = World::new(Algorithm::Rsa2048);
    let [_, crl] = world.crls(NOW);
    let pem = world.root.key().to_pem(None).unwrap().as_bytes().to_vec();
    let documents = [
        world.good.clone(),
        world.root.certificate().to_vec(),
        rsa.root.certificate().to_vec(),
        crl,
        pem,
    ];
    let trust =
        Trust::new(&[world.root.certificate()], &[world.issuing.certificate()], &world.crls(NOW))
            .unwrap();
    let config = Config { cases: 20_000, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, rng)
        .run(&(0..documents.len(), mutations()), |(document, mutations)| {
            let mut bytes = documents[document].clone();
            mutations.iter().for_each(|mutation| mutation.apply(&mut bytes));
            if let Ok(leaf) = Leaf::from_der(&bytes) {
                let _ = strength(&leaf);
                assert!(!leaf.subject.contains(char::is_control));
            }
            let verdict = trust.verify(&bytes, &[&bytes], PeerUsage::Client, NOW);
            assert_eq!(verdict.is_ok(), bytes == world.good);
            let _ = RevocationList::from_der(&bytes);
            let _ = SigningKey::from_pem(&bytes, None);
            Ok(())
        })
        .unwrap();
}
