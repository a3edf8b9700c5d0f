//! Both directions together.

use crypto::aead::Algorithm;
use crypto::cbc_hmac::Integrity;
use proptest::prelude::*;

use crate::{
    DEFAULT_WINDOW, Error, Exhausted, Inbound, Limits, Outbound, Parameters, Rejected, Suite, Usage,
};

const SUITES: [Suite; 6] = [
    Suite::Aead(Algorithm::Aes128Gcm),
    Suite::Aead(Algorithm::Aes256Gcm),
    Suite::Aead(Algorithm::ChaCha20Poly1305),
    Suite::CbcHmac { key_len: 16, integrity: Integrity::HmacSha256_128 },
    Suite::CbcHmac { key_len: 32, integrity: Integrity::HmacSha384_192 },
    Suite::CbcHmac { key_len: 32, integrity: Integrity::HmacSha512_256 },
];
const GCM: Suite = Suite::Aead(Algorithm::Aes256Gcm);

const KEY: [u8; 64] = [0x5c; 64];

fn parameters(suite: Suite, esn: bool) -> Parameters<'static> {
    let (encryption, integrity) = match suite {
        Suite::Aead(algorithm) => (algorithm.keymat_len(), 0),
        Suite::CbcHmac { key_len, integrity } => (key_len, integrity.key_len()),
    };
    let (encryption, integrity) = (&KEY[..encryption], &KEY[..integrity]);
    Parameters { spi: 0x0123_4567, suite, encryption, integrity, esn }
}

fn pair(suite: Suite, esn: bool) -> (Outbound, Inbound) {
    let parameters = parameters(suite, esn);
    let inbound = Inbound::new(&parameters, DEFAULT_WINDOW, Limits::NONE).unwrap();
    (Outbound::new(&parameters, Limits::NONE).unwrap(), inbound)
}

fn seal(outbound: &mut Outbound, inner: &[u8]) -> Vec<u8> {
    let mut out = vec![0; outbound.sealed_len(inner.len())];
    assert_eq!(outbound.seal_into(inner, 4, &mut out), Ok(out.len()));
    out
}

/// Seals a text that has its trailer already.
fn seal_text(text: &[u8]) -> Vec<u8> {
    let (mut aead, salt) =
        crypto::aead::Aead::from_keymat(Algorithm::Aes256Gcm, &KEY[..36]).unwrap();
    let header = [0x01, 0x23, 0x45, 0x67, 0, 0, 0, 1];
    let mut sealed = vec![0; text.len() + 16];
    aead.seal_to(&salt.nonce([0; 8]), &header, text, &[], &mut sealed).unwrap();
    [&header[..], &[0; 8], &sealed].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_sealed_is_opened(
        inner in proptest::collection::vec(any::<u8>(), 0..2000),
        esn: bool,
        last in prop_oneof![0..5_u64, (1_u64 << 32) - 6..(1 << 32) - 2],
    ) {
        for suite in SUITES {
            let (mut outbound, mut inbound) = pair(suite, esn);
            outbound.skip_to(last);
            if last > 0 {
                inbound.skip_to(last);
            }
            let mut packet = seal(&mut outbound, &inner);
            let opened = inbound.open(&mut packet).unwrap();
            prop_assert_eq!((&opened.inner[..], opened.next_header), (&inner[..], 4));
            prop_assert!(opened.newest);
        }
    }

    /// No bit can be changed, and a forgery leaves the SA as it was: the packet itself is still
    /// taken, and so is an older one that a moved window would refuse.
    #[test]
    fn no_changed_bit_passes(
        inner in proptest::collection::vec(any::<u8>(), 0..300),
        esn: bool,
        at: prop::sample::Index,
        bit in 0..8_u8,
    ) {
        for suite in SUITES {
            let (mut outbound, mut inbound) = pair(suite, esn);
            outbound.skip_to(100_000);
            inbound.skip_to(99_000);
            let packet = seal(&mut outbound, &inner);
            let mut forged = packet.clone();
            forged[at.index(packet.len())] ^= 1_u8 << bit;
            let verdict = inbound.open(&mut forged).unwrap_err();
            let of_sequence = matches!(verdict, Rejected::TooOld | Rejected::Replayed);
            prop_assert!(verdict == Rejected::NotAuthentic || of_sequence && !esn, "{verdict:?}");
            prop_assert_eq!(inbound.usage(), Usage::default());
            let mut older = Outbound::new(&parameters(suite, esn), Limits::NONE).unwrap();
            older.skip_to(99_000 - 5000);
            prop_assert!(!inbound.open(&mut seal(&mut older, &inner)).unwrap().newest);
            prop_assert!(inbound.open(&mut packet.clone()).is_ok());
        }
    }
}

#[test]
fn no_truncated_packet_passes() {
    for suite in SUITES {
        let (mut outbound, mut inbound) = pair(suite, false);
        let packet = seal(&mut outbound, &[7; 100]);
        let least = suite.sealed_len(0);
        for len in 0..packet.len() {
            let verdict = inbound.open(&mut packet[..len].to_vec()).unwrap_err();
            let expected = if len < least { Rejected::Truncated } else { Rejected::NotAuthentic };
            assert_eq!(verdict, expected, "{suite:?} {len}");
        }
    }
}

#[test]
fn a_packet_passes_once_and_in_the_window_only() {
    let (mut outbound, mut inbound) = pair(GCM, false);
    let first = seal(&mut outbound, b"first");
    let second = seal(&mut outbound, b"second");
    outbound.skip_to(8192);
    let far = seal(&mut outbound, b"far ahead");
    assert!(inbound.open(&mut far.clone()).unwrap().newest);
    assert_eq!(inbound.open(&mut first.clone()), Err(Rejected::TooOld));
    assert!(!inbound.open(&mut second.clone()).unwrap().newest);
    assert_eq!(inbound.open(&mut second.clone()), Err(Rejected::Replayed));
    assert_eq!(inbound.open(&mut far.clone()), Err(Rejected::Replayed));

    let mut zero = first;
    zero[4..8].fill(0);
    assert_eq!(inbound.open(&mut zero), Err(Rejected::SequenceZero));
}

/// Every packet, in whatever order within the window, past the end of 32 bits.
#[test]
fn extended_sequence_numbers_go_on() {
    for suite in SUITES {
        let (mut outbound, mut inbound) = pair(suite, true);
        let start = u64::from(u32::MAX) - 20;
        outbound.skip_to(start);
        inbound.skip_to(start);
        let mut packets: Vec<_> = (0..40_u8).map(|n| seal(&mut outbound, &[n])).collect();
        packets.chunks_mut(8).for_each(<[_]>::reverse);
        for packet in &packets {
            assert!(inbound.open(&mut packet.clone()).is_ok());
            assert_eq!(inbound.open(&mut packet.clone()), Err(Rejected::Replayed));
        }
    }
}

#[test]
fn sequence_numbers_never_wrap() {
    for suite in SUITES {
        for (esn, last) in [(false, u64::from(u32::MAX)), (true, u64::MAX)] {
            let (mut outbound, _) = pair(suite, esn);
            outbound.skip_to(last - 1);
            let packet = seal(&mut outbound, b"the last");
            assert_eq!(packet[4..8], [0xff; 4]);
            for _ in 0..2 {
                assert_eq!(outbound.seal_into(b"", 4, &mut [0; 128]), Err(Exhausted::Sequence));
            }
            assert_eq!(outbound.usage().packets, 1);
        }
    }
}

#[test]
fn limits_hold_in_both_directions() {
    let limits = Limits { soft_packets: 2, hard_packets: 3, ..Limits::NONE };
    let parameters = parameters(GCM, true);
    let mut outbound = Outbound::new(&parameters, limits).unwrap();
    let mut inbound = Inbound::new(&parameters, 64, limits).unwrap();
    let mut due = vec![];
    for _ in 0..3 {
        let mut packet = seal(&mut outbound, &[0; 50]);
        assert!(inbound.open(&mut packet).is_ok());
        due.push((outbound.take_due(), inbound.take_due()));
    }
    assert_eq!(due, [(false, false), (true, true), (false, false)]);
    assert_eq!(outbound.seal_into(&[], 4, &mut [0; 64]), Err(Exhausted::Lifetime));
    assert_eq!(inbound.open(&mut [0; 64]), Err(Rejected::Expired));
    assert_eq!(outbound.usage(), Usage { packets: 3, octets: 3 * 52 });
    assert_eq!(outbound.usage(), inbound.usage());
}

/// Lengths: the longest packet for a room fits, and the next longer one does not.
#[test]
fn room_and_length_agree() {
    for suite in SUITES {
        for room in 0..3000 {
            let longest = suite.max_inner_len(room);
            assert!(longest == 0 || suite.sealed_len(longest) <= room, "{suite:?} {room}");
            assert!(suite.sealed_len(longest + 1) > room, "{suite:?} {room}");
        }
        assert_eq!(suite.sealed_len(usize::MAX), usize::MAX);
    }
    let (mut outbound, _) = pair(GCM, false);
    let mut short = vec![0; outbound.sealed_len(100) - 1];
    assert_eq!(outbound.seal_into(&[0; 100], 4, &mut short), Err(Exhausted::Room));
    assert_eq!(outbound.usage(), Usage::default());
}

/// What only the holder of the key can send.
#[test]
fn trailers_of_a_peer() {
    let open = |text: &[u8]| {
        let (_, mut inbound) = pair(GCM, false);
        let mut packet = seal_text(text);
        let verdict = inbound.open(&mut packet).map(|opened| opened.inner.to_vec());
        assert_eq!(inbound.usage().packets, 1, "authentic");
        assert_eq!(inbound.open(&mut seal_text(text)), Err(Rejected::Replayed));
        verdict
    };
    assert_eq!(open(b"hidden length\0\0\0\0\0\x00\x04"), Ok(b"hidden length\0\0\0\0\0".to_vec()));
    assert_eq!(open(&[0; 4]), Ok(vec![0; 2]));
    assert_eq!(open(&[9, 9, 9, 9, 9, 9, 0, 59]), Err(Rejected::Dummy));
    assert_eq!(open(&[9, 9, 9, 9, 9, 1, 2, 4]), Err(Rejected::Padding));
    assert_eq!(open(&[1, 2, 3, 4, 5, 6, 7, 4]), Err(Rejected::Padding));
}

#[test]
fn unfit_parameters_are_named() {
    for window in [0, 1, 32, 63, 96, 131_072] {
        let made = Inbound::new(&parameters(GCM, false), window, Limits::NONE);
        assert_eq!(made.err(), Some(Error::Window(window)));
    }
    for suite in SUITES {
        let right = parameters(suite, false);
        for wrong in [
            Parameters { encryption: &KEY[..15], ..right },
            Parameters { integrity: &KEY[..31], ..right },
        ] {
            let made = Outbound::new(&wrong, Limits::NONE).err();
            assert!(matches!(made, Some(Error::Crypto(crypto::Error::Length { .. }))), "{made:?}");
        }
    }
    // The key lengths of both AES ciphers are right, but not of the one that was agreed on.
    let suite = Suite::CbcHmac { key_len: 32, integrity: Integrity::HmacSha256_128 };
    let wrong = Parameters { encryption: &KEY[..16], ..parameters(suite, false) };
    assert!(Outbound::new(&wrong, Limits::NONE).is_err());
}

#[test]
fn no_key_is_shown() {
    for suite in SUITES {
        let (outbound, inbound) = pair(suite, true);
        let shown = format!("{:?} {outbound:?} {inbound:?}", parameters(suite, true));
        let as_list_or_hex = ["92, 92", "5c5c", "5C5C"];
        assert!(!as_list_or_hex.iter().any(|key| shown.contains(key)), "{shown}");
    }
}
