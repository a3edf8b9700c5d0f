//! Packets that others made.

use crypto::aead::Algorithm;
use crypto::cbc_hmac::Integrity;

use crate::{Inbound, Limits, Outbound, Parameters, Suite};

const PUBLISHED: &str = include_str!("vectors/published.txt");
const SCAPY: &str = include_str!("vectors/scapy.txt");

struct Vector {
    suite: Suite,
    esn: bool,
    encryption: Vec<u8>,
    integrity: Vec<u8>,
    sequence: u64,
    next_header: u8,
    inner: Vec<u8>,
    packet: Vec<u8>,
}

impl Vector {
    fn read(line: &str) -> Self {
        let fields: Vec<&str> = line.split(' ').collect();
        let [suite, esn, encryption, integrity, sequence, next_header, inner, packet] = fields[..]
        else {
            panic!("{line}")
        };
        Self {
            suite: suite_named(suite),
            esn: esn == "esn",
            encryption: octets(encryption),
            integrity: octets(integrity),
            sequence: u64::from_str_radix(sequence, 16).unwrap(),
            next_header: next_header.parse().unwrap(),
            inner: octets(inner),
            packet: octets(packet),
        }
    }

    fn parameters(&self) -> Parameters<'_> {
        Parameters {
            spi: u32::from_be_bytes(*self.packet.first_chunk().unwrap()),
            suite: self.suite,
            encryption: &self.encryption,
            integrity: &self.integrity,
            esn: self.esn,
        }
    }

    fn opens(&self) {
        let mut inbound = Inbound::new(&self.parameters(), 64, Limits::NONE).unwrap();
        inbound.skip_to(self.sequence - 1);
        let mut packet = self.packet.clone();
        let opened = inbound.open(&mut packet).unwrap();
        assert_eq!((&opened.inner[..], opened.next_header), (&self.inner[..], self.next_header));
    }

    /// The same packet is written, where only the sequence number is in the IV.
    fn seals(&self) {
        let mut outbound = Outbound::new(&self.parameters(), Limits::NONE).unwrap();
        outbound.skip_to(self.sequence - 1);
        let mut out = vec![0; outbound.sealed_len(self.inner.len())];
        assert_eq!(outbound.seal_into(&self.inner, self.next_header, &mut out), Ok(out.len()));
        assert_eq!(out, self.packet);
    }
}

fn suite_named(name: &str) -> Suite {
    let cbc = |key_len, integrity| Suite::CbcHmac { key_len, integrity };
    match name {
        "aes128gcm16" => Suite::Aead(Algorithm::Aes128Gcm),
        "aes256gcm16" => Suite::Aead(Algorithm::Aes256Gcm),
        "chacha20poly1305" => Suite::Aead(Algorithm::ChaCha20Poly1305),
        "aes128-sha256" => cbc(16, Integrity::HmacSha256_128),
        "aes256-sha384" => cbc(32, Integrity::HmacSha384_192),
        "aes256-sha512" => cbc(32, Integrity::HmacSha512_256),
        _ => panic!("{name}"),
    }
}

/// Of hexadecimal digits; `-` stands for none.
fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<_> =
        hex.chars().filter(|&c| c != '-').map(|c| c.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

fn read(file: &str) -> impl Iterator<Item = Vector> {
    file.lines().filter(|line| !line.starts_with('#')).map(Vector::read)
}

#[test]
fn published_packets_are_opened() {
    assert_eq!(read(PUBLISHED).inspect(Vector::opens).count(), 14);
}

#[test]
fn packets_of_scapy_are_opened_and_written() {
    assert_eq!(read(SCAPY).inspect(Vector::opens).count(), 42);
    let aead = read(SCAPY).filter(|vector| matches!(vector.suite, Suite::Aead(_)));
    assert_eq!(aead.inspect(Vector::seals).count(), 21);
}
