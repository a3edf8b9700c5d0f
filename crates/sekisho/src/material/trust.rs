//! Whose certificates are accepted, and which of them are revoked.

use std::collections::HashMap;

use pki::pem::{self, Label};
use pki::{Leaf, RevocationList};
use policy::UnixSeconds;

use super::{CrlNumbers, Summary, fault, keep, moment, read};
use crate::config::{Located, Problem};

/// A CA certificate.
pub(super) struct Authority {
    pub(super) der: Vec<u8>,
    pub(super) leaf: Leaf,
    file: Located,
}

impl Authority {
    /// Issued by itself: a trust anchor. The others are trusted through one.
    fn is_root(&self) -> bool {
        self.leaf.issuer == self.leaf.subject
    }
}

/// A CRL.
pub(super) struct List {
    pub(super) der: Vec<u8>,
    pub(super) summary: RevocationList,
    file: Located,
}

/// Whose certificates a road accepts.
pub(super) struct Trusted {
    pub(super) authorities: Vec<Authority>,
    pub(super) lists: Vec<List>,
}

impl Trusted {
    /// Reads and judges CAs and CRLs; what is wrong with them is added to `problems`.
    pub(super) fn read(
        cas: &[Located],
        crls: &[Located],
        now: UnixSeconds,
        known: &CrlNumbers,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let authorities = keep(cas.iter().map(|file| authorities(file, now)), problems);
        let lists = keep(crls.iter().map(|file| revocation_lists(file, now)), problems);
        let authorities = authorities.into_iter().flatten().collect();
        let lists = lists.into_iter().flatten().collect();
        let trusted = Self { authorities, lists };
        if problems.is_empty() {
            problems.extend(judge(&trusted.authorities, &trusted.lists, known));
        }
        trusted
    }

    /// DER of the trust anchors, then of the CAs below them.
    pub(super) fn der(&self) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let of = |root: bool| {
            let those = self.authorities.iter().filter(move |ca| ca.is_root() == root);
            those.map(|ca| ca.der.clone()).collect()
        };
        (of(true), of(false))
    }

    /// The same for people, with `servers` beside them.
    pub(super) fn summary(self, servers: Vec<Leaf>) -> Summary {
        Summary {
            servers,
            client_cas: self.authorities.into_iter().map(|ca| ca.leaf).collect(),
            crls: self.lists.into_iter().map(|list| list.summary).collect(),
        }
    }
}

/// The CA certificates of a file.
fn authorities(file: &Located, now: UnixSeconds) -> Result<Vec<Authority>, Problem> {
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
fn revocation_lists(file: &Located, now: UnixSeconds) -> Result<Vec<List>, Problem> {
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
fn judge(authorities: &[Authority], lists: &[List], known: &CrlNumbers) -> Vec<Problem> {
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
            let remedy = "add its CRL under crl: without it its certificates are refused";
            problems.push(fault(&authority.file, message, remedy));
        }
    }
    problems
}
