//! Packets cut into fragments (RFC 791 §3.2, RFC 8200 §4.5).

use std::error::Error;
use std::fmt;

use crate::checksum::sum;
use crate::headers::{Headers, ipv4, ipv6, protocol};
use crate::octets::{field, put};

/// The smallest MTU of a link, in octets (RFC 791 §3.2).
const MIN_MTU: usize = 68;
/// The same of IPv6 (RFC 8200 §5).
const MIN_MTU_IPV6: usize = 1280;

/// Why a packet cannot be fragmented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unfragmentable {
    /// Only its source fragments an IPv6 packet (RFC 8200 §4.5).
    Ipv6,
    /// Its source forbids it.
    DontFragment,
    /// It has IPv4 options or IPv6 extension headers. Such packets are rare, and many networks
    /// drop them (RFC 7126).
    Options,
    /// No link has so small an MTU.
    MtuTooSmall,
    /// The packet is shorter than its headers say.
    Truncated,
}

impl fmt::Display for Unfragmentable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv6 => "IPv6 packet is too big",
            Self::DontFragment => "packet is too big and must not be fragmented",
            Self::Options => "packet with IPv4 options is too big",
            Self::MtuTooSmall => "MTU too small for IPv4",
            Self::Truncated => "packet shorter than its headers say",
        })
    }
}

impl Error for Unfragmentable {}

/// The fragments of a packet, one after the other.
#[derive(Debug)]
pub struct Fragments<'p> {
    packet: &'p mut [u8],
    header: [u8; ipv4::HEADER_LEN],
    /// Flags and offset of the packet itself: it may be a fragment.
    flags_and_offset: u16,
    /// The most data that a fragment takes, in octets.
    data_len: usize,
    /// Data that have been given, in octets; more than there were after the last.
    done: usize,
}

/// Cuts `packet` into fragments of at most `mtu` octets; one that fits stays as it is. A fragment
/// can be cut again.
///
/// Each fragment's header is written in place, in front of its data, over the fragment before:
/// no data move. The upper layer's checksum must be complete. `headers` must be parsed from
/// `packet`.
///
/// # Errors
///
/// Why it cannot be fragmented.
pub fn fragments<'p>(
    packet: &'p mut [u8],
    headers: &Headers,
    mtu: usize,
) -> Result<Fragments<'p>, Unfragmentable> {
    if !headers.source.is_ipv4() {
        return Err(Unfragmentable::Ipv6);
    }
    if headers.dont_fragment {
        return Err(Unfragmentable::DontFragment);
    }
    if usize::from(headers.transport_at) != ipv4::HEADER_LEN {
        return Err(Unfragmentable::Options);
    }
    if mtu < MIN_MTU {
        return Err(Unfragmentable::MtuTooSmall);
    }
    let packet = packet.get_mut(..headers.len()).ok_or(Unfragmentable::Truncated)?;
    let header = *packet.first_chunk().ok_or(Unfragmentable::Truncated)?;
    let data_len = match packet.len() <= mtu {
        true => packet.len(),
        false => (mtu - ipv4::HEADER_LEN) & !7,
    };
    Ok(Fragments {
        packet,
        header,
        flags_and_offset: u16::from_be_bytes(field(&header, 6)),
        data_len,
        done: 0,
    })
}

impl Fragments<'_> {
    /// The next fragment.
    #[expect(clippy::should_implement_trait, reason = "it lends what the next one writes over")]
    pub fn next(&mut self) -> Option<&[u8]> {
        if self.done > 0 && self.done + ipv4::HEADER_LEN >= self.packet.len() {
            return None;
        }
        let rest = self.packet.get_mut(self.done..)?;
        let len = rest.len().min(ipv4::HEADER_LEN + self.data_len);
        let more = match len < rest.len() {
            true => ipv4::MORE_FRAGMENTS,
            false => 0,
        };
        let word = (self.flags_and_offset + (self.done / 8) as u16) | more;
        let fragment = rest.get_mut(..len)?;
        put(&mut self.header, 2, (len as u16).to_be_bytes());
        put(&mut self.header, 6, word.to_be_bytes());
        put(&mut self.header, 10, [0, 0]);
        let checksum = sum(&self.header).checksum();
        put(&mut self.header, 10, checksum.to_be_bytes());
        put(fragment, 0, self.header);
        self.done += self.data_len;
        Some(fragment)
    }
}

/// The fragments of an IPv6 packet that was put together from fragments, one after the other.
#[derive(Debug)]
pub struct Fragments6<'p> {
    packet: &'p [u8],
    identification: u32,
    /// The most data that a fragment takes, in octets.
    data_len: usize,
    /// Data that have been given, in octets.
    done: usize,
}

/// Cuts an IPv6 `packet` again that came in fragments with `identification`: only its source may
/// fragment an IPv6 packet, and the source did. Each fragment has at most `mtu` octets.
///
/// # Errors
///
/// Why it cannot be fragmented.
pub fn fragments6<'p>(
    packet: &'p [u8],
    headers: &Headers,
    identification: u32,
    mtu: usize,
) -> Result<Fragments6<'p>, Unfragmentable> {
    if usize::from(headers.transport_at) != ipv6::HEADER_LEN || headers.source.is_ipv4() {
        return Err(Unfragmentable::Options);
    }
    if mtu < MIN_MTU_IPV6 {
        return Err(Unfragmentable::MtuTooSmall);
    }
    let packet = packet.get(..headers.len()).ok_or(Unfragmentable::Truncated)?;
    let data_len = (mtu - ipv6::HEADER_LEN - ipv6::FRAGMENT_HEADER_LEN) & !7;
    Ok(Fragments6 { packet, identification, data_len, done: 0 })
}

impl Fragments6<'_> {
    /// Writes the next fragment to `out`; its length, in octets. None after the last, or when
    /// `out` is shorter than the MTU.
    pub fn write_next(&mut self, out: &mut [u8]) -> Option<usize> {
        let (header, data) = self.packet.split_first_chunk::<{ ipv6::HEADER_LEN }>()?;
        let rest = data.get(self.done..).filter(|rest| !rest.is_empty())?;
        let data = rest.get(..self.data_len).unwrap_or(rest);
        let more = u16::from(data.len() < rest.len());
        let payload_len = ipv6::FRAGMENT_HEADER_LEN + data.len();
        let fragment = out.get_mut(..ipv6::HEADER_LEN + payload_len)?;
        put(fragment, 0, *header);
        put(fragment, 4, (payload_len as u16).to_be_bytes());
        let [protocol] = field(header, ipv6::NEXT_HEADER_AT);
        put(fragment, ipv6::NEXT_HEADER_AT, [protocol::FRAGMENT]);
        put(fragment, ipv6::HEADER_LEN, [protocol, 0]);
        put(fragment, ipv6::HEADER_LEN + 2, (self.done as u16 | more).to_be_bytes());
        put(fragment, ipv6::HEADER_LEN + 4, self.identification.to_be_bytes());
        let (_, space) = fragment.split_at_mut(ipv6::HEADER_LEN + ipv6::FRAGMENT_HEADER_LEN);
        space.copy_from_slice(data);
        self.done += data.len();
        Some(ipv6::HEADER_LEN + payload_len)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::checksum::ip_header_holds;

    /// A UDP packet with `len` octets of data, no two neighbours alike.
    fn packet(len: usize) -> Vec<u8> {
        let length = ((28 + len) as u16).to_be_bytes();
        let mut packet = vec![
            0x45, 0, length[0], length[1], 0xab, 0xcd, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
        ];
        let checksum = sum(&packet).checksum();
        put(&mut packet, 10, checksum.to_be_bytes());
        let length = ((8 + len) as u16).to_be_bytes();
        packet.extend([1, 2, 3, 4, length[0], length[1], 0, 0]);
        packet.extend((0..len).map(|at| (at * 7 + at / 256) as u8));
        packet
    }

    fn cut(packet: &[u8], mtu: usize) -> Vec<Vec<u8>> {
        let mut packet = packet.to_vec();
        let headers = Headers::parse(&packet).unwrap();
        let mut fragments = fragments(&mut packet, &headers, mtu).unwrap();
        std::iter::from_fn(|| fragments.next().map(<[u8]>::to_vec)).collect()
    }

    #[test]
    fn refuses_by_name() {
        let mut packet = packet(3000);
        let headers = Headers::parse(&packet).unwrap();
        let refusal =
            |headers: &Headers, mtu| fragments(&mut packet.clone(), headers, mtu).unwrap_err();
        assert_eq!(refusal(&headers, 67), Unfragmentable::MtuTooSmall);
        let whole = Headers { dont_fragment: true, ..headers };
        assert_eq!(refusal(&whole, 1400), Unfragmentable::DontFragment);
        packet[0] = 0x46;
        packet[20..24].fill(1);
        let with_options = Headers { transport_at: 24, ..headers };
        assert_eq!(
            fragments(&mut packet, &with_options, 1400).unwrap_err(),
            Unfragmentable::Options
        );
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let fitting = packet(1372);
        assert_eq!(cut(&fitting, 1400), [fitting]);
        let mut empty = packet(0)[..20].to_vec();
        put(&mut empty, 2, [0, 20]);
        put(&mut empty, 9, [50, 0, 0]);
        let checksum = sum(&empty).checksum();
        put(&mut empty, 10, checksum.to_be_bytes());
        assert_eq!(cut(&empty, 1400), [empty]);
    }

    proptest! {
        /// Cut, and cut again: every piece is in its place, and fits.
        #[test]
        fn pieces_are_the_whole(len in 0_usize..9000, mtus in (68_usize..2000, 68_usize..2000)) {
            let original = packet(len);
            let mut data = vec![None; original.len() - 20];
            let mut ends = 0;
            for piece in cut(&original, mtus.0).iter().flat_map(|piece| cut(piece, mtus.1)) {
                let headers = Headers::parse(&piece).unwrap();
                prop_assert!(ip_header_holds(&piece));
                prop_assert!(piece.len() <= mtus.1 && piece.len() == headers.len());
                let fragment = headers.fragment.unwrap_or(crate::Fragment { identification: 0xabcd, offset: 0, more: false });
                prop_assert_eq!(fragment.identification, 0xabcd);
                for (at, octet) in (usize::from(fragment.offset)..).zip(&piece[20..]) {
                    prop_assert_eq!(data[at].replace(*octet), None);
                }
                ends += usize::from(!fragment.more);
            }
            let data: Vec<u8> = data.into_iter().map(Option::unwrap).collect();
            prop_assert_eq!(&data[..], &original[20..]);
            prop_assert_eq!(ends, 1);
        }
    }

    /// What a source had fragmented and was put together can be cut again, and is the same again.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "there is no other way to an Instant")]
    fn ipv6_fragments_are_put_together_again() {
        use std::time::Instant;

        use crate::reassembly::{Limits, Reassembly};

        let data: Vec<u8> = (0..4000_u32).map(|at| (at * 7 + at / 256) as u8).collect();
        let length = ((8 + data.len()) as u16).to_be_bytes();
        let mut packet = vec![0x60, 0, 0, 0, length[0], length[1], 17, 64];
        for last in [1, 2] {
            packet.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
        }
        packet.extend([1, 2, 3, 4, length[0], length[1], 0xaa, 0xbb]);
        packet.extend(data);
        let headers = Headers::parse(&packet).unwrap();
        for mtu in [1280, 1383, 1500, 9000] {
            let mut cut = fragments6(&packet, &headers, 0xabcd_ef01, mtu).unwrap();
            let mut reassembly = Reassembly::new(Limits::default());
            let (mut out, mut whole) = (vec![0; mtu], None);
            while let Some(len) = cut.write_next(&mut out) {
                let headers = Headers::parse(&out[..len]).unwrap();
                let Some(fragment) = headers.fragment else {
                    whole = Some(out[..len].to_vec());
                    continue;
                };
                assert_eq!(fragment.identification, 0xabcd_ef01);
                let added = reassembly.add(Instant::now(), 0, &headers, &out[..len]);
                whole = added.unwrap().map(|whole| whole.to_vec()).or(whole);
            }
            // A packet that fits is still a fragment, of itself (RFC 6946).
            if mtu < packet.len() {
                assert_eq!(whole.as_deref(), Some(&packet[..]), "{mtu}");
            }
        }
        assert_eq!(fragments6(&packet, &headers, 1, 1279).err(), Some(Unfragmentable::MtuTooSmall));
    }
}
