//! Longest-prefix match over both address families.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;

/// A map from prefixes to `T`.
#[derive(Debug)]
pub(crate) struct Prefixes<T> {
    v4: PrefixMap<Ipv4Net, T>,
    v6: PrefixMap<Ipv6Net, T>,
}

impl<T> Default for Prefixes<T> {
    fn default() -> Self {
        Self { v4: PrefixMap::new(), v6: PrefixMap::new() }
    }
}

impl<T> Prefixes<T> {
    /// The value at exactly this prefix, made with `T::default` where there was none.
    pub(crate) fn entry(&mut self, prefix: IpNet) -> &mut T
    where
        T: Default,
    {
        match prefix {
            IpNet::V4(net) => self.v4.entry(net.trunc()).or_default(),
            IpNet::V6(net) => self.v6.entry(net.trunc()).or_default(),
        }
    }

    /// Puts `value` at `prefix`, in the place of what stood there.
    pub(crate) fn insert(&mut self, prefix: IpNet, value: T) {
        match prefix {
            IpNet::V4(net) => drop(self.v4.insert(net.trunc(), value)),
            IpNet::V6(net) => drop(self.v6.insert(net.trunc(), value)),
        }
    }

    /// Every prefix.
    pub(crate) fn keys(&self) -> impl Iterator<Item = IpNet> + '_ {
        let v4 = self.v4.keys().map(IpNet::V4);
        v4.chain(self.v6.keys().map(IpNet::V6))
    }

    /// Length and value of the longest prefix that holds `address`. An IPv4-mapped IPv6
    /// address is looked up as the IPv4 address it stands for.
    pub(crate) fn longest_match(&self, address: IpAddr) -> Option<(u8, &T)> {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let (prefix, value) = self.v4.get_lpm(&address.into())?;
                Some((prefix.prefix_len(), value))
            }
            IpAddr::V6(address) => {
                let (prefix, value) = self.v6.get_lpm(&address.into())?;
                Some((prefix.prefix_len(), value))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_linear_scan(
            nets in proptest::collection::vec((any::<u16>(), 0u8..=32), 0..40),
            probe in any::<u16>(),
        ) {
            let spread = |bits: u16| std::net::Ipv4Addr::from(u32::from(bits).wrapping_mul(0x0001_0101));
            let mut map = Prefixes::default();
            let nets: Vec<Ipv4Net> = nets
                .into_iter()
                .map(|(bits, len)| Ipv4Net::new(spread(bits), len).unwrap().trunc())
                .collect();
            for net in &nets {
                map.insert(IpNet::V4(*net), *net);
            }
            let probe = spread(probe);
            let expected = nets.iter().filter(|net| net.contains(&probe)).max_by_key(|n| n.prefix_len());
            let expected = expected.map(|net| (net.prefix_len(), net));
            prop_assert_eq!(map.longest_match(probe.into()), expected);
            prop_assert_eq!(map.longest_match(probe.to_ipv6_mapped().into()), expected);
        }
    }
}
