//! What is measured of each tunnel.

use std::collections::BTreeMap;

/// One number of a round.
pub(crate) struct Measure {
    /// In JSON.
    pub(crate) key: &'static str,
    /// In tables.
    pub(crate) title: &'static str,
    pub(crate) unit: Unit,
    pub(crate) role: Role,
}

#[derive(Clone, Copy)]
pub(crate) enum Unit {
    /// Bits per second.
    Bits,
    /// Packets per second.
    Packets,
    /// Seconds of CPU time per 10^9 octets of payload.
    SecondsPerGigabyte,
    /// Seconds.
    Seconds,
    /// Octets.
    Octets,
    /// Of one.
    Share,
}

/// What is made of a number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The more the better.
    Rate,
    /// The less the better.
    Cost,
    /// Without a ratio: it may be nothing.
    Aside,
}

/// The numbers of a round, by key.
pub(crate) type Numbers = BTreeMap<&'static str, f64>;

use Role::{Aside, Cost, Rate};
use Unit::{Bits, Octets, Packets, Seconds, SecondsPerGigabyte, Share};

/// All of them, in the order of the tables.
pub(crate) const MEASURES: [Measure; 30] = [
    measure("tcp-up-1", "TCP up, 1 stream", Bits, Rate),
    measure("tcp-down-1", "TCP down, 1 stream", Bits, Rate),
    measure("tcp-up-4", "TCP up, 4 streams", Bits, Rate),
    measure("tcp-down-4", "TCP down, 4 streams", Bits, Rate),
    measure("udp-64", "UDP, packets of 64", Packets, Rate),
    measure("udp-1400", "UDP, packets of 1400", Packets, Rate),
    measure("udp-64-joined", "UDP, 64, joined (GSO) on arrival", Packets, Rate),
    measure("udp-64-overload", "UDP, 64, more than it can take", Packets, Rate),
    measure("cpu-gateways-up", "CPU of both gateways per GB, up", SecondsPerGigabyte, Cost),
    measure("cpu-gateways-down", "CPU of both gateways per GB, down", SecondsPerGigabyte, Cost),
    measure("cpu-machine-up", "CPU of the whole machine per GB, up", SecondsPerGigabyte, Cost),
    measure("cpu-machine-down", "CPU of the whole machine per GB, down", SecondsPerGigabyte, Cost),
    measure("added-machine-up", "added to plain, up", SecondsPerGigabyte, Aside),
    measure("added-machine-down", "added to plain, down", SecondsPerGigabyte, Aside),
    measure("rtt-light-p50", "round trip, light load, median", Seconds, Cost),
    measure("rtt-light-p99", "round trip, light load, p99", Seconds, Cost),
    measure("rtt-loaded-p50", "round trip under 1 TCP stream, median", Seconds, Cost),
    measure("rtt-loaded-p99", "round trip under 1 TCP stream, p99", Seconds, Cost),
    measure("added-light-p50", "added to plain, light load, median", Seconds, Aside),
    measure("added-light-p99", "added to plain, light load, p99", Seconds, Aside),
    measure("added-loaded-p50", "added to plain under 1 TCP stream, median", Seconds, Aside),
    measure("added-loaded-p99", "added to plain under 1 TCP stream, p99", Seconds, Aside),
    measure("memory", "memory of both gateways (PSS)", Octets, Cost),
    measure("memory-overload", "memory after more packets than it can take", Octets, Cost),
    measure("udp-64-lost", "lost, packets of 64", Share, Aside),
    measure("udp-64-late", "out of order, packets of 64", Share, Aside),
    measure("udp-1400-lost", "lost, packets of 1400", Share, Aside),
    measure("udp-1400-late", "out of order, packets of 1400", Share, Aside),
    measure("udp-64-joined-lost", "lost, joined", Share, Aside),
    measure("udp-64-overload-lost", "lost, more than it can take", Share, Aside),
];

/// What is left of a number when that of plain forwarding is taken from it.
pub(crate) const ADDED: [(&str, &str); 6] = [
    ("added-machine-up", "cpu-machine-up"),
    ("added-machine-down", "cpu-machine-down"),
    ("added-light-p50", "rtt-light-p50"),
    ("added-light-p99", "rtt-light-p99"),
    ("added-loaded-p50", "rtt-loaded-p50"),
    ("added-loaded-p99", "rtt-loaded-p99"),
];

const fn measure(key: &'static str, title: &'static str, unit: Unit, role: Role) -> Measure {
    Measure { key, title, unit, role }
}

impl Measure {
    /// How many times better `ours` is than `theirs`.
    pub(crate) fn ratio(&self, ours: f64, theirs: f64) -> Option<f64> {
        let ratio = match self.role {
            Rate => ours / theirs,
            Cost => theirs / ours,
            Aside => return None,
        };
        ratio.is_finite().then_some(ratio)
    }
}

impl Unit {
    /// For JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Bits => "bit/s",
            Packets => "packets/s",
            SecondsPerGigabyte => "s/GB",
            Seconds => "s",
            Octets => "B",
            Share => "",
        }
    }

    /// For people.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Bits => format!("{:.2} Gbit/s", value / 1e9),
            Packets => format!("{:.0} kp/s", value / 1e3),
            SecondsPerGigabyte => format!("{value:.2} s"),
            Seconds => format!("{:.0} µs", value * 1e6),
            Octets => format!("{:.1} MiB", value / f64::from(1 << 20)),
            Share => format!("{:.2} %", value * 100.0),
        }
    }
}
