//! UDP beside the TCP: long datagrams that are fragmented on their way, and packets that are not
//! permitted.

use std::collections::BTreeMap;
use std::time::Instant;

use packet::{Headers, Reassembly, Transport, checksum, fragment};

use super::Random;
use crate::testing::{FORBIDDEN, SYSTEM, icmp, tcp, udp};

const CLIENT: &str = "10.2.0.1:2000";
const SERVICE: &str = "192.0.2.10:53";
/// Begins what must not arrive.
const REFUSED: &[u8] = b"refused";

/// Which datagrams were sent and have arrived.
pub(super) struct Datagrams {
    /// By number: how often it came to the system, and its answer to the client.
    came: BTreeMap<u32, [u32; 2]>,
    random: Random,
    /// Packets that were sent though they are not permitted.
    pub(super) refused: u64,
    /// The client's.
    reassembly: Reassembly,
    /// Fragments, of either direction: made, and used up by the whole.
    pub(super) pieces_to_system: u64,
}

fn payload(number: u32, len: usize) -> Vec<u8> {
    let pattern = (0..len).map(|at| (at as u32 ^ at as u32 >> 8 ^ number) as u8);
    number.to_be_bytes().into_iter().chain(pattern).collect()
}

/// The number of an intact datagram.
fn number(payload: &[u8]) -> u32 {
    let number = u32::from_be_bytes(*payload.first_chunk().expect("a number"));
    assert_eq!(payload, self::payload(number, payload.len() - 4), "another than was sent");
    number
}

/// A packet as a host sends it to a link of `mtu` octets.
fn cut(mut packet: Vec<u8>, mtu: usize) -> Vec<Vec<u8>> {
    let headers = Headers::parse(&packet).unwrap();
    let mut pieces = fragment::fragments(&mut packet, &headers, mtu).unwrap();
    std::iter::from_fn(|| pieces.next().map(<[u8]>::to_vec)).collect()
}

/// What a whole UDP packet carries.
fn carried<'p>(headers: &Headers, packet: &'p [u8]) -> &'p [u8] {
    assert!(checksum::transport_checksum_holds(headers, packet));
    assert!(checksum::ip_header_holds(packet));
    &packet[usize::from(headers.transport_at) + 8..]
}

impl Datagrams {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            came: BTreeMap::new(),
            random: Random::new(seed ^ 0xda7a),
            refused: 0,
            reassembly: Reassembly::new(packet::reassembly::Limits::default()),
            pieces_to_system: 0,
        }
    }

    /// The next datagram of the client, in the packets that its router sends.
    pub(super) fn next(&mut self) -> Vec<Vec<u8>> {
        let number = self.came.len() as u32;
        self.came.insert(number, [0; 2]);
        let len = [10, 900, 1300, 2500, 4000][self.random.below(5) as usize];
        let mut packet = udp(CLIENT, SERVICE, &payload(number, len));
        // Each needs an identification of its own.
        packet[4..6].copy_from_slice(&(number as u16).to_be_bytes());
        packet[10..12].fill(0);
        let checksum = checksum::sum(&packet[..20]).checksum();
        packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        cut(packet, 1300)
    }

    /// A packet that must not arrive.
    pub(super) fn hostile(&mut self) -> Vec<u8> {
        self.refused += 1;
        let to = |address: &str, port: u16| format!("{address}:{port}");
        match self.random.below(9) {
            0 => udp(CLIENT, &to(FORBIDDEN, 53), REFUSED),
            1 => udp(CLIENT, &to(SYSTEM, 54), REFUSED),
            2 => tcp(CLIENT, &to(SYSTEM, 22), packet::Tcp::SYN, REFUSED),
            3 => udp("10.9.0.1:2000", SERVICE, REFUSED),
            4 => udp(CLIENT, "10.3.0.1:53", REFUSED),
            5 => udp(CLIENT, "8.8.8.8:53", REFUSED),
            6 => {
                // About a flow that there is, to a system that has no part in it.
                let quoted = [&udp(SERVICE, CLIENT, &[])[..], REFUSED].concat();
                icmp("10.2.0.1", FORBIDDEN, [3, 3], [0; 4], &quoted)
            }
            7 => {
                let mut source_routed = udp(CLIENT, SERVICE, REFUSED);
                source_routed.splice(20..20, [131, 4, 4, 0]);
                source_routed[0] = 0x46;
                source_routed
            }
            _ => {
                let mut longer = udp(CLIENT, SERVICE, REFUSED);
                longer[2] = 0x20;
                longer
            }
        }
    }

    /// A packet reached the systems' network; what a system answers, as its link sends it. None
    /// when it is not for the datagram service.
    pub(super) fn reach(&mut self, packet: &[u8]) -> Option<Vec<Vec<u8>>> {
        let headers = Headers::parse(packet).expect("a packet");
        let refused = |part: &[u8]| part == REFUSED;
        assert!(!packet.windows(REFUSED.len()).any(refused), "not permitted, and delivered");
        let Transport::Udp(_) = headers.transport else { return None };
        assert_eq!((headers.destination.to_string(), headers.fragment), (SYSTEM.to_owned(), None));
        let number = number(carried(&headers, packet));
        let pieces = cut(packet.to_vec(), 1300).len() as u64;
        self.pieces_to_system += if pieces > 1 { pieces } else { 0 };
        let [there, _] = self.came.get_mut(&number).expect("it was sent");
        *there += 1;
        assert_eq!(*there, 1, "what came twice is let through once");
        let mut answer = udp(SERVICE, CLIENT, carried(&headers, packet));
        answer[4..6].copy_from_slice(&(number as u16).to_be_bytes());
        answer[10..12].fill(0);
        let checksum = checksum::sum(&answer[..20]).checksum();
        answer[10..12].copy_from_slice(&checksum.to_be_bytes());
        Some(cut(answer, 1500))
    }

    /// A packet reached the client. Whether it was an answer, or a part of one.
    pub(super) fn come_back(&mut self, now: Instant, packet: &[u8]) -> bool {
        let headers = Headers::parse(packet).expect("a packet");
        let (headers, packet) = match headers.fragment {
            None => (headers, packet.to_vec()),
            Some(_) => {
                match self.reassembly.add(now, 0, &headers, packet).expect("none is wrong") {
                    Some(whole) => (Headers::parse(whole).expect("a packet"), whole.to_vec()),
                    None => return true,
                }
            }
        };
        let Transport::Udp(_) = headers.transport else { return false };
        let number = number(carried(&headers, &packet));
        let [_, back] = self.came.get_mut(&number).expect("it was sent");
        *back += 1;
        assert_eq!(*back, 1, "what came twice is let through once");
        true
    }

    /// Datagrams that did not arrive, or whose answers did not.
    pub(super) fn lost(&self) -> usize {
        self.came.values().filter(|came| **came != [1, 1]).count()
    }
}
