//! What the handshake is made of: server certificates, trusted CAs and their CRLs.
//! Built whole or not at all, and swapped whole.

use std::fmt;
use std::sync::Arc;

use pki::{Leaf, RevocationList};
use policy::UnixSeconds;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime,
};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier};
use zeroize::Zeroizing;

use crate::profile::Profile;
use crate::resolver::ByAlgorithm;
use crate::verified::Verified;

/// A server certificate with the rest of its chain, and its key.
#[derive(Debug)]
pub struct ServerIdentity {
    /// Leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// PKCS#8; wiped when dropped.
    pub key: Zeroizing<Vec<u8>>,
}

/// Why handshakes cannot be made from what was given.
#[derive(Debug)]
pub enum MaterialError {
    /// No server certificate.
    NoServerCertificate,
    /// No trusted CA: nobody could be let in, or, worse, anybody.
    NoClientCa,
    /// No CRL: revocation could not be checked.
    NoCrl,
    /// The key of server certificate number `index` is not usable, or not its own.
    Key {
        /// Position in the list given.
        index: usize,
        /// rustls's word for it.
        cause: rustls::Error,
    },
    /// A CA certificate cannot be a trust anchor.
    ClientCa(rustls::Error),
    /// A CRL cannot be used.
    Crl(rustls::server::VerifierBuilderError),
}

impl fmt::Display for MaterialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoServerCertificate => f.write_str("no server certificate is given"),
            Self::NoClientCa => f.write_str("no client CA is given"),
            Self::NoCrl => f.write_str("no CRL is given: revocation could not be checked"),
            Self::Key { cause, .. } => {
                write!(f, "the key does not fit the server certificate: {cause}")
            }
            Self::ClientCa(cause) => write!(f, "the client CA certificate is not usable: {cause}"),
            Self::Crl(cause) => write!(f, "a CRL is not usable: {cause}"),
        }
    }
}

impl std::error::Error for MaterialError {}

/// Server certificates, trusted CAs and CRLs, ready for handshakes under any profile.
#[derive(Debug)]
pub struct Material {
    verifier: Arc<dyn ClientCertVerifier>,
    /// CAs below the anchors: many devices send their own certificate alone.
    intermediates: Vec<CertificateDer<'static>>,
    resolver: Arc<dyn ResolvesServerCert>,
    verified: Verified,
    /// When the first of the CA certificates and CRLs ends; Unix seconds.
    ends: UnixSeconds,
}

impl Material {
    /// Checks and prepares. `anchors` are the trusted roots, `intermediates` the CAs below
    /// them, which the roots' CRLs may revoke. Revocation is checked along the whole chain; an unknown
    /// status is refused and an expired CRL is no CRL (rustls-webpki's own defaults
    /// would let both pass).
    pub fn new(
        identities: Vec<ServerIdentity>,
        anchors: Vec<CertificateDer<'static>>,
        intermediates: Vec<CertificateDer<'static>>,
        crls: Vec<CertificateRevocationListDer<'static>>,
    ) -> Result<Self, MaterialError> {
        if identities.is_empty() {
            return Err(MaterialError::NoServerCertificate);
        }
        if anchors.is_empty() {
            return Err(MaterialError::NoClientCa);
        }
        if crls.is_empty() {
            return Err(MaterialError::NoCrl);
        }
        let cas = anchors.iter().chain(&intermediates).map(|ca| end_of(ca));
        let lists = crls.iter().map(|crl| end_of_list(crl));
        let ends = cas.chain(lists).min().unwrap_or(UnixSeconds::MIN);
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut certified = Vec::with_capacity(identities.len());
        for (index, identity) in identities.into_iter().enumerate() {
            let key = certify(identity).map_err(|cause| MaterialError::Key { index, cause })?;
            certified.push(Arc::new(key));
        }
        let mut roots = RootCertStore::empty();
        for ca in anchors {
            roots.add(ca).map_err(MaterialError::ClientCa)?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .with_crls(crls)
            .enforce_revocation_expiration()
            .build()
            .map_err(MaterialError::Crl)?;
        Ok(Self {
            verifier,
            intermediates,
            resolver: Arc::new(ByAlgorithm(certified)),
            verified: Verified::default(),
            ends,
        })
    }

    /// Verifies chain, validity, purpose and revocation of a client's certificate, sent
    /// with or without the CAs above it. A certificate that these CAs and CRLs have
    /// verified before is not verified again until one of them, or itself, ends.
    pub(crate) fn verify(
        &self,
        certificate: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        leaf: &Leaf,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let seconds = UnixSeconds::try_from(now.as_secs()).unwrap_or(UnixSeconds::MAX);
        if self.verified.holds(&leaf.fingerprint, seconds) {
            return Ok(());
        }
        let known = self.intermediates.iter().map(|ca| CertificateDer::from(ca.as_ref()));
        let all = known.chain(sent.iter().map(|ca| CertificateDer::from(ca.as_ref())));
        let all: Vec<CertificateDer<'_>> = all.collect();
        self.verifier.verify_client_cert(certificate, &all, now)?;
        let ends = sent.iter().map(|ca| end_of(ca)).fold(leaf.not_after.min(self.ends), i64::min);
        self.verified.note(leaf.fingerprint, seconds, ends);
        Ok(())
    }

    /// What verifies signatures, and names the CAs to clients.
    pub(crate) fn verifier(&self) -> &dyn ClientCertVerifier {
        &*self.verifier
    }

    /// The configuration of one connection, whose client `verifier` judges.
    pub(crate) fn config(
        &self,
        builder: ConfigBuilder<ServerConfig, WantsVerifier>,
        require_ems: bool,
        verifier: Arc<dyn ClientCertVerifier>,
    ) -> ServerConfig {
        let mut config = builder
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::clone(&self.resolver));
        config.ignore_client_order = true;
        config.require_ems = require_ems;
        // No resumption, so that every connection is verified whole.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.max_early_data_size = 0;
        config
    }
}

/// When a certificate ends; long ago for one that cannot be read.
fn end_of(certificate: &[u8]) -> UnixSeconds {
    Leaf::from_der(certificate).map_or(UnixSeconds::MIN, |leaf| leaf.not_after)
}

fn end_of_list(crl: &[u8]) -> UnixSeconds {
    RevocationList::from_der(crl).map_or(UnixSeconds::MIN, |list| list.next_update)
}

/// A server certificate with its key, if they belong together.
fn certify(identity: ServerIdentity) -> Result<CertifiedKey, rustls::Error> {
    let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key.as_slice()));
    let certified = CertifiedKey::new(identity.chain, aws_lc_rs::sign::any_supported_type(&der)?);
    certified.keys_match()?;
    Ok(certified)
}

/// The start of every connection's configuration under `profile`.
pub(crate) fn builder(
    profile: Profile,
) -> Result<ConfigBuilder<ServerConfig, WantsVerifier>, rustls::Error> {
    ServerConfig::builder_with_provider(profile.provider())
        .with_protocol_versions(profile.versions())
}
