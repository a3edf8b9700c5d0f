//! The roster: what support-desk staff register and change.

use std::fmt;

use ipnet::IpNet;

use crate::{Fingerprint, Hours, InstitutionCode, SystemId, TerminalName, UnixSeconds};

/// A word that is not one of a closed list; holds the words that would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownWord(pub &'static [&'static str]);

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "is not one of: {}", self.0.join(", "))
    }
}

impl std::error::Error for UnknownWord {}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal / $ja:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant,)+ }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];
            /// The words for them, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word,)+];

            /// The word in files, records and commands.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The word for Japanese readers.
            pub fn japanese(self) -> &'static str {
                match self { $(Self::$variant => $ja,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownWord;

            fn from_str(text: &str) -> Result<Self, $crate::UnknownWord> {
                match text {
                    $($word | $ja => Ok(Self::$variant),)+
                    _ => Err($crate::UnknownWord(Self::WORDS)),
                }
            }
        }
    };
}

pub(crate) use words;

words! {
    /// The roads of clause 3.5(3).
    Network {
        /// A closed IP-VPN; plaintext, identified by source prefix.
        IpVpn = "ip-vpn" / "IP-VPN",
        /// IKEv2 and ESP.
        Ipsec = "ipsec" / "IPsec",
        /// TLS with a client certificate.
        Tls = "tls" / "TLS",
    }
}

words! {
    /// The kinds of institution of clause 2.4(3).
    InstitutionKind {
        /// 病院
        Hospital = "hospital" / "病院",
        /// 診療所
        Clinic = "clinic" / "診療所",
        /// 歯科診療所
        DentalClinic = "dental-clinic" / "歯科診療所",
        /// 薬局
        Pharmacy = "pharmacy" / "薬局",
    }
}

words! {
    /// Whether an institution, a terminal or a credential may be used.
    Status {
        /// In use.
        Active = "active" / "利用中",
        /// Stopped for now; may become active again.
        Suspended = "suspended" / "停止",
        /// Ended for good.
        Revoked = "revoked" / "失効",
    }
}

/// A set of roads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Networks(u8);

impl Networks {
    /// All three.
    pub const ALL: Self = Self(0b111);

    /// Whether `network` is in the set.
    pub fn contains(self, network: Network) -> bool {
        self.0 & 1 << network as u8 != 0
    }

    /// The members in order.
    pub fn iter(self) -> impl Iterator<Item = Network> {
        Network::ALL.iter().copied().filter(move |&network| self.contains(network))
    }
}

impl FromIterator<Network> for Networks {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self(networks.into_iter().fold(0, |bits, network| bits | 1 << network as u8))
    }
}

/// A medical institution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Institution {
    /// Its code.
    pub code: InstitutionCode,
    /// Its name for people.
    pub name: String,
    /// What it is.
    pub kind: InstitutionKind,
    /// Whether it may connect.
    pub status: Status,
    /// The roads it may use.
    pub networks: Networks,
    /// The systems it may reach.
    pub systems: Vec<SystemId>,
    /// When it may connect; `None` for always.
    pub hours: Option<Hours>,
    /// Its prefixes in the closed IP-VPN.
    pub ip_vpn_prefixes: Vec<IpNet>,
    /// Its prefixes inside IPsec tunnels.
    pub inner_prefixes: Vec<IpNet>,
    /// The institutions within whose prefixes its own may lie. Without this word an overlap is
    /// taken for a slip.
    pub within: Vec<InstitutionCode>,
}

/// A certificate known to belong to a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 over its DER.
    pub fingerprint: Fingerprint,
    /// First second of validity.
    pub not_before: UnixSeconds,
    /// Last second of validity.
    pub not_after: UnixSeconds,
}

/// What a terminal proves itself with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A client certificate (TLS, IKE).
    Certificate(Certificate),
    /// An IKE identity with a pre-shared key (site routers).
    IkeIdentity(String),
}

/// A terminal or site router of an institution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Its full name.
    pub name: TerminalName,
    /// Whether it may connect.
    pub status: Status,
    /// What it proves itself with, each with its own status. While a certificate is
    /// renewed both the old and the new one hold.
    pub credentials: Vec<(Credential, Status)>,
}

/// Everything support-desk staff register.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// Institutions.
    pub institutions: Vec<Institution>,
    /// Terminals; each names its institution.
    pub terminals: Vec<Terminal>,
}
