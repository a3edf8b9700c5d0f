//! ECDSA and RSA server certificates side by side.

use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Chooses the first certificate, in configured order, that the client can verify. (In TLS
/// 1.2 the suites say so too: rustls has left out the schemes that no common suite goes
/// with.)
#[derive(Debug)]
pub(crate) struct ByAlgorithm(pub(crate) Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for ByAlgorithm {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let usable = |certified: &&Arc<CertifiedKey>| {
            certified.key.choose_scheme(hello.signature_schemes()).is_some()
        };
        self.0.iter().find(usable).or(self.0.first()).cloned()
    }
}
