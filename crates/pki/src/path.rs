//! Whether a peer's certificate leads to an authority the operator trusts (RFC 5280 §6): what IKE
//! asks about a peer, as rustls asks it about a TLS client.
//!
//! Signatures, dates, names and revocation are judged by rustls-webpki; the strength of every
//! certificate and the key's purpose by this crate. Nothing that a certificate names is ever
//! fetched: all that is looked at was configured or presented.

mod refusal;
mod trust_error;
mod usage;
mod verified;

use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    ALL_VERIFICATION_ALGS, CertRevocationList, EndEntityCert, ExpirationPolicy,
    OwnedCertRevocationList, RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy,
    VerifiedPath, anchor_from_trusted_cert,
};

use crate::{Leaf, RevocationList, strength};

pub use refusal::PathError;
pub use trust_error::{AuthorityFault, ListFault, TrustError};
pub use usage::PeerUsage;
use verified::Verified;

/// How many certificates beside its own a peer may present.
pub const MAX_PRESENTED: usize = 8;

/// How many of them may have one subject: a CA with a certificate of each of two roots. More make
/// the paths to try grow as the factorial of their number.
const MAX_OF_ONE_SUBJECT: usize = 2;

/// Trust anchors, the authorities below them that the operator configured, and their revocation
/// lists. Immutable: when one of them changes, a new `Trust` takes its place, and what the old one
/// had verified is forgotten with it.
pub struct Trust {
    anchors: Vec<TrustAnchor<'static>>,
    intermediates: Vec<CertificateDer<'static>>,
    lists: Vec<List>,
    key_ids: Vec<[u8; 20]>,
    ends: i64,
    verified: Verified,
}

/// A revocation list ready for look-ups.
struct List {
    crl: CertRevocationList<'static>,
    /// The last second at which it may be relied on, Unix time.
    ends: i64,
}

/// A peer's certificate that leads to a trust anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedLeaf {
    /// What the certificate says.
    pub leaf: Leaf,
    /// The last second for which the verdict holds, Unix time: from then on a certificate of the
    /// path or a revocation list has ended.
    pub valid_until: i64,
}

impl Trust {
    /// Reads DER certificates and revocation lists. `anchors` are trusted by themselves;
    /// `intermediates` are authorities below them, which an anchor's list may revoke.
    ///
    /// # Errors
    /// Which of them is wrong, and why.
    pub fn new(
        anchors: &[impl AsRef<[u8]>],
        intermediates: &[impl AsRef<[u8]>],
        lists: &[impl AsRef<[u8]>],
    ) -> Result<Self, TrustError> {
        if anchors.is_empty() {
            return Err(TrustError::NoAnchor);
        }
        if lists.is_empty() {
            return Err(TrustError::NoList);
        }
        let mut trust = Self {
            anchors: Vec::with_capacity(anchors.len()),
            intermediates: Vec::with_capacity(intermediates.len()),
            lists: Vec::with_capacity(lists.len()),
            key_ids: Vec::with_capacity(anchors.len() + intermediates.len()),
            ends: i64::MAX,
            verified: Verified::default(),
        };
        for (index, der) in anchors.iter().enumerate() {
            let fault = |fault| TrustError::Anchor { index, fault };
            trust.add_anchor(der.as_ref()).map_err(fault)?;
        }
        for (index, der) in intermediates.iter().enumerate() {
            let fault = |fault| TrustError::Intermediate { index, fault };
            trust.add_intermediate(der.as_ref()).map_err(fault)?;
        }
        for (index, der) in lists.iter().enumerate() {
            trust.add_list(der.as_ref()).map_err(|fault| TrustError::List { index, fault })?;
        }
        Ok(trust)
    }

    fn add_anchor(&mut self, der: &[u8]) -> Result<(), AuthorityFault> {
        self.note_authority(der)?;
        let der = CertificateDer::from(der);
        let anchor = anchor_from_trusted_cert(&der).map_err(AuthorityFault::Unusable)?;
        self.anchors.push(anchor.to_owned());
        Ok(())
    }

    fn add_intermediate(&mut self, der: &[u8]) -> Result<(), AuthorityFault> {
        self.note_authority(der)?;
        let der = CertificateDer::from(der);
        EndEntityCert::try_from(&der).map_err(AuthorityFault::Unusable)?;
        self.intermediates.push(der.into_owned());
        Ok(())
    }

    fn note_authority(&mut self, der: &[u8]) -> Result<(), AuthorityFault> {
        let authority = Leaf::from_der(der).map_err(AuthorityFault::Malformed)?;
        if !authority.authority {
            return Err(AuthorityFault::NotAnAuthority);
        }
        strength(&authority).map_err(AuthorityFault::Weak)?;
        self.key_ids.push(key_id(&authority));
        self.ends = self.ends.min(authority.not_after);
        Ok(())
    }

    fn add_list(&mut self, der: &[u8]) -> Result<(), ListFault> {
        let list = RevocationList::from_der(der).map_err(ListFault::Malformed)?;
        let crl = OwnedCertRevocationList::from_der(der).map_err(ListFault::Unusable)?;
        let crl = CertRevocationList::from(crl);
        // The first list of an issuer is the one looked at: an older one must not hide a newer.
        if self.lists.iter().any(|other| other.crl.issuer() == crl.issuer()) {
            return Err(ListFault::SecondOfIssuer { issuer: list.issuer });
        }
        // RFC 5280 §5.1.2.5: from nextUpdate on there is a newer one.
        let ends = list.next_update - 1;
        self.lists.push(List { crl, ends });
        self.ends = self.ends.min(ends);
        Ok(())
    }

    /// The last second at which all authorities and lists may be relied on, Unix time.
    #[must_use]
    pub fn ends(&self) -> i64 {
        self.ends
    }

    /// SHA-1 of the `SubjectPublicKeyInfo` of every trusted authority, anchors first: what a
    /// CERTREQ payload carries (RFC 7296 §3.7). The hash is an identifier there; no security
    /// rests on it.
    pub fn key_ids(&self) -> impl ExactSizeIterator<Item = &[u8; 20]> {
        self.key_ids.iter()
    }

    /// Verifies a peer's DER certificate at `now`, Unix seconds. `presented` are the other
    /// certificates the peer sent, in any order; they help to find a path but lend no trust, and
    /// one that cannot be read is passed over.
    ///
    /// Every certificate of the path must be within its dates, strong enough, fit for `usage`,
    /// within the name constraints above it, and known not to be revoked by a list in force. A
    /// certificate verified before is not verified again until something in its path ends.
    ///
    /// # Errors
    /// The first reason found to turn the peer away.
    pub fn verify(
        &self,
        certificate: &[u8],
        presented: &[&[u8]],
        usage: PeerUsage,
        now: i64,
    ) -> Result<VerifiedLeaf, PathError> {
        if presented.len() > MAX_PRESENTED {
            return Err(PathError::TooLong);
        }
        let leaf = Leaf::from_der(certificate).map_err(|_| PathError::Malformed)?;
        strength(&leaf)?;
        if !leaf.may_sign {
            return Err(PathError::WrongPurpose);
        }
        if let Some(valid_until) = self.verified.holds(usage, &leaf.fingerprint, now) {
            return Ok(VerifiedLeaf { leaf, valid_until });
        }
        let valid_until = self.build_path(certificate, presented, usage, now)?;
        self.verified.note(usage, leaf.fingerprint, now, valid_until);
        Ok(VerifiedLeaf { leaf, valid_until })
    }

    /// Finds a path; the last second at which it is one.
    fn build_path(
        &self,
        certificate: &[u8],
        presented: &[&[u8]],
        usage: PeerUsage,
        now: i64,
    ) -> Result<i64, PathError> {
        let certificate = CertificateDer::from(certificate);
        let end_entity = EndEntityCert::try_from(&certificate)?;
        let intermediates = self.issuers(presented)?;
        let crls: Vec<_> = self.lists.iter().map(|list| &list.crl).collect();
        let revocation = RevocationOptionsBuilder::new(&crls)
            .map_err(|_| PathError::RevocationUnknown)?
            .with_depth(RevocationCheckDepth::Chain)
            .with_status_policy(UnknownStatusPolicy::Deny)
            .with_expiration_policy(ExpirationPolicy::Enforce)
            .build();
        let path = end_entity.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &self.anchors,
            &intermediates,
            unix_time(now),
            usage,
            Some(revocation),
            None,
        );
        self.path_end(&path.map_err(|error| true_reason(error, presented))?)
    }

    /// The authorities a path may lead through: those configured, then those presented.
    fn issuers<'a>(&'a self, presented: &[&'a [u8]]) -> Result<Vec<CertificateDer<'a>>, PathError> {
        let mut new: Vec<CertificateDer<'a>> = Vec::with_capacity(presented.len());
        for der in presented.iter().map(|der| CertificateDer::from(*der)) {
            if !self.intermediates.contains(&der) && !new.contains(&der) {
                new.push(der);
            }
        }
        // What webpki cannot read it would report instead of the issuer that is missing.
        new.retain(|der| EndEntityCert::try_from(der).is_ok());
        let read: Vec<_> = new.iter().filter_map(|der| EndEntityCert::try_from(der).ok()).collect();
        let alike = |one: &EndEntityCert<'_>| {
            read.iter().filter(|other| other.subject() == one.subject()).count()
        };
        if read.iter().any(|one| alike(one) > MAX_OF_ONE_SUBJECT) {
            return Err(PathError::TooLong);
        }
        let configured = self.intermediates.iter().map(|der| CertificateDer::from(der.as_ref()));
        Ok(configured.chain(new.iter().cloned()).collect())
    }

    /// Judges the strength of the path's authorities; when its first certificate or list ends.
    fn path_end(&self, path: &VerifiedPath<'_>) -> Result<i64, PathError> {
        let mut ends = i64::MAX;
        let end_entity: &webpki::Cert<'_> = path.end_entity();
        for certificate in path.intermediate_certificates().chain([end_entity]) {
            let read = Leaf::from_der(&certificate.der()).map_err(|_| PathError::Malformed)?;
            strength(&read)?;
            let lists = self.lists.iter().filter(|list| list.crl.issuer() == certificate.issuer());
            ends = lists.map(|list| list.ends).fold(ends.min(read.not_after), i64::min);
        }
        Ok(ends)
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("anchors", &self.anchors.len())
            .field("intermediates", &self.intermediates.len())
            .field("lists", &self.lists.len())
            .field("ends", &self.ends)
            .finish_non_exhaustive()
    }
}

/// webpki has no verifier for the weakest keys and calls what they signed wrong.
fn true_reason(error: webpki::Error, presented: &[&[u8]]) -> PathError {
    let weak = |der: &&[u8]| Leaf::from_der(der).is_ok_and(|ca| ca.key.check().is_err());
    let reason = PathError::from(error);
    let hidden = reason == PathError::Signature && presented.iter().any(weak);
    if hidden { PathError::WeakKey } else { reason }
}

fn key_id(authority: &Leaf) -> [u8; 20] {
    let digest = digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, authority.public_key.as_der());
    let mut id = [0; 20];
    for (to, from) in id.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    id
}

/// A clock before 1970 makes every certificate not yet valid.
fn unix_time(now: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now).unwrap_or_default()))
}
