//! ECDSA and RSA server certificates side by side.

#![allow(clippy::wildcard_enum_match_arm, reason = "the list of cipher suites is open")]

use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CipherSuite, SignatureAlgorithm};

/// Chooses the first certificate, in configured order, that the client can verify.
#[derive(Debug)]
pub(crate) struct ByAlgorithm(pub(crate) Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for ByAlgorithm {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let usable = |certified: &&Arc<CertifiedKey>| {
            certified.key.choose_scheme(hello.signature_schemes()).is_some()
                && offers_suite_for(hello.cipher_suites(), certified.key.algorithm())
        };
        self.0.iter().find(usable).or(self.0.first()).cloned()
    }
}

/// In TLS 1.2 the suite names the server's signature algorithm; in TLS 1.3 it does not.
fn offers_suite_for(offered: &[CipherSuite], algorithm: SignatureAlgorithm) -> bool {
    offered.iter().any(|suite| match suite {
        CipherSuite::TLS13_AES_256_GCM_SHA384
        | CipherSuite::TLS13_AES_128_GCM_SHA256
        | CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => true,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
        | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
        | CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => {
            algorithm == SignatureAlgorithm::ECDSA
        }
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
        | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
        | CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => {
            algorithm == SignatureAlgorithm::RSA
        }
        _ => false,
    })
}
