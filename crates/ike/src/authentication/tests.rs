mod digital;
mod forgery;
mod openssl;
mod shared;

use crypto::Secret;
use crypto::prf::Prf;
use crypto::signature::{Algorithm, Hash, KeyKind};

use super::*;

/// Key parameters for `openssl genpkey`.
const KEYS: [(&str, KeyKind); 5] = [
    ("RSA -pkeyopt rsa_keygen_bits:2048", KeyKind::Rsa),
    ("EC -pkeyopt ec_paramgen_curve:P-256", KeyKind::P256),
    ("EC -pkeyopt ec_paramgen_curve:P-384", KeyKind::P384),
    ("EC -pkeyopt ec_paramgen_curve:P-521", KeyKind::P521),
    ("ED25519", KeyKind::Ed25519),
];
/// What we announce: SHA-2 and "Identity" (RFC 8420 §2).
const ANNOUNCED: [u16; 4] = [2, 3, 4, 5];

fn octets(sk_p: &[u8]) -> SignedOctets {
    let signed = Signed {
        message: b"an IKE_SA_INIT message",
        nonce: b"the other end's nonce",
        id_body: b"\x02\0\0\0clinic.example",
        sk_p: &Secret::new(sk_p.to_vec()),
        intermediate: None,
    };
    SignedOctets::new(Prf::HmacSha256, &signed).unwrap()
}

#[test]
fn method_is_chosen_by_key_and_peer() {
    use SignatureMethod::{Digital, Ecdsa};
    let choose = |key, hashes: &[u16], padding| SignatureMethod::choose(key, hashes, padding);
    let pss = RsaPadding::Pss;
    let expected = Ok(Digital(Algorithm::RsaPss(Hash::Sha384)));
    assert_eq!(choose(KeyKind::Rsa, &[1, 4, 3], pss), expected);
    let expected = Ok(Digital(Algorithm::RsaPkcs1(Hash::Sha256)));
    assert_eq!(choose(KeyKind::Rsa, &ANNOUNCED, RsaPadding::Pkcs1), expected);
    let expected = Ok(Digital(Algorithm::Ecdsa(Hash::Sha384)));
    assert_eq!(choose(KeyKind::P384, &ANNOUNCED, pss), expected);
    assert_eq!(choose(KeyKind::Ed25519, &[5], pss), Ok(Digital(Algorithm::Ed25519)));
    // SHA-1 only, and hashes that are not those of the key.
    for (key, hashes) in [(KeyKind::Rsa, [1]), (KeyKind::P384, [2]), (KeyKind::Ed25519, [4])] {
        assert_eq!(choose(key, &hashes, pss), Err(AuthenticationError::NoCommonHash { key }));
    }
    assert_eq!(choose(KeyKind::P256, &[], pss), Ok(Ecdsa));
    for key in [KeyKind::Rsa, KeyKind::Ed25519] {
        let refusal = AuthenticationError::PeerLacksSignatureHashes { key };
        assert_eq!(choose(key, &[], pss), Err(refusal));
    }
}
