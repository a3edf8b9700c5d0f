use crypto::Secret;
use crypto::aead;
use crypto::cbc_hmac::Integrity;
use crypto::prf::Prf;
use proptest::prelude::*;

use super::sealer::Counter;
use super::*;
use crate::reassembly::{Fragment, Reassembly};

const CHACHA: Cipher = Cipher::Aead(aead::Algorithm::ChaCha20Poly1305);
const CBC: Cipher = Cipher::CbcHmac { key_len: 16, integrity: Integrity::HmacSha256_128 };
const CIPHERS: [Cipher; 6] = [
    Cipher::Aead(aead::Algorithm::Aes128Gcm),
    Cipher::Aead(aead::Algorithm::Aes256Gcm),
    CHACHA,
    CBC,
    Cipher::CbcHmac { key_len: 32, integrity: Integrity::HmacSha384_192 },
    Cipher::CbcHmac { key_len: 32, integrity: Integrity::HmacSha512_256 },
];
/// SPIs, no payload yet, version 2.0, INFORMATIONAL, initiator, message id 9, no length yet.
const TEMPLATE: [u8; HEADER_LEN] = [
    0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7,
    0, 0x20, 0x25, 0, 0, 0, 0, 9, 0, 0, 0, 0,
];
const NOTIFY: u8 = 41;
const WHOLE_HEADERS: usize = 32;
const FRAGMENT_HEADERS: usize = 36;

/// RFC 7634 appendix B, whose header is [`TEMPLATE`] with a SK payload and its length.
#[test]
fn message_of_rfc_7634() {
    let mut keys = keys(CHACHA);
    keys.encryption = Secret::new((0x80..=0x9f).chain(0xa0..=0xa3).collect());
    let mut sealer = Sealer::new(CHACHA, &keys).unwrap();
    sealer.ivs = Counter(Some(0x1011_1213_1415_1617));
    let plaintext = [0, 0, 0, 0x0c, 0, 0, 0x40, 0x01, 0, 0, 0, 0x0a];
    let expected = [
        0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6,
        0xd7, 0x2e, 0x20, 0x25, 0x00, 0x00, 0x00, 0x00, 0x09, 0x00, 0x00, 0x00, 0x45, 0x29, 0x00,
        0x00, 0x29, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x61, 0x03, 0x94, 0x70, 0x1f,
        0x8d, 0x01, 0x7f, 0x7c, 0x12, 0x92, 0x48, 0x89, 0x6b, 0x71, 0xbf, 0xe2, 0x52, 0x36, 0xef,
        0xd7, 0xcd, 0xc6, 0x70, 0x66, 0x90, 0x63, 0x15, 0xb2,
    ];
    let sealed = sealer.seal_message(&TEMPLATE, NOTIFY, &plaintext, None).unwrap();
    assert_eq!(sealed, [expected]);
    let mut opener = Opener::new(CHACHA, &keys).unwrap();
    assert_eq!(open(&mut opener, &expected, WHOLE_HEADERS), Ok(plaintext.to_vec()));
}

/// RFC 7296 §3.14: the integrity check value covers everything before it, from the IKE header on.
#[test]
fn cbc_message_is_authenticated_whole() {
    let keys = keys(CBC);
    let sealed = Sealer::new(CBC, &keys).unwrap().seal_message(&TEMPLATE, NOTIFY, b"text", None);
    let sealed = sealed.unwrap().remove(0);
    let (message, icv) = sealed.split_at(sealed.len() - 16);
    let mac = Prf::HmacSha256.compute(keys.integrity.as_bytes(), &[message]).unwrap();
    assert_eq!(icv, &mac.as_bytes()[..16]);
    assert_eq!(sealed.len(), WHOLE_HEADERS + 16 + 16 + 16);
}

#[test]
fn every_flipped_bit_is_refused() {
    for cipher in CIPHERS {
        let (mut sealer, mut opener) = pair(cipher);
        let sealed = &sealer.seal_message(&TEMPLATE, NOTIFY, b"eight oct", None).unwrap()[0];
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let verdict = open(&mut opener, &changed, WHOLE_HEADERS);
            assert_eq!(verdict, Err(OpenError::NotAuthentic), "{cipher:?}, bit {bit}");
        }
        for len in WHOLE_HEADERS..sealed.len() {
            assert!(open(&mut opener, &sealed[..len], WHOLE_HEADERS).is_err());
        }
    }
}

#[test]
fn other_direction_and_other_cipher_are_refused() {
    let mut other = keys(CBC);
    other.integrity = Secret::new(vec![3; 32]);
    let sealed = pair(CBC).0.seal_message(&TEMPLATE, NOTIFY, b"text", None).unwrap().remove(0);
    let verdict = open(&mut Opener::new(CBC, &other).unwrap(), &sealed, WHOLE_HEADERS);
    assert_eq!(verdict, Err(OpenError::NotAuthentic));
    assert!(Opener::new(CHACHA, &other).is_err());
}

/// A peer can authenticate what is malformed.
#[test]
fn padding_longer_than_the_text_is_refused() {
    for (cipher, text_len) in [(CHACHA, 1), (CBC, 16)] {
        let mut opener = pair(cipher).1;
        for (pad_len, expected) in [(text_len - 1, Ok(vec![])), (text_len, Err(OpenError::Padding))]
        {
            let sealed = sealed_raw(cipher, text_len, pad_len);
            assert_eq!(open(&mut opener, &sealed, WHOLE_HEADERS), expected);
        }
    }
}

/// VPP counted its IVs: most octets of one were those of another.
#[test]
fn cve_2022_46397_cbc_iv_is_unpredictable() {
    let mut sealer = pair(CBC).0;
    let mut ivs: Vec<[u8; 16]> = Vec::new();
    for _ in 0..64 {
        let sealed = &sealer.seal_message(&TEMPLATE, NOTIFY, b"text", None).unwrap()[0];
        let iv = sealed[WHOLE_HEADERS..][..16].try_into().unwrap();
        for other in &ivs {
            let same = other.iter().zip(&iv).filter(|(one, other)| one == other).count();
            assert!(same < 8, "{other:?} and {iv:?}");
        }
        ivs.push(iv);
    }
}

#[test]
fn aead_iv_is_never_used_twice() {
    let mut sealer = pair(CHACHA).0;
    sealer.ivs = Counter(Some(u64::MAX - 1));
    let mut next = || sealer.seal_message(&TEMPLATE, NOTIFY, b"text", None);
    let ivs: Vec<_> = (0..2).map(|_| next().unwrap()[0][WHOLE_HEADERS..][..8].to_vec()).collect();
    assert_eq!(ivs, [(u64::MAX - 1).to_be_bytes(), u64::MAX.to_be_bytes()]);
    assert_eq!(next(), Err(SealError::IvExhausted));
    assert_eq!(next(), Err(SealError::IvExhausted));
}

#[test]
fn what_cannot_be_sent_is_named() {
    let mut sealer = pair(CBC).0;
    let mut seal = |len, max| sealer.seal_message(&TEMPLATE, NOTIFY, &vec![0; len], max);
    assert_eq!(seal(70_000, None), Err(SealError::TooLong { plaintext: 70_000 }));
    assert_eq!(seal(70_000, Some(1280)), Err(SealError::TooLong { plaintext: 70_000 }));
    // 36 octets of headers, 16 of IV, 16 of text, 16 of integrity check value.
    assert_eq!(seal(100, Some(83)), Err(SealError::DatagramTooSmall { max: 83 }));
    assert_eq!(seal(100, Some(84)).unwrap().len(), 7);
    assert_eq!(seal(255 * 15, Some(84)).unwrap().len(), 255);
    let too_many = SealError::TooManyFragments { needed: 256, max: 84 };
    assert_eq!(seal(255 * 15 + 1, Some(84)), Err(too_many));
}

/// RFC 7383 §2.5: only the first fragment names the first payload.
#[test]
fn fragments_are_laid_out_as_rfc_7383_has_it() {
    let mut sealer = pair(CHACHA).0;
    let sealed = sealer.seal_message(&TEMPLATE, NOTIFY, &[7; 100], Some(101)).unwrap();
    assert_eq!(sealed.iter().map(Vec::len).collect::<Vec<_>>(), [101, 101, 81]);
    for (number, fragment) in (1..).zip(&sealed) {
        let length = u8::try_from(fragment.len()).unwrap();
        assert_eq!(fragment[..16], TEMPLATE[..16]);
        assert_eq!(fragment[16], 53);
        assert_eq!(fragment[17..24], TEMPLATE[17..24]);
        assert_eq!(fragment[24..28], [0, 0, 0, length]);
        let next = if number == 1 { NOTIFY } else { 0 };
        assert_eq!(fragment[28..36], [next, 0, 0, length - 28, 0, number, 0, 3]);
    }
}

proptest! {
    #[test]
    fn messages_arrive_as_they_were(
        cipher in prop::sample::select(CIPHERS.to_vec()),
        plaintext in prop::collection::vec(any::<u8>(), 0..2000),
        max in prop::option::of(128_usize..1500),
    ) {
        let (mut sealer, mut opener) = pair(cipher);
        let sealed = sealer.seal_message(&TEMPLATE, NOTIFY, &plaintext, max).unwrap();
        if let Some(max) = max {
            prop_assert!(sealed.iter().all(|datagram| datagram.len() <= max));
        }
        for datagram in &sealed {
            let [.., a, b, c, d] = datagram[..HEADER_LEN] else { unreachable!() };
            prop_assert_eq!(u32::from_be_bytes([a, b, c, d]) as usize, datagram.len());
        }
        if let [whole] = &sealed[..] {
            prop_assert_eq!(whole.len(), WHOLE_HEADERS + cipher.sealed_len(plaintext.len()));
            prop_assert_eq!(open(&mut opener, whole, WHOLE_HEADERS), Ok(plaintext));
        } else {
            let mut reassembly = Reassembly::new();
            let complete = sealed.iter().rev().find_map(|datagram| {
                let part = open(&mut opener, datagram, FRAGMENT_HEADERS).unwrap();
                let field = |at: usize| u16::from_be_bytes([datagram[at], datagram[at + 1]]);
                let (number, total, next_payload) = (field(32), field(34), datagram[28]);
                let fragment = Fragment { number, total, next_payload, plaintext: &part };
                reassembly.insert(&fragment).unwrap()
            });
            let complete = complete.unwrap();
            prop_assert_eq!(complete.first_inner, NOTIFY);
            prop_assert_eq!(complete.plaintext, plaintext);
        }
    }

    #[test]
    fn no_body_makes_opening_panic(
        cipher in prop::sample::select(CIPHERS.to_vec()),
        mut body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        prop_assert!(pair(cipher).1.open(&TEMPLATE, &mut body).is_err());
    }
}

fn keys(cipher: Cipher) -> DirectionKeys {
    DirectionKeys {
        encryption: Secret::new(vec![1; cipher.encryption_key_len()]),
        integrity: Secret::new(vec![2; cipher.integrity_key_len()]),
    }
}

fn pair(cipher: Cipher) -> (Sealer, Opener) {
    let keys = keys(cipher);
    (Sealer::new(cipher, &keys).unwrap(), Opener::new(cipher, &keys).unwrap())
}

fn open(opener: &mut Opener, message: &[u8], headers: usize) -> Result<Vec<u8>, OpenError> {
    let mut message = message.to_vec();
    let (associated, body) = message.split_at_mut(headers);
    opener.open(associated, body).map(<[u8]>::to_vec)
}

/// A message whose text is zeros and then `pad_len`, which no sealer writes.
fn sealed_raw(cipher: Cipher, text_len: u8, pad_len: u8) -> Vec<u8> {
    use crypto::aead::Aead;
    use crypto::cbc_hmac::{CbcHmac, Envelope};

    let keys = keys(cipher);
    let header = [0; WHOLE_HEADERS];
    let mut text = vec![0; usize::from(text_len)];
    *text.last_mut().unwrap() = pad_len;
    match cipher {
        Cipher::Aead(algorithm) => {
            let (mut aead, salt) =
                Aead::from_keymat(algorithm, keys.encryption.as_bytes()).unwrap();
            let tag = aead.seal(&salt.nonce([0; 8]), &header, &mut text).unwrap();
            [&header[..], &[0; 8], &text, &tag].concat()
        }
        Cipher::CbcHmac { integrity, .. } => {
            let unit =
                CbcHmac::new(keys.encryption.as_bytes(), integrity, keys.integrity.as_bytes());
            let (iv, mut icv) = ([9; 16], [0; 16]);
            let envelope = Envelope { header: &header, iv: &iv, suffix: &[] };
            unit.unwrap().seal(&envelope, &mut text, &mut icv).unwrap();
            [&header[..], &iv, &text, &icv].concat()
        }
    }
}
