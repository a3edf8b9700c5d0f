//! The octets that are covered, and AUTH by a shared key.

use crate::keys::{Algorithms, IkeKeys, Nonces, Spis};
use crate::protection::Cipher;

use super::openssl::OpenSsl;
use super::*;

const PRF: Prf = Prf::HmacSha256;

/// `AUTH = prf(prf(Shared Secret, "Key Pad for IKEv2"), <SignedOctets>)` (RFC 7296 §2.15), by
/// OpenSSL.
#[test]
fn shared_key_auth_is_what_openssl_computes() {
    let openssl = OpenSsl::new();
    let hmac = |key: &[u8], data: &[u8]| {
        let key: String = key.iter().map(|octet| format!("{octet:02x}")).collect();
        openssl.write("data", data);
        openssl.run(&format!("dgst -sha256 -mac HMAC -macopt hexkey:{key} -binary data"))
    };
    let maced_id = hmac(b"SK_p", b"\x02\0\0\0clinic.example");
    let message = [&b"an IKE_SA_INIT message"[..], b"the other end's nonce", &maced_id].concat();
    let expected = hmac(&hmac(b"psk", b"Key Pad for IKEv2"), &message);

    let psk = Secret::new(b"psk".to_vec());
    let octets = octets(b"SK_p");
    assert_eq!(octets.as_bytes(), message);
    assert_eq!(verify_shared_key(PRF, &psk, &octets, &expected), Ok(()));

    let mismatch = Err(AuthenticationError::SharedKeyMismatch);
    for wrong in [&[][..], &expected[..31], &[0; 32]] {
        assert_eq!(verify_shared_key(PRF, &psk, &octets, wrong), mismatch);
    }
    let other = Secret::new(b"other".to_vec());
    assert_eq!(verify_shared_key(PRF, &other, &octets, &expected), mismatch);
}

/// RFC 8784 §3: who does not have the PPK verifies NO_PPK_AUTH, made without it.
#[test]
fn auth_with_a_ppk_and_without_it_differ() {
    let algorithms =
        Algorithms { prf: PRF, cipher: Cipher::Aead(crypto::aead::Algorithm::Aes256Gcm) };
    let nonces = Nonces { initiator: b"Ni", responder: b"Nr" };
    let spis = Spis { initiator: [1; 8], responder: [2; 8] };
    let keys = IkeKeys::initial(algorithms, nonces, spis, &Secret::new(b"g^ir".to_vec())).unwrap();
    let mixed = keys.with_ppk(PRF, &Secret::new(b"PPK".to_vec())).unwrap();
    let psk = Secret::new(b"psk".to_vec());
    let without = octets(keys.sk_pi.as_bytes());
    let with = octets(mixed.sk_pi.as_bytes());

    let auth = shared_key_auth(PRF, &psk, &with).unwrap();
    let no_ppk_auth = shared_key_auth(PRF, &psk, &without).unwrap();
    let mismatch = Err(AuthenticationError::SharedKeyMismatch);
    assert_eq!(verify_shared_key(PRF, &psk, &without, no_ppk_auth.as_bytes()), Ok(()));
    assert_eq!(verify_shared_key(PRF, &psk, &without, auth.as_bytes()), mismatch);
    assert_eq!(verify_shared_key(PRF, &psk, &with, auth.as_bytes()), Ok(()));
}

/// RFC 9242 §3.3: lengths as without encryption, and the same for fragments as for the whole.
#[test]
fn intermediate_messages_are_authenticated_as_if_in_the_clear() {
    let sk_p = Secret::new(b"SK_p".to_vec());
    let mut header = *b"SPIiiiiiSPIrrrrr\x35\x20\x2b\x08\0\0\0\x01\0\0\x05\0";
    let first = intermediate_auth(PRF, &sk_p, None, &header, 34, b"payloads").unwrap();
    let covered = b"SPIiiiiiSPIrrrrr\x2e\x20\x2b\x08\0\0\0\x01\0\0\0\x28\x22\0\0\x0cpayloads";
    assert!(PRF.compute(b"SK_p", &[covered]).unwrap().matches(first.as_bytes()));

    (header[16], header[26]) = (46, 1);
    let whole = intermediate_auth(PRF, &sk_p, None, &header, 34, b"payloads").unwrap();
    assert!(whole.matches(first.as_bytes()));

    let second = intermediate_auth(PRF, &sk_p, Some(&first), &header, 34, b"payloads").unwrap();
    let chained = PRF.compute(b"SK_p", &[first.as_bytes(), covered]).unwrap();
    assert!(second.matches(chained.as_bytes()));

    let signed = Signed {
        message: b"message",
        nonce: b"nonce",
        id_body: b"id",
        sk_p: &sk_p,
        intermediate: Some(IntermediateAuth {
            initiator: &first,
            responder: &second,
            ike_auth_message_id: 3,
        }),
    };
    let octets = SignedOctets::new(PRF, &signed).unwrap();
    let expected = [first.as_bytes(), second.as_bytes(), &[0, 0, 0, 3]].concat();
    assert!(octets.as_bytes().ends_with(&expected));

    let too_long = intermediate_auth(PRF, &sk_p, None, &header, 34, &[0; 65_532]);
    assert!(too_long.is_err());
}
