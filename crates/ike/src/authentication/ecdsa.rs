//! The two forms of an ECDSA signature: DER for method 14 (RFC 7427 §3), and for methods 9 to 11
//! the two numbers, each as long as the curve's order, one after the other (RFC 4754 §7).

use crypto::signature::{Hash, KeyKind};
use der::asn1::UintRef;
use der::{Decode, Encode};

use super::method;

/// A curve that has an authentication method of its own.
pub(super) struct Curve {
    pub(super) method: u8,
    pub(super) key: KeyKind,
    pub(super) hash: Hash,
    /// Octets of each of the two numbers.
    number_len: usize,
}

const CURVES: [Curve; 3] = [
    Curve { method: method::ECDSA_256, key: KeyKind::P256, hash: Hash::Sha256, number_len: 32 },
    Curve { method: method::ECDSA_384, key: KeyKind::P384, hash: Hash::Sha384, number_len: 48 },
    Curve { method: method::ECDSA_521, key: KeyKind::P521, hash: Hash::Sha512, number_len: 66 },
];

impl Curve {
    pub(super) fn of_method(method: u8) -> Option<&'static Self> {
        CURVES.iter().find(|curve| curve.method == method)
    }

    pub(super) fn of_key(key: KeyKind) -> Option<&'static Self> {
        CURVES.iter().find(|curve| curve.key == key)
    }

    /// `r | s` of the curve's length as DER.
    pub(super) fn to_der(&self, raw: &[u8]) -> Option<Vec<u8>> {
        let (r, s) = raw.split_at_checked(self.number_len)?;
        if s.len() != self.number_len {
            return None;
        }
        [UintRef::new(r).ok()?, UintRef::new(s).ok()?].to_der().ok()
    }

    /// DER as `r | s` of the curve's length.
    pub(super) fn to_raw(&self, der: &[u8]) -> Option<Vec<u8>> {
        let numbers: Vec<UintRef<'_>> = Decode::from_der(der).ok()?;
        if numbers.len() != 2 {
            return None;
        }
        let mut raw = Vec::with_capacity(2 * self.number_len);
        for number in numbers {
            let octets = number.as_bytes();
            let zeros = self.number_len.checked_sub(octets.len())?;
            raw.extend(std::iter::repeat_n(0, zeros));
            raw.extend(octets);
        }
        Some(raw)
    }
}
