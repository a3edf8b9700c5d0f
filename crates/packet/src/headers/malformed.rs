//! Why a packet has no headers to speak of.

use std::error::Error;
use std::fmt;

/// What is wrong with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// It ends before its headers do, or before the length they give.
    Truncated,
    /// Neither IPv4 nor IPv6.
    Version,
    /// A length in the IPv4 header cannot be: of the header, or of the packet.
    HeaderLength,
    /// The IPv4 options do not fit each other or the header (RFC 791 §3.1).
    Options,
    /// The sender says by which way it goes: LSRR or SSRR (RFC 7126), routing header of type 0
    /// (RFC 5095), or any with segments left.
    SourceRoute,
    /// A jumbogram (RFC 2675): no link here carries one.
    Jumbogram,
    /// Hop-by-Hop Options elsewhere than first (RFC 8200 §4.1), or a second fragment header.
    ExtensionOrder,
    /// More than [`crate::headers::MAX_EXTENSION_HEADERS`].
    TooManyExtensions,
    /// The source cannot be that of a packet on its way: unspecified, loopback, multicast,
    /// broadcast, or an IPv4 address mapped into IPv6.
    Source,
    /// The first fragment does not hold the upper layer's whole header (RFC 7112), or a later
    /// one would write over it (RFC 3128).
    TinyFragment,
    /// A fragment without data, or, with others to follow, not of a multiple of 8 octets.
    FragmentLength,
    /// The fragment ends beyond the longest datagram there can be, 65,535 octets.
    FragmentTooLong,
    /// The TCP header gives itself fewer than 20 octets.
    TcpHeaderLength,
    /// The UDP length is less than 8 or more than there are.
    UdpLength,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "packet shorter than its headers say",
            Self::Version => "neither IPv4 nor IPv6",
            Self::HeaderLength => "impossible length in the IPv4 header",
            Self::Options => "malformed IPv4 options",
            Self::SourceRoute => "source route",
            Self::Jumbogram => "jumbogram",
            Self::ExtensionOrder => "extension headers out of order",
            Self::TooManyExtensions => "too many extension headers",
            Self::Source => "impossible source address",
            Self::TinyFragment => "first fragment without the whole header of its upper layer",
            Self::FragmentLength => "impossible length of a fragment",
            Self::FragmentTooLong => "fragment beyond the longest datagram",
            Self::TcpHeaderLength => "TCP header too short",
            Self::UdpLength => "impossible UDP length",
        })
    }
}

impl Error for Malformed {}
