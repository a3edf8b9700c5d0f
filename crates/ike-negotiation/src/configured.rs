//! What the gateway would accept and offer.

use std::fmt;
use std::str::FromStr;

use ike_wire::TransformType;

use crate::menu::Menu;
use crate::parse::{ProposalError, parse_child, parse_ike};

/// Key-exchange methods in order of preference: P-384 and P-521 reach the 192 bits of the rest of
/// their suite; the others are for clients without them.
macro_rules! groups {
    () => {
        "ecp384-ecp521-x25519-ecp256-modp4096-modp3072-modp2048"
    };
}

macro_rules! aead {
    () => {
        "aes256gcm16-chacha20poly1305-aes128gcm16"
    };
}

macro_rules! cbc {
    () => {
        "aes256-aes128-sha384-sha512-sha256"
    };
}

/// Algorithms for IKE SAs, of each type in order of preference.
///
/// Read and displayed in strongSwan's notation, for example
/// `aes256gcm16-aes128gcm16-prfsha384-prfsha256-ecp384-ecp256`: words joined by dashes, where
/// only the order within a type matters. Ciphers without built-in integrity need an integrity
/// word (`aes256-sha256-modp2048`), whose hash is then also the PRF's unless there are `prf`
/// words. `ke1_mlkem768` asks for ML-KEM-768 as the first additional key exchange (RFC 9370);
/// `ke1_none` beside it makes that optional.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IkeProposal(pub(crate) Menu);

impl IkeProposal {
    /// Strong algorithms first: with ML-KEM-768 in addition for whoever has it, AEADs before
    /// AES-CBC. The last reach what clients can be set to: Apple's profiles, Yamaha and FortiGate
    /// routers have `aes256-sha256-modp2048`, Windows after the connection kit
    /// `aes256-sha384-ecp384`, Android MODP groups and X25519 but no NIST curve.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        let texts = [
            concat!(aead!(), "-prfsha384-prfsha512-prfsha256-", groups!(), "-ke1_mlkem768"),
            concat!(cbc!(), "-", groups!(), "-ke1_mlkem768"),
            concat!(aead!(), "-prfsha384-prfsha512-prfsha256-", groups!()),
            concat!(cbc!(), "-", groups!()),
        ];
        texts.iter().filter_map(|text| text.parse().ok()).collect()
    }
}

/// Algorithms for CHILD SAs (ESP), of each type in order of preference.
///
/// Read and displayed in strongSwan's notation, for example `aes256gcm16-ecp384-none-esn-noesn`.
/// Groups are for CREATE_CHILD_SA; the first CHILD SA has no key exchange of its own. With groups
/// forward secrecy is required, unless `none` stands beside them; without groups it is refused.
/// Without `esn` and `noesn`, sequence numbers are not extended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildProposal(pub(crate) Menu);

impl ChildProposal {
    /// As [`IkeProposal::defaults`]; a peer that rekeys without key exchange, as macOS does, may.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        let texts = [
            concat!(aead!(), "-", groups!(), "-ke1_mlkem768-esn-noesn"),
            concat!(cbc!(), "-", groups!(), "-ke1_mlkem768-esn-noesn"),
            concat!(aead!(), "-", groups!(), "-none-esn-noesn"),
            concat!(cbc!(), "-", groups!(), "-none-esn-noesn"),
        ];
        texts.iter().filter_map(|text| text.parse().ok()).collect()
    }
}

impl FromStr for IkeProposal {
    type Err = ProposalError;

    fn from_str(text: &str) -> Result<Self, ProposalError> {
        parse_ike(text).map(Self)
    }
}

impl ChildProposal {
    /// Whether a CHILD_SA may do without a key exchange of its own, which is to do without
    /// perfect forward secrecy (RFC 7296 §2.17).
    #[must_use]
    pub fn may_lack_key_exchange(&self) -> bool {
        let groups = self.0.of_kind(TransformType::KEY_EXCHANGE);
        groups.is_empty() || groups.iter().any(|transform| transform.id == 0)
    }
}

impl FromStr for ChildProposal {
    type Err = ProposalError;

    fn from_str(text: &str) -> Result<Self, ProposalError> {
        parse_child(text).map(Self)
    }
}

impl fmt::Display for IkeProposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ChildProposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
