//! The TLS profiles: which versions, suites and groups are offered.
//!
//! CRYPTREC TLS暗号設定ガイドライン (GL-3001) 高セキュリティ型, list A, as far as rustls
//! has it: ECDHE with AES-GCM and ChaCha20-Poly1305. No CCM, no DHE, no Camellia.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::{self, cipher_suite as suite, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::version::{TLS12, TLS13};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

/// What a listener offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// TLS 1.2 only: the policy's letter (clause 3.5(3)).
    Tls12,
    /// TLS 1.3 preferred, 1.2 allowed.
    #[default]
    CryptrecHigh,
    /// TLS 1.3 only.
    Tls13Only,
}

/// The word is not a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownProfile;

impl fmt::Display for UnknownProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is not one of: cryptrec-high, tls12, tls13-only")
    }
}

impl std::error::Error for UnknownProfile {}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(word: &str) -> Result<Self, UnknownProfile> {
        match word {
            "tls12" => Ok(Self::Tls12),
            "cryptrec-high" => Ok(Self::CryptrecHigh),
            "tls13-only" => Ok(Self::Tls13Only),
            _ => Err(UnknownProfile),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tls12 => "tls12",
            Self::CryptrecHigh => "cryptrec-high",
            Self::Tls13Only => "tls13-only",
        })
    }
}

/// 256-bit suites before 128-bit ones (GL-3001; conformance test T04).
const SUITES_12: [SupportedCipherSuite; 6] = [
    suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
];
const SUITES_13: [SupportedCipherSuite; 3] = [
    suite::TLS13_AES_256_GCM_SHA384,
    suite::TLS13_CHACHA20_POLY1305_SHA256,
    suite::TLS13_AES_128_GCM_SHA256,
];
const GROUPS: [&dyn SupportedKxGroup; 3] =
    [kx_group::SECP256R1, kx_group::X25519, kx_group::SECP384R1];

impl Profile {
    /// The versions offered, best first.
    pub fn versions(self) -> &'static [&'static SupportedProtocolVersion] {
        static BEST_FIRST: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
        let [tls13_only @ .., _] = &BEST_FIRST;
        let [_, tls12_only @ ..] = &BEST_FIRST;
        match self {
            Self::Tls12 => tls12_only,
            Self::CryptrecHigh => &BEST_FIRST,
            Self::Tls13Only => tls13_only,
        }
    }

    /// AWS-LC with only the suites and groups of the profile.
    pub fn provider(self) -> Arc<CryptoProvider> {
        let mut cipher_suites = Vec::new();
        if self != Self::Tls12 {
            cipher_suites.extend(SUITES_13);
        }
        if self != Self::Tls13Only {
            cipher_suites.extend(SUITES_12);
        }
        let kx_groups = GROUPS.to_vec();
        Arc::new(CryptoProvider { cipher_suites, kx_groups, ..aws_lc_rs::default_provider() })
    }
}
