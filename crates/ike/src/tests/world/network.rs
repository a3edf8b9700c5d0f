//! Loses, doubles, delays and reorders datagrams; a NAT may stand before A.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::A;
use crate::Path;
use crate::tests::fixtures::Seeded;

/// The way between the hosts.
pub(crate) struct Network {
    random: Seeded,
    /// Of a thousand datagrams.
    pub(crate) loss: u64,
    /// Of a thousand datagrams.
    pub(crate) duplication: u64,
    /// Shortest and longest; datagrams overtake each other between these.
    pub(crate) latency: (Duration, Duration),
    /// What this host sends is lost.
    pub(crate) cut: [bool; 2],
    nat: Option<Translation>,
}

struct Translation {
    outer: IpAddr,
    next_port: u16,
    ports: BTreeMap<SocketAddr, u16>,
}

impl Network {
    pub(crate) fn perfect(seed: u64) -> Self {
        Self {
            random: Seeded::new(seed),
            loss: 0,
            duplication: 0,
            latency: (Duration::ZERO, Duration::ZERO),
            cut: [false; 2],
            nat: None,
        }
    }

    /// From now on all goes well, by the same addresses.
    pub(crate) fn heal(&mut self) {
        (self.loss, self.duplication, self.cut) = (0, 0, [false; 2]);
        self.latency = (Duration::ZERO, Duration::ZERO);
    }

    /// Puts a NAT before A, or gives A other outer ports.
    pub(crate) fn rebind(&mut self) {
        let next_port = self.nat.as_ref().map_or(20_000, |nat| nat.next_port);
        let outer = "203.0.113.7".parse().unwrap();
        self.nat = Some(Translation { outer, next_port, ports: BTreeMap::new() });
    }

    /// The copies that arrive: after how long, and by which path as the receiver sees it.
    pub(super) fn carry(
        &mut self,
        from: usize,
        path: Path,
        _datagram: &[u8],
    ) -> Vec<(Duration, Path)> {
        let Some((source, destination)) = self.translate(from, path) else { return Vec::new() };
        let path = Path { local: destination, remote: source };
        let copies = 1 + u64::from(self.random.below(1000) < self.duplication);
        (0..copies)
            .filter_map(|_| {
                let lost = self.cut[from] || self.random.below(1000) < self.loss;
                let (least, most) = self.latency;
                let spread = (most - least).as_micros() as u64 + 1;
                let delay = least + Duration::from_micros(self.random.below(spread));
                (!lost).then_some((delay, path))
            })
            .collect()
    }

    fn translate(&mut self, from: usize, path: Path) -> Option<(SocketAddr, SocketAddr)> {
        let (source, destination) = (path.local, path.remote);
        let Some(nat) = &mut self.nat else { return Some((source, destination)) };
        if from == A {
            let port = *nat.ports.entry(source).or_insert_with(|| {
                nat.next_port += 1;
                nat.next_port
            });
            return Some(((nat.outer, port).into(), destination));
        }
        let outer = |(_, port): &(&SocketAddr, &u16)| destination == (nat.outer, **port).into();
        nat.ports.iter().find(outer).map(|(inner, _)| (source, *inner))
    }
}
