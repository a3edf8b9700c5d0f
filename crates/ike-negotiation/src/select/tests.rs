use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;
use crate::algorithm::configurable;
use crate::log_notation::offer;
use ike_wire::TransformType;

const WINDOWS_KIT: &str = "IKE:AES_CBC_256/HMAC_SHA2_384_192/PRF_HMAC_SHA2_384/ECP_384";
/// strongSwan's documentation, "iOS and macOS": iOS 16.5.
const IOS: &str = "IKE:AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048, \
    IKE:AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/ECP_256, \
    IKE:AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_1536, \
    IKE:AES_CBC_128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024, \
    IKE:3DES_CBC/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024";
/// strongSwan issue 2861.
const IOS_26: &str = "IKE:AES_GCM_16_256/PRF_HMAC_SHA2_256/ECP_256, \
    IKE:AES_GCM_16_256/PRF_HMAC_SHA2_256/MODP_2048, \
    IKE:AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/ECP_256, \
    IKE:AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048";
const IOS_26_ML_KEM: &str = "IKE:AES_GCM_16_256/PRF_HMAC_SHA2_384/ECP_384, \
    IKE:AES_GCM_16_256/PRF_HMAC_SHA2_384/ECP_384/KE1_ML_KEM_768";
/// AOSP, VpnIkev2Utils.java.
const ANDROID: &str = "IKE:AES_CTR_256/AES_CBC_256/AES_CTR_192/AES_CBC_192/AES_CTR_128/AES_CBC_128/\
    HMAC_SHA2_512_256/HMAC_SHA2_384_192/HMAC_SHA2_256_128/AES_XCBC_96/AES_CMAC_96/\
    MODP_4096/CURVE_25519/MODP_3072/MODP_2048/PRF_HMAC_SHA2_512/PRF_HMAC_SHA2_384/\
    PRF_HMAC_SHA2_256/PRF_AES128_XCBC/PRF_AES128_CMAC/PRF_HMAC_SHA1, \
    IKE:CHACHA20_POLY1305/AES_GCM_16_256/AES_GCM_12_256/AES_GCM_8_256/AES_GCM_16_128/\
    MODP_4096/CURVE_25519/MODP_3072/MODP_2048/PRF_HMAC_SHA2_512/PRF_HMAC_SHA2_384/\
    PRF_HMAC_SHA2_256/PRF_AES128_XCBC/PRF_AES128_CMAC/PRF_HMAC_SHA1";
/// strongSwan, proposal.c.
const STRONGSWAN: &str = "IKE:AES_CBC_128/AES_CBC_192/AES_CBC_256/CAMELLIA_CBC_128/3DES_CBC/\
    HMAC_SHA2_256_128/HMAC_SHA2_384_192/HMAC_SHA2_512_256/HMAC_SHA1_96/PRF_HMAC_SHA2_256/\
    PRF_HMAC_SHA2_384/PRF_HMAC_SHA2_512/PRF_HMAC_SHA1/ECP_256/ECP_384/ECP_521/CURVE_25519/\
    CURVE_448/MODP_3072/MODP_4096/MODP_6144/MODP_8192/MODP_2048, \
    IKE:AES_GCM_16_128/AES_GCM_16_192/AES_GCM_16_256/CHACHA20_POLY1305/PRF_HMAC_SHA2_256/\
    PRF_HMAC_SHA2_384/PRF_HMAC_SHA2_512/ECP_256/ECP_384/ECP_521/CURVE_25519/CURVE_448/MODP_2048";
const YAMAHA: &str = "IKE:AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048";
const FORTIGATE: &str = "IKE:AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048/MODP_1536, \
    IKE:AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048/MODP_1536, \
    IKE:AES_GCM_16_128/PRF_HMAC_SHA2_256/MODP_2048/MODP_1536, \
    IKE:AES_GCM_16_256/PRF_HMAC_SHA2_384/MODP_2048/MODP_1536";

#[test]
fn clients_get_the_best_they_offer_with_the_group_they_sent() {
    for (log, sent, number, suite) in [
        (WINDOWS_KIT, 20, 1, "aes256-sha384-ecp384"),
        (IOS, 14, 1, "aes256-sha256-modp2048"),
        (IOS_26, 19, 1, "aes256gcm16-prfsha256-ecp256"),
        (IOS_26, 14, 2, "aes256gcm16-prfsha256-modp2048"),
        (IOS_26_ML_KEM, 20, 2, "aes256gcm16-prfsha384-ecp384-ke1_mlkem768"),
        (ANDROID, 16, 2, "aes256gcm16-prfsha384-modp4096"),
        (STRONGSWAN, 19, 2, "aes256gcm16-prfsha384-ecp256"),
        // A group we lack was sent: it will be asked for the best common one.
        (STRONGSWAN, 32, 2, "aes256gcm16-prfsha384-ecp384"),
        (YAMAHA, 14, 1, "aes256-sha256-modp2048"),
        (FORTIGATE, 14, 4, "aes256gcm16-prfsha384-modp2048"),
    ] {
        let selected = select_ike(&IkeProposal::defaults(), &offer(log), Some(sent)).expect(log);
        assert_eq!(selected.suite.to_string(), suite);
        assert_eq!(selected.answer.number, number, "{suite}");
    }
}

/// What a CHILD SA's offer gives, in IKE_AUTH or with the group sent in CREATE_CHILD_SA.
fn child(configured: &str, log: &str, rekey: Option<Option<u16>>) -> Option<String> {
    let configured = match configured {
        "" => ChildProposal::defaults(),
        text => vec![text.parse().unwrap()],
    };
    let possible = if rekey.is_some() { KeyExchange::Possible } else { KeyExchange::Forbidden };
    let selected = select_child(&configured, &offer(log), possible, rekey.flatten());
    selected.ok().map(|selected| format!("{} {:?}", selected.suite, selected.answer.transforms))
}

#[test]
fn a_child_sa_has_a_key_exchange_as_both_ends_want_it() {
    let with = "ESP:AES_GCM_16_256/ECP_384/NO_EXT_SEQ";
    let without = "ESP:AES_GCM_16_256/NO_EXT_SEQ";
    let either = "ESP:AES_GCM_16_256/ECP_384/NONE/NO_EXT_SEQ";
    let plain = Some("aes256gcm16 [1:20/256, 5:0]".to_owned());
    let pfs = Some("aes256gcm16-ecp384 [1:20/256, 4:20, 5:0]".to_owned());
    let echo = Some("aes256gcm16 [1:20/256, 4:0, 5:0]".to_owned());
    for (configured, log, rekey, expected) in [
        // IKE_AUTH: groups mean nothing.
        ("", without, None, &plain),
        ("aes256gcm16-ecp384", without, None, &plain),
        ("aes256gcm16-ecp384", with, None, &plain),
        ("aes256gcm16-ecp384", either, None, &echo),
        // Rekeying: Windows and iOS want it, macOS does not.
        ("", with, Some(Some(20)), &pfs),
        ("", without, Some(None), &plain),
        ("", either, Some(Some(20)), &pfs),
        ("aes256gcm16-ecp384-none", either, Some(None), &echo),
        ("aes256gcm16-ecp384", either, Some(None), &pfs),
        ("aes256gcm16-ecp384", without, Some(None), &None),
        ("aes256gcm16", with, Some(Some(20)), &None),
        ("aes256gcm16", either, Some(Some(20)), &echo),
    ] {
        assert_eq!(&child(configured, log, rekey), expected, "{configured} {log} {rekey:?}");
    }
}

#[test]
fn rules_of_rfc_7296_on_each_type() {
    let some = |text: &str| Some(text.to_owned());
    for (configured, log, expected) in [
        // ESN is mandatory; who forgets it has none.
        ("aes256gcm16-esn-noesn", "ESP:AES_GCM_16_256", some("aes256gcm16 [1:20/256]")),
        ("aes256gcm16-esn", "ESP:AES_GCM_16_256", None),
        (
            "aes256gcm16-esn-noesn",
            "ESP:AES_GCM_16_256/NO_EXT_SEQ/EXT_SEQ",
            some("aes256gcm16-esn [1:20/256, 5:1]"),
        ),
        // With an AEAD, integrity is none, said or unsaid.
        (
            "aes256gcm16",
            "ESP:AES_GCM_16_256/AUTH_NONE/NO_EXT_SEQ",
            some("aes256gcm16 [1:20/256, 3:0, 5:0]"),
        ),
        (
            "aes256gcm16",
            "ESP:AES_GCM_16_256/HMAC_SHA2_256_128/NO_EXT_SEQ",
            some("aes256gcm16 [1:20/256, 5:0]"),
        ),
        ("aes256-sha256", "ESP:AES_CBC_256/AUTH_NONE/NO_EXT_SEQ", None),
        ("aes256-sha256", "ESP:AES_CBC_256/NO_EXT_SEQ", None),
        // Key lengths.
        ("aes256gcm16", "ESP:AES_GCM_16/NO_EXT_SEQ", None),
        ("aes256gcm16", "ESP:AES_GCM_16_128/NO_EXT_SEQ", None),
        // A type that ESP does not have.
        ("aes256gcm16", "ESP:AES_GCM_16_256/PRF_HMAC_SHA2_256/NO_EXT_SEQ", None),
        ("aes256gcm16", "AH:HMAC_SHA2_256_128/NO_EXT_SEQ", None),
    ] {
        assert_eq!(child(configured, log, None), expected, "{configured} {log}");
    }
}

#[test]
fn odd_attributes_make_another_transform() {
    let configured = ["chacha20poly1305-aes256gcm16".parse().unwrap()];
    let select = |change: fn(&mut Transform)| {
        let mut offered = offer("ESP:CHACHA20_POLY1305/AES_GCM_16_256/NO_EXT_SEQ");
        change(&mut offered[0].transforms[0]);
        select_child(&configured, &offered, KeyExchange::Forbidden, None).unwrap().suite.to_string()
    };
    assert_eq!(select(|_| ()), "chacha20poly1305");
    assert_eq!(select(|chacha| chacha.key_length = Some(256)), "aes256gcm16");
    assert_eq!(select(|chacha| chacha.unknown_attribute = true), "aes256gcm16");
}

#[test]
fn additional_key_exchanges_follow_rfc_9370() {
    let select = |configured: &str, groups: &str, sent| {
        let configured = format!("aes256gcm16-prfsha384-{configured}").parse().unwrap();
        let offered = offer(&format!("IKE:AES_GCM_16_256/PRF_HMAC_SHA2_384/{groups}"));
        let selected = select_ike(&[configured], &offered, Some(sent)).ok()?;
        let suite = selected.suite.to_string();
        let exchanges = selected.answer.transforms.into_iter().skip(2).collect::<Vec<_>>();
        Some(format!("{} {exchanges:?}", suite.strip_prefix("aes256gcm16-prfsha384-").unwrap()))
    };
    let some = |text: &str| Some(text.to_owned());
    // Each type offered is answered; none only where it was offered.
    let offered = "CURVE_25519/KE1_ML_KEM_1024/KE1_ML_KEM_768/KE1_NONE/KE2_CURVE_448/KE2_NONE";
    assert_eq!(
        select("x25519-ke1_mlkem768", offered, 31),
        some("x25519-ke1_mlkem768 [4:31, 6:36, 7:0]")
    );
    assert_eq!(select("x25519", offered, 31), some("x25519 [4:31, 6:0, 7:0]"));
    assert_eq!(select("x25519", "CURVE_25519/KE1_ML_KEM_768", 31), None);
    assert_eq!(select("x25519-ke1_mlkem768", "CURVE_25519", 31), None);
    assert_eq!(select("x25519-ke1_mlkem768-ke1_none", "CURVE_25519", 31), some("x25519 [4:31]"));
    // No method twice, even where that costs the group that was sent.
    let offered = "ML_KEM_768/CURVE_25519/KE1_ML_KEM_768";
    let configured = "x25519-mlkem768-ke1_mlkem768-ke1_none";
    assert_eq!(select(configured, offered, 36), some("x25519-ke1_mlkem768 [4:31, 6:36]"));
}

#[test]
fn an_answer_repeats_the_number_of_the_proposal() {
    let mut offered = offer(YAMAHA);
    offered[0].number = 3;
    let selected = select_ike(&IkeProposal::defaults(), &offered, None).unwrap();
    assert_eq!(selected.answer.number, 3);
    assert_eq!(selected.answer.spi, Spi::None);
}

/// Transforms known and unknown; enough of them agree to make selections succeed often.
fn transforms() -> impl Strategy<Value = Vec<Transform>> {
    let known: Vec<Transform> = configurable().collect();
    let foreign = (1..8_u8, 0..40_u16, prop::option::of(Just(128_u16)), any::<bool>()).prop_map(
        |(kind, id, key_length, unknown_attribute)| Transform {
            kind: TransformType(kind),
            id,
            key_length,
            unknown_attribute,
        },
    );
    let known = subsequence(known.clone(), known.len() / 2..known.len());
    (known, prop::collection::vec(foreign, 0..3))
        .prop_map(|(known, foreign)| [known, foreign].concat())
        .prop_shuffle()
}

fn offers() -> impl Strategy<Value = Vec<Proposal>> {
    prop::collection::vec(transforms(), 1..4).prop_map(|all| {
        let numbered = (1..).zip(all);
        let proposal = |(number, transforms)| Proposal {
            number,
            protocol: Protocol::Ike,
            spi: Spi::None,
            transforms: remove_sequence_numbers(transforms),
        };
        numbered.map(proposal).collect()
    })
}

fn remove_sequence_numbers(mut transforms: Vec<Transform>) -> Vec<Transform> {
    transforms.retain(|one| one.kind != TransformType::SEQUENCE_NUMBERS);
    transforms
}

proptest! {
    #[test]
    fn what_is_selected_is_offered_and_configured(offered in offers(), sent in 14..40_u16) {
        let configured = IkeProposal::defaults();
        if let Ok(selected) = select_ike(&configured, &offered, Some(sent)) {
            let offer = offered.iter().find(|one| one.number == selected.answer.number).unwrap();
            let mut kinds: Vec<_> = offer.transforms.iter().map(|one| one.kind).collect();
            kinds.sort_unstable();
            kinds.dedup();
            let answered: Vec<_> = selected.answer.transforms.iter().map(|one| one.kind).collect();
            kinds.retain(|kind| *kind != TransformType::INTEGRITY || answered.contains(kind));
            prop_assert_eq!(answered, kinds);
            for one in &selected.answer.transforms {
                let is_configured = configured.iter().any(|menu| menu.0.contains(*one));
                prop_assert!(offer.transforms.contains(one));
                prop_assert!(one.id == NONE || is_configured);
            }
        }
    }

    #[test]
    fn the_order_of_an_offer_does_not_matter(
        (offered, mut shuffled) in offers().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        sent in 14..40_u16,
    ) {
        let suite = |offered: &[Proposal]| {
            select_ike(&IkeProposal::defaults(), offered, Some(sent)).map(|one| one.suite).ok()
        };
        shuffled.iter_mut().for_each(|one| one.transforms.reverse());
        prop_assert_eq!(suite(&offered), suite(&shuffled));
    }
}
