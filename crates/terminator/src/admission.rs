//! The judge of one handshake: is the certificate good, and may its terminal reach
//! this system?
//!
//! Both are asked while the handshake can still say no in TLS's own words
//! (`certificate_revoked`, `unknown_ca`, `access_denied`, …), and what was presented is
//! kept, so that the record can name a terminal that was turned away.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use pki::Leaf;
use policy::{Caller, Denied, Fingerprint, Policy, Request, SystemId, Target};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, SignatureScheme,
};

use crate::material::Material;

/// What the client presented, and what the policy said if it said no.
#[derive(Debug)]
pub(crate) struct Presented {
    pub(crate) leaf: Leaf,
    pub(crate) weakness: Option<pki::Weakness>,
    pub(crate) denied: Option<Denied>,
    proof_failed: AtomicBool,
}

impl Presented {
    /// The client did not prove that it holds the certificate's key.
    pub(crate) fn proof_failed(&self) -> bool {
        self.proof_failed.load(Ordering::Relaxed)
    }
}

/// Verifies one client's certificate for one system.
pub(crate) struct Admission {
    material: Arc<Material>,
    policy: Arc<Policy>,
    system: SystemId,
    presented: OnceLock<Presented>,
}

impl Admission {
    pub(crate) fn new(material: Arc<Material>, policy: Arc<Policy>, system: SystemId) -> Arc<Self> {
        Arc::new(Self { material, policy, system, presented: OnceLock::new() })
    }

    /// What the client presented, once it has.
    pub(crate) fn presented(&self) -> Option<&Presented> {
        self.presented.get()
    }

    fn chain(&self) -> &dyn ClientCertVerifier {
        self.material.verifier()
    }

    fn judge(
        &self,
        presented: &mut Presented,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        if let Err(weakness) = pki::strength(&presented.leaf) {
            presented.weakness = Some(weakness);
            return Err(CertificateError::Other(OtherError(Arc::new(weakness))).into());
        }
        self.material.verify(certificate, intermediates, &presented.leaf, now)?;
        let request = Request {
            caller: Caller::Tls(&Fingerprint(presented.leaf.fingerprint)),
            target: Target::System(&self.system),
            now: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
        };
        if let Err(denied) = self.policy.authorize(&request) {
            presented.denied = Some(denied);
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        Ok(ClientCertVerified::assertion())
    }

    fn note_proof<T>(&self, proof: Result<T, rustls::Error>) -> Result<T, rustls::Error> {
        if let (Err(_), Some(presented)) = (&proof, self.presented.get()) {
            presented.proof_failed.store(true, Ordering::Relaxed);
        }
        proof
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission").field("system", &self.system).finish_non_exhaustive()
    }
}

impl ClientCertVerifier for Admission {
    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let leaf = Leaf::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
        let proof_failed = AtomicBool::new(false);
        let mut presented = Presented { leaf, weakness: None, denied: None, proof_failed };
        let verdict = self.judge(&mut presented, certificate, intermediates, now);
        // A handshake presents one certificate; a second verification keeps the first.
        let _ = self.presented.set(presented);
        verdict
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain().root_hint_subjects()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.note_proof(self.chain().verify_tls12_signature(message, certificate, signature))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.note_proof(self.chain().verify_tls13_signature(message, certificate, signature))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain().supported_verify_schemes()
    }
}
