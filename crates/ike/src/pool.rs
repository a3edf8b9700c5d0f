//! Virtual addresses (RFC 7296 §3.15). A lease follows the identity: whoever comes again
//! gets the address it had, for as long as nobody else needs it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;

use crate::config::PoolConfig;

/// Addresses handed out to one identity. Several sessions of it share them, so that one
/// can take over from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) v4: Option<Ipv4Addr>,
    pub(crate) v6: Option<Ipv6Addr>,
}

impl Lease {
    pub(crate) fn addresses(&self) -> Vec<IpAddr> {
        let v4 = self.v4.map(IpAddr::V4);
        v4.into_iter().chain(self.v6.map(IpAddr::V6)).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.v4.is_none() && self.v6.is_none()
    }
}

/// Which families a peer asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) v4: bool,
    pub(crate) v6: bool,
}

impl Wanted {
    pub(crate) fn any(self) -> bool {
        self.v4 || self.v6
    }
}

#[derive(Debug, Default)]
struct Holder {
    lease: Lease,
    sessions: usize,
    /// Its place in `Pool::away`, when no session holds the lease.
    left: Option<u64>,
}

/// The pool.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    v4: Family,
    v6: Family,
    holders: HashMap<Arc<str>, Holder>,
    /// Who has left, longest ago first.
    away: BTreeMap<u64, Arc<str>>,
    departures: u64,
}

/// The addresses of one family: those never used yet are made one after the other.
#[derive(Debug, Default)]
struct Family {
    prefixes: Vec<IpNet>,
    /// Prefix and host number to try next.
    next: (usize, u128),
    free: Vec<IpAddr>,
    used: HashSet<IpAddr>,
}

impl Pool {
    pub(crate) fn new(config: &PoolConfig) -> Self {
        let mut pool = Self::default();
        pool.reconfigure(config);
        pool
    }

    /// Other prefixes from now on. An address within them stays with whoever has it; instead
    /// of one that is not, the next lease has another.
    pub(crate) fn reconfigure(&mut self, config: &PoolConfig) {
        self.v4.change(config.v4.iter().copied().map(IpNet::V4).collect());
        self.v6.change(config.v6.iter().copied().map(IpNet::V6).collect());
        for holder in self.holders.values_mut() {
            let Lease { v4, v6 } = holder.lease;
            holder.lease.v4 = v4.filter(|v4| self.v4.used.contains(&IpAddr::V4(*v4)));
            holder.lease.v6 = v6.filter(|v6| self.v6.used.contains(&IpAddr::V6(*v6)));
        }
    }

    /// Leases what `subject` wants and the pool has; empty when that is nothing.
    pub(crate) fn lease(&mut self, subject: &Arc<str>, wanted: Wanted) -> Lease {
        let mut lease = self.holders.get(subject).map(|h| h.lease.clone()).unwrap_or_default();
        if wanted.v4 && lease.v4.is_none() {
            lease.v4 = self.take(|pool| &mut pool.v4, subject).and_then(|address| match address {
                IpAddr::V4(v4) => Some(v4),
                IpAddr::V6(_) => None,
            });
        }
        if wanted.v6 && lease.v6.is_none() {
            lease.v6 = self.take(|pool| &mut pool.v6, subject).and_then(|address| match address {
                IpAddr::V6(v6) => Some(v6),
                IpAddr::V4(_) => None,
            });
        }
        let given =
            Lease { v4: lease.v4.filter(|_| wanted.v4), v6: lease.v6.filter(|_| wanted.v6) };
        if !given.is_empty() {
            let holder = self.holders.entry(Arc::clone(subject)).or_default();
            holder.lease = lease;
            holder.sessions += 1;
            holder.left.take().and_then(|place| self.away.remove(&place));
        }
        given
    }

    /// One session of `subject` that holds its lease is over.
    pub(crate) fn release(&mut self, subject: &Arc<str>) {
        let Some(holder) = self.holders.get_mut(subject) else { return };
        holder.sessions = holder.sessions.saturating_sub(1);
        if holder.sessions == 0 && holder.left.is_none() {
            self.departures += 1;
            holder.left = Some(self.departures);
            self.away.insert(self.departures, Arc::clone(subject));
        }
    }

    /// Leases held by sessions.
    pub(crate) fn in_use(&self) -> usize {
        self.holders.values().filter(|holder| holder.sessions > 0).count()
    }

    fn take(
        &mut self,
        family: impl Fn(&mut Self) -> &mut Family,
        subject: &Arc<str>,
    ) -> Option<IpAddr> {
        loop {
            if let Some(address) = family(self).take() {
                return Some(address);
            }
            self.evict(subject)?;
        }
    }

    /// Whoever has been away longest loses what it had.
    fn evict(&mut self, except: &Arc<str>) -> Option<()> {
        let place = self.away.iter().find(|(_, subject)| *subject != except).map(|(&at, _)| at)?;
        let holder = self.away.remove(&place).and_then(|gone| self.holders.remove(&gone))?;
        self.v4.give_back(holder.lease.v4.map(IpAddr::V4));
        self.v6.give_back(holder.lease.v6.map(IpAddr::V6));
        Some(())
    }
}

impl Family {
    /// Begins anew with other prefixes, passing over what is in use.
    fn change(&mut self, prefixes: Vec<IpNet>) {
        if prefixes != self.prefixes {
            self.used.retain(|used| prefixes.iter().any(|prefix| prefix.contains(used)));
            (self.prefixes, self.next, self.free) = (prefixes, (0, 1), Vec::new());
        }
    }

    fn take(&mut self) -> Option<IpAddr> {
        let address = self.free.pop().or_else(|| self.fresh())?;
        self.used.insert(address);
        Some(address)
    }

    fn give_back(&mut self, address: Option<IpAddr>) {
        if let Some(address) = address.filter(|address| self.used.remove(address)) {
            self.free.push(address);
        }
    }

    fn fresh(&mut self) -> Option<IpAddr> {
        loop {
            let (index, number) = self.next;
            let prefix = self.prefixes.get(index)?;
            self.next = match host(prefix, number) {
                Some(address) if !self.used.contains(&address) => {
                    self.next = (index, number + 1);
                    return Some(address);
                }
                Some(_) => (index, number + 1),
                None => (index + 1, 1),
            };
        }
    }
}

/// The `number`-th address of a prefix; never its first or, in IPv4, its last, which
/// networks and broadcasts have.
fn host(prefix: &IpNet, number: u128) -> Option<IpAddr> {
    match prefix {
        IpNet::V4(net) => {
            let address = u32::from(net.network()).checked_add(u32::try_from(number).ok()?)?;
            let address = Ipv4Addr::from(address);
            let usable = net.contains(&address) && address != net.broadcast();
            usable.then_some(IpAddr::V4(address))
        }
        IpNet::V6(net) => {
            let address = Ipv6Addr::from(u128::from(net.network()).checked_add(number)?);
            net.contains(&address).then_some(IpAddr::V6(address))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Wanted = Wanted { v4: true, v6: true };
    const V4: Wanted = Wanted { v4: true, v6: false };

    fn pool(v4: &str) -> Pool {
        let v6 = vec!["fd00::/64".parse().unwrap()];
        Pool::new(&PoolConfig { v4: vec![v4.parse().unwrap()], v6, dns: vec![] })
    }

    fn name(text: &str) -> Arc<str> {
        text.into()
    }

    #[test]
    fn an_address_follows_the_identity_until_somebody_needs_it() {
        let mut pool = pool("10.0.0.0/30");
        let (a, b, c) = (name("a"), name("b"), name("c"));
        let first = pool.lease(&a, BOTH);
        assert_eq!(
            first.addresses(),
            ["10.0.0.1", "fd00::1"].map(|t| t.parse::<IpAddr>().unwrap())
        );
        let second = pool.lease(&b, V4);
        assert_eq!(second.v4, Some(Ipv4Addr::new(10, 0, 0, 2)));
        assert!(pool.lease(&c, V4).is_empty(), "the pool is exhausted");
        pool.release(&a);
        assert_eq!(pool.lease(&a, BOTH), first, "whoever comes again has what it had");
        pool.release(&a);
        assert_eq!(pool.lease(&c, V4).v4, first.v4, "who is away loses it to who is here");
        assert!(pool.lease(&a, V4).is_empty());
    }

    #[test]
    fn sessions_of_one_identity_share_its_address() {
        let mut pool = pool("10.0.0.0/24");
        let a = name("a");
        let first = pool.lease(&a, V4);
        assert_eq!(pool.lease(&a, V4), first);
        pool.release(&a);
        assert_eq!(pool.in_use(), 1);
        pool.release(&a);
        assert_eq!(pool.in_use(), 0);
    }

    #[test]
    fn who_gets_nothing_holds_nothing() {
        let mut pool = pool("10.0.0.0/30");
        let (a, b, c) = (name("a"), name("b"), name("c"));
        let v6 = pool.lease(&a, Wanted { v4: false, v6: true });
        pool.lease(&b, V4);
        pool.lease(&c, V4);
        assert!(!v6.is_empty() && pool.lease(&a, V4).is_empty());
        pool.release(&a);
        assert_eq!(pool.in_use(), 2);
    }

    #[test]
    fn a_larger_prefix_gives_nobody_what_another_has() {
        let mut pool = pool("10.0.0.0/30");
        let (a, b, c) = (name("a"), name("b"), name("c"));
        let first = pool.lease(&a, V4);
        let v4 = vec!["10.0.0.0/29".parse().unwrap()];
        pool.reconfigure(&PoolConfig { v4, ..PoolConfig::default() });
        assert_ne!(pool.lease(&b, V4), first);
        assert_eq!(pool.lease(&a, V4), first);
        let v4 = vec!["10.1.0.0/29".parse().unwrap()];
        pool.reconfigure(&PoolConfig { v4, ..PoolConfig::default() });
        let moved = pool.lease(&a, V4);
        assert_ne!(moved, first);
        // Its sessions from before do not take it away.
        pool.release(&a);
        pool.release(&a);
        assert_ne!(pool.lease(&c, V4), moved);
        assert_eq!(pool.in_use(), 3);
    }
}
