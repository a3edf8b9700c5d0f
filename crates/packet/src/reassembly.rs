//! Fragmented datagrams put together (RFC 791 §3.2, RFC 8200 §4.5), within bounds that a hostile
//! sender cannot move.

mod datagram;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use crate::checksum::ip_header_holds;
use crate::headers::{Fragment, Headers};
use datagram::Datagram;

/// How much may wait for its missing fragments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Datagrams in all.
    pub datagrams: usize,
    /// Datagrams of one owner.
    pub datagrams_per_owner: usize,
    /// Memory for their data in all, in octets. The longest datagram needs 64 KiB.
    pub octets: usize,
    /// How long a datagram waits, from its first fragment on.
    pub lifetime: Duration,
}

impl Default for Limits {
    /// 15 seconds are what RFC 791 §3.2 proposes. Where there is much traffic, the 60 of RFC 8200
    /// would only hold identifications that the source uses again.
    fn default() -> Self {
        Self {
            datagrams: 1024,
            datagrams_per_owner: 64,
            octets: 8 << 20,
            lifetime: Duration::from_secs(15),
        }
    }
}

/// Why a fragment was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refused {
    /// A whole packet.
    NotAFragment,
    /// The checksum of its IPv4 header is wrong.
    HeaderChecksum,
    /// It is there already, octet for octet (RFC 8200 §4.5 allows to ignore it).
    Duplicate,
    /// It overlaps others; its datagram is given up (RFC 5722 §4).
    Overlap,
    /// It ends where the datagram cannot end, or beyond; its datagram is given up.
    Inconsistent,
    /// The fragments came with more gaps between them than are kept account of; their datagram is
    /// given up.
    TooManyGaps,
    /// Its datagram would be longer than 65,535 octets; it is given up.
    TooLong,
    /// Some of its datagram's fragments met congestion, and others do not tell: its datagram is
    /// given up (RFC 3168 §5.3).
    Congestion,
    /// Its datagram was given up before.
    GivenUp,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAFragment => "not a fragment",
            Self::HeaderChecksum => "wrong checksum of a fragment's IPv4 header",
            Self::Duplicate => "duplicate fragment",
            Self::Overlap => "overlapping fragments",
            Self::Inconsistent => "fragments disagree on where their datagram ends",
            Self::TooManyGaps => "too many gaps between fragments",
            Self::TooLong => "fragments of too long a datagram",
            Self::Congestion => "fragments disagree on ECN, and met congestion",
            Self::GivenUp => "fragment of a datagram that was given up",
        })
    }
}

impl Error for Refused {}

/// Fragments that were taken and then lost, since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Others did not arrive in time.
    pub timed_out: u64,
    /// They made room for newer ones.
    pub evicted: u64,
    /// Their datagram was given up.
    pub given_up: u64,
}

/// What belongs together. In IPv6, fragments of one datagram may disagree on the protocol
/// (RFC 8200 §4.5), so that it is 0 there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    owner: u64,
    source: IpAddr,
    destination: IpAddr,
    identification: u32,
    protocol: u8,
}

impl Key {
    fn new(owner: u64, headers: &Headers, fragment: &Fragment) -> Self {
        Self {
            owner,
            source: headers.source,
            destination: headers.destination,
            identification: fragment.identification,
            protocol: match headers.source {
                IpAddr::V4(_) => headers.protocol,
                IpAddr::V6(_) => 0,
            },
        }
    }

    /// Not after any other of this owner.
    fn first_of(owner: u64) -> Self {
        let least = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Self { owner, source: least, destination: least, identification: 0, protocol: 0 }
    }
}

/// Datagrams that wait for fragments.
#[derive(Debug)]
pub struct Reassembly {
    limits: Limits,
    datagrams: BTreeMap<Key, Datagram>,
    /// Their order of arrival, which is that of their time-outs.
    ages: BTreeMap<u64, Key>,
    next_serial: u64,
    octets: usize,
    lost: Lost,
    whole: Vec<u8>,
}

impl Reassembly {
    /// Nothing waits yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            datagrams: BTreeMap::new(),
            ages: BTreeMap::new(),
            next_serial: 0,
            octets: 0,
            lost: Lost::default(),
            whole: Vec::new(),
        }
    }

    /// Takes a fragment. The whole packet, if this completes it: without fragmentation, with the
    /// headers of the first fragment, to be parsed again. It lies in a buffer that the next one
    /// uses.
    ///
    /// Only fragments with the same `owner` come together: let it stand for who can have sent
    /// them. `packet` must be what `headers` were parsed from.
    ///
    /// # Errors
    ///
    /// Why the fragment was not taken.
    pub fn add(
        &mut self,
        now: Instant,
        owner: u64,
        headers: &Headers,
        packet: &[u8],
    ) -> Result<Option<&mut [u8]>, Refused> {
        let fragment = headers.fragment.ok_or(Refused::NotAFragment)?;
        let packet = packet.get(..headers.len()).unwrap_or(packet);
        if !ip_header_holds(packet) {
            return Err(Refused::HeaderChecksum);
        }
        self.handle_timeout(now);
        let key = Key::new(owner, headers, &fragment);
        let known = self.remove(&key);
        let is_new = known.is_none();
        let mut datagram = known.unwrap_or_else(|| self.begin(now));
        let taken = datagram.add(headers, &fragment, packet);
        match taken {
            Ok(()) if datagram.is_complete() => return self.finish(&datagram),
            Ok(()) | Err(Refused::Duplicate | Refused::GivenUp) => {}
            Err(_) => self.lost.given_up += datagram.give_up(),
        }
        self.insert(key, datagram);
        if is_new {
            self.evict_of(owner);
        }
        self.evict();
        taken.map(|()| None)
    }

    /// When [`Reassembly::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let (_, oldest) = self.ages.first_key_value()?;
        Some(self.datagrams.get(oldest)?.deadline)
    }

    /// Forgets what has waited too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        while self.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.lost.timed_out += self.remove_oldest();
        }
    }

    /// What was taken in vain.
    pub fn lost(&self) -> Lost {
        self.lost
    }

    fn begin(&mut self, now: Instant) -> Datagram {
        self.next_serial += 1;
        Datagram::new(self.next_serial, now + self.limits.lifetime)
    }

    fn finish(&mut self, datagram: &Datagram) -> Result<Option<&mut [u8]>, Refused> {
        match datagram.write(&mut self.whole) {
            Ok(()) => Ok(Some(&mut self.whole)),
            Err(refused) => {
                // The error accounts for the one that completed it.
                self.lost.given_up += datagram.fragments() - 1;
                Err(refused)
            }
        }
    }

    fn insert(&mut self, key: Key, datagram: Datagram) {
        self.octets += datagram.octets();
        self.ages.insert(datagram.serial, key);
        self.datagrams.insert(key, datagram);
    }

    fn remove(&mut self, key: &Key) -> Option<Datagram> {
        let datagram = self.datagrams.remove(key)?;
        self.ages.remove(&datagram.serial);
        self.octets -= datagram.octets();
        Some(datagram)
    }

    /// How many fragments are lost with it.
    fn remove_oldest(&mut self) -> u64 {
        let oldest = self.ages.first_key_value().map(|(_, key)| *key);
        let removed = oldest.and_then(|key| self.remove(&key));
        removed.map_or(0, |datagram| datagram.fragments())
    }

    /// Keeps this owner within its limit: its oldest goes.
    fn evict_of(&mut self, owner: u64) {
        let of_owner =
            self.datagrams.range(Key::first_of(owner)..).take_while(|(key, _)| key.owner == owner);
        if of_owner.clone().count() <= self.limits.datagrams_per_owner {
            return;
        }
        let oldest = of_owner.min_by_key(|(_, datagram)| datagram.serial);
        if let Some(key) = oldest.map(|(key, _)| *key) {
            let removed = self.remove(&key);
            self.lost.evicted += removed.map_or(0, |datagram| datagram.fragments());
        }
    }

    /// Keeps all within their limits: the oldest go.
    fn evict(&mut self) {
        while self.datagrams.len() > self.limits.datagrams || self.octets > self.limits.octets {
            self.lost.evicted += self.remove_oldest();
        }
    }
}
