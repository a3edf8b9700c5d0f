//! The header that a TUN device with `IFF_VNET_HDR` puts before every packet.

/// `struct virtio_net_hdr` (Virtual I/O Device Version 1.2, §5.1.6): what is still to be done to
/// the packet behind it. Its fields have the machine's octet order, as TUN devices keep it unless
/// they are told otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VnetHeader {
    /// [`NEEDS_CSUM`](Self::NEEDS_CSUM), [`DATA_VALID`](Self::DATA_VALID).
    pub flags: u8,
    /// Which packets a super-packet stands for; [`NONE`](Self::NONE) when it is not one.
    pub gso_type: u8,
    /// Length of all headers, in octets. A hint only: of a forwarded packet it may be wrong.
    pub hdr_len: u16,
    /// Payload of each packet but the last, in octets.
    pub gso_size: u16,
    /// Where the octets begin that the checksum covers, in octets from the packet's first.
    pub csum_start: u16,
    /// Where the checksum goes, in octets from `csum_start`.
    pub csum_offset: u16,
}

impl VnetHeader {
    /// Length of the header, in octets.
    pub const LEN: usize = 10;

    /// The checksum's place holds the sum of the pseudo-header only; the rest is to be added.
    pub const NEEDS_CSUM: u8 = 1;
    /// The checksum was verified.
    pub const DATA_VALID: u8 = 2;

    /// One packet.
    pub const NONE: u8 = 0;
    /// TCP over IPv4.
    pub const TCPV4: u8 = 1;
    /// TCP over IPv6.
    pub const TCPV6: u8 = 4;
    /// UDP datagrams, over IPv4 or IPv6.
    pub const UDP_L4: u8 = 5;
    /// Together with a TCP kind: the first packet has CWR set.
    pub const ECN: u8 = 0x80;

    /// Reads the header.
    #[must_use]
    pub const fn parse(octets: &[u8; Self::LEN]) -> Self {
        let &[flags, gso_type, a, b, c, d, e, f, g, h] = octets;
        Self {
            flags,
            gso_type,
            hdr_len: u16::from_ne_bytes([a, b]),
            gso_size: u16::from_ne_bytes([c, d]),
            csum_start: u16::from_ne_bytes([e, f]),
            csum_offset: u16::from_ne_bytes([g, h]),
        }
    }

    /// Writes the header.
    #[must_use]
    pub const fn to_octets(self) -> [u8; Self::LEN] {
        let [a, b] = self.hdr_len.to_ne_bytes();
        let [c, d] = self.gso_size.to_ne_bytes();
        let [e, f] = self.csum_start.to_ne_bytes();
        let [g, h] = self.csum_offset.to_ne_bytes();
        [self.flags, self.gso_type, a, b, c, d, e, f, g, h]
    }

    /// Whether the checksum is still to be completed.
    #[must_use]
    pub const fn needs_checksum(&self) -> bool {
        self.flags & Self::NEEDS_CSUM != 0
    }
}

#[cfg(test)]
mod tests {
    use super::VnetHeader;

    #[test]
    fn reads_what_linux_writes() {
        // A super-packet of TCP over IPv4, as a TUN device of Linux on x86-64 gave it.
        let words = [66u16, 1448, 20, 16];
        let mut octets = [0u8; VnetHeader::LEN];
        octets[0] = 1;
        octets[1] = 1;
        for (place, word) in octets[2..].chunks_mut(2).zip(words) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        let header = VnetHeader::parse(&octets);
        assert_eq!(
            header,
            VnetHeader {
                flags: VnetHeader::NEEDS_CSUM,
                gso_type: VnetHeader::TCPV4,
                hdr_len: 66,
                gso_size: 1448,
                csum_start: 20,
                csum_offset: 16,
            }
        );
        assert_eq!(header.to_octets(), octets);
    }
}
