//! What a strongSwan is configured with, as `swanctl.conf` has it.
//!
//! Fields are what tests vary; `more` takes any further line of a section, as
//! `swanctl.conf(5)` describes them.

use std::fmt::{Display, Write as _};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::peers::Credential;

/// The whole.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Connections, each with a name of its own.
    pub connections: Vec<Connection>,
    /// Shared secrets.
    pub secrets: Vec<Secret>,
    /// Virtual addresses to give out: name and range, as `10.3.0.0/24`.
    pub pools: Vec<(String, String)>,
    /// Certificates of CAs, all trusted: the first in each file.
    pub authorities: Vec<PathBuf>,
    /// Revocation lists.
    pub crls: Vec<PathBuf>,
    /// Further lines of `strongswan.conf` for the daemon, as `fragment_size = 600`. Read at the
    /// start only.
    pub settings: String,
    /// How much the daemon says: 1, if none, what it does; 2 also why; 3 also bytes; 4 also
    /// secrets.
    pub verbosity: Option<u8>,
}

/// A secret that is shared with someone.
#[derive(Clone, Debug)]
pub enum Secret {
    /// A pre-shared key.
    Ike {
        /// Whose; the first is found for any pair of identities if none is given.
        ids: Vec<String>,
        /// Text, or `0x…` or `0s…` for bytes in hexadecimal or base64.
        key: String,
    },
    /// A post-quantum pre-shared key (RFC 8784).
    Ppk {
        /// Its identity.
        id: String,
        /// As that of `Ike`.
        key: String,
    },
    /// A password for EAP.
    Eap {
        /// Whose.
        id: String,
        /// The password.
        key: String,
    },
}

/// A connection: how an IKE SA is made, and what runs within.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its name.
    pub name: String,
    /// Own addresses; any if empty.
    pub local_addrs: Vec<IpAddr>,
    /// The peer's addresses; any if empty.
    pub remote_addrs: Vec<IpAddr>,
    /// How this side shows who it is.
    pub local: Party,
    /// How the peer must.
    pub remote: Party,
    /// IKE proposals, as `aes256gcm16-prfsha384-ecp384`; strongSwan's own if empty.
    pub proposals: Vec<String>,
    /// Virtual addresses to ask for; the unspecified address asks for any.
    pub vips: Vec<IpAddr>,
    /// Pools to give out virtual addresses from.
    pub pools: Vec<String>,
    /// Whether it offers MOBIKE (RFC 4555).
    pub mobike: bool,
    /// Whether it offers fragmentation (RFC 7383).
    pub fragmentation: bool,
    /// Whether it claims to be behind a translator, so that ESP goes in UDP. With the ESP of
    /// libipsec it does so in any case.
    pub encap: bool,
    /// `allow`, `prefer`, `force`, `never`: IKE SAs without a child (RFC 6023).
    pub childless: Option<&'static str>,
    /// After what silence it asks whether the peer is alive; never if none.
    pub dpd_delay: Option<Duration>,
    /// After what time it rekeys the IKE SA, exactly.
    pub rekey_time: Option<Duration>,
    /// After what time it authenticates anew, exactly.
    pub reauth_time: Option<Duration>,
    /// The identity of a post-quantum pre-shared key, and whether it insists (RFC 8784).
    pub ppk: Option<(String, bool)>,
    /// What it may protect.
    pub children: Vec<Child>,
    /// Further lines.
    pub more: Vec<String>,
}

impl Connection {
    /// A connection of this name with the rest as strongSwan has it.
    pub fn new(name: &str, local: Party, remote: Party) -> Self {
        Self {
            name: name.to_owned(),
            local_addrs: Vec::new(),
            remote_addrs: Vec::new(),
            local,
            remote,
            proposals: Vec::new(),
            vips: Vec::new(),
            pools: Vec::new(),
            mobike: true,
            fragmentation: true,
            encap: false,
            childless: None,
            dpd_delay: None,
            rekey_time: None,
            reauth_time: None,
            ppk: None,
            children: Vec::new(),
            more: Vec::new(),
        }
    }
}

/// One end of a connection, and how it shows who it is.
#[derive(Clone, Debug)]
pub struct Party {
    /// `psk`, `pubkey`, or with a signature scheme, as `ike:ecdsa-sha256` or `ike:rsa/pss`.
    pub auth: String,
    /// Its identity; for this side the subject of its certificate if none, for the peer any.
    pub id: Option<String>,
    /// This side's certificate, with the CA's that lead to it in the same file, and its key.
    pub certificate: Option<Credential>,
    /// Further lines, as `revocation = strict` for a peer.
    pub more: Vec<String>,
}

impl Party {
    /// Whoever has the pre-shared key of this identity.
    pub fn psk(id: &str) -> Self {
        Self { auth: "psk".to_owned(), id: Some(id.to_owned()), ..Self::pubkey() }
    }

    /// This side, by certificate.
    pub fn certificate(credential: Credential) -> Self {
        Self { certificate: Some(credential), ..Self::pubkey() }
    }

    /// A peer with any certificate of the authorities.
    pub fn pubkey() -> Self {
        Self { auth: "pubkey".to_owned(), id: None, certificate: None, more: Vec::new() }
    }

    /// The same with an identity.
    #[must_use]
    pub fn with_id(self, id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..self }
    }

    /// The same with a further line.
    #[must_use]
    pub fn with(mut self, line: &str) -> Self {
        self.more.push(line.to_owned());
        self
    }
}

/// A pair of SAs that protect traffic.
#[derive(Clone, Debug)]
pub struct Child {
    /// Its name.
    pub name: String,
    /// Own networks, as `10.1.0.0/24` or `10.1.0.0/24[tcp/443]`; the own (virtual) address if
    /// empty.
    pub local_ts: Vec<String>,
    /// The peer's networks, likewise.
    pub remote_ts: Vec<String>,
    /// ESP proposals, as `aes256gcm16-x25519`; strongSwan's own if empty.
    pub esp_proposals: Vec<String>,
    /// After what time it is rekeyed, exactly.
    pub rekey_time: Option<Duration>,
    /// Further lines.
    pub more: Vec<String>,
}

impl Child {
    /// A child between two networks.
    pub fn between(name: &str, local: &str, remote: &str) -> Self {
        Self {
            name: name.to_owned(),
            local_ts: vec![local.to_owned()],
            remote_ts: vec![remote.to_owned()],
            esp_proposals: Vec::new(),
            rekey_time: None,
            more: Vec::new(),
        }
    }
}

impl Config {
    /// The text of `swanctl.conf`.
    pub(super) fn swanctl(&self) -> String {
        let mut text = Text::default();
        text.section("connections", |text| {
            for connection in &self.connections {
                text.section(&connection.name, |text| connection.write(text));
            }
        });
        text.section("secrets", |text| {
            for (number, secret) in self.secrets.iter().enumerate() {
                secret.write(number, text);
            }
        });
        text.section("pools", |text| {
            for (name, addresses) in &self.pools {
                text.section(name, |text| text.line("addrs", addresses));
            }
        });
        text.0
    }
}

impl Connection {
    fn write(&self, text: &mut Text) {
        text.line("version", 2);
        text.list("local_addrs", &self.local_addrs);
        text.list("remote_addrs", &self.remote_addrs);
        text.list("proposals", &self.proposals);
        text.list("vips", &self.vips);
        text.list("pools", &self.pools);
        text.line("mobike", yes_or_no(self.mobike));
        text.line("fragmentation", yes_or_no(self.fragmentation));
        text.line("encap", yes_or_no(self.encap));
        text.some("childless", self.childless);
        text.some("dpd_delay", self.dpd_delay.map(seconds));
        text.times(self.rekey_time);
        text.some("reauth_time", self.reauth_time.map(seconds));
        text.some("ppk_id", self.ppk.as_ref().map(|(id, _)| id));
        text.some("ppk_required", self.ppk.as_ref().map(|(_, required)| yes_or_no(*required)));
        text.lines(&self.more);
        text.section("local", |text| self.local.write(self.local_certificate(), text));
        text.section("remote", |text| self.remote.write(None, text));
        text.section("children", |text| {
            for child in &self.children {
                text.section(&child.name, |text| child.write(text));
            }
        });
    }

    /// Under what name its certificate is kept, if there is one.
    pub(super) fn local_certificate(&self) -> Option<String> {
        self.local.certificate.as_ref().map(|_| format!("{}.pem", self.name))
    }
}

impl Party {
    fn write(&self, certificate: Option<String>, text: &mut Text) {
        text.line("auth", &self.auth);
        text.some("id", self.id.as_ref());
        text.some("certs", certificate);
        text.lines(&self.more);
    }
}

impl Child {
    fn write(&self, text: &mut Text) {
        text.list("local_ts", &self.local_ts);
        text.list("remote_ts", &self.remote_ts);
        text.list("esp_proposals", &self.esp_proposals);
        text.times(self.rekey_time);
        text.lines(&self.more);
    }
}

impl Secret {
    fn write(&self, number: usize, text: &mut Text) {
        let (kind, ids, key) = match self {
            Self::Ike { ids, key } => ("ike", ids.as_slice(), key),
            Self::Ppk { id, key } => ("ppk", std::slice::from_ref(id), key),
            Self::Eap { id, key } => ("eap", std::slice::from_ref(id), key),
        };
        text.section(&format!("{kind}-{number}"), |text| {
            for (number, id) in ids.iter().enumerate() {
                text.line(&format!("id-{number}"), id);
            }
            text.line("secret", key);
        });
    }
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs())
}

/// A file of sections and settings.
#[derive(Default)]
struct Text(String);

impl Text {
    fn section(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        self.raw(&format!("{name} {{"));
        write(self);
        self.raw("}");
    }

    fn line(&mut self, key: &str, value: impl Display) {
        let value = value.to_string().replace('\\', r"\\").replace('"', "\\\"");
        self.raw(&format!("{key} = \"{value}\""));
    }

    fn some(&mut self, key: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.line(key, value);
        }
    }

    fn list(&mut self, key: &str, values: &[impl Display]) {
        let values: Vec<_> = values.iter().map(ToString::to_string).collect();
        self.some(key, (!values.is_empty()).then(|| values.join(",")));
    }

    /// strongSwan spreads rekeying over some time; a test wants to know when it happens.
    fn times(&mut self, rekey: Option<Duration>) {
        if let Some(rekey) = rekey {
            self.line("rekey_time", seconds(rekey));
            self.line("rand_time", "0s");
        }
    }

    fn lines(&mut self, lines: &[String]) {
        lines.iter().for_each(|line| self.raw(line));
    }

    fn raw(&mut self, line: &str) {
        let _infallible = writeln!(self.0, "{line}");
    }
}
