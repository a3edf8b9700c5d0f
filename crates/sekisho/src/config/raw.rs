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
