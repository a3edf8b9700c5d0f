//! Packets made field by field, with checksums added up word by word: what the tests compare with.

/// What a packet says.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) ipv6: bool,
    pub(crate) traffic_class: u8,
    pub(crate) hop_limit: u8,
    pub(crate) dont_fragment: bool,
    pub(crate) identification: u16,
    /// IPv4 options, or an IPv6 destination options header.
    pub(crate) extended: bool,
    pub(crate) ports: (u16, u16),
    pub(crate) upper: Upper,
    pub(crate) payload: Vec<u8>,
}

#[derive(Clone, Debug)]
pub(crate) enum Upper {
    Tcp(Tcp),
    Udp,
}

#[derive(Clone, Debug)]
pub(crate) struct Tcp {
    pub(crate) sequence: u32,
    pub(crate) acknowledgment: u32,
    pub(crate) flags: u8,
    pub(crate) window: u16,
    /// Of the timestamp option.
    pub(crate) timestamp: Option<u32>,
}

const SOURCE: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 10, 1, 2, 3];
const DESTINATION: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 10, 9, 8, 7];

impl Packet {
    /// The packet, with right checksums.
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut packet = self.build_partial();
        let transport_at = self.transport_at();
        let checksum = match !sum(&packet[transport_at..]) {
            0 => 0xffff,
            checksum => checksum,
        };
        packet[transport_at + self.checksum_at()..][..2].copy_from_slice(&checksum.to_be_bytes());
        packet
    }

    /// The packet, with the sum of the pseudo-header only in the upper layer's checksum.
    pub(crate) fn build_partial(&self) -> Vec<u8> {
        let protocol = match self.upper {
            Upper::Tcp(_) => 6,
            Upper::Udp => 17,
        };
        let mut upper = self.upper_header();
        upper.extend_from_slice(&self.payload);
        let pseudo_header = sum(&self.pseudo_header(protocol, upper.len()));
        upper[self.checksum_at()..][..2].copy_from_slice(&pseudo_header.to_be_bytes());
        let mut packet = self.network_header(protocol, upper.len());
        packet.extend_from_slice(&upper);
        packet
    }

    /// Where the checksum is in the upper layer's header.
    pub(crate) fn checksum_at(&self) -> usize {
        match self.upper {
            Upper::Tcp(_) => 16,
            Upper::Udp => 6,
        }
    }

    /// Length of all headers, in octets.
    pub(crate) fn header_len(&self) -> usize {
        self.transport_at() + self.upper_header().len()
    }

    /// Where the upper layer's header begins.
    pub(crate) fn transport_at(&self) -> usize {
        self.network_header(0, 0).len()
    }

    fn addresses(&self) -> [&'static [u8]; 2] {
        let from = if self.ipv6 { 0 } else { 12 };
        [&SOURCE[from..], &DESTINATION[from..]]
    }

    fn pseudo_header(&self, protocol: u8, length: usize) -> Vec<u8> {
        let mut header = self.addresses().concat();
        header.extend((length as u32).to_be_bytes());
        header.extend([0, 0, 0, protocol]);
        header
    }

    fn network_header(&self, protocol: u8, length: usize) -> Vec<u8> {
        let extension = if self.extended { 8 } else { 0 };
        let mut header = Vec::new();
        if self.ipv6 {
            header.extend((0x6000_0000 | u32::from(self.traffic_class) << 20).to_be_bytes());
            header.extend(((extension + length) as u16).to_be_bytes());
            header.extend([if self.extended { 60 } else { protocol }, self.hop_limit]);
            header.extend(self.addresses().concat());
            if self.extended {
                header.extend([protocol, 0, 1, 4, 0, 0, 0, 0]);
            }
        } else {
            header.extend([0x45 + extension as u8 / 4, self.traffic_class]);
            header.extend(((20 + extension + length) as u16).to_be_bytes());
            header.extend(self.identification.to_be_bytes());
            header.extend([if self.dont_fragment { 0x40 } else { 0 }, 0, self.hop_limit, protocol]);
            header.extend([0, 0]);
            header.extend(self.addresses().concat());
            header.extend(vec![1; extension]);
            let checksum = !sum(&header);
            header[10..12].copy_from_slice(&checksum.to_be_bytes());
        }
        header
    }

    fn upper_header(&self) -> Vec<u8> {
        let mut header = [self.ports.0.to_be_bytes(), self.ports.1.to_be_bytes()].concat();
        match &self.upper {
            Upper::Tcp(tcp) => {
                header.extend(tcp.sequence.to_be_bytes());
                header.extend(tcp.acknowledgment.to_be_bytes());
                header.extend([if tcp.timestamp.is_some() { 0x80 } else { 0x50 }, tcp.flags]);
                header.extend(tcp.window.to_be_bytes());
                header.extend([0; 4]);
                if let Some(timestamp) = tcp.timestamp {
                    header.extend([1, 1, 8, 10]);
                    header.extend(timestamp.to_be_bytes());
                    header.extend([0, 0, 0, 9]);
                }
            }
            Upper::Udp => {
                header.extend((8 + self.payload.len() as u16).to_be_bytes());
                header.extend([0; 2]);
            }
        }
        header
    }
}

/// The ones' complement sum (RFC 1071), the slow way.
pub(crate) fn sum(octets: &[u8]) -> u16 {
    let mut sum = 0;
    for pair in octets.chunks(2) {
        sum += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |&low| u32::from(low));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
