//! What both ends are set to, and how they prove who they are.

use std::collections::HashMap;
use std::time::Duration;

use bench::certificates::{Issued, Pair, server_name};
use crypto::Secret;
use crypto::signature::PrivateKey;
use ike::{Config, Credentials, Limits, OwnCertificate, Timers};
use ike_wire::{IdType, Identity};
use pki::{Leaf, Trust};

/// AES-256-GCM and HMAC-SHA2-384: what the gateway prefers.
const ALGORITHMS: &str = "aes256gcm16-prfsha384";
/// For CHILD_SAs, with key exchange where they are rekeyed.
const CHILD: &str = "aes256gcm16-x25519-none";
/// Nothing comes due by itself.
const NEVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Settings with this key exchange, or key exchanges, and no other.
pub(crate) fn config(key_exchange: &str) -> Config {
    Config {
        ike_proposals: vec![format!("{ALGORITHMS}-{key_exchange}").parse().unwrap()],
        child_proposals: vec![CHILD.parse().unwrap()],
        timers: Timers {
            ike_lifetime: NEVER,
            child_lifetime: NEVER,
            liveness: NEVER,
            childless: NEVER,
            ..Timers::default()
        },
        // All are one peer's.
        limits: Limits { sessions_per_subject: usize::MAX, ..Limits::default() },
        ..Config::default()
    }
}

/// How both ends prove who they are.
pub(crate) enum Proofs {
    SharedKey,
    Certificates(Box<Issued>),
}

impl Proofs {
    pub(crate) fn certificates(algorithm: pki::Algorithm) -> Self {
        Self::Certificates(Box::new(Issued::new(algorithm)))
    }

    /// What the initiator calls itself.
    pub(crate) fn initiator(&self) -> Identity {
        match self {
            Self::SharedKey => "router.example.jp".parse().unwrap(),
            Self::Certificates(issued) => {
                let leaf = Leaf::from_der(&issued.client.certificate).unwrap();
                Identity { kind: IdType::ID_DER_ASN1_DN, data: leaf.subject_der.into() }
            }
        }
    }

    /// What the responder calls itself.
    pub(crate) fn responder(&self) -> Identity {
        server_name().parse().unwrap()
    }

    pub(crate) fn of_initiator(&self) -> Credentials {
        self.credentials(self.initiator(), self.responder(), |issued| &issued.client)
    }

    pub(crate) fn of_responder(&self) -> Credentials {
        self.credentials(self.responder(), self.initiator(), |issued| &issued.server)
    }

    fn credentials(
        &self,
        own: Identity,
        peer: Identity,
        pair: impl Fn(&Issued) -> &Pair,
    ) -> Credentials {
        let mut credentials = Credentials {
            identities: vec![own],
            certificates: Vec::new(),
            trust: None,
            pre_shared_keys: HashMap::new(),
            ppks: HashMap::new(),
        };
        match self {
            Self::SharedKey => {
                let key = Secret::new(b"thirty-two octets, as routers do".to_vec());
                credentials.pre_shared_keys.insert(peer, key);
            }
            Self::Certificates(issued) => {
                let trust = Trust::new(&[&issued.root], &[&issued.issuing], &issued.crls).unwrap();
                let pair = pair(issued);
                credentials.certificates.push(OwnCertificate {
                    chain: issued.chain(pair).into(),
                    authorities: trust.key_ids().copied().collect(),
                    key: PrivateKey::from_pkcs8(&pair.key.to_pkcs8_der().unwrap()).unwrap(),
                });
                credentials.trust = Some(trust);
            }
        }
        credentials
    }
}
