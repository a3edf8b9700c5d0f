use super::*;

#[test]
fn keying_material_is_as_long_as_the_rfcs_say() {
    for (cipher, encryption, integrity) in [
        (Cipher::Aead(aead::Algorithm::Aes256Gcm), 36, 0),
        (Cipher::Aead(aead::Algorithm::Aes128Gcm), 20, 0),
        (Cipher::Aead(aead::Algorithm::ChaCha20Poly1305), 36, 0),
        (Cipher::Cbc { key: AesKey::Bits256, integrity: Integrity::HmacSha384_192 }, 32, 48),
        (Cipher::Cbc { key: AesKey::Bits128, integrity: Integrity::HmacSha256_128 }, 16, 32),
    ] {
        assert_eq!(cipher.encryption_keymat_len(), encryption);
        assert_eq!(cipher.integrity_keymat_len(), integrity);
        assert_eq!(cipher.keymat_len(), encryption + integrity);
    }
}

#[test]
fn suites_are_displayed_in_strongswans_notation() {
    let cbc = Cipher::Cbc { key: AesKey::Bits256, integrity: Integrity::HmacSha256_128 };
    let ml_kem = AdditionalKeyExchange { kind: TransformType(6), group: Group::MlKem768 };
    let suite = |cipher, prf, group, additional| IkeSuite { cipher, prf, group, additional };
    let plain = suite(cbc, Prf::HmacSha256, Group::Modp2048, vec![]);
    assert_eq!(plain.to_string(), "aes256-sha256-modp2048");
    let other_prf = suite(cbc, Prf::HmacSha384, Group::Modp2048, vec![]);
    assert_eq!(other_prf.to_string(), "aes256-sha256-prfsha384-modp2048");
    let aead = Cipher::Aead(aead::Algorithm::Aes256Gcm);
    let hybrid = suite(aead, Prf::HmacSha384, Group::X25519, vec![ml_kem]);
    assert_eq!(hybrid.to_string(), "aes256gcm16-prfsha384-x25519-ke1_mlkem768");
    let child = ChildSuite { cipher: aead, esn: true, group: None, additional: vec![] };
    assert_eq!(child.to_string(), "aes256gcm16-esn");
}
