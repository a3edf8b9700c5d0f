//! The Internet checksum (RFC 1071), and its change when one word of the data changes (RFC 1624).

use std::net::IpAddr;
use std::ops::{Add, AddAssign};

use crate::headers::{Headers, Transport, protocol};

/// A sum of 16-bit words that is not yet folded to 16 bits.
///
/// It is exact, so that sums may be added in any order. Every part but the last must have an
/// even length. 2^32 octets may go into one sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(u64);

impl Sum {
    /// The sum of nothing.
    pub const ZERO: Self = Self(0);

    /// Of one word, a number in host order.
    #[inline]
    pub fn word(word: u16) -> Self {
        Self(u64::from(word.to_be()))
    }

    /// The one's complement sum of all words, not inverted: what a checksum field holds when
    /// another completes it. `to_be_bytes` of it goes on the wire.
    #[inline]
    pub fn fold(self) -> u16 {
        let sum = (self.0 >> 32) + (self.0 & 0xffff_ffff);
        let sum = (sum >> 16) + (sum & 0xffff);
        let sum = (sum >> 16) + (sum & 0xffff);
        let sum = (sum >> 16) + (sum & 0xffff);
        u16::from_be(sum as u16)
    }

    /// What a checksum field must hold: the inverted [`Sum::fold`] of everything else.
    #[inline]
    pub fn checksum(self) -> u16 {
        !self.fold()
    }

    /// Whether data that contain their checksum are right.
    #[inline]
    pub fn holds(self) -> bool {
        self.fold() == 0xffff
    }
}

impl Add for Sum {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Sum {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// The sum of these octets; an odd last one counts as if a zero followed (RFC 1071 §4.1).
///
/// Words are summed as they lie in memory, eight octets at a time: the one's complement sum does
/// not depend on the byte order (RFC 1071 §2 B), and eight independent lanes become vectors on
/// every processor. A lane adds its words, which overflows, and their high halves, which does not:
/// the low halves need no instructions of their own, as they are the difference.
#[inline]
pub fn sum(octets: &[u8]) -> Sum {
    let (mut all, mut high) = ([0_u64; 8], [0_u64; 8]);
    let (blocks, rest) = octets.as_chunks::<64>();
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        for ((all, high), word) in all.iter_mut().zip(&mut high).zip(words) {
            let word = u64::from_ne_bytes(*word);
            *all = all.wrapping_add(word);
            *high += word >> 32;
        }
    }
    let high: u64 = high.iter().sum();
    let low = all.into_iter().fold(0, u64::wrapping_add).wrapping_sub(high << 32);
    Sum(low + high) + sum_rest(rest)
}

/// The sum of less than a block.
#[inline]
fn sum_rest(octets: &[u8]) -> Sum {
    let mut sum = 0;
    let (quads, rest) = octets.as_chunks::<4>();
    for quad in quads {
        sum += u64::from(u32::from_ne_bytes(*quad));
    }
    let (pairs, last) = rest.as_chunks::<2>();
    for pair in pairs {
        sum += u64::from(u16::from_ne_bytes(*pair));
    }
    if let [last] = last {
        sum += u64::from(u16::from_ne_bytes([*last, 0]));
    }
    Sum(sum)
}

/// The sum of the pseudo-header (RFC 9293 §3.1, RFC 8200 §8.1). `length` is that of the upper
/// layer's header and data, in octets.
#[inline]
pub fn pseudo_header(source: IpAddr, destination: IpAddr, protocol: u8, length: u32) -> Sum {
    let rest = Sum(u64::from(length.to_be())) + Sum::word(u16::from(protocol));
    address(source) + address(destination) + rest
}

#[inline]
fn address(address: IpAddr) -> Sum {
    match address {
        IpAddr::V4(address) => Sum(u64::from(u32::from_ne_bytes(address.octets()))),
        IpAddr::V6(address) => {
            let address = u128::from_ne_bytes(address.octets());
            let quad = |shift: u32| u64::from((address >> shift) as u32);
            Sum(quad(0) + quad(32) + quad(64) + quad(96))
        }
    }
}

/// The checksum after one 16-bit word of the data went from `old` to `new` (RFC 1624 §3,
/// equation 3).
#[inline]
pub fn update(checksum: u16, old: u16, new: u16) -> u16 {
    let sum = u32::from(!checksum) + u32::from(!old) + u32::from(new);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    !(sum as u16)
}

/// Whether the checksum of the IPv4 header is right; in IPv6, which has none, always.
///
/// [`Headers::parse`] does not ask: the kernel checks every packet it takes, and the packets it
/// gives are right. Ask where a header's checksum is computed anew, so that a damaged header
/// does not become a good one.
#[inline]
pub fn ip_header_holds(packet: &[u8]) -> bool {
    match packet.first() {
        // Nearly every header is of this length: with a constant one, the sum has no loop.
        Some(0x45) => packet.first_chunk::<20>().is_some_and(|header| sum(header).holds()),
        Some(octet) if octet >> 4 == 4 => {
            packet.get(..usize::from(octet & 0xf) * 4).is_some_and(|header| sum(header).holds())
        }
        _ => true,
    }
}

/// Whether the upper layer's checksum is right: TCP, UDP, ICMP, ICMPv6. True where none can be
/// judged: UDP over IPv4 without one, another protocol, a part of a datagram.
///
/// `packet` must be what `headers` were parsed from.
pub fn transport_checksum_holds(headers: &Headers, packet: &[u8]) -> bool {
    if headers.fragment.is_some() {
        return true;
    }
    let Some(segment) = packet.get(usize::from(headers.transport_at)..headers.len()) else {
        return false;
    };
    match headers.transport {
        Transport::Tcp(_) => (pseudo(headers) + sum(segment)).holds(),
        Transport::Udp(_) => udp_holds(headers, segment),
        Transport::Icmp(_) if headers.protocol == protocol::ICMP => sum(segment).holds(),
        Transport::Icmp(_) => (pseudo(headers) + sum(segment)).holds(),
        Transport::Other | Transport::Absent => true,
    }
}

/// The pseudo-header's sum of a packet that is not a fragment.
#[inline]
pub fn pseudo(headers: &Headers) -> Sum {
    pseudo_header(
        headers.source,
        headers.destination,
        headers.protocol,
        headers.length.saturating_sub(u32::from(headers.transport_at)),
    )
}

/// UDP has a length of its own, which the sum goes by (RFC 768), and may have no checksum, but
/// not over IPv6 (RFC 8200 §8.1).
fn udp_holds(headers: &Headers, segment: &[u8]) -> bool {
    let Some([_, _, _, _, high, low, checksum @ ..]) = segment.first_chunk::<8>() else {
        return false;
    };
    if *checksum == [0, 0] {
        return headers.source.is_ipv4();
    }
    let length = u16::from_be_bytes([*high, *low]);
    let Some(datagram) = segment.get(..usize::from(length)) else {
        return false;
    };
    let pseudo =
        pseudo_header(headers.source, headers.destination, headers.protocol, u32::from(length));
    (pseudo + sum(datagram)).holds()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 1071 §4.1, word by word.
    fn reference(octets: &[u8]) -> u16 {
        let mut sum = 0_u32;
        for pair in octets.chunks(2) {
            sum += u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }

    #[test]
    fn example_of_rfc_1071() {
        let octets = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(sum(&octets).fold(), 0xddf2);
    }

    #[test]
    fn the_longest_packet_of_ones_does_not_overflow() {
        assert_eq!(sum(&[0xff; 65_535]).fold(), reference(&[0xff; 65_535]));
    }

    /// RFC 1624 §4: equation 3 is right where RFC 1141's is not.
    #[test]
    fn example_of_rfc_1624() {
        assert_eq!(update(0xdd2f, 0x5555, 0x3285), 0x0000);
        // The carry of a carry.
        assert_eq!(update(0, 0, 1), 0xfffe);
    }

    proptest! {
        #[test]
        fn equals_the_reference(octets in proptest::collection::vec(any::<u8>(), 0..300), cut in 0_usize..150) {
            prop_assert_eq!(sum(&octets).fold(), reference(&octets));
            let (front, back) = octets.split_at((cut * 2).min(octets.len() & !1));
            prop_assert_eq!((sum(back) + sum(front)).fold(), reference(&octets));
        }

        #[test]
        fn update_equals_summing_anew(mut words in proptest::collection::vec(any::<u16>(), 2..20), new in any::<u16>(), at in any::<proptest::sample::Index>()) {
            // Data of zeros only have two checksums, of which a packet's never has the one.
            words[0] |= 1;
            let at = 1 + at.index(words.len() - 1);
            let total = |words: &[u16]| words.iter().fold(Sum::ZERO, |sum, &word| sum + Sum::word(word));
            let before = total(&words).checksum();
            let old = std::mem::replace(&mut words[at], new);
            prop_assert_eq!(update(before, old, new), total(&words).checksum());
        }
    }
}
