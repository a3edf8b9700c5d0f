use crate::log_notation::offer;
use crate::{IkeProposal, select_ike};

use super::*;

#[test]
fn an_administrator_can_act_on_the_explanation() {
    let configured = ["aes256gcm16-prfsha384-ecp384-x25519".parse().unwrap()];
    let offered = offer(
        "IKE:3DES_CBC/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024, \
         IKE:AES_GCM_16_256/PRF_HMAC_SHA2_384/MODP_1024",
    );
    let mismatch = select_ike(&configured, &offered, Some(2)).unwrap_err();
    assert_eq!(
        mismatch.explain(Language::English),
        "No common key-exchange group: offered modp1024 (group 2); configured ecp384 (group 20), \
         x25519 (group 31). Offered: 3des-prfsha1-sha1-modp1024, \
         aes256gcm16-prfsha384-modp1024. Configured: aes256gcm16-prfsha384-ecp384-x25519. \
         Remedy: the device offers modp1024 (group 2) only, as Windows does by default: install \
         the connection kit."
    );
    assert_eq!(
        mismatch.explain(Language::Japanese),
        "鍵交換グループが一致しません: 相手の提案 modp1024 (グループ 2)、こちらの設定 ecp384 (グループ 20), \
         x25519 (グループ 31)。提案の全体: 3des-prfsha1-sha1-modp1024, \
         aes256gcm16-prfsha384-modp1024。設定の全体: aes256gcm16-prfsha384-ecp384-x25519。\
         対処: 相手機器は modp1024（グループ 2）しか提案していません。Windows の初期設定がこれに当たります。\
         接続キットを導入してください。"
    );
}

#[test]
fn a_hostile_offer_makes_no_long_text() {
    let transforms = (0..=u8::MAX).map(|number| Transform {
        kind: TransformType(number / 64),
        id: u16::MAX,
        key_length: Some(u16::MAX),
        unknown_attribute: true,
    });
    let proposal = Proposal { transforms: transforms.collect(), ..offer("IKE:3DES_CBC").remove(0) };
    let offered = vec![proposal; 64];
    let mismatch = select_ike(&IkeProposal::defaults(), &offered, None).unwrap_err();
    let text = mismatch.explain(Language::English);
    assert!(text.contains("… and 236 more") && text.contains("… and 58 more"), "{text}");
    assert!(text.chars().count() <= 8_192, "{}", text.chars().count());
}
