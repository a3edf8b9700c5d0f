//! Traffic selectors (RFC 7296 §2.9, §3.13.1): which of a peer's wishes are permitted.
//!
//! A selector is a set of packets: those of a protocol (0: of any), with a port in a range, and
//! an address in a range. A port can also be unknown (OPAQUE, RFC 4301 §4.4.1.1), as in
//! fragments; the range of all ports has those packets too, a smaller one does not. Of ICMP the
//! port is type × 256 + code, so the same ranges hold.

#[cfg(test)]
mod tests;

use ike_wire::{AddressRange, TrafficSelector};

/// As many as a TS payload can hold (RFC 7296 §3.13).
pub const MAX_SELECTORS: usize = 255;

const ANY_PROTOCOL: u8 = 0;
const ANY_PORT: (u16, u16) = (0, u16::MAX);
const OPAQUE: (u16, u16) = (u16::MAX, 0);

/// The packets that are both proposed and permitted, in the order of the proposal; none means
/// TS_UNACCEPTABLE.
///
/// No selector of the result lies within another. Where a peer's first selector is the packet
/// that made it ask (RFC 7296 §2.9), the result has that packet if it is permitted at all. Of
/// more than [`MAX_SELECTORS`] the first are kept, so the result is never wider than either side,
/// but can then be narrower than both.
#[must_use]
pub fn narrow(proposed: &[TrafficSelector], permitted: &[TrafficSelector]) -> Vec<TrafficSelector> {
    let mut narrowed: Vec<TrafficSelector> = Vec::new();
    let pairs = proposed.iter().flat_map(|one| permitted.iter().map(move |other| (one, other)));
    for common in pairs.filter_map(|(one, other)| intersection(one, other)) {
        if narrowed.iter().any(|one| is_within(&common, one)) {
            continue;
        }
        narrowed.retain(|one| !is_within(one, &common));
        if narrowed.len() < MAX_SELECTORS {
            narrowed.push(common);
        }
    }
    narrowed
}

/// Whether each of `inner` lies within one of `outer`: what an initiator asks of an answer.
///
/// It does not put selectors together: a range that only two of `outer` cover is no subset. A
/// responder that narrows has no cause to join what was proposed apart.
#[must_use]
pub fn is_subset(inner: &[TrafficSelector], outer: &[TrafficSelector]) -> bool {
    inner.iter().all(|one| outer.iter().any(|other| is_within(one, other)))
}

fn is_within(inner: &TrafficSelector, outer: &TrafficSelector) -> bool {
    intersection(inner, outer).as_ref() == Some(inner)
}

fn intersection(one: &TrafficSelector, other: &TrafficSelector) -> Option<TrafficSelector> {
    Some(TrafficSelector {
        protocol: common_protocol(one.protocol, other.protocol)?,
        ports: common_ports(one.ports, other.ports)?,
        addresses: common_addresses(one.addresses, other.addresses)?,
    })
}

fn common_protocol(one: u8, other: u8) -> Option<u8> {
    match (one, other) {
        (ANY_PROTOCOL, protocol) | (protocol, ANY_PROTOCOL) => Some(protocol),
        (one, other) => (one == other).then_some(one),
    }
}

fn common_ports(one: (u16, u16), other: (u16, u16)) -> Option<(u16, u16)> {
    match (one, other) {
        (OPAQUE, OPAQUE | ANY_PORT) | (ANY_PORT, OPAQUE) => Some(OPAQUE),
        (OPAQUE, _) | (_, OPAQUE) => None,
        (one, other) => range(one.0.max(other.0), one.1.min(other.1)),
    }
}

fn common_addresses(one: AddressRange, other: AddressRange) -> Option<AddressRange> {
    use AddressRange::{V4, V6};
    match (one, other) {
        (V4(first, last), V4(from, to)) => {
            range(first.max(from), last.min(to)).map(|(first, last)| V4(first, last))
        }
        (V6(first, last), V6(from, to)) => {
            range(first.max(from), last.min(to)).map(|(first, last)| V6(first, last))
        }
        (V4(..), V6(..)) | (V6(..), V4(..)) => None,
    }
}

fn range<T: Ord>(first: T, last: T) -> Option<(T, T)> {
    (first <= last).then_some((first, last))
}
