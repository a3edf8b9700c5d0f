//! Whose certificates are accepted, and which of them are revoked.

use std::collections::HashMap;

use pki::pem::{self, Label};
use pki::{Leaf, RevocationList};
use policy::UnixSeconds;

use super::{CrlNumbers, fault, moment, read};
use crate::config::{Located, Problem};

/// A CA certificate.
pub(super) struct Authority {
    pub(super) der: Vec<u8>,
    pub(super) leaf: Leaf,
    file: Located,
}

impl Authority {
    /// Issued by itself: a trust anchor. The others are trusted through one.
    pub(super) fn is_root(&self) -> bool {
        self.leaf.issuer == self.leaf.subject
    }
}

/// A CRL.
pub(super) struct List {
    pub(super) der: Vec<u8>,
    pub(super) summary: RevocationList,
    file: Located,
}

/// The CA certificates of a file.
pub(super) fn authorities(file: &Located, now: UnixSeconds) -> Result<Vec<Authority>, Problem> {
    let remedy = "give the CA certificates in PEM form";
    let found = pem::decode(Label::Certificate, &read(file)?)
        .map_err(|error| fault(file, error, remedy))?;
    let judged = found.into_iter().map(|der| {
        let leaf = Leaf::from_der(&der)
            .map_err(|error| fault(file, error, "remove or replace this CA certificate"))?;
        let refuse = |why: &dyn std::fmt::Display| {
            let message = format!("{}: {why}", leaf.subject);
            Err(fault(file, message, "trust only current CA certificates"))
        };
        if !leaf.authority {
            return refuse(&"it is no CA certificate");
        }
        if let Err(weakness) = pki::strength(&leaf) {
            return refuse(&weakness);
        }
        if now > leaf.not_after {
            return refuse(&format_args!("it expired at {}", moment(leaf.not_after)));
        }
        Ok(Authority { der, leaf, file: file.clone() })
    });
    judged.collect()
}

/// The CRLs of a file, in PEM or DER form.
pub(super) fn revocation_lists(file: &Located, now: UnixSeconds) -> Result<Vec<List>, Problem> {
    let bytes = read(file)?;
    let found = if bytes.starts_with(b"\x30") {
        vec![bytes]
    } else {
        pem::decode(Label::RevocationList, &bytes)
            .map_err(|error| fault(file, error, "give the CRL in PEM or DER form"))?
    };
    let judged = found.into_iter().map(|der| {
        let summary = RevocationList::from_der(&der)
            .map_err(|error| fault(file, error, "have the CA issue the CRL anew"))?;
        if now > summary.next_update {
            let message = format!("the CRL expired at {}", moment(summary.next_update));
            return Err(fault(file, message, "fetch the CA's newest, or run 'sekisho ca crl'"));
        }
        Ok(List { der, summary, file: file.clone() })
    });
    judged.collect()
}

/// Whether CAs and CRLs fit together: a root, one list for every CA, none older than known.
pub(super) fn judge(authorities: &[Authority], lists: &[List], known: &CrlNumbers) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(first) = authorities.first()
        && !authorities.iter().any(Authority::is_root)
    {
        let remedy = "add the root that issued it: only a root is trusted by itself";
        problems.push(fault(&first.file, "there is no root CA", remedy));
    }
    let mut by_issuer: HashMap<&str, &List> = HashMap::new();
    for list in lists {
        let issuer = list.summary.issuer.as_str();
        if by_issuer.insert(issuer, list).is_some() {
            let message = format!("a second CRL of {issuer}");
            problems.push(fault(&list.file, message, "keep the newer one only"));
        }
        let number = list.summary.number;
        if known.get(issuer).is_some_and(|&known| number < known) {
            let message = format!("CRL number {number} of {issuer} is older than the one in force");
            problems.push(fault(&list.file, message, "fetch the CA's newest CRL"));
        }
    }
    for authority in authorities {
        let subject = authority.leaf.subject.as_str();
        if !by_issuer.contains_key(subject) {
            let message = format!("no CRL of {subject} is given");
            let remedy = "add its CRL to [tls] crl: without it its certificates are refused";
            problems.push(fault(&authority.file, message, remedy));
        }
    }
    problems
}
