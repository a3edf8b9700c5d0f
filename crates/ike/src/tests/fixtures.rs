//! Randomness, credentials and settings.

mod certificates;

use std::collections::HashMap;

use crypto::Secret;
use ike_wire::{Identity, TrafficSelector};

use crate::{Config, Credentials, Grant, Random};

pub(crate) use certificates::both_with_certificates;

/// Reproducible: splitmix64.
pub(crate) struct Seeded {
    pub(crate) state: u64,
    /// Most lifetimes are the same, so that much is due at once on both sides. Not all: who
    /// retries after TEMPORARY_FAILURE in lockstep never gets anywhere.
    pub(crate) little_jitter: bool,
}

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0xd134_2543_de82_ef95), little_jitter: false }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// Octets that `Random::jitter` asks for; nobody else asks for so few.
const JITTER_OCTETS: usize = 2;

impl Random for Seeded {
    fn fill(&mut self, octets: &mut [u8]) {
        if self.little_jitter && octets.len() == JITTER_OCTETS && !self.one_in(4) {
            return octets.fill(0);
        }
        for octet in octets {
            *octet = self.next() as u8;
        }
    }
}

pub(crate) fn net(text: &str) -> Vec<TrafficSelector> {
    vec![text.parse::<ipnet::IpNet>().unwrap().into()]
}

pub(crate) fn everything() -> Vec<TrafficSelector> {
    ["0.0.0.0/0", "::/0"].map(net).concat()
}

pub(crate) fn identity(text: &str) -> Identity {
    text.parse().unwrap()
}

/// One end that knows the other by a pre-shared key.
pub(crate) fn credentials(own: &str, peer: &str) -> Credentials {
    let key = Secret::new(b"a long shared key".to_vec());
    Credentials {
        identities: vec![identity(own)],
        certificates: Vec::new(),
        trust: None,
        pre_shared_keys: HashMap::from([(identity(peer), key)]),
        ppks: HashMap::new(),
    }
}

/// Both ends.
pub(crate) fn both() -> [Credentials; 2] {
    [credentials("a.example", "b.example"), credentials("b.example", "a.example")]
}

/// Whatever the peer asks for.
pub(crate) fn generous() -> Grant {
    Grant {
        subject: "a".into(),
        reachable: everything(),
        inner: everything(),
        virtual_address: true,
    }
}

/// Settings under which key exchanges cost little.
pub(crate) fn quick() -> Config {
    Config {
        ike_proposals: vec!["aes256gcm16-prfsha256-x25519".parse().unwrap()],
        child_proposals: vec!["aes256gcm16-x25519-none-noesn".parse().unwrap()],
        ..Config::default()
    }
}
