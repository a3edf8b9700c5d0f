//! What IKE needs: the gateway's certificates, whose certificates are accepted, and the
//! pre-shared keys of site routers.

use std::collections::HashMap;
use std::net::IpAddr;

use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY};
use crypto::Secret;
use crypto::signature::PrivateKey;
use ike::{Credentials, OwnCertificate};
use ike_wire::Identity;
use pki::{Leaf, Trust};
use policy::UnixSeconds;
use registry::KeyRing;
use zeroize::Zeroizing;

use super::server::{self, Own};
use super::trust::{Authority, Trusted};
use super::{CrlNumbers, Summary, fault, keep};
use crate::config::{CertificateFiles, Config, Ipsec, Problem, Problems};

/// The files of the road, read. The keys of site routers are not among them: those change with
/// the registry.
pub(crate) struct Files {
    identity: Identity,
    certificates: Vec<Certificate>,
    anchors: Vec<Vec<u8>>,
    intermediates: Vec<Vec<u8>>,
    lists: Vec<Vec<u8>>,
    /// What works, but not for every client.
    pub(crate) warnings: Vec<String>,
}

/// A certificate of the gateway.
struct Certificate {
    chain: Vec<Vec<u8>>,
    authorities: Vec<[u8; 20]>,
    pkcs8: Zeroizing<Vec<u8>>,
    leaf: Leaf,
}

/// The credentials of the road, and which identities of site routers could not be used.
pub(crate) struct Ready {
    pub(crate) credentials: Credentials,
    pub(crate) unusable: Vec<String>,
}

/// Reads everything, or says everything that is wrong, as [`super::load`] does for TLS.
pub(crate) fn load(
    config: &Config,
    ipsec: &Ipsec,
    now: UnixSeconds,
    known: &CrlNumbers,
) -> Result<(Files, Summary), Problems> {
    let mut problems = Vec::new();
    let trusted = Trusted::read(&ipsec.client_ca, &ipsec.crl, now, known, &mut problems);
    let certificates =
        ipsec.certificates.iter().map(|files| certificate(files, now, &trusted.authorities));
    let certificates = keep(certificates, &mut problems);
    let identity = ipsec.identity.as_ref().parse::<Identity>().map_err(|error| {
        Problem::at(ipsec.identity.span(), error.to_string(), "give a host name or an address")
    });
    let identity = match identity {
        Ok(identity) if problems.is_empty() => identity,
        Ok(_) => return Err(config.problems(problems)),
        Err(problem) => {
            problems.push(problem);
            return Err(config.problems(problems));
        }
    };
    let (anchors, intermediates) = trusted.der();
    let lists = trusted.lists.iter().map(|list| list.der.clone()).collect();
    let leaves: Vec<Leaf> = certificates.iter().map(|own| own.leaf.clone()).collect();
    let warnings = leaves.iter().filter_map(|leaf| unnamed(ipsec.identity.as_ref(), leaf));
    let warnings = warnings.collect();
    let files = Files { identity, certificates, anchors, intermediates, lists, warnings };
    // What the libraries cannot use is better known now than at the first peer.
    files.ready(&KeyRing::default()).map_err(|problem| config.problems(vec![problem]))?;
    Ok((files, trusted.summary(leaves)))
}

impl Files {
    /// The credentials that these files and the keys of `ring` are.
    pub(crate) fn ready(&self, ring: &KeyRing) -> Result<Ready, Problem> {
        let trust = Trust::new(&self.anchors, &self.intermediates, &self.lists);
        let trust = trust.map_err(|error| {
            Problem::whole(error.to_string(), "check the files named under [ipsec] or [tls]")
        })?;
        let certificates = self.certificates.iter().map(Certificate::to_own);
        let mut credentials = Credentials {
            identities: self.identities(),
            certificates: certificates.collect::<Result<_, _>>()?,
            trust: Some(trust),
            pre_shared_keys: HashMap::new(),
            ppks: HashMap::new(),
        };
        let unusable = add_keys(&mut credentials, ring);
        Ok(Ready { credentials, unusable })
    }

    /// What the gateway calls itself; and what else it answers to, because all its certificates
    /// name it: many clients ask for the address that they are configured with.
    fn identities(&self) -> Vec<Identity> {
        let named = |leaf: &Leaf| -> Vec<Identity> {
            let hosts = leaf.dns_names.iter().filter_map(|name| name.parse().ok());
            hosts.chain(leaf.ip_addresses.iter().copied().map(Identity::from)).collect()
        };
        let mut leaves = self.certificates.iter().map(|own| named(&own.leaf));
        let mut others = leaves.next().unwrap_or_default();
        others.retain(|name| *name != self.identity);
        leaves.for_each(|names| others.retain(|name| names.contains(name)));
        std::iter::once(self.identity.clone()).chain(others).collect()
    }

    /// Whether both trust the same CAs and CRLs.
    pub(crate) fn trust_as(&self, other: &Self) -> bool {
        (&self.anchors, &self.intermediates, &self.lists)
            == (&other.anchors, &other.intermediates, &other.lists)
    }
}

/// Adds the keys of site routers; the identities that cannot be used.
fn add_keys(credentials: &mut Credentials, ring: &KeyRing) -> Vec<String> {
    let mut unusable = ring.unreadable.clone();
    for (text, keys) in &ring.keys {
        let secret = |key: &registry::SharedKey| Secret::new(key.as_bytes().to_vec());
        // The policy knows it by this very text, and asks with the one that the peer's makes.
        let identity = text.parse::<Identity>().ok().filter(|read| read.to_string() == *text);
        let Some(identity) = identity else {
            unusable.push(text.clone());
            continue;
        };
        if let Some(ppk) = &keys.ppk {
            let (id, key) = (ppk.id.as_bytes().to_vec(), secret(&ppk.key));
            credentials.ppks.insert(identity.clone(), ike::Ppk { id, key, required: true });
        }
        credentials.pre_shared_keys.insert(identity, secret(&keys.key));
    }
    unusable
}

fn certificate(
    files: &CertificateFiles,
    now: UnixSeconds,
    trusted: &[Authority],
) -> Result<Certificate, Problem> {
    let own = server::read_own(files, now)?;
    if own.key.public_key() != &own.leaf.public_key {
        let message = format!("it is not the key of {}", own.leaf.subject);
        let remedy = "chain and key must be of the same pair; the chain begins with the leaf";
        return Err(fault(&files.key, message, remedy));
    }
    let pkcs8 = own.pkcs8(files)?;
    let authorities = authorities(&own, files, trusted)?;
    let Own { chain, leaf, .. } = own;
    Ok(Certificate { chain, authorities, pkcs8, leaf })
}

impl Certificate {
    fn to_own(&self) -> Result<OwnCertificate, Problem> {
        let key = PrivateKey::from_pkcs8(&self.pkcs8).map_err(|error| {
            let message = format!("the key of {}: {error}", self.leaf.subject);
            Problem::whole(message, "give an ECDSA P-256/P-384 or RSA key")
        })?;
        let (chain, authorities) = (self.chain.clone(), self.authorities.clone());
        Ok(OwnCertificate { chain, authorities, key })
    }
}

/// The CAs above a certificate by which peers ask for it (RFC 7296 §3.7): those that come with
/// it, and from there up those that are trusted.
fn authorities(
    own: &Own,
    files: &CertificateFiles,
    trusted: &[Authority],
) -> Result<Vec<[u8; 20]>, Problem> {
    let mut ids = Vec::new();
    let mut top = own.leaf.clone();
    for der in own.chain.iter().skip(1) {
        let ca = Leaf::from_der(der);
        top = ca.map_err(|error| fault(&files.chain, error, "remove or replace this CA"))?;
        ids.push(key_id(&top));
    }
    for _ in trusted {
        let above = trusted.iter().find(|ca| ca.leaf.subject == top.issuer);
        let Some(above) = above.filter(|_| top.subject != top.issuer) else { break };
        top = above.leaf.clone();
        ids.push(key_id(&top));
    }
    Ok(ids)
}

fn key_id(ca: &Leaf) -> [u8; 20] {
    let digest = digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, ca.public_key.as_der());
    // SHA-1 has 20 octets.
    digest.as_ref().try_into().unwrap_or_default()
}

/// What clients miss in a certificate that does not name the gateway as they are told to call it.
fn unnamed(identity: &str, leaf: &Leaf) -> Option<String> {
    let in_dns = leaf.dns_names.iter().any(|name| matches(name, identity));
    let in_ip = identity.parse::<IpAddr>().map(|address| leaf.ip_addresses.contains(&address));
    let fault = match (in_ip, in_dns) {
        (Ok(true) | Err(_), true) => return None,
        (Ok(true), false) => {
            "names it as an address only, where Windows does not look: call the gateway by a host name"
        }
        (Ok(false), _) => {
            "does not name it, and clients refuse that: have one issued with --ip of it"
        }
        (Err(_), false) => {
            "does not name it, and clients refuse that: have one issued with --dns of it"
        }
    };
    Some(format!("{identity}: the certificate {} {fault}", leaf.subject))
}

/// RFC 6125 §6.4.3: a wildcard stands for one whole label.
fn matches(pattern: &str, name: &str) -> bool {
    let below = |name: &str| name.split_once('.').map(|(_, rest)| rest.to_ascii_lowercase());
    match pattern.strip_prefix("*.") {
        Some(rest) => below(name).is_some_and(|name| name == rest.to_ascii_lowercase()),
        None => pattern.eq_ignore_ascii_case(name),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_wildcard_is_one_label() {
        assert!(matches("IPSEC.kmix-r.example", "ipsec.kmix-r.example"));
        assert!(matches("*.kmix-r.example", "ipsec.kmix-r.example"));
        for (pattern, name) in [
            ("*.kmix-r.example", "kmix-r.example"),
            ("*.kmix-r.example", "a.ipsec.kmix-r.example"),
            ("ipsec.kmix-r.example", "ipsec.kmix-r.example.evil"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    /// One router with an identity that nobody can send must not keep the others out.
    #[test]
    fn keys_are_known_by_the_identity_that_the_policy_knows() {
        let key = || registry::PreSharedKeys {
            key: "correct-horse-battery".parse().unwrap(),
            ppk: Some(registry::Ppk {
                id: "ppk-1".into(),
                key: format!("0x{}", "ab".repeat(32)).parse().unwrap(),
            }),
        };
        let texts = ["rtx.h1.example", "fqdn:rtx.h2.example", "192.0.2.7", "no identity"];
        let keys = texts.map(|text| (text.to_owned(), key())).into();
        let ring = KeyRing { keys, unreadable: vec!["sealed.example".to_owned()] };
        let mut credentials = Credentials {
            identities: vec![],
            certificates: vec![],
            trust: None,
            pre_shared_keys: HashMap::new(),
            ppks: HashMap::new(),
        };
        let unusable = add_keys(&mut credentials, &ring);
        assert_eq!(unusable, ["sealed.example", "fqdn:rtx.h2.example", "no identity"]);
        let known: HashSet<String> =
            credentials.pre_shared_keys.keys().map(ToString::to_string).collect();
        assert_eq!(known, ["rtx.h1.example", "192.0.2.7"].map(String::from).into());
        assert_eq!(credentials.ppks.len(), 2);
        assert!(credentials.ppks.values().all(|ppk| ppk.id == b"ppk-1" && ppk.required));
    }
}
