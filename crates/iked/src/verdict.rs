//! The policy asked about a peer: when it comes, and again at every change.

use ike::{Credentials, Grant, Peer, PeerCertificate, Proof, Refusal};
use ike_wire::TrafficSelector;
use ipnet::IpNet;
use pki::path::PeerUsage;
use policy::{Caller, Denied, Fingerprint, Policy, Tunnel, UnixSeconds};

use crate::Withdrawal;
use crate::cause::Cause;

/// Asks the policy.
pub(crate) fn ask(policy: &Policy, peer: &Peer, now: UnixSeconds) -> Result<Tunnel, Denied> {
    match &peer.proof {
        Proof::Certificate(certificate) => {
            let fingerprint = Fingerprint(certificate.leaf.fingerprint);
            policy.tunnel(&Caller::IpsecCertificate(&fingerprint), now)
        }
        Proof::PreSharedKey => {
            policy.tunnel(&Caller::IpsecIdentity(&peer.identity.to_string()), now)
        }
    }
}

/// What IKE may agree to in this tunnel.
///
/// Selectors are whole networks, of any protocol: many routers, and Windows, know no others. Which
/// port of a network is served is judged by the policy at every flow inside.
pub(crate) fn grant(tunnel: &Tunnel, peer: &Peer, has_pool: bool) -> Grant {
    Grant {
        subject: tunnel.terminal().to_string().into(),
        reachable: selectors(tunnel.destinations().iter().map(|place| place.network)),
        inner: selectors(tunnel.inner_prefixes().iter().copied()),
        virtual_address: has_pool && peer.wants_address,
    }
}

/// Networks as few selectors as they can be.
fn selectors(networks: impl Iterator<Item = IpNet>) -> Vec<TrafficSelector> {
    IpNet::aggregate(&networks.collect()).into_iter().map(TrafficSelector::from).collect()
}

/// Whether what a peer authenticated with is still what it was, by keys alone.
pub(crate) fn keys_hold(peer: &Peer, old: &Credentials, new: &Credentials) -> Result<(), Cause> {
    let identity = &peer.identity;
    if matches!(peer.proof, Proof::PreSharedKey) {
        let keys = old.pre_shared_keys.get(identity).zip(new.pre_shared_keys.get(identity));
        if !keys.is_some_and(|(one, other)| one.matches(other.as_bytes())) {
            return Err(Cause::Own(Withdrawal::KeyChanged));
        }
    }
    let ppks = (old.ppks.get(identity), new.ppks.get(identity));
    match ppks {
        (Some(one), Some(other)) if peer.ppk && !one.key.matches(other.key.as_bytes()) => {
            Err(Cause::Own(Withdrawal::KeyChanged))
        }
        (_, None) if peer.ppk => Err(Cause::Own(Withdrawal::KeyChanged)),
        (_, Some(ppk)) if ppk.required && !peer.ppk => Err(Cause::Own(Withdrawal::PpkRequired)),
        _ => Ok(()),
    }
}

/// Verifies a peer's certificate again, under new CAs and CRLs.
pub(crate) fn certificate_holds(
    certificate: &PeerCertificate,
    credentials: &Credentials,
    now: UnixSeconds,
) -> Result<(), Cause> {
    let trust = credentials.trust.as_ref().ok_or(Cause::Refused(Refusal::NoTrust))?;
    let (leaf, presented) =
        certificate.chain.split_first().ok_or(Cause::Refused(Refusal::NoCertificate))?;
    let presented: Vec<&[u8]> = presented.iter().map(Vec::as_slice).collect();
    trust.verify(leaf, &presented, PeerUsage::Client, now).map_err(Cause::Certificate)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::policy;

    #[test]
    fn selectors_are_whole_networks_merged_and_of_permitted_systems_only() {
        let tunnel = policy(1, |_| {}).tunnel(&Caller::IpsecIdentity("rtx.h1"), 0).unwrap();
        let networks = tunnel.destinations().iter().map(|place| place.network);
        let texts: Vec<String> = selectors(networks).iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["10.20.0.10/31", "10.20.0.12/31", "fd00::1/128"]);
    }
}
