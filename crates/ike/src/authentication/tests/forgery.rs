//! RSA signatures that a lax verifier takes.

use super::openssl::OpenSsl;
use super::*;

/// AlgorithmIdentifiers, with the tag and length of the sequence left to [`tlv`].
const SHA_256: [u8; 13] = [6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0];
const SHA_1: [u8; 9] = [6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0];

/// strongSwan CVE-2018-16151 (the digest's algorithm was read laxly) and CVE-2018-16152 (its
/// parameters were not looked at): with a small exponent a signature could be forged.
#[test]
fn cve_2018_16151_and_16152_forged_signature_is_refused() {
    let signer = Signer::new();
    let digest = signer.digest("sha256");
    let good = tlv(0x30, &[tlv(0x30, &SHA_256), tlv(4, &digest)].concat());
    signer.verdict(&padded(&good, &[]), Ok(()));

    let garbage = [0x5a; 60];
    let parameters = [&SHA_256[..11], &tlv(4, &garbage)].concat();
    let after_oid = [&SHA_256[..], &garbage].concat();
    for identifier in [parameters, after_oid, SHA_256[..11].to_vec()] {
        let info = tlv(0x30, &[tlv(0x30, &identifier), tlv(4, &digest)].concat());
        signer.refused(&padded(&info, &[]));
    }
    let inside = [tlv(0x30, &SHA_256), tlv(4, &digest), garbage.to_vec()].concat();
    signer.refused(&padded(&tlv(0x30, &inside), &[]));
    signer.refused(&padded(&good, &garbage));
    signer.refused(&[&[0, 1, 0xff, 0][..], &good, &[0x5a; 256 - 4 - 51]].concat());
}

#[test]
fn short_hash_is_refused() {
    let signer = Signer::new();
    let digest = signer.digest("sha256");
    for len in [0, 1, 20, 31] {
        let info = tlv(0x30, &[tlv(0x30, &SHA_256), tlv(4, &digest[..len])].concat());
        signer.refused(&padded(&info, &[]));
    }
}

/// Method 1 with SHA-1 is what Windows and iOS send.
#[test]
fn sha_1_is_refused_by_every_method() {
    let signer = Signer::new();
    let digest = signer.digest("sha1");
    let info = tlv(0x30, &[tlv(0x30, &SHA_1), tlv(4, &digest)].concat());
    signer.refused(&padded(&info, &[]));

    let identifier = [48, 13, 6, 9, 42, 134, 72, 134, 247, 13, 1, 1, 5, 5, 0];
    let data = [&[15], &identifier[..], &signer.raw(&padded(&info, &[]))].concat();
    let verdict = verify(&signer.public, 14, &data, &signer.octets, &[1, 2, 3, 4]);
    assert_eq!(verdict, Err(AuthenticationError::AlgorithmNotAllowed));
}

/// Method 1 with SHA-2, as Cisco sends it.
#[test]
fn rsa_of_method_1_with_sha_2_is_accepted() {
    let signer = Signer::new();
    for digest in ["sha256", "sha384", "sha512"] {
        let signature = signer.openssl.sign(&format!("-digest {digest}"));
        assert_eq!(verify(&signer.public, 1, &signature, &signer.octets, &[]), Ok(()));
    }
    let pss = "-digest sha256 -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:digest";
    let verdict = verify(&signer.public, 1, &signer.openssl.sign(pss), &signer.octets, &[]);
    assert_eq!(verdict, Err(AuthenticationError::LegacyRsaInvalid));
}

/// One who has the private key and encodes as it likes.
struct Signer {
    openssl: OpenSsl,
    public: crypto::signature::PublicKey,
    octets: SignedOctets,
}

impl Signer {
    fn new() -> Self {
        let (openssl, _, public) = OpenSsl::with_key(KEYS[0].0);
        let octets = octets(b"SK_p");
        openssl.write("message", octets.as_bytes());
        Self { openssl, public, octets }
    }

    fn digest(&self, name: &str) -> Vec<u8> {
        self.openssl.run(&format!("dgst -{name} -binary message"))
    }

    /// The bare RSA operation, which is the same to sign and to decrypt.
    fn raw(&self, encoded: &[u8]) -> Vec<u8> {
        self.openssl.write("encoded", encoded);
        self.openssl
            .run("pkeyutl -decrypt -in encoded -inkey key.pem -pkeyopt rsa_padding_mode:none")
    }

    fn refused(&self, encoded: &[u8]) {
        self.verdict(encoded, Err(AuthenticationError::LegacyRsaInvalid));
        let signature = self.raw(encoded);
        let identifier = Algorithm::RsaPkcs1(Hash::Sha256).identifier();
        let data = [&[15], &identifier[..], &signature].concat();
        let verdict = verify(&self.public, 14, &data, &self.octets, &ANNOUNCED);
        assert_eq!(verdict, Err(AuthenticationError::SignatureInvalid));
    }

    fn verdict(&self, encoded: &[u8], expected: Result<(), AuthenticationError>) {
        let signature = self.raw(encoded);
        assert_eq!(verify(&self.public, 1, &signature, &self.octets, &ANNOUNCED), expected);
    }
}

/// As long as the modulus, with `after` at the end (RFC 8017 §9.2 has nothing there).
fn padded(info: &[u8], after: &[u8]) -> Vec<u8> {
    let padding = vec![0xff; 256 - 3 - info.len() - after.len()];
    [&[0, 1], &padding[..], &[0], info, after].concat()
}

/// DER of up to 255 octets.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    if length < 0x80 {
        [&[tag, length], content].concat()
    } else {
        [&[tag, 0x81, length], content].concat()
    }
}
