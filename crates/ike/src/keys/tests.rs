use crypto::aead;
use crypto::cbc_hmac::Integrity;

use super::*;

/// SHA2-256, from the self-test of NIST's ACVP (kdf-components, IKEv2), as OpenSSL carries it in
/// `test/recipes/30-test_evp_data/evpkdf_ikev2.txt`.
mod acvp {
    pub(super) const NI: &str = "3651FEF5C9C35E93";
    pub(super) const NR: &str = "C09A8B90A3F04D59";
    pub(super) const SPI_I: &str = "8E5C3AE507221684";
    pub(super) const SPI_R: &str = "B1F201BB155C3ACD";
    pub(super) const SHARED: &str = "D084A30166A50FB7325C3960874A839449EF9741C2F4F947D0201DD8C1269273D79509F37E3CA3EB4FA2FE2A28254E289CD3F34DAD4EB4DF1A07685A4B8A94FA61E2491F7598B3CE65547FF133B3F63D1AC4175EAA695033F3CEDB026A6873A36455172A8540B8A5D23A0143BED0390EE49B168269D75FFFEE9FB62BE965993C";
    pub(super) const SHARED_NEW: &str = "52F00AB174C25D5B7139AE5FF4E8E9EDDEE5992D2E36ADF8A559FFD90DAB1442E4FBE429D320C0F33552A17D1557FA41EA70E8FB916C4FA27ED52B5F8EBD8461AFA78F1159159A64055AC5F6319E29C28EAE58CBC6847770F32C3FED1D04750484F854790F95E9EC01BC5BC461F24966462E359511329305038E94DEB6DD42C2";
    pub(super) const DKM: &str = "462B9DD525D4FD71169174272779E704BAF62C6231779AE9EFE8C58B21916B42010164AF2111EBD762F6916CA9A6F0EE05C8B320E4EE27705521DE2589ADEA1878F1A551738AF7C88DC4F0BB0C096A3F7D1F1A670FC79F49F678D60D665BB3710C8657F03BA9F62B9A818D7A228968C506E237AE9502AA6DB395C61EA6A3E79504F86B7368BFB5423DF79E48809BBCCD49FD826D024F63D7C2A5566400A12E736AA034510428F5EA008FE2FC16886FA388274EA6C2B4FCFC6141BF04F8207EF8AFC224EA1059CB220DC0B23AC0E4CCDA495A4E131B1D56E223ABA5A48E8ED1F5";
    pub(super) const CHILD: &str = "23647677E7D403FA1E3006F19840AEE18AD9FECC4215814C4131BDEBA98433D8B0E31BFBBDDF822ABCCE5E06486AA388022B75E27E1E68AA5983028B65282C730C5D49EF7606770376CFDEC41F7CC435D816029989BC353D3B67B9FD1168DDCB8978850DA9B752AEE6A30D0086D2C4D74EC0E03648A0DAD334FAF5FE88084E67";
    pub(super) const CHILD_DH: &str = "6A919387A5FA2835FE8A8237E4A14845BD2B9930DB87EFF7ADF268F62186004902DBA9AA942D0259A0EDC4120B932A503865B57BA8FB88117EF5DF7B26799CD8BA37AA5438108CB1A4FE117907C9D0597B708C3F11151FEFD624D2317202B7C81430600E6FCBB6E1A8DF2B4861EF2363D53DE1BE69057B0CF6634A7E7BFA97B3";
    pub(super) const SKEYSEED_REKEY: &str =
        "90722C42BD849E9B72D240FC254174270FA8295DE6F0338DAFC303A9EC104F12";
}

const PRF: Prf = Prf::HmacSha256;
const CBC: Cipher = Cipher::CbcHmac { key_len: 32, integrity: Integrity::HmacSha256_128 };
const GCM: Cipher = Cipher::Aead(aead::Algorithm::Aes256Gcm);

#[test]
fn keys_of_an_ike_sa_are_those_of_acvp() {
    let Exchange { ni, nr, spis } = exchange();
    let keys = acvp_keys(&ni, &nr, spis);
    let in_order = [
        &keys.sk_d,
        &keys.initiator.integrity,
        &keys.responder.integrity,
        &keys.initiator.encryption,
        &keys.responder.encryption,
        &keys.sk_pi,
        &keys.sk_pr,
    ];
    let keymat = joined(&in_order);
    assert_eq!(keymat.len(), 7 * 32);
    assert_eq!(keymat, hex(acvp::DKM)[..keymat.len()]);
}

#[test]
fn keys_of_child_sas_are_those_of_acvp() {
    let Exchange { ni, nr, spis } = exchange();
    let (keys, nonces) = (acvp_keys(&ni, &nr, spis), Nonces { initiator: &ni, responder: &nr });
    let new = Secret::new(hex(acvp::SHARED_NEW));
    let new = SharedSecrets { first: &new, additional: &[] };
    for (shared, expected) in [(None, acvp::CHILD), (Some(new), acvp::CHILD_DH)] {
        let child = keys.child(PRF, CBC, nonces, shared).unwrap();
        let (i, r) = (&child.initiator, &child.responder);
        let keymat = joined(&[&i.encryption, &i.integrity, &r.encryption, &r.integrity]);
        assert_eq!(keymat, hex(expected));

        let child = keys.child(PRF, GCM, nonces, shared).unwrap();
        let keymat = joined(&[&child.initiator.encryption, &child.responder.encryption]);
        assert_eq!(keymat, hex(expected)[..2 * (32 + 4)]);
        assert!(child.responder.integrity.as_bytes().is_empty());
    }
}

/// The old PRF makes SKEYSEED, the new one makes the keys (RFC 7296 §2.18).
#[test]
fn rekeyed_keys_come_from_the_skeyseed_of_acvp() {
    let Exchange { ni, nr, spis } = exchange();
    let (keys, nonces) = (acvp_keys(&ni, &nr, spis), Nonces { initiator: &ni, responder: &nr });
    let new = Secret::new(hex(acvp::SHARED_NEW));
    let algorithms = Algorithms { prf: Prf::HmacSha512, cipher: GCM };
    let shared = SharedSecrets { first: &new, additional: &[] };
    let rekeyed = keys.rekeyed(PRF, algorithms, nonces, spis, shared).unwrap();

    let seed = [&ni[..], &nr, &spis.initiator, &spis.responder];
    let expected = Prf::HmacSha512.expand(&hex(acvp::SKEYSEED_REKEY), &seed, 3 * 64 + 2 * 36);
    let (i, r) = (&rekeyed.initiator.encryption, &rekeyed.responder.encryption);
    let keymat = joined(&[&rekeyed.sk_d, i, r, &rekeyed.sk_pi, &rekeyed.sk_pr]);
    assert!(expected.unwrap().matches(&keymat));
}

/// RFC 9370 §2.2.2: `SKEYSEED(n) = prf(SK_d(n-1), SK(n) | Ni | Nr)`.
#[test]
fn additional_exchange_in_ike_intermediate_is_mixed_in() {
    let Exchange { ni, nr, spis } = exchange();
    let (keys, nonces) = (acvp_keys(&ni, &nr, spis), Nonces { initiator: &ni, responder: &nr });
    let algorithms = Algorithms { prf: PRF, cipher: CBC };
    let shared = Secret::new(b"of ML-KEM".to_vec());
    let next = keys.after_intermediate(algorithms, nonces, spis, &shared).unwrap();

    let skeyseed = PRF.compute(keys.sk_d.as_bytes(), &[b"of ML-KEM", &ni, &nr]).unwrap();
    let seed = [&ni[..], &nr, &spis.initiator, &spis.responder];
    let expected = PRF.expand(skeyseed.as_bytes(), &seed, 32).unwrap();
    assert!(expected.matches(next.sk_d.as_bytes()));
    assert!(!next.sk_pr.matches(keys.sk_pr.as_bytes()));
}

/// RFC 9370 §2.2.4: the first shared secret stands before the nonces, the others after them.
#[test]
fn secrets_of_followup_exchanges_come_after_the_nonces() {
    let Exchange { ni, nr, spis } = exchange();
    let (keys, nonces) = (acvp_keys(&ni, &nr, spis), Nonces { initiator: &ni, responder: &nr });
    let secrets = [b"zero", b"one ", b"two "].map(|secret| Secret::new(secret.to_vec()));
    let [first, additional @ ..] = &secrets;
    let shared = SharedSecrets { first, additional };
    let concatenated = [&b"zero"[..], &ni, &nr, b"one ", b"two "];

    let child = keys.child(PRF, GCM, nonces, Some(shared)).unwrap();
    let keymat = PRF.expand(keys.sk_d.as_bytes(), &concatenated, 72).unwrap();
    assert_eq!(child.responder.encryption.as_bytes(), &keymat.as_bytes()[36..]);

    let algorithms = Algorithms { prf: PRF, cipher: GCM };
    let rekeyed = keys.rekeyed(PRF, algorithms, nonces, spis, shared).unwrap();
    let skeyseed = PRF.compute(keys.sk_d.as_bytes(), &concatenated).unwrap();
    let seed = [&ni[..], &nr, &spis.initiator, &spis.responder];
    let keymat = PRF.expand(skeyseed.as_bytes(), &seed, 32).unwrap();
    assert!(rekeyed.sk_d.matches(keymat.as_bytes()));
}

/// RFC 8784 §3: the PPK is the key of prf+, and what protects IKE messages stays.
#[test]
fn ppk_changes_sk_d_and_sk_p_only() {
    let Exchange { ni, nr, spis } = exchange();
    let keys = acvp_keys(&ni, &nr, spis);
    let mixed = keys.with_ppk(PRF, &Secret::new(b"a PPK".to_vec())).unwrap();
    for (before, after) in
        [(&keys.sk_d, &mixed.sk_d), (&keys.sk_pi, &mixed.sk_pi), (&keys.sk_pr, &mixed.sk_pr)]
    {
        let expected = PRF.compute(b"a PPK", &[before.as_bytes(), &[1]]).unwrap();
        assert!(after.matches(expected.as_bytes()));
    }
    assert!(mixed.initiator.encryption.matches(keys.initiator.encryption.as_bytes()));
    assert!(mixed.responder.integrity.matches(keys.responder.integrity.as_bytes()));
}

#[test]
fn debug_output_shows_no_key() {
    let Exchange { ni, nr, spis } = exchange();
    let keys = acvp_keys(&ni, &nr, spis);
    assert_eq!(format!("{:?}", keys.sk_d), "Secret(32 octets, redacted)");
    assert!(!format!("{keys:?}").contains("70, 43, 157"));
}

struct Exchange {
    ni: Vec<u8>,
    nr: Vec<u8>,
    spis: Spis,
}

fn exchange() -> Exchange {
    let spi = |text| hex(text).try_into().unwrap();
    let spis = Spis { initiator: spi(acvp::SPI_I), responder: spi(acvp::SPI_R) };
    Exchange { ni: hex(acvp::NI), nr: hex(acvp::NR), spis }
}

fn acvp_keys(ni: &[u8], nr: &[u8], spis: Spis) -> IkeKeys {
    let nonces = Nonces { initiator: ni, responder: nr };
    let shared = Secret::new(hex(acvp::SHARED));
    IkeKeys::initial(Algorithms { prf: PRF, cipher: CBC }, nonces, spis, &shared).unwrap()
}

fn joined(secrets: &[&Secret]) -> Vec<u8> {
    secrets.iter().flat_map(|secret| secret.as_bytes()).copied().collect()
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
