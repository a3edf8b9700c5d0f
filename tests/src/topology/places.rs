//! Who is where, and what the register says of them.

use std::fmt::Write as _;
use std::net::SocketAddr;

use demo::systems::Kind;

/// The gateway, on the Internet.
pub const CENTRE: &str = "192.0.2.1";
/// The gateway, in the systems' network.
pub const CENTRE_INSIDE: &str = "10.20.0.1";
/// The hospital on the IP-VPN.
pub const MEMBER: &str = "10.8.1.10";
/// Somebody on the same closed network whom nobody has registered.
pub const STRANGER: &str = "10.8.9.10";
/// A host of the hospital behind a site router.
pub const WARD: &str = "10.1.5.10";
/// What is behind that router.
pub const WARD_NETWORK: &str = "10.1.5.0/24";
/// The addresses that clinics' terminals are given.
pub const POOL: &str = "10.99.0.0/24";
/// The pharmacy, on the Internet.
pub const PHARMACY: &str = "198.18.3.2";
/// Somebody on the Internet who wants in.
pub const INTRUDER: &str = "198.18.4.2";

/// What the site router calls itself, and its key.
pub const ROUTER: &str = "rtx.3710002.example";
/// Likewise.
pub const KEY: &str = "correct-horse-battery-staple";

/// TCP port of the TLS listener for all systems.
pub const HTTPS: u16 = 443;
/// TCP port of the TLS listener of [`Kind::ChiikiKanja`]'s HL7 messages.
pub const MLLPS: u16 = 2575;
/// The same without TLS, at the system.
pub const MLLP: u16 = 2575;
/// A TCP port that no system serves.
pub const UNSERVED: u16 = 8080;

/// The institutions, as a support desk would import them.
pub(super) const ROSTER: &str = "\
機関コード,機関名,種別,状態,接続方式,利用システム,IP-VPN,内側アドレス,端末,端末名,端末状態
3710001,高松中央病院（デモ）,病院,利用中,ip-vpn,chiiki-kanja kmix-plus enkaku-dokuei renkei-path,10.8.1.0/24,,,,
3710002,屋島総合病院（デモ）,病院,利用中,ipsec,chiiki-kanja kmix-plus enkaku-dokuei,,10.1.5.0/24,,,
3710101,栗林クリニック（デモ）,診療所,利用中,ipsec,kmix-r-basic chiiki-kanja,,,pc-1,受付,利用中
3740001,坂出薬局（デモ）,薬局,利用中,tls,kmix-r-basic chiiki-kanja,,,pc-1,調剤室,利用中
";

/// Where a system is: its main service.
pub fn system(kind: Kind) -> SocketAddr {
    let (host, port) = match kind {
        Kind::KmixRBasic => (10, 80),
        Kind::ChiikiKanja => (20, 80),
        Kind::KmixPlus => (30, 80),
        Kind::EnkakuDokuei => (40, 11_112),
        Kind::RenkeiPath => (50, 80),
    };
    SocketAddr::from(([10, 20, 0, host], port))
}

/// What the gateway's configuration says of a system's place.
pub(super) fn destination(kind: Kind) -> String {
    let address = system(kind);
    let mut services = format!("\"tcp/{}\", \"icmp\"", address.port());
    if kind == Kind::ChiikiKanja {
        let _infallible = write!(services, ", \"tcp/{MLLP}\"");
    }
    format!("[[system.destination]]\nnetwork = \"{}/32\"\nservices = [{services}]\n", address.ip())
}
