//! Fields changed in place, checksums with them.

use crate::checksum;
use crate::headers::{Headers, Tcp, Transport};
use crate::octets::{field, put};

/// Where the checksum is in an IPv4 header, in octets.
const IPV4_CHECKSUM_AT: usize = 10;
/// Where the checksum is in a TCP header, in octets.
const TCP_CHECKSUM_AT: usize = 16;
/// Length of a TCP header without options, in octets.
const TCP_LEN: usize = 20;

const END_OF_OPTIONS: u8 = 0;
const NO_OPERATION: u8 = 1;
const MAXIMUM_SEGMENT_SIZE: u8 = 2;

/// What the checksum field of the upper layer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumState {
    /// The checksum.
    Complete,
    /// The sum of the pseudo-header only: who completes it will sum the rest as it then is.
    Partial,
}

/// Sets the ECN field (RFC 3168 §5), of which the low two bits of `ecn` count, in `packet` and
/// in the `headers` that were parsed from it.
pub fn set_ecn(packet: &mut [u8], headers: &mut Headers, ecn: u8) {
    headers.traffic_class = headers.traffic_class & !3 | ecn & 3;
    write_ecn(packet, ecn);
}

/// [`set_ecn`] in the packet alone.
pub(crate) fn write_ecn(packet: &mut [u8], ecn: u8) {
    let [first, second] = field(packet, 0);
    if first >> 4 == 4 {
        let changed = second & !3 | ecn & 3;
        let checksum = checksum::update(
            u16::from_be_bytes(field(packet, IPV4_CHECKSUM_AT)),
            u16::from_be_bytes([first, second]),
            u16::from_be_bytes([first, changed]),
        );
        put(packet, 1, [changed]);
        put(packet, IPV4_CHECKSUM_AT, checksum.to_be_bytes());
    } else {
        // The Traffic Class ends in the upper half of the octet, before the flow label.
        put(packet, 1, [second & !0x30 | (ecn & 3) << 4]);
    }
}

/// Lowers the maximum segment size that a TCP SYN announces (RFC 9293 §3.7.1) to `mss`, in
/// octets. Whether there was anything to lower.
///
/// `packet` must be what `headers` were parsed from.
pub fn clamp_mss(packet: &mut [u8], headers: &Headers, mss: u16, checksum: ChecksumState) -> bool {
    let Transport::Tcp(tcp) = headers.transport else {
        return false;
    };
    if tcp.flags & Tcp::SYN == 0 {
        return false;
    }
    let start = usize::from(headers.transport_at);
    let Some(header) = packet.get_mut(start..start + usize::from(tcp.header_len)) else {
        return false;
    };
    let Some(at) = announced_mss(header) else {
        return false;
    };
    let old = u16::from_be_bytes(field(header, at));
    if old <= mss {
        return false;
    }
    put(header, at, mss.to_be_bytes());
    if checksum == ChecksumState::Complete {
        // At an odd place, the halves of the field are in the wrong halves of two words.
        let (old, new) = match at % 2 {
            0 => (old, mss),
            _ => (old.swap_bytes(), mss.swap_bytes()),
        };
        let sum = u16::from_be_bytes(field(header, TCP_CHECKSUM_AT));
        put(header, TCP_CHECKSUM_AT, checksum::update(sum, old, new).to_be_bytes());
    }
    true
}

/// Where a TCP header has its maximum segment size, in octets.
fn announced_mss(header: &[u8]) -> Option<usize> {
    let mut at = TCP_LEN;
    loop {
        let option = header.get(at..)?;
        match *option {
            [] | [END_OF_OPTIONS, ..] => return None,
            [NO_OPERATION, ..] => at += 1,
            [MAXIMUM_SEGMENT_SIZE, 4, _, _, ..] => return Some(at + 2),
            [_, length, ..] if length >= 2 => at += usize::from(length),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::checksum::{ip_header_holds, pseudo, sum, transport_checksum_holds};

    /// A SYN over IPv4 or IPv6 with these options, which fill words of four octets.
    fn syn(ipv6: bool, options: &[u8]) -> Vec<u8> {
        let header_len = 20 + options.len();
        let mut packet = match ipv6 {
            false => vec![
                0x45,
                0b1011_1001,
                0,
                (20 + header_len) as u8,
                0,
                1,
                0x40,
                0,
                64,
                6,
                0,
                0,
                10,
                0,
                0,
                1,
                10,
                0,
                0,
                2,
            ],
            true => {
                let mut header = vec![0x6b, 0x91, 2, 3, 0, header_len as u8, 6, 64];
                header.extend([0x20; 32]);
                header
            }
        };
        if !ipv6 {
            let checksum = sum(&packet).checksum();
            put(&mut packet, 10, checksum.to_be_bytes());
        }
        let at = packet.len();
        packet.extend([
            1,
            2,
            3,
            4,
            5,
            6,
            7,
            8,
            0,
            0,
            0,
            0,
            (header_len as u8 / 4) << 4,
            2,
            1,
            0,
            0,
            0,
            0,
            0,
        ]);
        packet.extend(options);
        let headers = Headers::parse(&packet).unwrap();
        let checksum = (pseudo(&headers) + sum(&packet[at..])).checksum();
        put(&mut packet, at + 16, checksum.to_be_bytes());
        packet
    }

    #[test]
    fn mss_is_lowered_wherever_it_stands() {
        for ipv6 in [false, true] {
            for (options, at) in [
                (&[2, 4, 5, 180, 1, 1, 1, 1][..], 2),
                (&[1, 2, 4, 5, 180, 1, 1, 1], 3),
                (&[8, 3, 9, 2, 4, 5, 180, 0], 5),
            ] {
                let mut packet = syn(ipv6, options);
                let headers = Headers::parse(&packet).unwrap();
                assert!(!clamp_mss(&mut packet, &headers, 1460, ChecksumState::Complete));
                assert!(clamp_mss(&mut packet, &headers, 1350, ChecksumState::Complete));
                let at = usize::from(headers.transport_at) + 20 + at;
                assert_eq!(packet[at..at + 2], 1350_u16.to_be_bytes());
                assert!(transport_checksum_holds(&headers, &packet));
            }
        }
    }

    #[test]
    fn partial_checksum_stays() {
        let mut packet = syn(false, &[2, 4, 5, 180]);
        let headers = Headers::parse(&packet).unwrap();
        let before = packet[36..38].to_vec();
        assert!(clamp_mss(&mut packet, &headers, 1350, ChecksumState::Partial));
        assert_eq!(packet[36..38], before);
    }

    #[test]
    fn ecn_changes_only_itself() {
        for ipv6 in [false, true] {
            let original = syn(ipv6, &[]);
            let mut packet = original.clone();
            let mut headers = Headers::parse(&packet).unwrap();
            assert_eq!(headers.traffic_class, 0b1011_1001);
            set_ecn(&mut packet, &mut headers, 3);
            assert_eq!(headers.traffic_class, 0b1011_1011);
            assert_eq!(Headers::parse(&packet).unwrap(), headers);
            assert!(ip_header_holds(&packet));
            set_ecn(&mut packet, &mut headers, 1);
            assert_eq!(packet, original);
        }
    }

    proptest! {
        #[test]
        fn any_options(options in proptest::collection::vec(prop_oneof![0_u8..6, any::<u8>()], 0..10), mss in any::<u16>()) {
            let options: Vec<u8> = options.iter().flat_map(|&octet| [octet, 4, 2, 4]).collect();
            let mut packet = syn(true, &options);
            let headers = Headers::parse(&packet).unwrap();
            let changed = clamp_mss(&mut packet, &headers, mss, ChecksumState::Complete);
            prop_assert!(transport_checksum_holds(&headers, &packet));
            prop_assert!(!clamp_mss(&mut packet, &headers, mss, ChecksumState::Complete) || !changed);
        }
    }
}
