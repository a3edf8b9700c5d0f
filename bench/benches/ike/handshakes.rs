//! IKE_SA_INIT and IKE_AUTH with a CHILD_SA: the responder's part.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion};
use pki::Algorithm::{EcdsaP256, EcdsaP384, Rsa2048, Rsa3072};

use crate::ends::{Proofs, config};
use crate::exchanges::group;
use crate::pair::Pair;

/// What peers have, and what the gateway prefers with them.
const KEY_EXCHANGES: [&str; 7] =
    ["x25519", "ecp256", "ecp384", "modp2048", "modp3072", "modp4096", "ecp256-ke1_mlkem768"];

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = group(criterion, "ike-handshake");
    for key_exchange in KEY_EXCHANGES {
        let name = BenchmarkId::new("psk", key_exchange);
        whole(&mut group, name, &Proofs::SharedKey, key_exchange);
    }
    let algorithms =
        [("p256", EcdsaP256), ("p384", EcdsaP384), ("rsa2048", Rsa2048), ("rsa3072", Rsa3072)];
    for (name, algorithm) in algorithms {
        let proofs = Proofs::certificates(algorithm);
        whole(&mut group, BenchmarkId::new(name, "x25519"), &proofs, "x25519");
    }
    group.finish();
}

fn whole(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: BenchmarkId,
    proofs: &Proofs,
    key_exchange: &str,
) {
    let mut pair = Pair::new(proofs, config(key_exchange));
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|handshakes| {
            let handshake = |_| {
                let id = pair.begin();
                let spent = pair.take_spent();
                pair.end(id);
                pair.take_spent();
                spent
            };
            (0..handshakes).map(handshake).sum()
        });
    });
}
