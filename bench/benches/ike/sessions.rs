//! The memory of sessions.

use bench::figures::Figure;
use bench::memory;
use pki::Algorithm;

use crate::ends::{Proofs, config};
use crate::pair::Pair;

const HELD: u32 = 10_000;
/// Sessions of one initiator, which goes when it has begun them: what it held is used again for
/// the next, so that what grows is the responder's.
const OF_ONE: u32 = 100;

/// What the responder holds for a session by certificate with one CHILD_SA: its growth as the
/// kernel sees it, so that it includes what the cryptographic libraries allocate.
pub(crate) fn memory() -> Vec<Figure> {
    let keys = [("p256", Algorithm::EcdsaP256), ("rsa2048", Algorithm::Rsa2048)];
    // All are kept to the end, so that none lives in what another has left.
    let held = keys.map(|(name, algorithm)| {
        let mut pair = Pair::new(&Proofs::certificates(algorithm), config("x25519"));
        begin(&mut pair, OF_ONE);
        (name, growth(&mut pair), pair)
    });
    let figure = |(name, octets, _)| Figure {
        name: format!("ike-memory/session/{name}"),
        value: octets / f64::from(HELD),
        unit: "B",
    };
    held.map(figure).into()
}

fn growth(pair: &mut Pair) -> f64 {
    let before = memory::of_process(std::process::id());
    for _ in 0..HELD / OF_ONE {
        begin(pair, OF_ONE);
    }
    assert_eq!(pair.held(), (HELD + OF_ONE) as usize);
    memory::of_process(std::process::id()).saturating_sub(before) as f64
}

fn begin(pair: &mut Pair, sessions: u32) {
    for _ in 0..sessions {
        pair.begin();
    }
    pair.forget_initiator();
}
