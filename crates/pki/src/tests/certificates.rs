//! Certificates made here as OpenSSL shows them, and certificates of others as read here.

use super::{DAY, NOW, Openssl, World, identity, serial, server};
use crate::pem::{self, Label};
use crate::{
    Algorithm, ExtendedKeyUsage, IdentityError, IssueError, Leaf, LeafError, PublicKey,
    PublicKeyKind, SignatureDigest, SigningKey, Validity, Weakness, strength,
};

#[test]
fn openssl_shows_what_a_certificate_is_for() {
    let world = World::new(Algorithm::EcdsaP256);
    let openssl = Openssl::new();
    let key = SigningKey::generate(Algorithm::EcdsaP384).unwrap();
    let in_2050 = Validity::new(NOW - DAY, NOW + DAY).unwrap();
    let server =
        world.issuing.issue_server(&server(), key.public_key(), in_2050, &serial(6)).unwrap();
    let shown = |der: &[u8]| {
        openssl.write("der", der);
        openssl.text("x509 -inform DER -in der -noout -text -nameopt RFC2253,-esc_msb,utf8")
    };

    let terminal = shown(&world.good);
    for part in [
        "Subject: CN=CT-01,OU=放射線科,O=中央病院",
        "URI:spiffe://sekisho.example.jp/1310001/CT-01\n",
        "TLS Web Client Authentication\n",
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "X509v3 Subject Key Identifier",
        "X509v3 Authority Key Identifier",
    ] {
        assert!(terminal.contains(part), "{part}: {terminal}");
    }
    let server = shown(&server);
    for part in [
        "DNS:gw.example.jp, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1\n",
        "TLS Web Server Authentication\n",
        "NIST CURVE: P-384",
    ] {
        assert!(server.contains(part), "{part}: {server}");
    }
    for (authority, length) in [(&world.root, 1), (&world.issuing, 0)] {
        let shown = shown(authority.certificate());
        let constraint = format!("critical\n                CA:TRUE, pathlen:{length}\n");
        assert!(shown.contains(&constraint), "{shown}");
        assert!(shown.contains("critical\n                Certificate Sign, CRL Sign\n"));
    }
}

#[test]
fn a_leaf_says_what_openssl_says() {
    let world = World::new(Algorithm::Rsa2048);
    let leaf = Leaf::from_der(&world.good).unwrap();
    assert_eq!(leaf.identity, Ok(identity()));
    assert_eq!(leaf.common_name.as_deref(), Some("CT-01"));
    assert_eq!((leaf.not_before, leaf.not_after), (NOW - DAY, NOW + DAY));
    assert_eq!(leaf.key, PublicKeyKind::Ec { bits: 256 });
    assert_eq!(leaf.signature_digest, SignatureDigest::Sha256);
    assert_eq!(leaf.extended_key_usages, [ExtendedKeyUsage::ClientAuth]);
    assert!(leaf.permits(ExtendedKeyUsage::ClientAuth));
    assert!(!leaf.permits(ExtendedKeyUsage::ServerAuth));
    assert_eq!(strength(&leaf), Ok(()));

    let openssl = Openssl::new();
    openssl.write("der", &world.good);
    let ask = |what: &str| {
        let answer = openssl.text(&format!(
            "x509 -inform DER -in der -noout {what} -nameopt RFC2253,-esc_msb,utf8"
        ));
        answer.trim().split_once('=').unwrap().1.to_owned()
    };
    assert_eq!(ask("-serial").to_lowercase(), leaf.serial.to_string());
    assert_eq!(ask("-subject"), leaf.subject);
    assert_eq!(ask("-issuer"), leaf.issuer);
    let fingerprint: String = leaf.fingerprint.iter().map(|octet| format!("{octet:02X}")).collect();
    assert_eq!(ask("-fingerprint -sha256").replace(':', ""), fingerprint);
}

#[test]
fn weak_certificates_are_told_from_strong_ones() {
    let openssl = Openssl::new();
    let judge = |key: &str, signature: &str| {
        openssl.run(&format!("genpkey {key} -out key")).unwrap();
        let request = "req -x509 -new -key key -subj /CN=x -outform DER -out der";
        openssl.run(&format!("{request} {signature}")).unwrap();
        strength(&Leaf::from_der(&openssl.file("der")).unwrap())
    };
    let signed = |digest| Err(Weakness::Signature { digest });
    let rsa = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
    let pss = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20";
    let curve = |name: &str| format!("-algorithm EC -pkeyopt ec_paramgen_curve:{name}");

    assert_eq!(judge(rsa, "-sha256"), Ok(()));
    assert_eq!(judge(rsa, &format!("-sha384 {pss}")), Ok(()));
    assert_eq!(judge(&curve("P-521"), "-sha512"), Ok(()));

    assert_eq!(judge(rsa, "-md5"), signed(SignatureDigest::Md5));
    assert_eq!(judge(rsa, "-sha1"), signed(SignatureDigest::Sha1));
    assert_eq!(judge(rsa, &format!("-sha1 {pss}")), signed(SignatureDigest::Sha1));
    assert_eq!(judge(&curve("P-256"), "-sha1"), signed(SignatureDigest::Sha1));
    assert!(matches!(judge(rsa, "-sha224"), Err(Weakness::Signature { .. })));
    assert!(matches!(judge("-algorithm ed25519", ""), Err(Weakness::Signature { .. })));

    let short = "-algorithm RSA -pkeyopt rsa_keygen_bits:1024";
    assert_eq!(judge(short, "-sha256"), Err(Weakness::RsaKey { bits: 1024 }));
    assert_eq!(judge(&curve("secp224r1"), "-sha256"), Err(Weakness::EcKey { bits: 224 }));
    assert_eq!(judge(&curve("prime192v1"), "-sha256"), Err(Weakness::EcKey { bits: 192 }));
    assert!(matches!(judge(&curve("secp256k1"), "-sha256"), Err(Weakness::KeyAlgorithm { .. })));
}

#[test]
fn weak_keys_are_not_certified() {
    let world = World::new(Algorithm::EcdsaP256);
    let openssl = Openssl::new();
    openssl.run("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out key").unwrap();
    openssl.run("pkey -in key -pubout -out public").unwrap();
    let public = pem::decode(Label::PublicKey, &openssl.file("public")).unwrap();
    let public = PublicKey::from_der(&public[0]).unwrap();
    let validity = Validity::new(NOW, NOW + DAY).unwrap();
    let refused = world.issuing.issue_server(&server(), &public, validity, &serial(6));
    assert!(matches!(refused, Err(IssueError::Weak(Weakness::RsaKey { bits: 1024 }))));
}

#[test]
fn ambiguous_certificates_are_refused() {
    let openssl = Openssl::new();
    openssl.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key").unwrap();
    let make = |names: &str, common_name: &str| {
        let request = "req -x509 -new -key key -outform DER -out der -utf8 -multivalue-rdn";
        let names = format!("-addext subjectAltName={names}");
        openssl.run(&format!("{request} -subj /CN={common_name} {names}")).unwrap();
        openssl.file("der")
    };

    let two = make("URI:spiffe://d/i/t,URI:https://example.jp", "x");
    let leaf = Leaf::from_der(&two).unwrap();
    assert_eq!(leaf.identity, Err(IdentityError::Several { uris: 2 }));
    let leaf = Leaf::from_der(&make("DNS:a.example.jp", "端末\u{202e}")).unwrap();
    assert_eq!(leaf.identity, Err(IdentityError::Missing));
    assert_eq!(leaf.dns_names, ["a.example.jp"]);
    assert_eq!(leaf.subject, "CN=端末\\e2\\80\\ae");
    assert_eq!(leaf.common_name.as_deref(), Some("端末\\e2\\80\\ae"));
    assert!(leaf.permits(ExtendedKeyUsage::ClientAuth), "no extension, no restriction");

    let nul = replace(make("DNS:gw.example.jp", "x"), b"gw.example.jp", b"gw\0example.jp");
    assert_eq!(Leaf::from_der(&nul), Err(LeafError::DnsName));
    let nul = replace(make("URI:spiffe://d/i/t1", "x"), b"spiffe://d/i/t1", b"spiffe://d/i/t\0");
    assert!(matches!(Leaf::from_der(&nul).unwrap().identity, Err(IdentityError::Character { .. })));
    // The outer algorithm, at the end: ecdsa-with-SHA256 becomes -SHA384.
    let mut other = make("DNS:a", "x");
    let oid = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    let at = other.windows(8).rposition(|window| window == oid).unwrap();
    other[at + 7] = 0x03;
    assert_eq!(Leaf::from_der(&other), Err(LeafError::SignatureAlgorithmMismatch));
}

fn replace(mut der: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = der.windows(from.len()).position(|window| window == from).unwrap();
    der[at..at + from.len()].copy_from_slice(to);
    der
}
