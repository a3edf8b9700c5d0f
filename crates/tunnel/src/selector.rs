//! What an SA is for.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};
use packet::{Headers, Icmp, Tcp, Transport, Udp};

/// A range of addresses and ports of one protocol, or any (RFC 4301 §4.4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selector {
    /// IP protocol number; 0 for any.
    pub protocol: u8,
    /// First address.
    pub first: IpAddr,
    /// Last address, of the same family.
    pub last: IpAddr,
    /// First and last port; for ICMP type and code. An inverted range stands for packets
    /// whose ports cannot be seen (OPAQUE): there are none, as fragments are put together.
    pub ports: (u16, u16),
}

impl Selector {
    /// The prefixes that make up its addresses.
    fn prefixes(&self) -> Vec<IpNet> {
        match (self.first, self.last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                Ipv4Subnets::new(first, last, 0).map(IpNet::V4).collect()
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                Ipv6Subnets::new(first, last, 0).map(IpNet::V6).collect()
            }
            _ => Vec::new(),
        }
    }

    #[inline]
    fn holds(&self, address: &IpAddr, protocol: u8, port: u16) -> bool {
        let (first, last) = self.ports;
        // Addresses of one family compare as numbers, and those of another never lie between.
        (self.first..=self.last).contains(address)
            && (self.protocol == 0 || self.protocol == protocol)
            && (first..=last).contains(&port)
    }
}

/// The selectors of an SA: what is at our end, and what at the peer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selectors {
    /// At our end.
    pub local: Box<[Selector]>,
    /// At the peer's.
    pub remote: Box<[Selector]>,
}

impl Selectors {
    /// The prefixes behind the peer.
    #[must_use]
    pub fn remote_prefixes(&self) -> Vec<IpNet> {
        self.remote.iter().flat_map(Selector::prefixes).collect()
    }

    /// Whether the peer may send such a packet by the SA, and we, with both ends changed round,
    /// the answer.
    pub(crate) fn hold(&self, ends: &Ends) -> bool {
        let Ends { client: (client, at_client), system: (system, at_system), protocol } = ends;
        self.hold_both((client, *at_client), (system, *at_system), *protocol)
    }

    /// [`Self::hold`] of a packet from the peer.
    #[inline]
    pub(crate) fn hold_packet(&self, headers: &Headers) -> bool {
        let (client, system) = ports(headers);
        self.hold_both((&headers.source, client), (&headers.destination, system), headers.protocol)
    }

    #[inline]
    fn hold_both(&self, client: (&IpAddr, u16), system: (&IpAddr, u16), protocol: u8) -> bool {
        let hold = |selectors: &[Selector], (address, port)| {
            selectors.iter().any(|one| one.holds(address, protocol, port))
        };
        hold(&self.remote, client) && hold(&self.local, system)
    }

    /// Whether the peer may send from such an address to such an address at all.
    pub(crate) fn hold_addresses(&self, headers: &Headers) -> bool {
        let within = |selectors: &[Selector], address| {
            selectors.iter().any(|one| (one.first..=one.last).contains(&address))
        };
        within(&self.remote, headers.source) && within(&self.local, headers.destination)
    }
}

/// Both ends of a conversation, as selectors see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    /// Address and port at the peer's end.
    pub(crate) client: (IpAddr, u16),
    /// Address and port at ours.
    pub(crate) system: (IpAddr, u16),
    pub(crate) protocol: u8,
}

impl Ends {
    /// Of a packet from the peer.
    pub(crate) fn of(headers: &Headers) -> Self {
        let (client, system) = ports(headers);
        Self {
            client: (headers.source, client),
            system: (headers.destination, system),
            protocol: headers.protocol,
        }
    }
}

/// Source and destination port. ICMP has type and code for both (RFC 4301 §4.4.1.1).
#[inline]
fn ports(headers: &Headers) -> (u16, u16) {
    match headers.transport {
        Transport::Tcp(Tcp { source, destination, .. })
        | Transport::Udp(Udp { source, destination }) => (source, destination),
        Transport::Icmp(Icmp { kind, code, .. }) => {
            let both = u16::from_be_bytes([kind, code]);
            (both, both)
        }
        Transport::Other | Transport::Absent => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    fn any_address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            // Few, so that ranges meet them.
            (0..64_u32).prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(0x0a02_0000 | bits))),
            (0..64_u128).prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(0x2001 << 112 | bits))),
            any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
            any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
        ]
    }

    fn any_selector() -> impl Strategy<Value = Selector> {
        let protocol = prop_oneof![Just(0), Just(6), Just(17)];
        let one_family = |ends: &(IpAddr, IpAddr)| ends.0.is_ipv4() == ends.1.is_ipv4();
        let ends = (any_address(), any_address()).prop_filter("of one family", one_family);
        (protocol, ends, 0..4_u16, 0..4_u16).prop_map(|(protocol, (first, last), low, high)| {
            Selector { protocol, first, last, ports: (low, high) }
        })
    }

    fn number(address: IpAddr) -> (bool, u128) {
        match address {
            IpAddr::V4(v4) => (false, v4.to_bits().into()),
            IpAddr::V6(v6) => (true, v6.to_bits()),
        }
    }

    proptest! {
        /// Routes lead to exactly what the selector holds.
        #[test]
        fn prefixes_are_the_range(one in any_selector(), address in any_address()) {
            let within = (number(one.first)..=number(one.last)).contains(&number(address));
            let routed = one.prefixes().iter().any(|prefix| prefix.contains(&address));
            prop_assert_eq!(routed, within);
            let open = Selector { protocol: 0, ports: (0, u16::MAX), ..one };
            prop_assert_eq!(open.holds(&address, 6, 9), within);
        }

        #[test]
        fn both_ends_must_be_held(
            local in prop::collection::vec(any_selector(), 0..3),
            remote in prop::collection::vec(any_selector(), 0..3),
            client in (any_address(), 0..4_u16),
            system in (any_address(), 0..4_u16),
            protocol in prop_oneof![Just(6), Just(17)],
        ) {
            let held = |all: &[Selector], (address, port)| all.iter().any(|one| {
                one.first <= address && address <= one.last
                    && [0, protocol].contains(&one.protocol)
                    && one.ports.0 <= port && port <= one.ports.1
            });
            let expected = held(&remote, client) && held(&local, system);
            let selectors = Selectors { local: local.into(), remote: remote.into() };
            prop_assert_eq!(selectors.hold(&Ends { client, system, protocol }), expected);
        }
    }
}
