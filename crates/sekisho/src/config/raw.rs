//! The shape of `sekisho.toml`, before its values are checked. Unknown keys are errors.

use serde::Deserialize;
use toml::Spanned;

pub(super) type Text = Spanned<String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) gateway: RawGateway,
    pub(super) registry: RawRegistry,
    pub(super) log: RawLog,
    pub(super) ca: Option<RawCa>,
    pub(super) tls: RawTls,
    #[serde(default)]
    pub(super) data_plane: RawDataPlane,
    pub(super) ip_vpn: Option<RawIpVpn>,
    pub(super) ipsec: Option<RawIpsec>,
    #[serde(default)]
    pub(super) system: Vec<RawSystem>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGateway {
    pub(super) name: Text,
    pub(super) utc_offset: Option<Text>,
    pub(super) workers: Option<Spanned<u16>>,
    pub(super) socket: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRegistry {
    pub(super) path: Text,
    pub(super) key: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLog {
    pub(super) directory: Text,
    pub(super) queue: Option<Spanned<u32>>,
    pub(super) when_unwritable: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCa {
    pub(super) directory: Text,
    pub(super) trust_domain: Text,
    pub(super) passphrase_file: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTls {
    pub(super) client_ca: Spanned<Vec<Text>>,
    pub(super) crl: Spanned<Vec<Text>>,
    pub(super) setup_timeout: Option<Text>,
    pub(super) idle_timeout: Option<Text>,
    pub(super) drain_timeout: Option<Text>,
    #[serde(default)]
    pub(super) limits: RawLimits,
    #[serde(default)]
    pub(super) certificate: Vec<RawCertificate>,
    #[serde(default)]
    pub(super) listener: Vec<RawListener>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    pub(super) handshakes: Option<Spanned<u32>>,
    pub(super) handshakes_per_source: Option<Spanned<u32>>,
    pub(super) connections: Option<Spanned<u32>>,
    pub(super) connections_per_source: Option<Spanned<u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCertificate {
    pub(super) chain: Text,
    pub(super) key: Text,
    pub(super) passphrase_file: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawListener {
    pub(super) address: Text,
    pub(super) profile: Option<Text>,
    pub(super) system: Option<Text>,
    pub(super) upstream: Option<Text>,
    #[serde(default)]
    pub(super) proxy_protocol: bool,
    pub(super) require_extended_master_secret: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawIpsec {
    pub(super) listen: Spanned<Vec<Text>>,
    pub(super) port: Option<Spanned<u16>>,
    pub(super) nat_port: Option<Spanned<u16>>,
    pub(super) identity: Text,
    pub(super) client_ca: Option<Spanned<Vec<Text>>>,
    pub(super) crl: Option<Spanned<Vec<Text>>>,
    pub(super) ike_proposals: Option<Spanned<Vec<Text>>>,
    pub(super) esp_proposals: Option<Spanned<Vec<Text>>>,
    pub(super) ike_lifetime: Option<Text>,
    pub(super) child_lifetime: Option<Text>,
    pub(super) child_bytes: Option<Spanned<u64>>,
    pub(super) child_packets: Option<Spanned<u64>>,
    pub(super) dpd_interval: Option<Text>,
    #[serde(default)]
    pub(super) limits: RawIpsecLimits,
    #[serde(default)]
    pub(super) certificate: Vec<RawCertificate>,
    pub(super) pool: Option<RawPool>,
    #[serde(default)]
    pub(super) tunnel: RawTunnel,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTunnel {
    pub(super) path_mtu: Option<Spanned<u16>>,
    pub(super) dont_fragment: Option<bool>,
    pub(super) replay_window: Option<Spanned<u32>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDataPlane {
    pub(super) device: Option<Text>,
    pub(super) routing_table: Option<Spanned<u32>>,
    pub(super) rule_priority: Option<Spanned<u32>>,
    pub(super) workers: Option<Spanned<u16>>,
    pub(super) busy_poll: Option<Text>,
    pub(super) clamp_mss: Option<bool>,
    pub(super) fragment_inner: Option<bool>,
    pub(super) flows: Option<Spanned<u32>>,
    pub(super) flows_per_institution: Option<Spanned<u32>>,
    pub(super) flow_rate: Option<Spanned<u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawIpVpn {
    pub(super) interfaces: Spanned<Vec<Text>>,
    pub(super) device: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawIpsecLimits {
    pub(super) half_open: Option<Spanned<u32>>,
    pub(super) half_open_per_source: Option<Spanned<u32>>,
    pub(super) cookie_threshold: Option<u32>,
    pub(super) sas: Option<Spanned<u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPool {
    pub(super) addresses: Spanned<Vec<Text>>,
    #[serde(default)]
    pub(super) dns: Vec<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSystem {
    pub(super) id: Text,
    pub(super) name: Text,
    pub(super) upstream: Text,
    #[serde(default)]
    pub(super) hosts: Vec<Text>,
    #[serde(default)]
    pub(super) proxy_protocol: bool,
    #[serde(default)]
    pub(super) destination: Vec<RawDestination>,
    #[serde(default)]
    pub(super) maintenance: Vec<RawMaintenance>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDestination {
    pub(super) network: Text,
    pub(super) services: Vec<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMaintenance {
    pub(super) from: Text,
    pub(super) until: Text,
    #[serde(default)]
    pub(super) closed: bool,
}
