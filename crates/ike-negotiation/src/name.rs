//! Names of transforms, known ones in strongSwan's notation. The numbers are IANA's ("IKEv2
//! Parameters"); names that strongSwan lacks are IANA's in small letters.

use std::fmt;

use ike_wire::{Transform, TransformType};

use crate::algorithm::{is_additional, is_key_exchange};

/// A transform by its name: `aes256gcm16`, `modp1024`, `ke1_mlkem768`, `encryption#1234`.
pub(crate) struct Named(pub(crate) Transform);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Transform { kind, id, key_length, unknown_attribute } = self.0;
        write_place(f, kind)?;
        match (word(kind, id), key_length) {
            (Some((word @ ("aes" | "camellia"), mode)), Some(bits)) => {
                write!(f, "{word}{bits}{mode}")?;
            }
            (Some((word, mode)), None) => write!(f, "{word}{mode}")?,
            (Some((word, mode)), Some(bits)) => write!(f, "{word}{mode}/{bits}")?,
            (None, None) => write!(f, "{}#{id}", type_name(kind))?,
            (None, Some(bits)) => write!(f, "{}#{id}/{bits}", type_name(kind))?,
        }
        if unknown_attribute { f.write_str("(attribute?)") } else { Ok(()) }
    }
}

/// Whether the transform id is one that IANA has assigned.
pub(crate) fn is_known(transform: Transform) -> bool {
    word(transform.kind, transform.id).is_some()
}

/// `ke1_` and so on, before an additional key exchange.
fn write_place(f: &mut fmt::Formatter<'_>, kind: TransformType) -> fmt::Result {
    let before_first = TransformType::ADDITIONAL_KEY_EXCHANGES.start() - 1;
    if is_additional(kind) { write!(f, "ke{}_", kind.0 - before_first) } else { Ok(()) }
}

fn type_name(kind: TransformType) -> &'static str {
    match kind {
        TransformType::ENCRYPTION => "encryption",
        TransformType::PRF => "prf",
        TransformType::INTEGRITY => "integrity",
        TransformType::SEQUENCE_NUMBERS => "esn",
        kind if is_key_exchange(kind) => "group",
        TransformType(_) => "unknown",
    }
}

/// The word, and what follows the key length.
fn word(kind: TransformType, id: u16) -> Option<(&'static str, &'static str)> {
    let table: &[(u16, &str)] = match kind {
        TransformType::ENCRYPTION => {
            let known = ENCRYPTION.iter().find(|(known, ..)| *known == id);
            return known.map(|&(_, word, mode)| (word, mode));
        }
        TransformType::PRF => PRFS,
        TransformType::INTEGRITY => INTEGRITY,
        TransformType::SEQUENCE_NUMBERS => SEQUENCE_NUMBERS,
        kind if is_key_exchange(kind) => KEY_EXCHANGES,
        TransformType(_) => &[],
    };
    table.iter().find(|(known, _)| *known == id).map(|&(_, word)| (word, ""))
}

const ENCRYPTION: &[(u16, &str, &str)] = &[
    (1, "des_iv64", ""),
    (2, "des", ""),
    (3, "3des", ""),
    (4, "rc5", ""),
    (5, "idea", ""),
    (6, "cast", ""),
    (7, "blowfish", ""),
    (8, "3idea", ""),
    (9, "des_iv32", ""),
    (11, "null", ""),
    (12, "aes", ""),
    (13, "aes", "ctr"),
    (14, "aes", "ccm8"),
    (15, "aes", "ccm12"),
    (16, "aes", "ccm16"),
    (18, "aes", "gcm8"),
    (19, "aes", "gcm12"),
    (20, "aes", "gcm16"),
    (21, "aes", "gmac"),
    (23, "camellia", ""),
    (24, "camellia", "ctr"),
    (25, "camellia", "ccm8"),
    (26, "camellia", "ccm12"),
    (27, "camellia", "ccm16"),
    (28, "chacha20poly1305", ""),
    (29, "aes", "ccm8_iiv"),
    (30, "aes", "gcm16_iiv"),
    (31, "chacha20poly1305_iiv", ""),
    (32, "kuznyechik_mgm_ktree", ""),
    (33, "magma_mgm_ktree", ""),
    (34, "kuznyechik_mgm_mac_ktree", ""),
    (35, "magma_mgm_mac_ktree", ""),
];

const PRFS: &[(u16, &str)] = &[
    (1, "prfmd5"),
    (2, "prfsha1"),
    (3, "prftiger"),
    (4, "prfaesxcbc"),
    (5, "prfsha256"),
    (6, "prfsha384"),
    (7, "prfsha512"),
    (8, "prfaescmac"),
    (9, "prfstreebog512"),
];

const INTEGRITY: &[(u16, &str)] = &[
    (0, "nointegrity"),
    (1, "md5"),
    (2, "sha1"),
    (3, "des_mac"),
    (4, "kpdk_md5"),
    (5, "aesxcbc"),
    (6, "md5_128"),
    (7, "sha1_160"),
    (8, "aescmac"),
    (9, "aes128gmac"),
    (10, "aes192gmac"),
    (11, "aes256gmac"),
    (12, "sha256"),
    (13, "sha384"),
    (14, "sha512"),
];

const SEQUENCE_NUMBERS: &[(u16, &str)] = &[(0, "noesn"), (1, "esn")];

const KEY_EXCHANGES: &[(u16, &str)] = &[
    (0, "none"),
    (1, "modp768"),
    (2, "modp1024"),
    (5, "modp1536"),
    (14, "modp2048"),
    (15, "modp3072"),
    (16, "modp4096"),
    (17, "modp6144"),
    (18, "modp8192"),
    (19, "ecp256"),
    (20, "ecp384"),
    (21, "ecp521"),
    (22, "modp1024s160"),
    (23, "modp2048s224"),
    (24, "modp2048s256"),
    (25, "ecp192"),
    (26, "ecp224"),
    (27, "ecp224bp"),
    (28, "ecp256bp"),
    (29, "ecp384bp"),
    (30, "ecp512bp"),
    (31, "x25519"),
    (32, "x448"),
    (33, "gost256"),
    (34, "gost512"),
    (35, "mlkem512"),
    (36, "mlkem768"),
    (37, "mlkem1024"),
];
