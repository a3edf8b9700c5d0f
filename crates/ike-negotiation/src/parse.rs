//! Reading proposals in strongSwan's notation.

#[cfg(test)]
mod tests;

use std::error::Error;
use std::fmt;

use crypto::cbc_hmac::Integrity;
use crypto::prf::Prf;
use ike_wire::{Transform, TransformType};

use crate::algorithm::{
    self, Algorithm as _, Encryption, NONE, is_additional, is_key_exchange, transform,
};
use crate::choice::{Rules, choose};
use crate::menu::Menu;
use crate::name::Named;
use crate::select::KeyExchange;

/// Why a configured proposal cannot be used. The fault is the configuration's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProposalError {
    /// No algorithm of this gateway has this name.
    Unknown {
        /// As configured.
        word: String,
    },
    /// Too weak for RFC 8247 and CRYPTREC's list; the gateway does not have it.
    Weak {
        /// As configured.
        word: String,
        /// What to write.
        instead: &'static str,
    },
    /// It stands there twice.
    Repeated {
        /// As configured.
        word: String,
    },
    /// A PRF for ESP, or sequence numbers or no first key exchange for IKE.
    NotHere {
        /// As configured.
        word: String,
        /// "IKE" or "ESP".
        protocol: &'static str,
    },
    /// An integrity algorithm beside ciphers that have it built in.
    IntegrityWithAead {
        /// As configured.
        word: String,
    },
    /// Ciphers with and without built-in integrity (RFC 7296 §3.3.3).
    MixedCiphers {
        /// The one without.
        word: String,
    },
    /// An algorithm that every such proposal needs.
    Missing {
        /// What for.
        what: &'static str,
        /// Words to choose from.
        add: &'static str,
    },
    /// The key exchanges cannot all take place: no two may have the same method (RFC 9370
    /// §2.2.2), and additional ones follow a first.
    KeyExchanges,
}

impl fmt::Display for ProposalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { word } => {
                write!(f, "no algorithm is called \"{word}\": the names are")?;
                algorithm::configurable().try_for_each(|one| write!(f, " {}", Named(one)))?;
                f.write_str(", and ke1_ to ke7_ before those of key exchanges")
            }
            Self::Weak { word, instead } => write!(
                f,
                "\"{word}\" is below what RFC 8247 and CRYPTREC's list permit: use {instead}"
            ),
            Self::Repeated { word } => write!(f, "\"{word}\" stands there twice: remove one"),
            Self::NotHere { word, protocol } => {
                write!(f, "\"{word}\" has no meaning for {protocol}: remove it")
            }
            Self::IntegrityWithAead { word } => write!(
                f,
                "the ciphers have integrity built in: remove \"{word}\", or write prf before it \
                 if the PRF is meant"
            ),
            Self::MixedCiphers { word } => write!(
                f,
                "\"{word}\" needs an integrity algorithm and other ciphers here have it built in: \
                 write two proposals"
            ),
            Self::Missing { what, add } => write!(f, "{what} is missing: add {add}"),
            Self::KeyExchanges => f.write_str(
                "the key exchanges cannot all take place: each needs a method that no other takes, \
                 and ke1_ to ke7_ follow one without number; add one, or none, as ke1_none",
            ),
        }
    }
}

impl Error for ProposalError {}

/// Words below the floor, by what to use instead.
const WEAK: [(&[&str], &str); 4] = [
    (&["null", "des", "3des", "blowfish", "cast", "cast128"], "aes256gcm16 or aes256"),
    (&["md5", "md5_128", "sha", "sha1", "sha1_160"], "sha256 or sha384"),
    (&["prfmd5", "prfsha1"], "prfsha256 or prfsha384"),
    (
        &[
            "modp768",
            "modp1024",
            "modp1536",
            "modp1024s160",
            "modp2048s224",
            "modp2048s256",
            "ecp192",
            "ecp224",
            "ecp224bp",
        ],
        "ecp384, x25519 or modp2048",
    ),
];

/// Other words that strongSwan takes, and the one that we write.
const ALIASES: [(&str, &str); 10] = [
    ("aes", "aes128"),
    ("aes128gcm", "aes128gcm16"),
    ("aes128gcm128", "aes128gcm16"),
    ("aes256gcm", "aes256gcm16"),
    ("aes256gcm128", "aes256gcm16"),
    ("sha2_256", "sha256"),
    ("sha2_384", "sha384"),
    ("sha2_512", "sha512"),
    ("curve25519", "x25519"),
    ("modpnone", "none"),
];

/// Reads a proposal for IKE SAs.
pub(crate) fn parse_ike(text: &str) -> Result<Menu, ProposalError> {
    let mut menu = read(text, "IKE", |one| {
        let is_first = one.kind == TransformType::KEY_EXCHANGE;
        one.kind == TransformType::SEQUENCE_NUMBERS || is_first && one.id == NONE
    })?;
    if menu.of_kind(TransformType::PRF).is_empty() {
        add_prfs_of_integrity(&mut menu);
    }
    require(&menu, TransformType::PRF, "a PRF", "prfsha384 or prfsha256")?;
    require(&menu, TransformType::KEY_EXCHANGE, "a group", "ecp384, x25519 or modp2048")?;
    check_exchanges(menu)
}

/// Reads a proposal for CHILD SAs.
pub(crate) fn parse_child(text: &str) -> Result<Menu, ProposalError> {
    let mut menu = read(text, "ESP", |one| one.kind == TransformType::PRF)?;
    if menu.of_kind(TransformType::SEQUENCE_NUMBERS).is_empty() {
        menu.push(algorithm::sequence_numbers(false));
    }
    check_exchanges(menu)
}

/// Reads the words and checks what IKE and ESP have in common: the ciphers.
fn read(
    text: &str,
    protocol: &'static str,
    is_foreign: impl Fn(Transform) -> bool,
) -> Result<Menu, ProposalError> {
    let mut menu = Menu::default();
    for word in text.trim().split('-') {
        let transform = transform_of(word)?;
        let word = word.to_owned();
        if is_foreign(transform) {
            return Err(ProposalError::NotHere { word, protocol });
        }
        if menu.contains(transform) {
            return Err(ProposalError::Repeated { word });
        }
        menu.push(transform);
    }
    check_ciphers(&menu)?;
    Ok(menu)
}

fn transform_of(word: &str) -> Result<Transform, ProposalError> {
    let unknown = || ProposalError::Unknown { word: word.to_owned() };
    let (kind, name) = match word.strip_prefix("ke").and_then(|rest| rest.split_once('_')) {
        Some((index, name)) => {
            let index: u8 = index.parse().map_err(|_| unknown())?;
            let kind = TransformType(index.saturating_add(5));
            (Some(kind).filter(|&kind| is_additional(kind)).ok_or_else(unknown)?, name)
        }
        None => (TransformType::KEY_EXCHANGE, word),
    };
    if let Some((_, instead)) = WEAK.iter().find(|(words, _)| words.contains(&name)) {
        return Err(ProposalError::Weak { word: word.to_owned(), instead });
    }
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, ours)| ours);
    let found = algorithm::configurable().find(|&one| Named(one).to_string() == name);
    let found = found.ok_or_else(unknown)?;
    match (is_key_exchange(found.kind), is_additional(kind)) {
        (true, _) => Ok(transform(kind, found.id)),
        (false, false) => Ok(found),
        (false, true) => Err(unknown()),
    }
}

fn check_ciphers(menu: &Menu) -> Result<(), ProposalError> {
    let what = "a cipher";
    require(menu, TransformType::ENCRYPTION, what, "aes256gcm16, or aes256 and sha256")?;
    let is_cbc =
        |one: &&Transform| matches!(Encryption::from_transform(**one), Some(Encryption::Cbc(_)));
    let ciphers = menu.of_kind(TransformType::ENCRYPTION);
    let integrity = menu.of_kind(TransformType::INTEGRITY).first();
    let word = |one: &Transform| Named(*one).to_string();
    match (ciphers.iter().find(is_cbc), integrity) {
        (None, None) => Ok(()),
        (None, Some(one)) => Err(ProposalError::IntegrityWithAead { word: word(one) }),
        (Some(cbc), _) if !ciphers.iter().all(|one| is_cbc(&one)) => {
            Err(ProposalError::MixedCiphers { word: word(cbc) })
        }
        (Some(_), _) => require(
            menu,
            TransformType::INTEGRITY,
            "an integrity algorithm for AES-CBC",
            "sha384 or sha256",
        ),
    }
}

fn require(
    menu: &Menu,
    kind: TransformType,
    what: &'static str,
    add: &'static str,
) -> Result<(), ProposalError> {
    let missing = menu.of_kind(kind).is_empty();
    if missing { Err(ProposalError::Missing { what, add }) } else { Ok(()) }
}

fn add_prfs_of_integrity(menu: &mut Menu) {
    let integrity = menu.of_kind(TransformType::INTEGRITY).iter();
    let prfs: Vec<Prf> = integrity
        .filter_map(|&one| Integrity::from_transform(one))
        .map(algorithm::prf_of)
        .collect();
    prfs.into_iter().for_each(|prf| menu.push(prf.transform()));
}

/// A peer with the very same proposal must be acceptable.
fn check_exchanges(menu: Menu) -> Result<Menu, ProposalError> {
    let rules = Rules { key_exchange: KeyExchange::Possible, sent: None };
    match choose(&menu, &menu, rules) {
        Ok(_) => Ok(menu),
        Err(_) => Err(ProposalError::KeyExchanges),
    }
}
