//! What the gateway reads of a packet, read once.

pub(crate) mod ipv4;
pub(crate) mod ipv6;
mod malformed;
pub mod protocol;
pub(crate) mod transport;

#[cfg(test)]
mod tests;

use std::net::IpAddr;

pub use malformed::Malformed;

/// Extension headers that one IPv6 packet may have.
pub const MAX_EXTENSION_HEADERS: usize = 8;
/// The longest IPv4 datagram, and the longest payload of an IPv6 packet, in octets.
const MAX_DATAGRAM: usize = 65_535;

/// The headers of one IP packet; also of a super-packet, whose length then exceeds any link's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headers {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Type of Service (RFC 791) or Traffic Class (RFC 8200): DSCP and, in the low two bits, ECN.
    pub traffic_class: u8,
    /// Whether routers may not fragment it: DF in IPv4, always in IPv6.
    pub dont_fragment: bool,
    /// Which part of a fragmented datagram it is; none for a whole one.
    pub fragment: Option<Fragment>,
    /// Protocol of the upper layer, behind all extension headers.
    pub protocol: u8,
    /// Where the upper layer's header begins, in octets from the packet's first.
    pub transport_at: u16,
    /// Length of the packet as its IP header says, in octets. What follows it is padding.
    pub length: u32,
    /// The upper layer's header.
    pub transport: Transport,
}

#[expect(clippy::len_without_is_empty, reason = "no packet is without its header")]
impl Headers {
    /// Reads the headers of the IP packet that `packet` begins with. What they say is then true
    /// of `packet`: every length is within it, every header there in full.
    ///
    /// Checksums are not verified: see [`crate::checksum`].
    ///
    /// # Errors
    ///
    /// What is wrong with the packet. None of those should be forwarded.
    #[inline]
    pub fn parse(packet: &[u8]) -> Result<Self, Malformed> {
        match packet.first().map(|octet| octet >> 4) {
            Some(4) => ipv4::parse(packet),
            Some(6) => ipv6::parse(packet),
            Some(_) => Err(Malformed::Version),
            None => Err(Malformed::Truncated),
        }
    }

    /// [`Headers::length`], to slice by.
    #[inline]
    pub fn len(&self) -> usize {
        self.length as usize
    }
}

/// A part of a fragmented datagram (RFC 791 §3.2, RFC 8200 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Identification: 16 bits in IPv4, 32 in IPv6.
    pub identification: u32,
    /// Where it belongs, in octets.
    pub offset: u16,
    /// Whether others follow it.
    pub more: bool,
}

/// The upper layer, as far as the gateway reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP (RFC 9293)
    Tcp(Tcp),
    /// UDP (RFC 768)
    Udp(Udp),
    /// ICMP (RFC 792) or ICMPv6 (RFC 4443), as the IP version says.
    Icmp(Icmp),
    /// Another protocol.
    Other,
    /// In a fragment that is not the first, there is none.
    Absent,
}

/// Of a TCP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgment number.
    pub acknowledgment: u32,
    /// CWR, ECE, URG, ACK, PSH, RST, SYN, FIN, from the highest bit.
    pub flags: u8,
    /// Length of the header with its options, in octets; they are all there.
    pub header_len: u8,
}

impl Tcp {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgment number counts.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer counts.
    pub const URG: u8 = 0x20;
    /// ECN echo (RFC 3168).
    pub const ECE: u8 = 0x40;
    /// Congestion window reduced (RFC 3168).
    pub const CWR: u8 = 0x80;
}

/// Of a UDP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
}

/// Of an ICMP or ICMPv6 header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// Identifier of an echo request or reply; 0 otherwise.
    pub identifier: u16,
}
