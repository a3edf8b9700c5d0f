//! Keys travel between OpenSSL and this crate in both directions.

use super::Openssl;
use crate::key::pkcs8_der;
use crate::pem::PemError;
use crate::{Algorithm, KeyError, Passphrase, SigningKey};

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned())
}

#[test]
fn openssl_reads_what_is_written() {
    let openssl = Openssl::new();
    for algorithm in
        [Algorithm::EcdsaP256, Algorithm::EcdsaP384, Algorithm::Rsa2048, Algorithm::Rsa3072]
    {
        let key = SigningKey::generate(algorithm).unwrap();
        openssl.write("plain.pem", key.to_pem(None).unwrap().as_str());
        let public = openssl.run("pkey -in plain.pem -pubout -outform DER").unwrap();
        assert_eq!(public, key.public_key().as_der());
    }

    let key = SigningKey::generate(Algorithm::EcdsaP256).unwrap();
    let pem = key.to_pem(Some(&passphrase("関所-pass"))).unwrap();
    openssl.write("encrypted.pem", pem.as_str());
    let read = "pkey -in encrypted.pem -pubout -outform DER -passin pass:";
    assert_eq!(openssl.run(&format!("{read}関所-pass")).unwrap(), key.public_key().as_der());
    openssl.run(&format!("{read}other")).unwrap_err();
    let structure = openssl.text("asn1parse -in encrypted.pem");
    for part in ["PBES2", "PBKDF2", ":0927C0", "hmacWithSHA256", "aes-256-cbc"] {
        assert!(structure.contains(part), "{part} (600,000 is 0x0927C0): {structure}");
    }
    let again = SigningKey::from_pem(pem.as_bytes(), Some(&passphrase("関所-pass"))).unwrap();
    assert_eq!(again.public_key(), key.public_key());
}

#[test]
fn what_openssl_writes_is_read() {
    let openssl = Openssl::new();
    openssl.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out p256").unwrap();
    openssl.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384").unwrap();
    openssl.run("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa").unwrap();
    for commands in [
        "pkey -in KEY -out FILE",
        "pkey -in KEY -aes-256-cbc -passout pass:secret -out FILE",
        "pkcs8 -in KEY -topk8 -v2 aes-128-cbc -v2prf hmacWithSHA512 -passout pass:secret -out FILE",
        "pkcs8 -in KEY -topk8 -scrypt -passout pass:secret -out FILE",
        "pkey -in KEY -traditional -out FILE",
    ] {
        for key in ["p256", "p384", "rsa"] {
            openssl.run(&commands.replace("KEY", key).replace("FILE", "file")).unwrap();
            let public = openssl.run(&format!("pkey -in {key} -pubout -outform DER")).unwrap();
            let read = SigningKey::from_pem(&openssl.file("file"), Some(&passphrase("secret")));
            assert_eq!(read.unwrap().public_key().as_der(), public, "{commands} {key}");
        }
    }

    openssl.run("ecparam -name prime256v1 -genkey -out with-parameters").unwrap();
    let der = pkcs8_der(&openssl.file("with-parameters"), None).unwrap();
    openssl.write("der", &*der);
    assert_eq!(
        openssl.run("pkey -inform DER -in der -pubout").unwrap(),
        openssl.run("pkey -in with-parameters -pubout").unwrap(),
    );
}

#[test]
fn faults_are_told_apart() {
    let openssl = Openssl::new();
    let read = |file: &str, text: Option<&str>| {
        SigningKey::from_pem(&openssl.file(file), text.map(passphrase).as_ref()).unwrap_err()
    };
    openssl.write("text", "not a key");
    assert_eq!(read("text", None), KeyError::NotPem(PemError::NoSection { wanted: "PRIVATE KEY" }));

    openssl.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out p256").unwrap();
    openssl.run("pkey -in p256 -aes256 -passout pass:secret -out encrypted").unwrap();
    assert_eq!(read("encrypted", None), KeyError::PassphraseNeeded);
    assert_eq!(read("encrypted", Some("wrong")), KeyError::WrongPassphrase);

    let secret = Some("secret");
    for command in [
        "pkey -in p256 -traditional -aes256 -passout pass:secret -out weak",
        "pkcs8 -in p256 -topk8 -v1 PBE-SHA1-3DES -passout pass:secret -out weak",
        "pkcs8 -in p256 -topk8 -v2 des3 -passout pass:secret -out weak",
        "pkcs8 -in p256 -topk8 -v2 aes256 -v2prf hmacWithSHA1 -passout pass:secret -out weak",
    ] {
        openssl.run(command).unwrap();
        assert_eq!(read("weak", secret), KeyError::UnsupportedEncryption, "{command}");
    }

    for command in [
        "genpkey -algorithm ed25519 -out other",
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out other",
    ] {
        openssl.run(command).unwrap();
        assert!(matches!(read("other", None), KeyError::UnsupportedAlgorithm { .. }), "{command}");
    }
    openssl.run("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out short").unwrap();
    assert!(matches!(read("short", None), KeyError::Rejected(_)));
}

#[test]
fn secrets_are_not_shown() {
    let key = SigningKey::generate(Algorithm::EcdsaP256).unwrap();
    assert_eq!(format!("{key:?}"), "SigningKey(ECDSA P-256, redacted)");
    assert_eq!(format!("{:?}", passphrase("secret")), "Passphrase(redacted)");
}
