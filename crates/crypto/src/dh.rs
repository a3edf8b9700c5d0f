//! Key exchange (RFC 7296 §2.14, RFC 9370) by IKE group.
//!
//! Both sides see the same two steps, whether the group is Diffie-Hellman or a key encapsulation:
//! the initiator [`Exchange::start`]s and [`Exchange::finish`]es, the responder [`respond`]s.
//! Keys are used once.

mod curve;
mod kem;
mod modp;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::{Error, Secret};

use curve::{Curve, CurveKey};
use kem::KemKey;
use modp::{ModpKey, Prime};

/// A key-exchange method, with its IKE transform id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Group {
    /// 2048-bit MODP group (RFC 3526 §3).
    Modp2048 = 14,
    /// 3072-bit MODP group (RFC 3526 §4).
    Modp3072 = 15,
    /// 4096-bit MODP group (RFC 3526 §5).
    Modp4096 = 16,
    /// NIST P-256 (RFC 5903).
    P256 = 19,
    /// NIST P-384 (RFC 5903).
    P384 = 20,
    /// NIST P-521 (RFC 5903).
    P521 = 21,
    /// Curve25519 (RFC 8031).
    X25519 = 31,
    /// ML-KEM-768 (FIPS 203; draft-ietf-ipsecme-ikev2-mlkem).
    MlKem768 = 36,
}

impl Group {
    /// Every group, by transform id.
    pub const ALL: [Self; 8] = [
        Self::Modp2048,
        Self::Modp3072,
        Self::Modp4096,
        Self::P256,
        Self::P384,
        Self::P521,
        Self::X25519,
        Self::MlKem768,
    ];

    /// The IKE transform id.
    #[must_use]
    pub const fn transform_id(self) -> u16 {
        self as u16
    }

    /// The group of an IKE transform id, if it is one of these.
    #[must_use]
    pub fn from_transform_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.transform_id() == id)
    }

    /// Length of the initiator's key-exchange value, in octets.
    #[must_use]
    pub const fn initiator_len(self) -> usize {
        match self {
            Self::Modp2048 => 256,
            Self::Modp3072 => 384,
            Self::Modp4096 => 512,
            Self::P256 => 64,
            Self::P384 => 96,
            Self::P521 => 132,
            Self::X25519 => 32,
            Self::MlKem768 => kem::ENCAPSULATION_KEY_LEN,
        }
    }

    /// Length of the responder's key-exchange value, in octets.
    #[must_use]
    pub const fn responder_len(self) -> usize {
        match self {
            Self::MlKem768 => kem::CIPHERTEXT_LEN,
            Self::Modp2048
            | Self::Modp3072
            | Self::Modp4096
            | Self::P256
            | Self::P384
            | Self::P521
            | Self::X25519 => self.initiator_len(),
        }
    }
}

/// The initiator's side, from its key-exchange value to the responder's.
pub struct Exchange {
    group: Group,
    key: Key,
    public_value: Vec<u8>,
}

enum Key {
    Modp(ModpKey),
    Curve(CurveKey),
    Kem(KemKey),
}

impl Exchange {
    /// Draws a key.
    ///
    /// # Errors
    /// [`Error::Internal`] when there is no entropy or no memory.
    pub fn start(group: Group) -> Result<Self, Error> {
        let (key, public_value) = match group {
            Group::Modp2048 => modp_key(Prime::Modp2048),
            Group::Modp3072 => modp_key(Prime::Modp3072),
            Group::Modp4096 => modp_key(Prime::Modp4096),
            Group::P256 => curve_key(Curve::P256),
            Group::P384 => curve_key(Curve::P384),
            Group::P521 => curve_key(Curve::P521),
            Group::X25519 => curve_key(Curve::X25519),
            Group::MlKem768 => KemKey::generate().map(|(key, value)| (Key::Kem(key), value)),
        }?;
        Ok(Self { group, key, public_value })
    }

    /// The group.
    #[must_use]
    pub fn group(&self) -> Group {
        self.group
    }

    /// The key-exchange data of the initiator's KE payload.
    #[must_use]
    pub fn public_value(&self) -> &[u8] {
        &self.public_value
    }

    /// The shared secret, from the key-exchange data of the responder's KE payload.
    ///
    /// A changed ML-KEM ciphertext is no error: it gives another secret (FIPS 203 §6.3), and IKE
    /// fails at its first authenticated message.
    ///
    /// # Errors
    /// [`Error::PublicValueLength`] and [`Error::PublicValue`].
    pub fn finish(self, peer: &[u8]) -> Result<Secret, Error> {
        check_len(self.group.responder_len(), peer)?;
        match self.key {
            Key::Modp(key) => key.agree(peer),
            Key::Curve(key) => key.agree(peer),
            Key::Kem(key) => key.decapsulate(peer),
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exchange({:?}, redacted)", self.group)
    }
}

/// The responder's side: from the initiator's key-exchange data, its own and the shared secret.
///
/// # Errors
/// [`Error::PublicValueLength`] and [`Error::PublicValue`].
pub fn respond(group: Group, peer: &[u8]) -> Result<(Vec<u8>, Secret), Error> {
    check_len(group.initiator_len(), peer)?;
    if group == Group::MlKem768 {
        return kem::encapsulate(peer);
    }
    let exchange = Exchange::start(group)?;
    let public_value = exchange.public_value.clone();
    Ok((public_value, exchange.finish(peer)?))
}

fn modp_key(prime: Prime) -> Result<(Key, Vec<u8>), Error> {
    let key = ModpKey::generate(prime)?;
    let public_value = key.public_value()?;
    Ok((Key::Modp(key), public_value))
}

fn curve_key(curve: Curve) -> Result<(Key, Vec<u8>), Error> {
    let key = CurveKey::generate(curve)?;
    let public_value = key.public_value()?;
    Ok((Key::Curve(key), public_value))
}

fn check_len(expected: usize, value: &[u8]) -> Result<(), Error> {
    if value.len() == expected {
        Ok(())
    } else {
        Err(Error::PublicValueLength { expected, actual: value.len() })
    }
}
