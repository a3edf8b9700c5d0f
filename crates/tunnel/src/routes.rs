//! Which SAs lead to an address.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;

/// From the prefixes behind peers to ids of CHILD_SAs.
#[derive(Default)]
pub(crate) struct Routes {
    v4: PrefixMap<Ipv4Net, Vec<u64>>,
    v6: PrefixMap<Ipv6Net, Vec<u64>>,
}

impl Routes {
    pub(crate) fn add(&mut self, prefix: IpNet, child: u64) {
        match prefix {
            IpNet::V4(prefix) => self.v4.entry(prefix).or_default().push(child),
            IpNet::V6(prefix) => self.v6.entry(prefix).or_default().push(child),
        }
    }

    pub(crate) fn remove(&mut self, prefix: IpNet, child: u64) {
        let forget = |children: &mut Vec<u64>| {
            children.retain(|other| *other != child);
            children.is_empty()
        };
        match prefix {
            IpNet::V4(prefix) => {
                if self.v4.get_mut(&prefix).is_some_and(forget) {
                    self.v4.remove(&prefix);
                }
            }
            IpNet::V6(prefix) => {
                if self.v6.get_mut(&prefix).is_some_and(forget) {
                    self.v6.remove(&prefix);
                }
            }
        }
    }

    /// The SAs whose prefix holds `address`, those of the longest prefix only, the newest first.
    pub(crate) fn lookup(&self, address: IpAddr) -> impl Iterator<Item = u64> + '_ {
        let children = match address {
            IpAddr::V4(address) => self.v4.get_lpm(&address.into()).map(|(_, children)| children),
            IpAddr::V6(address) => self.v6.get_lpm(&address.into()).map(|(_, children)| children),
        };
        children.into_iter().flatten().rev().copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Prefixes within each other, of both families.
    fn any_prefix() -> impl Strategy<Value = IpNet> {
        let v4 = (0..16_u32, 0..=32_u8).prop_map(|(bits, len)| {
            let net = Ipv4Net::new((0x0a02_0000 | bits).into(), len).unwrap();
            IpNet::V4(net.trunc())
        });
        let v6 = (0..16_u128, 118..=128_u8).prop_map(|(bits, len)| {
            let net = Ipv6Net::new((0x2001 << 112 | bits).into(), len).unwrap();
            IpNet::V6(net.trunc())
        });
        prop_oneof![v4, v6]
    }

    proptest! {
        #[test]
        fn the_longest_prefix_says_who(
            steps in prop::collection::vec((any::<bool>(), any_prefix(), 0..4_u64), 0..40),
            bits in 0..16_u32,
        ) {
            let (mut routes, mut model) = (Routes::default(), Vec::new());
            for (add, prefix, child) in steps {
                if add {
                    routes.add(prefix, child);
                    model.push((prefix, child));
                } else {
                    routes.remove(prefix, child);
                    model.retain(|known| *known != (prefix, child));
                }
                for address in [
                    IpAddr::V4((0x0a02_0000 | bits).into()),
                    IpAddr::V6((0x2001 << 112 | u128::from(bits)).into()),
                ] {
                    let holding = model.iter().filter(|(prefix, _)| prefix.contains(&address));
                    let longest = holding.clone().map(|(prefix, _)| prefix.prefix_len()).max();
                    let expected = holding
                        .rev()
                        .filter(|(prefix, _)| Some(prefix.prefix_len()) == longest)
                        .map(|(_, child)| *child);
                    prop_assert!(routes.lookup(address).eq(expected));
                }
            }
            for (prefix, child) in model {
                routes.remove(prefix, child);
            }
            prop_assert!(routes.v4.is_empty() && routes.v6.is_empty());
        }
    }
}
