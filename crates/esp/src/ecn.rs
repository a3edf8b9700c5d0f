//! Congestion marks between inner and outer header (RFC 6040), and the DSCP beside them
//! (RFC 4301 §5.1.2).
//!
//! A traffic class here is the octet of an IPv4 or IPv6 header that has the DSCP in its six
//! high bits and the ECN field in its two low ones (RFC 3168 §5).

/// The ECN field of a traffic class.
const MASK: u8 = 0b11;
/// Its sender does not know ECN.
pub const NOT_ECT: u8 = 0b00;
/// ECN-capable, the second codepoint: for a sender that wants early marks (RFC 9331).
pub const ECT_1: u8 = 0b01;
/// ECN-capable, the usual codepoint.
pub const ECT_0: u8 = 0b10;
/// Congestion experienced.
pub const CE: u8 = 0b11;

/// What the DSCP of the outer header is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dscp {
    /// That of the inner header: the path can treat packets by kind, and see kinds.
    Copy,
    /// 0: the path sees no kinds, and does not reorder beyond the replay window because of them.
    #[default]
    Zero,
}

impl Dscp {
    /// The outer traffic class, ECN included, of a packet with this `inner` one.
    #[must_use]
    pub const fn outer(self, inner: u8) -> u8 {
        match self {
            Self::Copy => inner,
            Self::Zero => encapsulate(inner),
        }
    }
}

/// The ECN field of the outer header for an `inner` traffic class: the same (normal mode,
/// RFC 6040 §4.1).
#[must_use]
pub const fn encapsulate(inner: u8) -> u8 {
    inner & MASK
}

/// The inner packet does not know ECN and the outer header is marked: the mark can only be
/// passed on by dropping it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CongestionLost;

/// What the ECN field of the inner header becomes (RFC 6040 §4.2): that field, or none when it
/// stays as it is. Takes traffic classes or their ECN fields.
///
/// # Errors
/// [`CongestionLost`] when the packet must be dropped.
pub const fn decapsulate(inner: u8, outer: u8) -> Result<Option<u8>, CongestionLost> {
    match (inner & MASK, outer & MASK) {
        (NOT_ECT, CE) => Err(CongestionLost),
        (ECT_0 | ECT_1, CE) => Ok(Some(CE)),
        (ECT_0, ECT_1) => Ok(Some(ECT_1)),
        // An outer ECT over Not-ECT, and ECT(1) over CE, are "currently unused" combinations
        // that the RFC lets be logged; none changes the packet.
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of RFC 6040 §4.2, row by row; columns Not-ECT, ECT(0), ECT(1), CE.
    #[test]
    fn decapsulation_is_the_table() {
        let drop = None;
        for (inner, becomes) in [
            (NOT_ECT, [Some(NOT_ECT), Some(NOT_ECT), Some(NOT_ECT), drop]),
            (ECT_0, [Some(ECT_0), Some(ECT_0), Some(ECT_1), Some(CE)]),
            (ECT_1, [Some(ECT_1), Some(ECT_1), Some(ECT_1), Some(CE)]),
            (CE, [Some(CE); 4]),
        ] {
            for (outer, becomes) in [NOT_ECT, ECT_0, ECT_1, CE].into_iter().zip(becomes) {
                let dscp = 0xb8;
                let changed = decapsulate(dscp | inner, outer).map(|new| new.unwrap_or(inner));
                assert_eq!(changed.ok(), becomes, "{inner:02b} in {outer:02b}");
            }
        }
    }

    #[test]
    fn the_outer_header_has_the_inner_mark_and_its_dscp_by_policy() {
        for ecn in [NOT_ECT, ECT_0, ECT_1, CE] {
            assert_eq!(Dscp::Copy.outer(0xb8 | ecn), 0xb8 | ecn);
            assert_eq!(Dscp::Zero.outer(0xb8 | ecn), ecn);
        }
    }
}
