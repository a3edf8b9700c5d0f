//! IPv4 packets cut into fragments (RFC 791 §3.2).

use std::error::Error;
use std::fmt;

use crate::checksum::sum;
use crate::headers::{Headers, ipv4};
use crate::octets::{field, put};

/// The smallest MTU of a link, in octets (RFC 791 §3.2).
const MIN_MTU: usize = 68;

/// Why a packet cannot be fragmented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unfragmentable {
    /// Only its source fragments an IPv6 packet (RFC 8200 §4.5).
    Ipv6,
    /// Its source forbids it.
    DontFragment,
    /// It has IPv4 options. Such packets are rare, and many networks drop them (RFC 7126).
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
}
