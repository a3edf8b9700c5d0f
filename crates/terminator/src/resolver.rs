//! ECDSA and RSA server certificates side by side.

use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{CipherSuite, NamedGroup, SignatureAlgorithm, SignatureScheme};

/// Chooses the first certificate, in configured order, that the client can verify. (In TLS
/// 1.2 the suites say so too: rustls has left out the schemes that no common suite goes
/// with.)
#[derive(Debug)]
pub(crate) struct ByAlgorithm(pub(crate) Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for ByAlgorithm {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let usable = |certified: &&Arc<CertifiedKey>| {
            let key = &*certified.key;
            key.choose_scheme(hello.signature_schemes()).is_some() && knows_curve(&hello, key)
        };
        self.0.iter().find(usable).or(self.0.first()).cloned()
    }
}

/// In TLS 1.2 a client's groups are also those it knows in certificates (RFC 8422 §5.1); in
/// TLS 1.3 its signature schemes name the curve.
fn knows_curve(hello: &ClientHello<'_>, key: &dyn SigningKey) -> bool {
    const TLS13: [CipherSuite; 3] = [
        CipherSuite::TLS13_AES_256_GCM_SHA384,
        CipherSuite::TLS13_AES_128_GCM_SHA256,
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    ];
    if key.algorithm() != SignatureAlgorithm::ECDSA
        || hello.cipher_suites().iter().any(|suite| TLS13.contains(suite))
    {
        return true;
    }
    let p256 = key.choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256]).is_some();
    let curve = if p256 { NamedGroup::secp256r1 } else { NamedGroup::secp384r1 };
    hello.named_groups().is_none_or(|groups| groups.contains(&curve))
}
