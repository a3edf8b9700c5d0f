//! How much an SA may protect, and how much it has.

/// Most packets under one key, whatever IKE asked for. The attacker's advantage against AES-GCM
/// grows with (blocks encrypted)² / 2^129 (RFC 9001 appendix B.1): below 2^-33 with this many
/// packets of 64 KiB. AES-CBC with as many blocks stays below 2^-31.
const MOST_PACKETS: u64 = 1 << 36;

/// When an SA needs a successor (soft), and when it is of no more use (hard; RFC 4301
/// §4.4.2.1). [`u64::MAX`]: never by this measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Packets until a successor is due.
    pub soft_packets: u64,
    /// Packets until nothing more passes.
    pub hard_packets: u64,
    /// Octets, as [`Usage::octets`] counts them, until a successor is due.
    pub soft_octets: u64,
    /// Octets until nothing more passes. The packet that reaches it passes whole.
    pub hard_octets: u64,
}

impl Limits {
    /// No limits but those of sequence numbers and algorithms, which every SA has.
    pub const NONE: Self = Self {
        soft_packets: u64::MAX,
        hard_packets: u64::MAX,
        soft_octets: u64::MAX,
        hard_octets: u64::MAX,
    };
}

/// What an SA has protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Authentic packets, dummy ones too.
    pub packets: u64,
    /// Octets encrypted, padding included (RFC 4301 §4.4.2.1).
    pub octets: u64,
}

/// Usage against limits.
#[derive(Debug)]
pub(crate) struct Lifetime {
    usage: Usage,
    /// [`Limits::NONE`]'s soft ones, once they have been told of.
    limits: Limits,
}

impl Lifetime {
    /// `last_sequence` is the highest sequence number there is. Its end, and that of the
    /// algorithms, is told of before it comes, like the other limits.
    pub(crate) fn new(limits: Limits, last_sequence: u64) -> Self {
        let most = last_sequence.min(MOST_PACKETS);
        let limits = Limits {
            soft_packets: limits.soft_packets.min(most / 8 * 7),
            hard_packets: limits.hard_packets.min(most),
            ..limits
        };
        Self { usage: Usage::default(), limits }
    }

    pub(crate) const fn usage(&self) -> Usage {
        self.usage
    }

    /// Whether a hard limit is reached.
    pub(crate) const fn is_over(&self) -> bool {
        self.usage.packets >= self.limits.hard_packets
            || self.usage.octets >= self.limits.hard_octets
    }

    /// Counts a packet of so many encrypted octets.
    pub(crate) const fn count(&mut self, octets: usize) {
        self.usage.packets += 1;
        self.usage.octets += octets as u64;
    }

    /// Whether a soft limit is reached; told once.
    pub(crate) const fn take_due(&mut self) -> bool {
        let due = self.usage.packets >= self.limits.soft_packets
            || self.usage.octets >= self.limits.soft_octets;
        if due {
            self.limits.soft_packets = Limits::NONE.soft_packets;
            self.limits.soft_octets = Limits::NONE.soft_octets;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soft_is_told_once_and_hard_is_the_end() {
        let limits = Limits { soft_octets: 100, hard_octets: 150, ..Limits::NONE };
        let mut lifetime = Lifetime::new(limits, u64::MAX);
        let seen: Vec<_> = std::iter::repeat_with(|| {
            lifetime.count(60);
            (lifetime.take_due(), lifetime.is_over())
        })
        .take(4)
        .collect();
        assert_eq!(seen, [(false, false), (true, false), (false, true), (false, true)]);
        assert_eq!(lifetime.usage(), Usage { packets: 4, octets: 240 });
    }

    /// Nobody has to know of the algorithms' limits to be told in time.
    #[test]
    fn sequence_and_algorithm_limit_every_sa() {
        for (last, most) in [(u64::from(u32::MAX), u64::from(u32::MAX)), (u64::MAX, 1 << 36)] {
            let mut lifetime = Lifetime::new(Limits::NONE, last);
            lifetime.usage.packets = most - most / 8 - 8;
            assert!(!lifetime.take_due());
            lifetime.usage.packets = most - most / 8;
            assert!(lifetime.take_due() && !lifetime.is_over());
            lifetime.usage.packets = most;
            assert!(lifetime.is_over());
        }
    }
}
