//! AUTH, of both sides (RFC 7296 §2.15).

use std::sync::Arc;

use crypto::Secret;
use crypto::prf::Prf;
use crypto::signature::PublicKey;
use ike_wire::{
    AuthMethod, Authentication, Certificate, CertificateEncoding, IdType, Identification, Identity,
    Malformed, NotifyType, Payloads,
};
use pki::Leaf;
use pki::path::PeerUsage;

use crate::Refusal;
use crate::authentication::{
    AuthenticationError, IntermediateAuth, RsaPadding, SignatureMethod, Signed, SignedOctets,
    shared_key_auth, verify, verify_shared_key,
};
use crate::credentials::{Credentials, OwnCertificate};
use crate::event::{Now, PeerCertificate, Proof};
use crate::keys::IkeKeys;
use crate::session::init::{Features, Init, SIGNATURE_HASHES};
use crate::session::notes::refusal_of;

/// What both sides authenticate.
#[derive(Clone, Copy)]
pub(crate) struct Transcript<'a> {
    pub(crate) prf: Prf,
    pub(crate) init: &'a Init,
    /// With the PPK where one takes part.
    pub(crate) keys: &'a IkeKeys,
    pub(crate) intermediate: Option<IntermediateAuth<'a>>,
}

impl Transcript<'_> {
    /// What the initiator, or else the responder, signs.
    pub(crate) fn octets(
        &self,
        initiator: bool,
        id: &Identification<'_>,
    ) -> Result<SignedOctets, crypto::Error> {
        let init = self.init;
        let (message, nonce, sk_p) = if initiator {
            (&init.request, &init.responder_nonce, &self.keys.sk_pi)
        } else {
            (&init.response, &init.initiator_nonce, &self.keys.sk_pr)
        };
        let id_body = id.body();
        let intermediate = self.intermediate;
        SignedOctets::new(
            self.prf,
            &Signed { message, nonce, id_body: &id_body, sk_p, intermediate },
        )
    }
}

/// Why a peer is not believed. It is told nothing of this.
#[derive(Debug)]
pub(crate) struct Disbelief {
    pub(crate) reason: Refusal,
    pub(crate) detail: Option<String>,
    pub(crate) certificate: Option<Box<Leaf>>,
    malformed: Option<Malformed>,
}

impl Disbelief {
    pub(crate) fn new(reason: Refusal, detail: Option<String>) -> Self {
        Self { reason, detail, certificate: None, malformed: None }
    }
}

impl Disbelief {
    /// What the peer is told: that it is not believed, or how it broke the protocol.
    pub(crate) fn answer(&self) -> (NotifyType, Vec<u8>) {
        match self.malformed {
            Some(malformed) => refusal_of(malformed),
            None => (NotifyType::AUTHENTICATION_FAILED, Vec::new()),
        }
    }
}

impl From<Malformed> for Disbelief {
    fn from(malformed: Malformed) -> Self {
        let detail = Some(malformed.to_string());
        let (reason, malformed) = (Refusal::InvalidSyntax, Some(malformed));
        Self { reason, detail, certificate: None, malformed }
    }
}

impl From<crypto::Error> for Disbelief {
    fn from(error: crypto::Error) -> Self {
        Self::new(Refusal::Internal, Some(error.to_string()))
    }
}

impl From<AuthenticationError> for Disbelief {
    fn from(error: AuthenticationError) -> Self {
        let reason = match error {
            AuthenticationError::SharedKeyMismatch => Refusal::PreSharedKey,
            AuthenticationError::SignatureInvalid
            | AuthenticationError::Malformed { .. }
            | AuthenticationError::WrongKeyKind { .. } => Refusal::Signature,
            AuthenticationError::UnknownMethod { .. }
            | AuthenticationError::AlgorithmNotAllowed
            | AuthenticationError::HashNotAnnounced { .. }
            | AuthenticationError::LegacyRsaInvalid => Refusal::SignatureAlgorithm,
            AuthenticationError::NoCommonHash { .. }
            | AuthenticationError::PeerLacksSignatureHashes { .. } => Refusal::NoOwnCertificate,
            AuthenticationError::Crypto(_) => Refusal::Internal,
        };
        Self::new(reason, Some(error.to_string()))
    }
}

/// What a peer presents to prove its identity.
pub(crate) struct Presented<'a> {
    /// What its certificate must be for.
    pub(crate) usage: PeerUsage,
    pub(crate) identity: &'a Identity,
    pub(crate) octets: &'a SignedOctets,
    pub(crate) prf: Prf,
    pub(crate) payloads: &'a Payloads<'a>,
    pub(crate) authentication: &'a Authentication<'a>,
}

impl Presented<'_> {
    /// Verifies AUTH.
    pub(crate) fn verify(&self, now: Now, credentials: &Credentials) -> Result<Proof, Disbelief> {
        let data = self.authentication.data;
        if self.authentication.method == AuthMethod::SHARED_KEY {
            let key = credentials
                .pre_shared_keys
                .get(self.identity)
                .ok_or(Disbelief::new(Refusal::UnknownIdentity, None))?;
            verify_shared_key(self.prf, key, self.octets, data)?;
            return Ok(Proof::PreSharedKey);
        }
        let leaf = verify_certificate(now, credentials, self.usage, self.payloads)?;
        let method = self.authentication.method.0;
        let signed = PublicKey::from_spki(leaf.public_key.as_der())
            .map_err(Disbelief::from)
            .and_then(|key| Ok(verify(&key, method, data, self.octets, &SIGNATURE_HASHES)?));
        match signed {
            Ok(()) => {
                let chain = presented(self.payloads).map(<[u8]>::to_vec).collect();
                Ok(Proof::Certificate(Arc::new(PeerCertificate { leaf: *leaf, chain })))
            }
            Err(disbelief) => Err(Disbelief { certificate: Some(leaf), ..disbelief }),
        }
    }
}

impl Proof {
    /// Whether it speaks for this identity: a pre-shared key is of one; a certificate is
    /// for the names in it (RFC 4945 §3.1).
    pub(crate) fn covers(&self, identity: &Identity) -> bool {
        let Self::Certificate(certificate) = self else { return true };
        let leaf = &certificate.leaf;
        let text = std::str::from_utf8(&identity.data).unwrap_or_default();
        match identity.kind {
            IdType::ID_FQDN => leaf.dns_names.iter().any(|name| name.eq_ignore_ascii_case(text)),
            IdType::ID_RFC822_ADDR => leaf.email_addresses.iter().any(|address| address == text),
            IdType::ID_IPV4_ADDR | IdType::ID_IPV6_ADDR => {
                leaf.ip_addresses.iter().any(|address| Identity::from(*address) == *identity)
            }
            IdType::ID_DER_ASN1_DN => *leaf.subject_der == *identity.data,
            _ => false,
        }
    }
}

/// The certificates among what a peer may present.
fn presented<'a>(payloads: &'a Payloads<'a>) -> impl Iterator<Item = &'a [u8]> {
    let certificates = payloads.certificates();
    certificates
        .filter(|certificate| certificate.encoding == CertificateEncoding::X509_SIGNATURE)
        .map(|certificate| certificate.data)
}

/// The first certificate is the peer's own, the others help to build its path (RFC 7296
/// §3.6). Nothing is fetched.
fn verify_certificate(
    now: Now,
    credentials: &Credentials,
    usage: PeerUsage,
    payloads: &Payloads<'_>,
) -> Result<Box<Leaf>, Disbelief> {
    let mut presented = presented(payloads);
    let own = presented.next().ok_or(Disbelief::new(Refusal::NoCertificate, None))?;
    let others: Vec<&[u8]> = presented.collect();
    let shown = || Leaf::from_der(own).ok().map(Box::new);
    let Some(trust) = &credentials.trust else {
        return Err(Disbelief { certificate: shown(), ..Disbelief::new(Refusal::NoTrust, None) });
    };
    match trust.verify(own, &others, usage, now.unix) {
        Ok(verified) => Ok(Box::new(verified.leaf)),
        Err(error) => Err(Disbelief {
            certificate: shown(),
            ..Disbelief::new(Refusal::Certificate, Some(error.to_string()))
        }),
    }
}

/// Our own AUTH.
pub(crate) struct OwnProof {
    pub(crate) method: AuthMethod,
    pub(crate) data: Vec<u8>,
    /// Leaf first; none with a pre-shared key.
    pub(crate) chain: Vec<Vec<u8>>,
}

impl OwnProof {
    pub(crate) fn authentication(&self) -> Authentication<'_> {
        Authentication { method: self.method, data: &self.data }
    }

    /// The whole chain always: many clients ask for none and need it all the same.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = Certificate<'_>> {
        let encoding = CertificateEncoding::X509_SIGNATURE;
        self.chain.iter().map(move |data| Certificate { encoding, data })
    }
}

/// Proves our identity by a pre-shared key.
pub(crate) fn by_shared_key(
    prf: Prf,
    key: &Secret,
    octets: &SignedOctets,
) -> Result<OwnProof, Disbelief> {
    let data = shared_key_auth(prf, key, octets)?.as_bytes().to_vec();
    Ok(OwnProof { method: AuthMethod::SHARED_KEY, data, chain: Vec::new() })
}

/// Proves our identity by the first of our certificates that the peer can verify: one below
/// a CA that it asked for, if there is one.
pub(crate) fn by_certificate(
    credentials: &Credentials,
    features: &Features,
    payloads: &[[u8; 20]],
    octets: &SignedOctets,
) -> Result<OwnProof, Disbelief> {
    let asked_for = |own: &OwnCertificate| own.authorities.iter().any(|id| payloads.contains(id));
    let (preferred, others): (Vec<_>, Vec<_>) =
        credentials.certificates.iter().partition(|own| asked_for(own));
    let mut failure = Disbelief::new(Refusal::NoOwnCertificate, None);
    for own in preferred.into_iter().chain(others) {
        let signed = SignatureMethod::choose(own.key.kind(), &features.hashes, RsaPadding::Pkcs1)
            .and_then(|method| method.sign(&own.key, octets));
        match signed {
            Ok((method, data)) => {
                let chain = own.chain.clone();
                return Ok(OwnProof { method: AuthMethod(method), data, chain });
            }
            Err(error) => failure = error.into(),
        }
    }
    Err(failure)
}

/// The CAs that the peer's CERTREQ payloads name.
pub(crate) fn requested_authorities(payloads: &Payloads<'_>) -> Vec<[u8; 20]> {
    payloads
        .certificate_requests()
        .filter(|request| request.encoding == CertificateEncoding::X509_SIGNATURE)
        .flat_map(|request| request.data.as_chunks().0.to_vec())
        .take(MAX_AUTHORITIES)
        .collect()
}

/// Of a peer's list of CAs; Windows sends all that it knows.
const MAX_AUTHORITIES: usize = 256;
