//! The demo's institutions and terminals, as a support desk would import them.

/// The trust domain of the demo's identities.
pub(super) const TRUST_DOMAIN: &str = "kmix-r.example";

/// 機関と端末. Of the last three terminals one is suspended, one will be revoked, and one
/// belongs to an institution that is suspended.
pub(super) const CSV: &str = "\
機関コード,機関名,種別,状態,接続方式,利用システム,利用時間,端末,端末名,端末状態
3710001,高松中央病院（デモ）,病院,利用中,tls,kmix-r-basic chiiki-kanja kmix-plus enkaku-dokuei renkei-path,,ct-1,CT室 1号機,利用中
3710001,,,,,,,pc-1,地域連携室,利用中
3710002,屋島総合病院（デモ）,病院,利用中,tls,kmix-plus enkaku-dokuei renkei-path,daily 00:00-24:00,pc-1,放射線科,利用中
3710101,栗林クリニック（デモ）,診療所,利用中,tls,kmix-r-basic chiiki-kanja renkei-path,,pc-1,受付,利用中
3710101,,,,,,,old-pc,廃棄した端末,利用中
3710102,仏生山医院（デモ）,診療所,利用中,tls,kmix-r-basic,,pc-1,診察室,停止
3720001,丸亀歯科（デモ）,歯科診療所,利用中,tls,kmix-r-basic,,pc-1,受付,利用中
3720002,善通寺歯科（デモ）,歯科診療所,利用中,ip-vpn,kmix-r-basic,,pc-1,受付,利用中
3740001,坂出薬局（デモ）,薬局,利用中,tls,kmix-r-basic chiiki-kanja,,pc-1,調剤室,利用中
3740002,観音寺薬局（デモ）,薬局,停止,tls,kmix-r-basic,,pc-1,調剤室,利用中
";

/// Terminals that get a certificate.
pub(super) const TERMINALS: &[&str] = &[
    "3710001/ct-1",
    "3710001/pc-1",
    "3710002/pc-1",
    "3710101/pc-1",
    "3710101/old-pc",
    "3710102/pc-1",
    "3720001/pc-1",
    "3720002/pc-1",
    "3740001/pc-1",
    "3740002/pc-1",
];
