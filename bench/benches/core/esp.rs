//! ESP packets sealed and opened, and what the ciphers alone need for the same octets.

use ::esp::{DEFAULT_WINDOW, Inbound, Limits, Outbound, Parameters, Suite};
use bench::figures::Figure;
use criterion::Criterion;
use crypto::aead::{Aead, Algorithm};
use crypto::cbc_hmac::{self, CbcHmac, Envelope, Integrity};

use crate::ip::LENGTHS;
use crate::load::{self, Load, compare, timed};

/// What one receive buffer takes.
const TRAIN: usize = 65_536;
/// IPv4 in a tunnel.
const NEXT_HEADER: u8 = 4;
const KEY: [u8; 36] = [0x5e; 36];
const INTEGRITY: Integrity = Integrity::HmacSha256_128;
/// SPI and sequence number: what ESP authenticates besides the text.
const HEADER: [u8; 8] = [7; 8];

/// The suite that ratios are of.
pub(crate) const AES_256_GCM: Suite = Suite::Aead(Algorithm::Aes256Gcm);
const SUITES: [(&str, Suite); 4] = [
    ("aes256gcm", AES_256_GCM),
    ("aes128gcm", Suite::Aead(Algorithm::Aes128Gcm)),
    ("chacha20poly1305", Suite::Aead(Algorithm::ChaCha20Poly1305)),
    ("aes256cbc-sha256", Suite::CbcHmac { key_len: 32, integrity: INTEGRITY }),
];

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = load::group(criterion, "esp");
    for (name, suite) in SUITES {
        for length in LENGTHS {
            let names = ["seal", "bare-seal", "open", "bare-open"]
                .map(|what| format!("{what}/{name}/{length}"));
            let [seal, bare_seal, open, bare_open] = names;
            self::seal(suite, length).bench(&mut group, &seal, length);
            self::bare_seal(suite, length).bench(&mut group, &bare_seal, length);
            self::open(suite, length).bench(&mut group, &open, length);
            self::bare_open(suite, length).bench(&mut group, &bare_open, length);
        }
    }
    group.finish();
}

/// How much of the cipher's rate is left in ESP.
pub(crate) fn figures() -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut add = |what, length, mut bare: Load<'_>, mut load: Load<'_>| {
        let value = 100.0 / compare(&mut bare, &mut load).ratio;
        let name = format!("esp-of-bare/{what}/{length}");
        figures.push(Figure { name, value, unit: "%" });
    };
    for length in LENGTHS {
        add("seal", length, bare_seal(AES_256_GCM, length), seal(AES_256_GCM, length));
        add("open", length, bare_open(AES_256_GCM, length), open(AES_256_GCM, length));
        // What ESP encrypts is longer, and no whole number of the cipher's blocks.
        let text = (length + 2).next_multiple_of(4);
        add("text-seal", length, bare_seal(AES_256_GCM, length), bare_seal(AES_256_GCM, text));
        add("text-open", length, bare_open(AES_256_GCM, length), bare_open(AES_256_GCM, text));
    }
    figures
}

/// An SA with `spi`.
pub(crate) fn parameters(spi: u32, suite: Suite) -> Parameters<'static> {
    let (encryption, integrity) = match suite {
        Suite::Aead(algorithm) => (algorithm.keymat_len(), 0),
        Suite::CbcHmac { key_len, integrity } => (key_len, integrity.key_len()),
    };
    let (encryption, integrity) = (&KEY[..encryption], &KEY[..integrity]);
    Parameters { spi, suite, encryption, integrity, esn: false }
}

/// What is received of [`parameters`].
pub(crate) fn inbound(spi: u32, suite: Suite) -> Inbound {
    Inbound::new(&parameters(spi, suite), DEFAULT_WINDOW, Limits::NONE).unwrap()
}

/// What is sent of [`parameters`].
pub(crate) fn outbound(spi: u32, suite: Suite) -> Outbound {
    Outbound::new(&parameters(spi, suite), Limits::NONE).unwrap()
}

/// From a read buffer into a batch.
fn seal(suite: Suite, length: usize) -> Load<'static> {
    let mut sa = outbound(1, suite);
    let sealed = sa.sealed_len(length);
    let packets = TRAIN / sealed;
    let (inner, mut batch) = (vec![0x45; TRAIN], vec![0; TRAIN]);
    Load::new(packets, move || {
        timed(|| {
            for (inner, space) in inner.chunks(length).zip(batch.chunks_mut(sealed)).take(packets) {
                sa.seal_into(inner, NEXT_HEADER, space).unwrap();
            }
        })
    })
}

/// In place.
fn open(suite: Suite, length: usize) -> Load<'static> {
    let (mut far, mut sa) = (outbound(1, suite), inbound(1, suite));
    let sealed = far.sealed_len(length);
    let (inner, mut slab) = (vec![0x45; length], vec![0; TRAIN]);
    Load::new(TRAIN / sealed, move || {
        for space in slab.chunks_exact_mut(sealed) {
            far.seal_into(&inner, NEXT_HEADER, space).unwrap();
        }
        timed(|| {
            for packet in slab.chunks_exact_mut(sealed) {
                sa.open(packet).unwrap();
            }
        })
    })
}

/// The cipher alone: text and ICV, one packet after the other in as much memory as ESP has them in.
pub(crate) fn bare_seal(suite: Suite, length: usize) -> Load<'static> {
    let (mut cipher, mut slab, len) = bare(suite, length);
    Load::new(TRAIN / len, move || timed(|| cipher.seal(slab.chunks_exact_mut(len))))
}

/// The cipher alone: it verifies and decrypts, and nothing else.
pub(crate) fn bare_open(suite: Suite, length: usize) -> Load<'static> {
    let (mut cipher, mut slab, len) = bare(suite, length);
    Load::new(TRAIN / len, move || {
        cipher.seal(slab.chunks_exact_mut(len));
        timed(|| cipher.open(slab.chunks_exact_mut(len)))
    })
}

fn bare(suite: Suite, length: usize) -> (Cipher, Vec<u8>, usize) {
    let Parameters { encryption, integrity, .. } = parameters(1, suite);
    match suite {
        Suite::Aead(algorithm) => {
            let (aead, _) = Aead::from_keymat(algorithm, encryption).unwrap();
            (Cipher::Aead(aead), vec![0; TRAIN], length + crypto::aead::TAG_LEN)
        }
        Suite::CbcHmac { integrity: algorithm, .. } => {
            let keys = CbcHmac::new(encryption, algorithm, integrity).unwrap();
            let text = length.next_multiple_of(cbc_hmac::BLOCK_LEN);
            (Cipher::CbcHmac(keys), vec![0; TRAIN], text + algorithm.icv_len())
        }
    }
}

/// A cipher without ESP.
enum Cipher {
    Aead(Aead),
    CbcHmac(CbcHmac),
}

const ENVELOPE: Envelope<'static> = Envelope { header: &HEADER, iv: &[9; 16], suffix: &[] };

impl Cipher {
    fn seal<'p>(&mut self, packets: impl Iterator<Item = &'p mut [u8]>) {
        for (number, packet) in packets.enumerate() {
            match self {
                Self::Aead(aead) => {
                    aead.seal_appended(&nonce(number), &HEADER, packet).unwrap();
                }
                Self::CbcHmac(keys) => {
                    let (text, icv) = packet.split_at_mut(packet.len() - INTEGRITY.icv_len());
                    keys.seal(&ENVELOPE, text, icv).unwrap();
                }
            }
        }
    }

    fn open<'p>(&mut self, packets: impl Iterator<Item = &'p mut [u8]>) {
        for (number, packet) in packets.enumerate() {
            match self {
                Self::Aead(aead) => {
                    aead.open_appended(&nonce(number), &HEADER, packet).unwrap();
                }
                Self::CbcHmac(keys) => {
                    let (text, icv) = packet.split_at_mut(packet.len() - INTEGRITY.icv_len());
                    keys.open(&ENVELOPE, text, icv).unwrap();
                }
            }
        }
    }
}

fn nonce(number: usize) -> [u8; crypto::aead::NONCE_LEN] {
    let mut nonce = [0; crypto::aead::NONCE_LEN];
    nonce[4..].copy_from_slice(&(number as u64).to_be_bytes());
    nonce
}
