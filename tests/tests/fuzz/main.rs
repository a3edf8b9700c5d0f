//! Every input that fuzzing found worth keeping, through the target that it is for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and says why"
)]

mod peer;

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use sekisho_tests::fuzz::{TARGETS, Target};

#[test]
fn fragments() {
    replay("ike_fragments");
}

#[test]
fn inner() {
    replay("ike_inner");
}

#[test]
fn negotiation() {
    replay("ike_negotiation");
}

#[test]
fn payloads() {
    replay("ike_payloads");
}

#[test]
fn sequence() {
    replay("ike_sequence");
}

#[test]
fn packets() {
    replay("packets");
}

#[test]
fn tunnel() {
    replay("tunnel");
}

fn replay(name: &str) {
    let (_, target): &(&str, Target) = TARGETS.iter().find(|(known, _)| *known == name).unwrap();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let inputs: Vec<PathBuf> =
        fs::read_dir(&corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!inputs.is_empty(), "{} is empty", corpus.display());
    for path in inputs {
        let input = fs::read(&path).unwrap();
        let outcome = catch_unwind(|| target(&input));
        assert!(outcome.is_ok(), "see above what {} finds", path.display());
    }
}
