//! Offers as strongSwan writes them into its log, so that tests can take them from there. The
//! numbers are copied from IANA's registry, apart from those the crate uses.

use ike_wire::{Proposal, Protocol, Spi, Transform, TransformType};

/// Reads `IKE:AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048, …`.
pub(crate) fn offer(log: &str) -> Vec<Proposal> {
    (1..).zip(log.split(',')).map(|(number, one)| proposal(number, one.trim())).collect()
}

fn proposal(number: u8, log: &str) -> Proposal {
    let (protocol, algorithms) = log.split_once(':').expect("a protocol");
    let protocol = match protocol {
        "IKE" => Protocol::Ike,
        "AH" => Protocol::Ah,
        "ESP" => Protocol::Esp,
        other => panic!("no protocol {other}"),
    };
    let transforms = algorithms.split('/').map(transform).collect();
    Proposal { number, protocol, spi: Spi::None, transforms }
}

fn transform(name: &str) -> Transform {
    let (place, bare) = match name.strip_prefix("KE").and_then(|rest| rest.split_once('_')) {
        Some((index, bare)) => (5 + index.parse::<u8>().expect("an index"), bare),
        None => (4, name),
    };
    let find = |name| NAMES.iter().find(|(known, ..)| *known == name);
    let (&(_, kind, id), key_length) = match (find(bare), bare.rsplit_once('_')) {
        (Some(found), _) => (found, None),
        (None, Some((cipher, bits))) => (find(cipher).expect(name), bits.parse().ok()),
        (None, None) => panic!("no algorithm {name}"),
    };
    let kind = TransformType(if kind == 4 { place } else { kind });
    Transform { kind, id, key_length, unknown_attribute: false }
}

const NAMES: &[(&str, u8, u16)] = &[
    ("DES_CBC", 1, 2),
    ("3DES_CBC", 1, 3),
    ("AES_CBC", 1, 12),
    ("AES_CTR", 1, 13),
    ("AES_GCM_8", 1, 18),
    ("AES_GCM_12", 1, 19),
    ("AES_GCM_16", 1, 20),
    ("CAMELLIA_CBC", 1, 23),
    ("CHACHA20_POLY1305", 1, 28),
    ("PRF_HMAC_MD5", 2, 1),
    ("PRF_HMAC_SHA1", 2, 2),
    ("PRF_AES128_XCBC", 2, 4),
    ("PRF_HMAC_SHA2_256", 2, 5),
    ("PRF_HMAC_SHA2_384", 2, 6),
    ("PRF_HMAC_SHA2_512", 2, 7),
    ("PRF_AES128_CMAC", 2, 8),
    ("AUTH_NONE", 3, 0),
    ("HMAC_SHA1_96", 3, 2),
    ("AES_XCBC_96", 3, 5),
    ("AES_CMAC_96", 3, 8),
    ("HMAC_SHA2_256_128", 3, 12),
    ("HMAC_SHA2_384_192", 3, 13),
    ("HMAC_SHA2_512_256", 3, 14),
    ("NONE", 4, 0),
    ("MODP_1024", 4, 2),
    ("MODP_1536", 4, 5),
    ("MODP_2048", 4, 14),
    ("MODP_3072", 4, 15),
    ("MODP_4096", 4, 16),
    ("MODP_6144", 4, 17),
    ("MODP_8192", 4, 18),
    ("ECP_256", 4, 19),
    ("ECP_384", 4, 20),
    ("ECP_521", 4, 21),
    ("CURVE_25519", 4, 31),
    ("CURVE_448", 4, 32),
    ("ML_KEM_768", 4, 36),
    ("ML_KEM_1024", 4, 37),
    ("NO_EXT_SEQ", 5, 0),
    ("EXT_SEQ", 5, 1),
];
