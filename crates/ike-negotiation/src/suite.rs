//! What was agreed.

#[cfg(test)]
mod tests;

use std::fmt;

use crypto::aead;
use crypto::cbc_hmac::Integrity;
use crypto::dh::Group;
use crypto::prf::Prf;
use ike_wire::{Transform, TransformType};

use crate::algorithm::{self, Algorithm as _, Encryption};
use crate::name::Named;

/// A key of AES-CBC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AesKey {
    /// 128 bits
    Bits128,
    /// 256 bits
    Bits256,
}

impl AesKey {
    /// Its length, in octets.
    #[must_use]
    pub const fn octets(self) -> usize {
        match self {
            Self::Bits128 => 16,
            Self::Bits256 => 32,
        }
    }
}

/// How messages or packets are protected: both what hides them and what detects changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cipher {
    /// One algorithm for both.
    Aead(aead::Algorithm),
    /// AES-CBC, then HMAC over the ciphertext.
    Cbc {
        /// Of AES.
        key: AesKey,
        /// Of HMAC.
        integrity: Integrity,
    },
}

impl Cipher {
    /// Keying material for encryption in one direction, in octets: the key, and for an AEAD its
    /// salt (RFC 5282 §7.1, RFC 4106 §8.1).
    #[must_use]
    pub const fn encryption_keymat_len(self) -> usize {
        match self {
            Self::Aead(algorithm) => algorithm.keymat_len(),
            Self::Cbc { key, .. } => key.octets(),
        }
    }

    /// Keying material for integrity in one direction, in octets: none for an AEAD.
    #[must_use]
    pub const fn integrity_keymat_len(self) -> usize {
        match self {
            Self::Aead(_) => 0,
            Self::Cbc { integrity, .. } => integrity.key_len(),
        }
    }

    /// Keying material for one direction, in octets: encryption, then integrity
    /// (RFC 7296 §2.17).
    #[must_use]
    pub const fn keymat_len(self) -> usize {
        self.encryption_keymat_len() + self.integrity_keymat_len()
    }

    fn from_transforms(transforms: &[Transform]) -> Option<Self> {
        match Encryption::from_transform(find(transforms, TransformType::ENCRYPTION)?)? {
            Encryption::Aead(algorithm) => Some(Self::Aead(algorithm)),
            Encryption::Cbc(key) => {
                let integrity = find(transforms, TransformType::INTEGRITY)?;
                Some(Self::Cbc { key, integrity: Integrity::from_transform(integrity)? })
            }
        }
    }
}

/// An additional key exchange (RFC 9370 §2.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AdditionalKeyExchange {
    /// ADDKE1 to ADDKE7; exchanges take place in this order.
    pub kind: TransformType,
    /// Its method.
    pub group: Group,
}

/// What protects an IKE SA, and how its keys are made.
///
/// Displayed in strongSwan's notation: `aes256gcm16-prfsha384-x25519-ke1_mlkem768`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IkeSuite {
    /// Protects its messages.
    pub cipher: Cipher,
    /// Makes its keys.
    pub prf: Prf,
    /// The key exchange of IKE_SA_INIT, or of CREATE_CHILD_SA.
    pub group: Group,
    /// Those of IKE_INTERMEDIATE, or of IKE_FOLLOWUP_KE, in order; no method twice.
    pub additional: Vec<AdditionalKeyExchange>,
}

impl IkeSuite {
    /// Reads one transform of each type.
    pub(crate) fn from_transforms(transforms: &[Transform]) -> Option<Self> {
        Some(Self {
            cipher: Cipher::from_transforms(transforms)?,
            prf: Prf::from_transform(find(transforms, TransformType::PRF)?)?,
            group: first_group(transforms)?,
            additional: additional(transforms),
        })
    }
}

/// What protects the packets of a CHILD SA (ESP), and how its keys are made.
///
/// Displayed in strongSwan's notation: `aes256gcm16-ecp384-esn`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ChildSuite {
    /// Protects its packets.
    pub cipher: Cipher,
    /// Sequence numbers of 64 bits, not 32 (RFC 4303 §2.2.1).
    pub esn: bool,
    /// A key exchange of its own; none for the first one, and where forward secrecy from the
    /// IKE SA's keys is not wanted.
    pub group: Option<Group>,
    /// Those of IKE_FOLLOWUP_KE, in order; no method twice.
    pub additional: Vec<AdditionalKeyExchange>,
}

impl ChildSuite {
    /// Reads at most one transform of each type.
    pub(crate) fn from_transforms(transforms: &[Transform]) -> Option<Self> {
        let esn = find(transforms, TransformType::SEQUENCE_NUMBERS);
        Some(Self {
            cipher: Cipher::from_transforms(transforms)?,
            esn: esn == Some(algorithm::sequence_numbers(true)),
            group: first_group(transforms),
            additional: additional(transforms),
        })
    }
}

fn find(transforms: &[Transform], kind: TransformType) -> Option<Transform> {
    transforms.iter().copied().find(|transform| transform.kind == kind)
}

fn first_group(transforms: &[Transform]) -> Option<Group> {
    Group::from_transform_id(find(transforms, TransformType::KEY_EXCHANGE)?.id)
}

fn additional(transforms: &[Transform]) -> Vec<AdditionalKeyExchange> {
    TransformType::ADDITIONAL_KEY_EXCHANGES
        .filter_map(|kind| find(transforms, TransformType(kind)))
        .filter_map(|Transform { kind, id, .. }| {
            Group::from_transform_id(id).map(|group| AdditionalKeyExchange { kind, group })
        })
        .collect()
}

impl fmt::Display for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Aead(algorithm) => Named(Encryption::Aead(algorithm).transform()).fmt(f),
            Self::Cbc { key, integrity } => {
                let encryption = Named(Encryption::Cbc(key).transform());
                write!(f, "{encryption}-{}", Named(integrity.transform()))
            }
        }
    }
}

impl fmt::Display for IkeSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cipher)?;
        let implied = match self.cipher {
            Cipher::Aead(_) => None,
            Cipher::Cbc { integrity, .. } => Some(algorithm::prf_of(integrity)),
        };
        if implied != Some(self.prf) {
            write!(f, "-{}", Named(self.prf.transform()))?;
        }
        write_group(f, TransformType::KEY_EXCHANGE, self.group)?;
        self.additional.iter().try_for_each(|one| write_group(f, one.kind, one.group))
    }
}

impl fmt::Display for ChildSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cipher)?;
        if let Some(group) = self.group {
            write_group(f, TransformType::KEY_EXCHANGE, group)?;
        }
        self.additional.iter().try_for_each(|one| write_group(f, one.kind, one.group))?;
        if self.esn { f.write_str("-esn") } else { Ok(()) }
    }
}

fn write_group(f: &mut fmt::Formatter<'_>, kind: TransformType, group: Group) -> fmt::Result {
    write!(f, "-{}", Named(algorithm::key_exchange(kind, Some(group))))
}
