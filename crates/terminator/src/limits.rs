//! How many handshakes and connections there may be, in all and per source.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::reasons::Refusal;

/// The upper bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Handshakes under way, in all.
    pub handshakes: usize,
    /// Handshakes under way from one source.
    pub handshakes_per_source: usize,
    /// Connections, handshakes included, in all.
    pub connections: usize,
    /// Connections, handshakes included, from one source.
    pub connections_per_source: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    handshakes: usize,
    connections: usize,
}

#[derive(Debug, Default)]
struct Table {
    total: Count,
    sources: HashMap<IpAddr, Count>,
}

/// Who holds how many places. A source is an IPv4 address or an IPv6 /64.
#[derive(Debug)]
pub(crate) struct Places {
    limits: Limits,
    /// Held for a few dozen nanoseconds three times in a connection's life.
    table: Mutex<Table>,
}

/// A connection's place. It begins as a handshake; [`Place::established`] frees that part.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    source: IpAddr,
    in_handshake: bool,
}

impl Places {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, table: Mutex::default() })
    }

    /// Takes a place for a new connection, or says which bound is reached.
    pub(crate) fn take(self: &Arc<Self>, source: IpAddr) -> Result<Place, Refusal> {
        let source = group(source);
        let mut table = self.table();
        let all = table.total;
        let own = table.sources.get(&source).copied().unwrap_or_default();
        let limits = &self.limits;
        if all.connections >= limits.connections {
            return Err(Refusal::TooManyConnections);
        }
        if all.handshakes >= limits.handshakes {
            return Err(Refusal::TooManyHandshakes);
        }
        if own.connections >= limits.connections_per_source {
            return Err(Refusal::TooManyConnectionsFromSource);
        }
        if own.handshakes >= limits.handshakes_per_source {
            return Err(Refusal::TooManyHandshakesFromSource);
        }
        table.change(source, |count| {
            count.connections += 1;
            count.handshakes += 1;
        });
        Ok(Place { places: Arc::clone(self), source, in_handshake: true })
    }

    /// Handshakes and connections now.
    pub(crate) fn taken(&self) -> (usize, usize) {
        let total = self.table().total;
        (total.handshakes, total.connections)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Makes the same change to the total and to the source's count.
    fn change(&mut self, source: IpAddr, change: impl Fn(&mut Count)) {
        change(&mut self.total);
        let count = self.sources.entry(source).or_default();
        change(count);
        if count.connections == 0 {
            self.sources.remove(&source);
        }
    }
}

impl Place {
    /// The handshake is over; the connection goes on.
    pub(crate) fn established(&mut self) {
        if std::mem::take(&mut self.in_handshake) {
            self.places.table().change(self.source, |count| count.handshakes -= 1);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.established();
        self.places.table().change(self.source, |count| count.connections -= 1);
    }
}

/// One customer commonly holds a whole IPv6 /64.
pub(crate) fn group(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bound_refuses_by_name_and_every_place_comes_back() {
        let places = Places::new(Limits {
            handshakes: 3,
            handshakes_per_source: 2,
            connections: 5,
            connections_per_source: 4,
        });
        let take = |text: &str| places.take(text.parse().unwrap());
        let mut held = vec![take("192.0.2.1").unwrap(), take("::ffff:192.0.2.1").unwrap()];
        assert_eq!(take("192.0.2.1").unwrap_err(), Refusal::TooManyHandshakesFromSource);
        held.push(take("2001:db8::1").unwrap());
        assert_eq!(take("192.0.2.2").unwrap_err(), Refusal::TooManyHandshakes);
        held.iter_mut().for_each(Place::established);
        held.push(take("192.0.2.1").unwrap());
        held.push(take("192.0.2.1").unwrap());
        assert_eq!(take("192.0.2.9").unwrap_err(), Refusal::TooManyConnections);
        held.remove(2);
        assert_eq!(take("192.0.2.1").unwrap_err(), Refusal::TooManyConnectionsFromSource);
        drop(held);
        assert_eq!(places.taken(), (0, 0));
        assert!(places.table().sources.is_empty(), "no memory of sources that have left");
    }

    #[test]
    fn one_ipv6_customer_is_one_source() {
        assert_eq!(group("2001:db8::1".parse().unwrap()), group("2001:db8::2".parse().unwrap()));
        assert_ne!(group("2001:db8::1".parse().unwrap()), group("2001:db8:0:1::".parse().unwrap()));
    }
}
