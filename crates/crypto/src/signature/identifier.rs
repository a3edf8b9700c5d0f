//! The AlgorithmIdentifiers of RFC 7427 appendix A and RFC 8420 §3; those of RSASSA-PSS without
//! the trailer field, whose default DER leaves out (RFC 4055 §3.1).

use super::{Algorithm, Hash};

/// pkcs-1 (RFC 8017 appendix C).
const PKCS1: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
/// The SHA-2 hash functions (RFC 5754 §2).
const HASHES: [u8; 8] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
/// ecdsa-with-SHA2 (RFC 5758 §3.2).
const ECDSA: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
/// id-edwards-curve-algs (RFC 8410 §3).
const EDWARDS: [u8; 2] = [0x2b, 0x65];

/// The encoding that is sent.
pub(super) fn der(algorithm: Algorithm) -> Vec<u8> {
    match algorithm {
        Algorithm::RsaPkcs1(hash) => pkcs1(hash, true),
        Algorithm::RsaPss(hash) => pss(hash, true, false),
        Algorithm::Ecdsa(hash) => {
            let arc = match hash {
                Hash::Sha256 => 2,
                Hash::Sha384 => 3,
                Hash::Sha512 => 4,
            };
            sequence(&[oid(&ECDSA, arc)])
        }
        Algorithm::Ed25519 => sequence(&[oid(&EDWARDS, 112)]),
    }
}

/// Whether `identifier` names `algorithm`, in the encoding of [`der`] or another that is accepted.
pub(super) fn names(algorithm: Algorithm, identifier: &[u8]) -> bool {
    identifier == der(algorithm)
        || match algorithm {
            Algorithm::RsaPkcs1(hash) => identifier == pkcs1(hash, false),
            Algorithm::RsaPss(hash) => [(true, true), (false, false), (false, true)]
                .into_iter()
                .any(|(null, trailer)| identifier == pss(hash, null, trailer)),
            Algorithm::Ecdsa(_) | Algorithm::Ed25519 => false,
        }
}

fn pkcs1(hash: Hash, null: bool) -> Vec<u8> {
    let arc = match hash {
        Hash::Sha256 => 11,
        Hash::Sha384 => 12,
        Hash::Sha512 => 13,
    };
    sequence(&[oid(&PKCS1, arc), parameters(null)])
}

fn pss(hash: Hash, null: bool, trailer: bool) -> Vec<u8> {
    let (arc, salt) = match hash {
        Hash::Sha256 => (1, 32),
        Hash::Sha384 => (2, 48),
        Hash::Sha512 => (3, 64),
    };
    let hash = sequence(&[oid(&HASHES, arc), parameters(null)]);
    let mgf1 = sequence(&[oid(&PKCS1, 8), hash.clone()]);
    let mut parameters = vec![tlv(0xa0, &hash), tlv(0xa1, &mgf1), tlv(0xa2, &tlv(0x02, &[salt]))];
    if trailer {
        parameters.push(tlv(0xa3, &tlv(0x02, &[1])));
    }
    sequence(&[oid(&PKCS1, 10), sequence(&parameters)])
}

/// NULL, or absent.
fn parameters(null: bool) -> Vec<u8> {
    if null { tlv(0x05, &[]) } else { Vec::new() }
}

fn oid(arcs: &[u8], last: u8) -> Vec<u8> {
    tlv(0x06, &[arcs, &[last]].concat())
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// All contents here are shorter than 128 octets.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap_or(u8::MAX);
    [&[tag, length], content].concat()
}
