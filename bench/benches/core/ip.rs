//! IP packets, right to the last checksum.

use std::net::SocketAddrV4;

use packet::{VnetHeader, checksum};

/// Octets of a packet, and of a super-packet of those.
pub(crate) const LENGTHS: [usize; 3] = [1408, 576, 64];
/// The longest super-packet.
const SUPER: usize = 65_535;

const NETWORK: usize = 20;
/// `UDP_MAX_SEGMENTS` of Linux before 6.9; TCP has no such limit.
const UDP_SEGMENTS: usize = 64;

/// From where to where.
pub(crate) type Ends = (SocketAddrV4, SocketAddrV4);

/// What an IP packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upper {
    /// With timestamps.
    Tcp,
    Udp,
}

impl Upper {
    fn header_len(self) -> usize {
        match self {
            Self::Tcp => 32,
            Self::Udp => 8,
        }
    }

    /// Octets of IP and upper layer before the payload.
    pub(crate) fn headers(self) -> usize {
        NETWORK + self.header_len()
    }
}

/// Writes to all of `space` the packet with this place in its flow: it has all the payload that
/// fits in.
pub(crate) fn write(space: &mut [u8], upper: Upper, (from, to): Ends, place: usize) {
    let length = u16::try_from(space.len()).unwrap();
    let payload = space.len() - upper.headers();
    let (network, transport) = space.split_at_mut(NETWORK);
    let protocol = if upper == Upper::Tcp { 6 } else { 17 };
    // Not to be fragmented, so that the identification says nothing.
    network[..12].copy_from_slice(&[0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0]);
    network[2..4].copy_from_slice(&length.to_be_bytes());
    network[12..16].copy_from_slice(&from.ip().octets());
    network[16..].copy_from_slice(&to.ip().octets());
    let sum = checksum::sum(network);
    network[10..12].copy_from_slice(&sum.checksum().to_be_bytes());
    transport[..2].copy_from_slice(&from.port().to_be_bytes());
    transport[2..4].copy_from_slice(&to.port().to_be_bytes());
    let covered = u32::try_from(transport.len()).unwrap();
    let at = match upper {
        Upper::Tcp => {
            let sequence = u32::try_from(place * payload).unwrap();
            transport[4..8].copy_from_slice(&sequence.to_be_bytes());
            transport[8..20].copy_from_slice(&[0, 0, 0, 9, 0x80, 0x10, 1, 0, 0, 0, 0, 0]);
            transport[20..32].copy_from_slice(&[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
            16
        }
        Upper::Udp => {
            transport[4..6].copy_from_slice(&(length - 20).to_be_bytes());
            transport[6..8].fill(0);
            6
        }
    };
    let pseudo = checksum::pseudo_header((*from.ip()).into(), (*to.ip()).into(), protocol, covered);
    let sum = pseudo + checksum::sum(transport);
    transport[at..at + 2].copy_from_slice(&sum.checksum().to_be_bytes());
}

/// What a TUN device gives: a super-packet.
pub(crate) struct SuperPacket {
    octets: Vec<u8>,
    upper: Upper,
    pub(crate) vnet: VnetHeader,
    /// How many packets it stands for.
    pub(crate) packets: usize,
}

impl SuperPacket {
    /// Of as many packets of `length` octets as a TUN device puts into one.
    pub(crate) fn new(upper: Upper, length: usize) -> Self {
        let payload = length - upper.headers();
        let most = if upper == Upper::Tcp { SUPER } else { UDP_SEGMENTS };
        let packets = most.min((SUPER - upper.headers()) / payload);
        let (gso_type, csum_offset) = match upper {
            Upper::Tcp => (VnetHeader::TCPV4, 16),
            Upper::Udp => (VnetHeader::UDP_L4, 6),
        };
        let vnet = VnetHeader {
            flags: VnetHeader::NEEDS_CSUM,
            gso_type,
            hdr_len: upper.headers() as u16,
            gso_size: payload as u16,
            csum_start: NETWORK as u16,
            csum_offset,
        };
        Self { octets: vec![0; upper.headers() + packets * payload], upper, vnet, packets }
    }

    /// The super-packet as it was read, of the flow between `ends`.
    pub(crate) fn read(&mut self, ends: Ends) -> &mut [u8] {
        write(&mut self.octets, self.upper, ends, 0);
        &mut self.octets
    }
}
