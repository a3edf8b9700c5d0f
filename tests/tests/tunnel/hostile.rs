//! ESP by itself, and packets of whoever has the keys and means ill. Each is dropped by name, and
//! nothing of it comes out anywhere.

use sekisho_tests::capture::Capture;
use sekisho_tests::netns::lacks_namespaces;

use crate::centre::Centre;
use crate::hand::{GCM, Hand, Suite, lacks_scapy};

const V4: [&str; 2] = ["198.18.1.2", "192.0.2.1"];
const V6: [&str; 2] = ["2001:db8:1::2", "2001:db8::1"];

/// RFC 4303 as another has written it: protocol 50 in both families, extended sequence numbers,
/// padding to hide a length.
#[test]
fn esp_by_itself() {
    if lacks_namespaces() || lacks_scapy() {
        return;
    }
    const ESN: Suite = Suite { proposal: "aes256gcm16-esn", ..GCM };
    const CBC: Suite = Suite { proposal: "aes256-sha256", names: ("AES-CBC", "SHA2-256-128") };
    for (addresses, suite) in [(V4, GCM), (V6, GCM), (V4, ESN), (V6, CBC)] {
        let centre = Centre::new();
        let mut hand = Hand::begin(&centre, addresses, &suite);
        assert_eq!(hand.child.suite, suite.proposal);
        for (packet, answer) in [
            ("datagram", "a datagram"),
            ("longest", &*"x".repeat(1200)),
            ("fragments", &*"f".repeat(3000)),
            ("options", "timestamped"),
            ("flow-confidentiality", "padded"),
        ] {
            assert_eq!(hand.send(packet), answer, "{packet}, {}", suite.proposal);
        }
        if suite.proposal.ends_with("-esn") {
            assert_eq!(hand.send("extended"), "beyond");
        }
    }
}

#[test]
fn every_evil_packet_has_a_name() {
    if lacks_namespaces() || lacks_scapy() {
        return;
    }
    let centre = Centre::new();
    let is_hostile = |packet: &[u8]| packet.windows(7).any(|octets| octets == b"hostile");
    let Centre { road, plus, basic, other, .. } = &centre;
    let captures = [plus, basic, other, &road.internet, &road.centre]
        .map(|namespace| Capture::begin(namespace, is_hostile));
    let mut hand = Hand::begin(&centre, V4, &GCM);
    assert_eq!(hand.send("datagram"), "a datagram");
    for (packet, reason) in [
        ("replayed", "esp.replayed"),
        ("dummy", "esp.dummy"),
        ("unknown-spi", "esp.unknown-spi"),
        ("no-sequence", "esp.truncated"),
        ("short", "esp.truncated"),
        ("cut", "esp.not-authentic"),
        ("spoilt-text", "esp.not-authentic"),
        ("spoilt-check", "esp.not-authentic"),
        ("spoilt-sequence", "esp.not-authentic"),
        ("zero", "esp.sequence-zero"),
        ("padding", "esp.padding"),
        ("next-header", "esp.next-header"),
        ("no-ip", "esp.next-header"),
        ("source", "tunnel.selectors"),
        ("loopback", "tunnel.malformed"),
        ("other", "tunnel.selectors"),
        ("gateway", "tunnel.selectors"),
        ("internet", "tunnel.selectors"),
        ("tunnel", "tunnel.selectors"),
        ("port", "policy.port-not-served"),
        ("source-route", "tunnel.malformed"),
        ("bad-option", "tunnel.malformed"),
        ("short-header", "tunnel.malformed"),
        ("longer-than-itself", "tunnel.malformed"),
        ("overlap", "tunnel.fragment-overlap"),
        ("gre", "tunnel.protocol"),
        ("icmp-error", "tunnel.icmp-unrelated"),
        ("old", "esp.too-old"),
    ] {
        centre.counts(reason, || drop(hand.send(packet)));
    }
    // It comes after them all.
    assert_eq!(hand.send("datagram"), "a datagram");
    for capture in captures {
        assert_eq!(capture.packets(), Vec::<Vec<u8>>::new());
    }
}
