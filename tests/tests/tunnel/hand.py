"""A peer that has the keys: it makes ESP packets with scapy, as they should be and as they should
not, and opens what comes back.

On the first line of standard input it reads its SAs; on each further one the name of a packet to
send. It answers each with a line: the text of what came back, if something should, or "sent".
"""

import json
import socket
import struct
import sys

from scapy.layers.inet import GRE, ICMP, IP, UDP, IPOption_LSRR, IPOption_Timestamp, fragment
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import ESP, SecurityAssociation, _ESPPlain
from scapy.packet import Raw

plan = json.loads(sys.stdin.readline())
outer = IPv6 if ":" in plan["remote"] else IP
family = socket.AF_INET6 if outer is IPv6 else socket.AF_INET
wire = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ESP)
wire.bind((plan["local"], 0))
wire.settimeout(5)


def association(spi, keys):
    return SecurityAssociation(
        ESP,
        spi=int(spi, 16),
        crypt_algo=plan["cipher"],
        crypt_key=bytes.fromhex(keys["encryption"]),
        auth_algo=plan["integrity"],
        auth_key=bytes.fromhex(keys["integrity"]) or None,
        tunnel_header=outer(src=plan["local"], dst=plan["remote"]),
        esn_en=plan["esn"],
    )


to = association(plan["spi_out"], plan["keys_out"])
back = association(plan["spi_in"], plan["keys_in"])
sequence = 0
last = b""


def seal(inner, next_header=4, number=None, high=0, padding=None):
    """An ESP packet with any trailer."""
    global sequence, last
    if number is None:
        sequence += 1
        number = sequence
    esp = _ESPPlain(spi=to.spi, seq=number, iv=to.crypt_algo.generate_iv())
    esp.data, esp.nh = bytes(inner), next_header
    esp = to.crypt_algo.pad(esp)
    if padding:
        esp.padding = padding * len(esp.padding)
    esp = to.crypt_algo.encrypt(
        to, esp, to.crypt_key, to.crypt_icv_size, esn_en=to.esn_en, esn=high
    )
    to.auth_algo.sign(esp, to.auth_key)
    last = bytes(esp)
    return last


def send(packet):
    wire.sendto(packet, (plan["remote"], 0))


def inside(text, source=None, destination=None, port=5000, **header):
    """A datagram; its text is long enough for some padding."""
    source, destination = source or plan["client"], destination or plan["system"]
    ip = IPv6 if ":" in source else IP
    return ip(src=source, dst=destination, **header) / UDP(sport=4242, dport=port) / Raw(text)


def opened():
    """The next packet that comes back."""
    while True:
        packet = wire.recv(65535)
        esp = packet[(packet[0] & 15) * 4:] if outer is IP else packet
        if struct.unpack("!L", esp[:4])[0] == back.spi:
            around = IP(proto=50) if outer is IP else IPv6(nh=50)
            return back.decrypt(around.__class__(bytes(around / Raw(esp))))


def answer():
    """The text of the datagram that comes back, in one or more pieces."""
    pieces, length = {}, None
    while True:
        ip = opened()
        end = ip.frag * 8 + len(ip.payload)
        pieces[ip.frag * 8] = bytes(ip.payload)
        if not ip.flags.MF:
            length = end
        if sum(map(len, pieces.values())) == length:
            udp = UDP(b"".join(pieces[at] for at in sorted(pieces)))
            assert (udp.sport, udp.dport) == (5000, 4242), udp.summary()
            return bytes(udp.payload).decode()


def asked(text, **more):
    send(seal(inside(text, **more)))
    return answer()


def hostile(**more):
    return inside("hostile" * 4, **more)


def overlapping():
    first, second = fragment(inside("hostile" * 40), 160)
    payload = bytes(second.payload)
    second.frag -= 2
    for piece in (first, second.__class__(bytes(second)[:20]) / Raw(payload)):
        del piece.chksum, piece.len
        send(seal(piece))


def extended():
    """The lower half of the sequence number runs over."""
    for number in (0x7FFF_FFFF, 0xFFFF_FFF0):
        send(seal(inside("on the way"), number=number))
        answer()
    send(seal(inside("beyond"), number=5, high=1))
    return answer()


def old():
    """Left of the window, though it never came."""
    global sequence
    send(seal(inside("ahead"), number=20_000))
    answer()
    send(seal(hostile()))
    sequence = 20_000


def spoilt(position):
    octets = bytearray(seal(hostile()))
    octets[position] ^= 1
    return bytes(octets)


def options(option):
    return hostile(options=[option])


forged = IP(src=plan["system"], dst=plan["client"]) / UDP(sport=99, dport=98) / Raw("hostile")
CASES = {
    # As they should be.
    "datagram": lambda: asked("a datagram"),
    "longest": lambda: asked("x" * 1200),
    "fragments": lambda: [send(seal(f)) for f in fragment(inside("f" * 3000), 800)] and answer(),
    "options": lambda: asked("timestamped", options=[IPOption_Timestamp(flg=0)]),
    "flow-confidentiality": lambda: send(seal(bytes(inside("padded")) + bytes(300))) or answer(),
    "extended": extended,
    # As they should not.
    "dummy": lambda: send(seal(bytes(hostile()), next_header=59)),
    "replayed": lambda: send(last),
    "unknown-spi": lambda: send(struct.pack("!L", to.spi ^ 0x5A5A5A5A) + seal(hostile())[4:]),
    "no-sequence": lambda: send(seal(hostile())[:6]),
    "short": lambda: send(seal(hostile())[:24]),
    "cut": lambda: send(seal(hostile())[:-4]),
    "spoilt-text": lambda: send(spoilt(20)),
    "spoilt-check": lambda: send(spoilt(-1)),
    "spoilt-sequence": lambda: send(spoilt(5)),
    "zero": lambda: send(seal(hostile(), number=0)),
    "padding": lambda: send(seal(hostile(), padding=b"\x07")),
    "next-header": lambda: send(seal(hostile(), next_header=41)),
    "no-ip": lambda: send(seal(b"hostile" * 8, next_header=17)),
    "source": lambda: send(seal(hostile(source="10.2.9.9"))),
    "loopback": lambda: send(seal(hostile(source="127.0.0.1"))),
    "other": lambda: send(seal(hostile(destination="10.20.9.10"))),
    "gateway": lambda: send(seal(hostile(destination="192.0.2.1"))),
    "internet": lambda: send(seal(hostile(destination="198.18.7.7"))),
    "tunnel": lambda: send(seal(hostile(destination="10.99.0.1"))),
    "port": lambda: send(seal(hostile(port=5001))),
    "source-route": lambda: send(seal(options(IPOption_LSRR(routers=["10.20.9.10"])))),
    "bad-option": lambda: send(seal(bytes(options(b"\x44\x01\x00\x00")))),
    "short-header": lambda: send(seal(b"\x44" + bytes(hostile())[1:])),
    "longer-than-itself": lambda: send(seal(bytes(hostile())[:-9])),
    "overlap": overlapping,
    "gre": lambda: send(seal(IP(src=plan["client"], dst=plan["system"]) / GRE() / Raw("hostile"))),
    "icmp-error": lambda: send(
        seal(IP(src=plan["client"], dst=plan["system"]) / ICMP(type=3, code=1) / forged)
    ),
    "old": old,
}

for line in sys.stdin:
    print(CASES[line.strip()]() or "sent", flush=True)
