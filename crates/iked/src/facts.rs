//! What records say of a peer.

use std::sync::Arc;

use connlog::{Credential, Facts, Negotiated};
use ike::{ChildSa, Peer, Proof, Refused};
use ike_negotiation::{Cipher, IkeSuite};
use ike_wire::{IdType, Identity, TrafficSelector};
use pki::Leaf;
use policy::{Denied, Network, Tunnel};

/// The longest detail of a record, in characters. A proposal that does not fit is explained in
/// fewer.
const LONGEST_DETAIL: usize = 2000;
/// The longest name from a certificate, in characters.
const LONGEST_NAME: usize = 255;

/// A peer that proved who it is.
pub(crate) fn of_peer(peer: &Peer) -> Facts {
    Facts {
        network: Some(Network::Ipsec),
        source: Some(peer.path.remote),
        local: Some(peer.path.local),
        credential: Some(credential(peer)),
        negotiated: Some(negotiated(&peer.suite)),
        ..Facts::default()
    }
}

/// A peer that did not; its certificate or identity is a claim.
pub(crate) fn of_refused(refused: &Refused) -> Facts {
    let certificate = refused.certificate.as_deref().map(of_certificate);
    Facts {
        network: Some(Network::Ipsec),
        source: Some(refused.path.remote),
        local: Some(refused.path.local),
        credential: certificate.or_else(|| refused.identity.as_ref().map(of_identity)),
        ..Facts::default()
    }
}

/// What a peer proved itself with, as records say it.
pub fn credential(peer: &Peer) -> Credential {
    match &peer.proof {
        Proof::Certificate(certificate) => of_certificate(&certificate.leaf),
        Proof::PreSharedKey => of_identity(&peer.identity),
    }
}

/// Adds whom the policy let in.
pub(crate) fn permitted(facts: &mut Facts, tunnel: &Tunnel) {
    facts.institution = Some(tunnel.institution().clone());
    facts.terminal = Some(tunnel.terminal().clone());
    facts.generation = Some(tunnel.generation());
}

/// Adds whom the policy of `generation` turned away.
pub(crate) fn denied(facts: &mut Facts, denied: Denied, generation: u64) {
    facts.institution = denied.institution;
    facts.terminal = denied.terminal;
    facts.generation = Some(generation);
}

/// Particulars of a refusal, with what helps to find the device.
pub(crate) fn refusal_detail(refused: &Refused) -> Option<Arc<str>> {
    let mut parts: Vec<String> = refused.detail.iter().cloned().collect();
    if let (Some(leaf), Some(identity)) = (&refused.certificate, &refused.identity) {
        parts.push(format!("it calls itself {}", name(identity, Some(leaf))));
    }
    if let Some(leaf) = &refused.certificate {
        parts.push(format!("its certificate is of {}", shorten(&leaf.subject, LONGEST_NAME)));
    }
    parts.extend(refused.vendor.map(|vendor| format!("it may be {vendor}")));
    (!parts.is_empty()).then(|| detail(&parts.join("; ")))
}

/// Particulars of a peer that is let in.
pub(crate) fn peer_detail(peer: &Peer) -> String {
    let mut parts = vec![format!("it calls itself {}", of_itself(peer))];
    parts.extend(peer.nat.remote.then(|| "behind NAT".to_owned()));
    parts.extend(peer.nat.local.then(|| "the gateway is behind NAT".to_owned()));
    parts.extend(peer.ppk.then(|| "with PPK".to_owned()));
    parts.extend(peer.vendor.map(|vendor| format!("it may be {vendor}")));
    parts.join("; ")
}

/// SPIs, suite and selectors of a CHILD_SA; never its keys.
pub(crate) fn child_detail(child: &ChildSa) -> String {
    format!(
        "SPI in {:08x} out {:08x}; {}{}; here {}; there {}",
        child.spi_in,
        child.spi_out,
        child.suite,
        if child.encapsulate { " in UDP" } else { "" },
        selectors(&child.local).join(" "),
        selectors(&child.remote).join(" "),
    )
}

pub(crate) fn selectors(selectors: &[TrafficSelector]) -> Vec<String> {
    selectors.iter().map(ToString::to_string).collect()
}

/// A detail that fits a record.
pub(crate) fn detail(text: &str) -> Arc<str> {
    shorten(text, LONGEST_DETAIL)
}

/// What a peer calls itself.
pub(crate) fn of_itself(peer: &Peer) -> String {
    match &peer.proof {
        Proof::Certificate(certificate) => name(&peer.identity, Some(&certificate.leaf)),
        Proof::PreSharedKey => name(&peer.identity, None),
    }
}

/// An identity for people: printable, and not too long. One that is the subject of the certificate
/// reads as that.
fn name(identity: &Identity, certificate: Option<&Leaf>) -> String {
    let is_subject = |leaf: &&Leaf| {
        identity.kind == IdType::ID_DER_ASN1_DN && *identity.data == *leaf.subject_der
    };
    match certificate.filter(is_subject) {
        Some(leaf) => shorten(&leaf.subject, LONGEST_NAME).to_string(),
        None => identity.as_identification().to_text(),
    }
}

fn of_identity(identity: &Identity) -> Credential {
    Credential::Ike(name(identity, None).into())
}

fn of_certificate(leaf: &Leaf) -> Credential {
    let named = leaf.identity.as_ref().ok();
    let claimed = named.map(|name| format!("{}/{}", name.institution(), name.terminal()).into());
    Credential::Certificate {
        serial: leaf.serial.to_string().into(),
        issuer: shorten(&leaf.issuer, LONGEST_NAME),
        claimed,
    }
}

/// In strongSwan's words: cipher, integrity and PRF are the suite, the key exchanges the group.
pub(crate) fn negotiated(suite: &IkeSuite) -> Negotiated {
    let text = suite.to_string();
    let words: Vec<&str> = text.split('-').collect();
    let cipher = match suite.cipher {
        Cipher::Aead(_) => 1,
        Cipher::Cbc { .. } => 2,
    };
    let prf = usize::from(words.get(cipher).is_some_and(|word| word.starts_with("prf")));
    let (suite, group) = words.split_at_checked(cipher + prf).unwrap_or((&words, &[]));
    Negotiated {
        version: "IKEv2".into(),
        suite: suite.join("-").into(),
        group: group.join("-").into(),
    }
}

fn shorten(text: &str, longest: usize) -> Arc<str> {
    if text.chars().nth(longest).is_none() {
        return text.into();
    }
    text.chars().take(longest - 1).chain(['…']).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use ike_negotiation::AesKey;
    use ike_wire::TransformType;

    use super::*;

    #[test]
    fn a_suite_is_split_between_algorithms_and_key_exchanges() {
        use crypto::{aead, cbc_hmac::Integrity, dh::Group, prf::Prf};
        let split = |cipher, prf, additional: &[Group]| {
            let additional = additional.iter().map(|&group| {
                ike_negotiation::AdditionalKeyExchange { kind: TransformType(6), group }
            });
            let suite =
                IkeSuite { cipher, prf, group: Group::P384, additional: additional.collect() };
            let Negotiated { version, suite, group } = negotiated(&suite);
            format!("{version} {suite} {group}")
        };
        let gcm = Cipher::Aead(aead::Algorithm::Aes256Gcm);
        assert_eq!(
            split(gcm, Prf::HmacSha384, &[Group::MlKem768]),
            "IKEv2 aes256gcm16-prfsha384 ecp384-ke1_mlkem768"
        );
        let cbc = Cipher::Cbc { key: AesKey::Bits256, integrity: Integrity::HmacSha256_128 };
        assert_eq!(split(cbc, Prf::HmacSha256, &[]), "IKEv2 aes256-sha256 ecp384");
        assert_eq!(split(cbc, Prf::HmacSha512, &[]), "IKEv2 aes256-sha256-prfsha512 ecp384");
    }
}
