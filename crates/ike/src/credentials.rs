//! Whom we are, and whom we can recognise.

use std::collections::HashMap;
use std::fmt;

use crypto::Secret;
use crypto::signature::PrivateKey;
use ike_wire::Identity;
use pki::path::Trust;

/// A certificate of our own with its key.
pub struct OwnCertificate {
    /// Leaf first, then the CAs below the anchor; DER.
    pub chain: Vec<Vec<u8>>,
    /// SHA-1 over the SubjectPublicKeyInfo of every CA above the leaf, as CERTREQ payloads
    /// name CAs (RFC 7296 §3.7).
    pub authorities: Vec<[u8; 20]>,
    /// The leaf's key.
    pub key: PrivateKey,
}

impl fmt::Debug for OwnCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnCertificate({:?}, redacted)", self.key.kind())
    }
}

/// A post-quantum pre-shared key (RFC 8784).
#[derive(Debug)]
pub struct Ppk {
    /// Its name (PPK_ID).
    pub id: Vec<u8>,
    /// The key.
    pub key: Secret,
    /// Whether the peer must use it; otherwise NO_PPK_AUTH is taken as well.
    pub required: bool,
}

/// Everything secret or trusted; replaced whole when certificates or the registry change.
#[derive(Debug)]
pub struct Credentials {
    /// Our identities: the first is the default, the others are used when a peer asks for
    /// them (IDr).
    pub identities: Vec<Identity>,
    /// Our certificates in order of preference; a peer gets the first it can verify.
    pub certificates: Vec<OwnCertificate>,
    /// Which certificates we accept; without it, none.
    pub trust: Option<Trust>,
    /// Pre-shared keys by the peer's identity.
    pub pre_shared_keys: HashMap<Identity, Secret>,
    /// Post-quantum pre-shared keys (RFC 8784) by the peer's identity, like those above.
    pub ppks: HashMap<Identity, Ppk>,
}
