use crate::log_notation::offer;
use crate::{ChildProposal, IkeProposal, KeyExchange, select_child, select_ike};

use super::*;

/// strongSwan's wiki: Windows 7 to 11 as they come.
const WINDOWS: &str = "IKE:3DES_CBC/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024, \
    IKE:AES_CBC_256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024, \
    IKE:3DES_CBC/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_1024, \
    IKE:AES_CBC_256/HMAC_SHA2_384_192/PRF_HMAC_SHA2_384/MODP_1024";
const WINDOWS_ESP: &str = "ESP:AES_CBC_256/HMAC_SHA1_96/NO_EXT_SEQ, \
    ESP:3DES_CBC/HMAC_SHA1_96/NO_EXT_SEQ, ESP:DES_CBC/HMAC_SHA1_96/NO_EXT_SEQ";

#[test]
fn known_profiles_get_precise_remedies() {
    for (configured, log, remedy) in [
        ("", WINDOWS, Remedy::WindowsDefault),
        ("", "IKE:3DES_CBC/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_2048", Remedy::Legacy),
        ("", "IKE:AES_CBC_256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_2048", Remedy::Legacy),
        (
            "aes256gcm16-prfsha384-ecp384",
            "IKE:AES_GCM_16_256/PRF_HMAC_SHA2_384/MODP_4096/CURVE_25519/MODP_2048",
            Remedy::WithoutEcp,
        ),
        (
            "aes256gcm16-prfsha384-ecp384",
            "IKE:AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_384/ECP_384",
            Remedy::WithoutAead,
        ),
        (
            "aes256gcm16-prfsha384-x25519-ke1_mlkem768",
            "IKE:AES_GCM_16_256/PRF_HMAC_SHA2_384/CURVE_25519",
            Remedy::AdditionalKeyExchange,
        ),
        (
            "aes256gcm16-prfsha384-ecp384",
            "IKE:AES_GCM_16_256/PRF_HMAC_SHA2_256/ECP_384",
            Remedy::Align,
        ),
        ("", "ESP:AES_GCM_16_256/NO_EXT_SEQ", Remedy::NothingOffered),
    ] {
        let configured = match configured {
            "" => IkeProposal::defaults(),
            text => vec![text.parse().unwrap()],
        };
        let mismatch = select_ike(&configured, &offer(log), None).unwrap_err();
        assert_eq!(mismatch.remedy(), remedy, "{log}");
    }
}

#[test]
fn child_sas_have_remedies_of_their_own() {
    for (configured, log, remedy) in [
        ("aes256gcm16-ecp384", "ESP:AES_GCM_16_256/NO_EXT_SEQ", Remedy::PfsMissing),
        ("aes256gcm16", "ESP:AES_GCM_16_256/ECP_384/NO_EXT_SEQ", Remedy::PfsUnexpected),
        ("aes256gcm16", "ESP:AES_CBC_256/HMAC_SHA2_256_128/NO_EXT_SEQ", Remedy::WithoutAead),
        ("aes256gcm16-esn", "ESP:AES_GCM_16_256/NO_EXT_SEQ", Remedy::SequenceNumbers),
        ("aes256-sha256", WINDOWS_ESP, Remedy::Legacy),
        ("aes256gcm16", "AH:HMAC_SHA2_256_128/NO_EXT_SEQ", Remedy::Ah),
    ] {
        let configured: [ChildProposal; 1] = [configured.parse().unwrap()];
        let selected = select_child(&configured, &offer(log), KeyExchange::Possible, None);
        assert_eq!(selected.unwrap_err().remedy(), remedy, "{log}");
    }
}

#[test]
fn unassigned_numbers_are_recognised() {
    let mut offered = offer("IKE:AES_GCM_16_256/PRF_HMAC_SHA2_384/ECP_384");
    offered[0].transforms[0].id = 1234;
    let mismatch = select_ike(&IkeProposal::defaults(), &offered, None).unwrap_err();
    assert_eq!(mismatch.remedy(), Remedy::UnknownAlgorithm);
    assert!(mismatch.to_string().contains("offered encryption#1234/256; configured aes256gcm16,"));
}
