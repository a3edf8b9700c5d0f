//! The algorithms this gateway has, as transforms of the wire and back.

use crypto::aead;
use crypto::cbc_hmac::Integrity;
use crypto::dh::Group;
use crypto::prf::Prf;
use ike_wire::{Transform, TransformType};

use crate::suite::AesKey;

/// The transform id that says "none", of integrity and of key exchanges (RFC 7296 §3.3.2). For
/// sequence numbers it says that they are not extended.
pub(crate) const NONE: u16 = 0;
/// Extended sequence numbers (RFC 7296 §3.3.2).
const ESN: u16 = 1;

const ENCR_AES_CBC: u16 = 12;
const ENCR_AES_GCM_16: u16 = 20;
const ENCR_CHACHA20_POLY1305: u16 = 28;

/// A transform without attributes.
pub(crate) const fn transform(kind: TransformType, id: u16) -> Transform {
    Transform { kind, id, key_length: None, unknown_attribute: false }
}

/// The first key exchange, or one of the additional ones.
pub(crate) fn is_key_exchange(kind: TransformType) -> bool {
    kind == TransformType::KEY_EXCHANGE || is_additional(kind)
}

/// An additional key exchange (RFC 9370).
pub(crate) fn is_additional(kind: TransformType) -> bool {
    TransformType::ADDITIONAL_KEY_EXCHANGES.contains(&kind.0)
}

/// An algorithm that stands for one transform.
pub(crate) trait Algorithm: Copy + 'static {
    /// Every one that this gateway has, strong ones first.
    const ALL: &'static [Self];

    fn transform(self) -> Transform;

    /// The algorithm of exactly this transform. AES without its Key Length, and an algorithm of
    /// one key length with that attribute, are others' (RFC 7296 §3.3.5).
    fn from_transform(transform: Transform) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.transform() == transform)
    }
}

/// What an encryption transform stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Encryption {
    Aead(aead::Algorithm),
    Cbc(AesKey),
}

impl Algorithm for Encryption {
    const ALL: &'static [Self] = &[
        Self::Aead(aead::Algorithm::Aes256Gcm),
        Self::Aead(aead::Algorithm::ChaCha20Poly1305),
        Self::Aead(aead::Algorithm::Aes128Gcm),
        Self::Cbc(AesKey::Bits256),
        Self::Cbc(AesKey::Bits128),
    ];

    fn transform(self) -> Transform {
        let (id, key_length) = match self {
            Self::Aead(aead::Algorithm::Aes128Gcm) => (ENCR_AES_GCM_16, Some(128)),
            Self::Aead(aead::Algorithm::Aes256Gcm) => (ENCR_AES_GCM_16, Some(256)),
            Self::Aead(aead::Algorithm::ChaCha20Poly1305) => (ENCR_CHACHA20_POLY1305, None),
            Self::Cbc(AesKey::Bits128) => (ENCR_AES_CBC, Some(128)),
            Self::Cbc(AesKey::Bits256) => (ENCR_AES_CBC, Some(256)),
        };
        Transform { key_length, ..transform(TransformType::ENCRYPTION, id) }
    }
}

impl Algorithm for Integrity {
    const ALL: &'static [Self] =
        &[Self::HmacSha384_192, Self::HmacSha512_256, Self::HmacSha256_128];

    fn transform(self) -> Transform {
        let id = match self {
            Self::HmacSha256_128 => 12,
            Self::HmacSha384_192 => 13,
            Self::HmacSha512_256 => 14,
        };
        transform(TransformType::INTEGRITY, id)
    }
}

impl Algorithm for Prf {
    const ALL: &'static [Self] = &[Self::HmacSha384, Self::HmacSha512, Self::HmacSha256];

    fn transform(self) -> Transform {
        let id = match self {
            Self::HmacSha256 => 5,
            Self::HmacSha384 => 6,
            Self::HmacSha512 => 7,
        };
        transform(TransformType::PRF, id)
    }
}

/// The PRF of an integrity algorithm's hash, which a proposal that names none means.
pub(crate) fn prf_of(integrity: Integrity) -> Prf {
    match integrity {
        Integrity::HmacSha256_128 => Prf::HmacSha256,
        Integrity::HmacSha384_192 => Prf::HmacSha384,
        Integrity::HmacSha512_256 => Prf::HmacSha512,
    }
}

/// A key exchange in the place `kind`; `None` for the transform that says none.
pub(crate) fn key_exchange(kind: TransformType, group: Option<Group>) -> Transform {
    transform(kind, group.map_or(NONE, Group::transform_id))
}

/// Sequence numbers, extended or not.
pub(crate) fn sequence_numbers(extended: bool) -> Transform {
    transform(TransformType::SEQUENCE_NUMBERS, if extended { ESN } else { NONE })
}

/// Every transform that can be configured; key exchanges in the first place only.
pub(crate) fn configurable() -> impl Iterator<Item = Transform> {
    let groups = Group::ALL.into_iter().map(Some).chain([None]);
    let encryption = Encryption::ALL.iter().map(|algorithm| algorithm.transform());
    let integrity = Integrity::ALL.iter().map(|algorithm| algorithm.transform());
    let prfs = Prf::ALL.iter().map(|algorithm| algorithm.transform());
    encryption
        .chain(integrity)
        .chain(prfs)
        .chain(groups.map(|group| key_exchange(TransformType::KEY_EXCHANGE, group)))
        .chain([true, false].map(sequence_numbers))
}
