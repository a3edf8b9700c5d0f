#!/usr/bin/env python3
"""Writes scapy.txt: ESP packets that scapy (2.5, Debian 12: python3-scapy) seals.

The IV is the sequence number, so that an AEAD packet is what we must write, octet for octet.
Scapy leaves ESN out of the HMAC of ESP: there the check value is Python's hmac over the packet
and the high half (RFC 4303 section 2.2.1).
"""

import hashlib
import hmac
import pathlib

from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Raw

SPI = 0xC0DE0001
SUITES = [  # ours, scapy's cipher, key with salt, scapy's HMAC, hash
    ("aes128gcm16", "AES-GCM", 20, None, None),
    ("aes256gcm16", "AES-GCM", 36, None, None),
    ("chacha20poly1305", "CHACHA20-POLY1305", 36, None, None),
    ("aes128-sha256", "AES-CBC", 16, "SHA2-256-128", hashlib.sha256),
    ("aes256-sha384", "AES-CBC", 32, "SHA2-384-192", hashlib.sha384),
    ("aes256-sha512", "AES-CBC", 32, "SHA2-512-256", hashlib.sha512),
]
INNER = [
    IP(src="10.1.0.5", dst="10.2.0.9", id=7) / ICMP(id=1, seq=1) / Raw(bytes(range(56))),
    IPv6(src="fd00::5", dst="fd00:2::9") / UDP(sport=4000, dport=53) / Raw(b"x" * 29),
    IP(src="10.1.0.5", dst="10.2.0.9", id=8) / UDP(sport=1, dport=2),
]
SEQUENCES = {False: [1, 2, 0xFFFFFFFF], True: [1, 0xFFFFFFFF, 0x1_0000_0000, 0x12_3456_789A]}


def packet(suite, inner, sequence, esn, key, integrity):
    _, cipher, _, mac, digest = suite
    high, low = sequence >> 32, sequence & 0xFFFFFFFF
    by_hand = mac and esn
    sa = SecurityAssociation(
        ESP, SPI, crypt_algo=cipher, crypt_key=key, esn_en=esn, esn=high,
        auth_algo=None if by_hand else mac, auth_key=None if by_hand else integrity,
        tunnel_header=IP(src="192.0.2.1", dst="192.0.2.2") if inner.version == 4
        else IPv6(src="2001:db8::1", dst="2001:db8::2"))
    iv = sequence.to_bytes(sa.crypt_algo.iv_size, "big")
    # Scapy takes a low half of 0 for "none given".
    sa.seq_num = low
    sealed = bytes(sa.encrypt(inner, iv=iv)[ESP])
    if by_hand:
        full = hmac.new(integrity, sealed + high.to_bytes(4, "big"), digest).digest()
        sealed += full[: len(full) // 2]
    return sealed


def lines():
    yield "# Made by with_scapy.py. One packet a line:"
    yield "# suite esn key integrity-key sequence next-header inner packet"
    for suite in SUITES:
        key = bytes(range(suite[2]))
        integrity = bytes(range(0x80, 0x80 + suite[4]().digest_size)) if suite[4] else b""
        for esn, sequences in SEQUENCES.items():
            for number, sequence in enumerate(sequences):
                inner = INNER[number % len(INNER)]
                sealed = packet(suite, inner, sequence, esn, key, integrity)
                next_header = 4 if inner.version == 4 else 41
                yield (f"{suite[0]} {'esn' if esn else '-'} {key.hex()} {integrity.hex() or '-'} "
                       f"{sequence:x} {next_header} {bytes(inner).hex()} {sealed.hex()}")


pathlib.Path(__file__).with_name("scapy.txt").write_text("\n".join(lines()) + "\n")
