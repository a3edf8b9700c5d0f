//! Whose a tunnel is.

use std::sync::Arc;

use policy::{Caller, Fingerprint};

/// Who IKE authenticated, and in which session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The IKE session; unique as long as the gateway runs.
    pub session: u64,
    /// What it proved itself with.
    pub credential: Credential,
    /// The same, as records say it.
    pub recorded: connlog::Credential,
}

/// What a peer proved itself with to IKE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The key of this certificate.
    Certificate(Fingerprint),
    /// The pre-shared key of this identity.
    Identity(Arc<str>),
}

impl Member {
    /// As the policy knows it.
    pub(crate) fn caller(&self) -> Caller<'_> {
        match &self.credential {
            Credential::Certificate(fingerprint) => Caller::IpsecCertificate(fingerprint),
            Credential::Identity(identity) => Caller::IpsecIdentity(identity),
        }
    }
}
