//! Signatures: method 14, and ECDSA by methods 9 to 11.

use super::super::ecdsa::Curve;
use super::openssl::OpenSsl;
use super::*;

#[test]
fn signatures_of_method_14_verify_until_anything_changes() {
    let octets = octets(b"SK_p");
    for (parameters, kind) in KEYS {
        let (_, private, public) = OpenSsl::with_key(parameters);
        for padding in [RsaPadding::Pkcs1, RsaPadding::Pss] {
            let choice = SignatureMethod::choose(kind, &ANNOUNCED, padding).unwrap();
            let (method, mut data) = choice.sign(&private, &octets).unwrap();
            assert_eq!(method, method::DIGITAL_SIGNATURE);
            let check = |data: &[u8], octets| verify(&public, method, data, octets, &ANNOUNCED);
            assert_eq!(check(&data, &octets), Ok(()));
            let other = super::octets(b"other SK_p");
            assert_eq!(check(&data, &other), Err(AuthenticationError::SignatureInvalid));
            *data.last_mut().unwrap() ^= 1;
            assert_eq!(check(&data, &octets), Err(AuthenticationError::SignatureInvalid));
        }
    }
}

/// RFC 7427 §4: a peer signs with what was announced to it, and never with SHA-1.
#[test]
fn hash_that_was_not_announced_is_refused() {
    let octets = octets(b"SK_p");
    let (_, private, public) = OpenSsl::with_key(KEYS[2].0);
    let choice = SignatureMethod::Digital(Algorithm::Ecdsa(Hash::Sha384));
    let (method, data) = choice.sign(&private, &octets).unwrap();
    let refusal = AuthenticationError::HashNotAnnounced { hash: 3 };
    assert_eq!(verify(&public, method, &data, &octets, &[2, 4]), Err(refusal));
    assert_eq!(verify(&public, method, &data, &octets, &[3]), Ok(()));
}

#[test]
fn malformed_data_is_refused_by_name() {
    let octets = octets(b"SK_p");
    let (_, private, public) = OpenSsl::with_key(KEYS[1].0);
    let check = |method, data: &[u8]| verify(&public, method, data, &octets, &ANNOUNCED);
    for data in [&[][..], &[1], &[12, 0x30, 0x0a]] {
        assert_eq!(check(14, data), Err(AuthenticationError::Malformed { method: 14 }));
    }
    let ecdsa_with_sha_1 = [9, 48, 9, 6, 7, 42, 134, 72, 206, 61, 4, 1];
    let nothing_named = [0, 0x30, 0x06];
    for data in [&ecdsa_with_sha_1[..10], &nothing_named] {
        assert_eq!(check(14, data), Err(AuthenticationError::AlgorithmNotAllowed));
    }
    assert_eq!(
        check(14, &[11, 48, 9, 6, 7, 42, 134, 72, 206, 61, 4, 1]),
        Err(AuthenticationError::AlgorithmNotAllowed)
    );

    let (_, signature) = SignatureMethod::Ecdsa.sign(&private, &octets).unwrap();
    for len in [0, 32, 63] {
        let refusal = AuthenticationError::Malformed { method: 9 };
        assert_eq!(check(9, &signature[..len]), Err(refusal));
    }
    let wrong_key = AuthenticationError::WrongKeyKind { key: KeyKind::P256 };
    for method in [1, 10, 11] {
        assert_eq!(check(method, &signature), Err(wrong_key));
    }
    for method in [0, 2, 3, 13, 15, 255] {
        let refusal = AuthenticationError::UnknownMethod { method };
        assert_eq!(check(method, &signature), Err(refusal));
    }
}

#[test]
fn ecdsa_of_rfc_4754_is_understood_by_openssl_and_back() {
    let octets = octets(b"SK_p");
    let sizes = [("sha256", 32), ("sha384", 48), ("sha512", 66)];
    for ((parameters, _), (digest, len)) in KEYS[1..4].iter().zip(sizes) {
        let (openssl, private, public) = OpenSsl::with_key(parameters);
        openssl.write("message", octets.as_bytes());
        let options = format!("-digest {digest}");

        let (method, ours) = SignatureMethod::Ecdsa.sign(&private, &octets).unwrap();
        assert_eq!(ours.len(), 2 * len);
        openssl.write("der.conf", asn1_conf(&ours).as_bytes());
        openssl.run("asn1parse -genconf der.conf -noout -out ours");
        openssl.run(&format!(
            "pkeyutl -verify -rawin -in message -inkey key.pem -sigfile ours {options}"
        ));

        openssl.write("theirs", &openssl.sign(&options));
        let theirs = raw(&openssl.run("asn1parse -inform DER -in theirs"), len);
        assert_eq!(verify(&public, method, &theirs, &octets, &[]), Ok(()));
        let other = super::octets(b"other SK_p");
        let refusal = Err(AuthenticationError::SignatureInvalid);
        assert_eq!(verify(&public, method, &theirs, &other, &[]), refusal);
    }
}

/// One signature in 128 has a number that is an octet shorter than the curve's order.
#[test]
fn short_and_high_numbers_of_ecdsa_keep_their_length() {
    let curve = Curve::of_method(method::ECDSA_256).unwrap();
    let raw = [&[0, 0, 0x80], &[1; 29][..], &[0xff; 32]].concat();
    let der = curve.to_der(&raw).unwrap();
    assert_eq!(der[..6], [0x30, 31 + 2 + 33 + 2, 2, 31, 0, 0x80]);
    assert_eq!(curve.to_raw(&der), Some(raw));
    assert_eq!(Curve::of_method(method::ECDSA_521).unwrap().to_der(&[1; 64]), None);
    assert_eq!(curve.to_raw(&[0x30, 0]), None);
}

/// What `openssl asn1parse -genconf` makes the signature's DER from.
fn asn1_conf(raw: &[u8]) -> String {
    let number = |half: &[u8]| half.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let (r, s) = raw.split_at(raw.len() / 2);
    format!("asn1=SEQUENCE:s\n[s]\nr=INTEGER:0x{}\ns=INTEGER:0x{}\n", number(r), number(s))
}

/// The two numbers in what `openssl asn1parse` prints.
fn raw(printed: &[u8], len: usize) -> Vec<u8> {
    let printed = std::str::from_utf8(printed).unwrap();
    let numbers = printed.lines().filter(|line| line.contains("INTEGER"));
    let padded = |line: &str| format!("{:0>1$}", line.rsplit(':').next().unwrap(), 2 * len);
    let digits: String = numbers.map(padded).collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}
