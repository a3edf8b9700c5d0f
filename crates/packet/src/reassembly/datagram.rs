//! One datagram, as far as it has arrived.

use std::ops::Range;
use std::time::Instant;

use super::Refused;
use crate::checksum::sum;
use crate::headers::{Fragment, Headers, ipv4, ipv6};
use crate::octets::{field, put};
use crate::rewrite::write_ecn;

/// Separate stretches of data. Fragments that come in order make one.
const MAX_RUNS: usize = 32;

const NOT_ECT: u8 = 0;
const CONGESTION_EXPERIENCED: u8 = 3;

/// A datagram that waits for fragments, or was given up: then for its time to pass.
#[derive(Debug)]
pub(super) struct Datagram {
    /// Its place in the order of arrival.
    pub(super) serial: u64,
    /// When it is no longer waited for.
    pub(super) deadline: Instant,
    fragments: u64,
    given_up: bool,
    /// All that stays in front of the data, from the first fragment; empty before that one came.
    header: Vec<u8>,
    data: Vec<u8>,
    /// What of the data is there: in order, apart from each other.
    runs: Vec<Range<usize>>,
    /// Where the data end, once the last fragment came.
    end: Option<usize>,
    /// Which values of the ECN field came: bit n stands for n.
    ecn: u8,
}

impl Datagram {
    pub(super) fn new(serial: u64, deadline: Instant) -> Self {
        Self {
            serial,
            deadline,
            fragments: 0,
            given_up: false,
            header: Vec::new(),
            data: Vec::new(),
            runs: Vec::new(),
            end: None,
            ecn: 0,
        }
    }

    /// Fragments it holds.
    pub(super) fn fragments(&self) -> u64 {
        self.fragments
    }

    /// Memory it takes, in octets.
    pub(super) fn octets(&self) -> usize {
        self.header.capacity() + self.data.capacity()
    }

    pub(super) fn is_complete(&self) -> bool {
        let whole = self.end.map(|end| 0..end);
        !self.header.is_empty() && whole.is_some_and(|whole| self.runs == [whole])
    }

    /// Takes a fragment in, or is left as it was.
    pub(super) fn add(
        &mut self,
        headers: &Headers,
        fragment: &Fragment,
        packet: &[u8],
    ) -> Result<(), Refused> {
        if self.given_up {
            return Err(Refused::GivenUp);
        }
        let parts = Parts::of(headers, packet).ok_or(Refused::NotAFragment)?;
        let start = usize::from(fragment.offset);
        let place = start..start + parts.data.len();
        self.check(&place, fragment.more, parts.data)?;
        let at = self.runs.partition_point(|run| run.end < place.start);
        self.join(at, &place)?;
        if self.data.len() < place.end {
            self.data.resize(place.end, 0);
        }
        if let Some(into) = self.data.get_mut(place.clone()) {
            into.copy_from_slice(parts.data);
        }
        if start == 0 {
            self.header = parts.into_header();
        }
        if !fragment.more {
            self.end = Some(place.end);
        }
        self.ecn |= 1 << (headers.traffic_class & 3);
        self.fragments += 1;
        Ok(())
    }

    fn check(&self, place: &Range<usize>, more: bool, data: &[u8]) -> Result<(), Refused> {
        let is_there = |run: &Range<usize>| run.start <= place.start && place.end <= run.end;
        if self.runs.iter().any(is_there)
            && self.data.get(place.clone()) == Some(data)
            && (more || self.end == Some(place.end))
        {
            return Err(Refused::Duplicate);
        }
        let overlaps = |run: &Range<usize>| run.start < place.end && place.start < run.end;
        if self.runs.iter().any(overlaps) {
            return Err(Refused::Overlap);
        }
        let is_beyond = self.end.is_some_and(|end| place.end > end);
        let is_short = !more && self.data.len() > place.end;
        if is_beyond || is_short {
            return Err(Refused::Inconsistent);
        }
        Ok(())
    }

    /// Adds a stretch that overlaps none, before or at the run `at`, to those it touches.
    fn join(&mut self, at: usize, place: &Range<usize>) -> Result<(), Refused> {
        let touches = |run: &Range<usize>| run.end == place.start || run.start == place.end;
        let touched = self.runs.iter().skip(at).take_while(|run| touches(run));
        let mut joined = place.clone();
        let mut count = 0;
        for run in touched {
            joined = joined.start.min(run.start)..joined.end.max(run.end);
            count += 1;
        }
        if count == 0 && self.runs.len() == MAX_RUNS {
            return Err(Refused::TooManyGaps);
        }
        self.runs.splice(at..at + count, [joined]);
        Ok(())
    }

    /// Lets all go, and takes nothing any more. How many fragments are lost.
    pub(super) fn give_up(&mut self) -> u64 {
        let fragments = self.fragments;
        *self = Self { given_up: true, ..Self::new(self.serial, self.deadline) };
        fragments
    }

    /// Writes the complete datagram over what `whole` held.
    pub(super) fn write(&self, whole: &mut Vec<u8>) -> Result<(), Refused> {
        whole.clear();
        whole.extend_from_slice(&self.header);
        whole.extend_from_slice(&self.data);
        let [version] = field(whole, 0);
        if version >> 4 == 4 {
            self.complete_ipv4(whole)?;
        } else {
            let length = whole.len() - ipv6::HEADER_LEN;
            put(whole, 4, sixteen_bits(length)?);
        }
        if self.came(CONGESTION_EXPERIENCED) {
            if self.came(NOT_ECT) {
                return Err(Refused::Congestion);
            }
            write_ecn(whole, CONGESTION_EXPERIENCED);
        }
        Ok(())
    }

    fn complete_ipv4(&self, whole: &mut [u8]) -> Result<(), Refused> {
        let length = sixteen_bits(whole.len())?;
        let flags = u16::from_be_bytes(field(whole, 6)) & ipv4::DONT_FRAGMENT;
        put(whole, 2, length);
        put(whole, 6, flags.to_be_bytes());
        put(whole, 10, [0, 0]);
        let header = whole.get(..self.header.len()).unwrap_or_default();
        let checksum = sum(header).checksum();
        put(whole, 10, checksum.to_be_bytes());
        Ok(())
    }

    fn came(&self, ecn: u8) -> bool {
        self.ecn & 1 << ecn != 0
    }
}

fn sixteen_bits(length: usize) -> Result<[u8; 2], Refused> {
    match u16::try_from(length) {
        Ok(length) => Ok(length.to_be_bytes()),
        Err(_) => Err(Refused::TooLong),
    }
}

/// A fragment: what stays in front, and the data.
struct Parts<'p> {
    header: &'p [u8],
    /// In IPv6, what follows in place of the fragment header, and where that is said.
    next_header: Option<(usize, u8)>,
    data: &'p [u8],
}

impl<'p> Parts<'p> {
    fn of(headers: &Headers, packet: &'p [u8]) -> Option<Self> {
        if headers.source.is_ipv4() {
            let (header, data) = packet.split_at_checked(usize::from(headers.transport_at))?;
            return Some(Self { header, next_header: None, data });
        }
        let [next] = field(packet, ipv6::NEXT_HEADER_AT);
        let chain = ipv6::Chain::walk(packet, next).ok()?;
        let fragment_header = chain.fragment_header?;
        let (header, rest) = packet.split_at_checked(fragment_header.at)?;
        Some(Self {
            header,
            next_header: Some((fragment_header.announced_at, fragment_header.next_header)),
            data: rest.get(ipv6::FRAGMENT_HEADER_LEN..)?,
        })
    }

    fn into_header(self) -> Vec<u8> {
        let mut header = self.header.to_vec();
        if let Some((at, next_header)) = self.next_header {
            put(&mut header, at, [next_header]);
        }
        header
    }
}
