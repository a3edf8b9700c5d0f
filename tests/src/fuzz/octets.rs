//! IP packets made field by field, with checksums added up word by word: nothing of what is
//! tested is used to test it.

use std::net::IpAddr;

/// What is above IP.
#[derive(Clone, Debug)]
pub enum Upper {
    /// Ports, sequence number, flags, and whether with a timestamp option.
    Tcp([u16; 2], u32, u8, bool),
    /// Ports.
    Udp([u16; 2]),
    /// Type, code, and the other four octets of the header; ICMPv6 over IPv6.
    Icmp([u8; 2], [u8; 4]),
    /// Another protocol.
    Other(u8),
}

/// What a packet says.
#[derive(Clone, Debug)]
pub struct Ip {
    /// Source and destination, of one family.
    pub ends: [IpAddr; 2],
    /// Traffic class.
    pub class: u8,
    /// Of IPv4.
    pub dont_fragment: bool,
    /// Of IPv4.
    pub identification: u16,
    /// What is above.
    pub upper: Upper,
    /// What that carries.
    pub payload: Vec<u8>,
}

impl Ip {
    /// The packet, with right checksums, or with the pseudo-header's sum only in the upper
    /// layer's, as a TUN device gives it.
    #[must_use]
    pub fn build(&self, partial: bool) -> Vec<u8> {
        let v4 = self.ends[0].is_ipv4();
        let (protocol, header, checksum_at) = self.header(v4);
        let mut upper = [&header[..], &self.payload].concat();
        let addresses = self.ends.map(octets).concat();
        if let Some(at) = checksum_at {
            let mut pseudo = addresses.clone();
            pseudo.extend((upper.len() as u32).to_be_bytes());
            pseudo.extend([0, 0, 0, protocol]);
            if protocol == 1 {
                pseudo.clear();
            }
            let sum = match partial {
                true => sum(&pseudo),
                false => match !sum(&[pseudo, upper.clone()].concat()) {
                    0 => 0xffff,
                    checksum => checksum,
                },
            };
            upper[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        }
        let mut packet =
            if v4 { self.ipv4(protocol, upper.len()) } else { self.ipv6(protocol, upper.len()) };
        packet.extend(addresses);
        if v4 {
            let checksum = !sum(&packet);
            packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        }
        packet.extend(upper);
        packet
    }

    /// Protocol, header, and where its checksum is.
    fn header(&self, v4: bool) -> (u8, Vec<u8>, Option<usize>) {
        let ports = |[from, to]: [u16; 2]| [from.to_be_bytes(), to.to_be_bytes()].concat();
        match self.upper {
            Upper::Tcp(ends, sequence, flags, timestamp) => {
                let mut header = ports(ends);
                header.extend(sequence.to_be_bytes());
                let offset = if timestamp { 0x80 } else { 0x60 };
                header.extend([0, 0, 0, 1, offset, flags, 1, 0, 0, 0, 0, 0]);
                match timestamp {
                    true => header.extend([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]),
                    false => header.extend([2, 4, 5, 180]),
                }
                (6, header, Some(16))
            }
            Upper::Udp(ends) => {
                let mut header = ports(ends);
                header.extend((8 + self.payload.len() as u16).to_be_bytes());
                header.extend([0, 0]);
                (17, header, Some(6))
            }
            Upper::Icmp([kind, code], rest) => {
                let header = [&[kind, code, 0, 0][..], &rest].concat();
                (if v4 { 1 } else { 58 }, header, Some(2))
            }
            Upper::Other(protocol) => (protocol, Vec::new(), None),
        }
    }

    fn ipv4(&self, protocol: u8, len: usize) -> Vec<u8> {
        let [l0, l1] = ((20 + len) as u16).to_be_bytes();
        let [i0, i1] = self.identification.to_be_bytes();
        let flags = if self.dont_fragment { 0x40 } else { 0 };
        vec![0x45, self.class, l0, l1, i0, i1, flags, 0, 64, protocol, 0, 0]
    }

    fn ipv6(&self, protocol: u8, len: usize) -> Vec<u8> {
        let [l0, l1] = (len as u16).to_be_bytes();
        vec![0x60 | self.class >> 4, self.class << 4, 0, 0, l0, l1, protocol, 64]
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// The ones' complement sum (RFC 1071), the slow way.
#[must_use]
pub fn sum(octets: &[u8]) -> u16 {
    let mut sum = 0;
    for pair in octets.chunks(2) {
        sum += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |&low| u32::from(low));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
