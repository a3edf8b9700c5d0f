//! T01 to T08: versions, cipher suites, groups.

use sekisho_tests::hello::{self, Answer, Hello};
use sekisho_tests::program::lacks;

use super::{
    ALL, CRYPTREC_HIGH, TLS12, TLS13_ONLY, WITH_12, WITH_13, admitted, answer,
    assert_nothing_in_common, profiles, refused,
};

/// OpenSSL 3 offers what is old only when told that security does not matter.
const OLD: [&str; 2] = ["-cipher", "ALL:eNULL:@SECLEVEL=0"];

#[test]
fn t01_ssl3_tls10_and_tls11_are_refused_as_protocol_versions() {
    if lacks("openssl") {
        return;
    }
    let gateway = profiles();
    for listener in ALL {
        for version in [hello::SSL3, hello::TLS10, hello::TLS11] {
            for bare in [true, false] {
                let hello = Hello { version, bare, ..Hello::default() };
                let (answer, record) = answer(&gateway, listener, &hello);
                assert_eq!(answer, Answer::Alert(hello::PROTOCOL_VERSION), "{version:04x} {bare}");
                assert_eq!(record.reason(), "tls.protocol-version");
            }
        }
        for version in ["-tls1", "-tls1_1"] {
            let options = [&[version], &OLD[..]].concat();
            let record = refused(&gateway, listener, &options, "alert protocol version");
            assert_eq!(record.reason(), "tls.protocol-version");
        }
    }
}

#[test]
fn t02_tls13_is_chosen_where_it_is_offered() {
    if lacks("openssl") {
        return;
    }
    let gateway = profiles();
    for (listener, version) in
        [(TLS12, "TLSv1.2"), (CRYPTREC_HIGH, "TLSv1.3"), (TLS13_ONLY, "TLSv1.3")]
    {
        let told = admitted(&gateway, listener, &[]);
        assert!(told.contains(&format!("New, {version}, Cipher is")), "{told}");
    }
    let versions: Vec<_> = gateway
        .records()
        .iter()
        .filter(|record| record.is("open"))
        .map(|record| record.text("version").to_owned())
        .collect();
    assert_eq!(versions, ["TLSv1.2", "TLSv1.3", "TLSv1.3"]);
}

#[test]
fn t03_tls12_has_the_suites_of_list_a() {
    if lacks("openssl") {
        return;
    }
    let gateway = profiles();
    for listener in WITH_12 {
        for suite in [
            "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ECDHE-RSA-AES256-GCM-SHA384",
            "ECDHE-ECDSA-CHACHA20-POLY1305",
            "ECDHE-RSA-CHACHA20-POLY1305",
            "ECDHE-ECDSA-AES128-GCM-SHA256",
            "ECDHE-RSA-AES128-GCM-SHA256",
        ] {
            let told = admitted(&gateway, listener, &["-tls1_2", "-cipher", suite]);
            assert!(told.contains(&format!("Cipher is {suite}")), "{told}");
        }
    }
    let record = refused(&gateway, TLS13_ONLY, &["-tls1_2"], "alert protocol version");
    assert_eq!(record.reason(), "tls.protocol-version");
}

#[test]
fn t04_a_256_bit_suite_is_chosen_whatever_the_client_prefers() {
    if lacks("openssl") {
        return;
    }
    let gateway = profiles();
    for listener in WITH_12 {
        for kind in ["ECDSA", "RSA"] {
            let suites = format!("ECDHE-{kind}-AES128-GCM-SHA256:ECDHE-{kind}-AES256-GCM-SHA384");
            let told = admitted(&gateway, listener, &["-tls1_2", "-cipher", &suites]);
            assert!(told.contains(&format!("ECDHE-{kind}-AES256-GCM-SHA384")), "{told}");
        }
    }
    for listener in WITH_13 {
        let suites = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";
        let told = admitted(&gateway, listener, &["-tls1_3", "-ciphersuites", suites]);
        assert!(told.contains("Cipher is TLS_AES_256_GCM_SHA384"), "{told}");
    }
}

/// Code points of the IANA registry "TLS Cipher Suites".
const FORBIDDEN: [(&str, u16); 20] = [
    ("static RSA, AES-256-GCM", 0x009d),
    ("static RSA, AES-128-CBC", 0x002f),
    ("static DH-RSA", 0x00a1),
    ("static DH-DSS", 0x00a5),
    ("static ECDH-ECDSA", 0xc02e),
    ("static ECDH-RSA", 0xc032),
    ("anonymous DH", 0x00a7),
    ("anonymous ECDH", 0xc019),
    ("NULL", 0x003b),
    ("ECDHE with NULL", 0xc006),
    ("EXPORT", 0x0003),
    ("RC4", 0x0005),
    ("ECDHE with RC4", 0xc007),
    ("3DES", 0x000a),
    ("ECDHE with 3DES", 0xc008),
    ("PSK", 0x00a9),
    ("ECDHE-PSK", 0xd002),
    ("Camellia", 0xc07b),
    ("AES-CCM, static RSA", 0xc09d),
    ("renegotiation signalled, no suite", 0x00ff),
];

#[test]
fn t05_suites_without_forward_secrecy_authentication_or_strength_are_refused() {
    let gateway = profiles();
    for listener in WITH_12 {
        for (name, suite) in FORBIDDEN {
            let hello = Hello { suites: vec![suite], ..Hello::default() };
            let (answer, record) = answer(&gateway, listener, &hello);
            assert_eq!(answer, Answer::Alert(hello::HANDSHAKE_FAILURE), "{name}");
            assert_eq!(record.reason(), "tls.cipher-suite", "{name}");
        }
    }
}

#[test]
fn t05_openssl_offers_what_is_forbidden_in_vain() {
    if lacks("openssl") {
        return;
    }
    let gateway = profiles();
    for suites in ["kRSA", "aNULL", "eNULL", "PSK", "kRSA+AESGCM"] {
        let suites = format!("{suites}:@SECLEVEL=0");
        let options = ["-tls1_2", "-psk", "0011", "-cipher", &suites];
        assert_nothing_in_common(&refused(&gateway, TLS12, &options, "alert handshake failure"));
    }
}

#[test]
fn t06_ecdhe_with_cbc_is_refused() {
    if lacks("openssl") {
        return;
    }
    let gateway = profiles();
    for listener in WITH_12 {
        let suites = "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:ECDHE+SHA1:@SECLEVEL=0";
        let options = ["-tls1_2", "-cipher", suites];
        let record = refused(&gateway, listener, &options, "alert handshake failure");
        assert_eq!(record.reason(), "tls.cipher-suite");
    }
}

#[test]
fn t07_only_p256_p384_and_x25519_are_accepted() {
    if lacks("openssl") {
        return;
    }
    let gateway = profiles();
    for (group, key) in [
        ("P-256", "ECDH, prime256v1, 256 bits"),
        ("P-384", "ECDH, secp384r1, 384 bits"),
        ("X25519", "X25519, 253 bits"),
    ] {
        for listener in WITH_12 {
            // With an RSA certificate: in TLS 1.2 the groups are those of certificates too.
            let options = ["-tls1_2", "-cipher", "aRSA", "-groups", group];
            let told = admitted(&gateway, listener, &options);
            assert!(told.contains(&format!("Server Temp Key: {key}")), "{told}");
        }
        for listener in WITH_13 {
            let told = admitted(&gateway, listener, &["-tls1_3", "-groups", group]);
            assert!(told.contains(&format!("Server Temp Key: {key}")), "{told}");
        }
    }
    for listener in WITH_12 {
        // secp192r1, secp224r1, secp256k1, secp521r1, brainpoolP256r1, X448, ffdhe2048
        for group in [19, 21, 22, 25, 26, 30, 256] {
            let hello = Hello { groups: vec![group], ..Hello::default() };
            let (answer, record) = answer(&gateway, listener, &hello);
            assert_eq!(answer, Answer::Alert(hello::HANDSHAKE_FAILURE), "{group}");
            assert_eq!(record.reason(), "tls.key-exchange-group", "{group}");
        }
    }
    for (listener, version) in
        [(TLS12, "-tls1_2"), (CRYPTREC_HIGH, "-tls1_3"), (TLS13_ONLY, "-tls1_3")]
    {
        let options = [version, "-groups", "P-521:X448"];
        let record = refused(&gateway, listener, &options, "alert handshake failure");
        assert_eq!(record.reason(), "tls.key-exchange-group");
    }
}

#[test]
fn t08_finite_field_diffie_hellman_is_not_offered() {
    if lacks("openssl") {
        return;
    }
    let gateway = profiles();
    for listener in WITH_12 {
        let options = ["-tls1_2", "-cipher", "DHE:@SECLEVEL=0"];
        assert_nothing_in_common(&refused(&gateway, listener, &options, "alert handshake failure"));
    }
    for listener in WITH_13 {
        let options = ["-tls1_3", "-groups", "ffdhe2048:ffdhe3072:ffdhe8192"];
        let record = refused(&gateway, listener, &options, "alert handshake failure");
        assert_eq!(record.reason(), "tls.key-exchange-group");
    }
}
