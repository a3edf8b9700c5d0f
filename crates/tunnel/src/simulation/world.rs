//! Gateway, hosts, peer and paths, and time. A moment is a number of milliseconds.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::time::{Duration, Instant};

use packet::merge::Offload;
use packet::{Batch, Headers, Merger, Transport, VnetHeader};

use super::Random;
use super::datagrams::Datagrams;
use super::host::Host;
use super::link::{Link, Weather};
use super::peer::Peer;
use crate::testing::{Notes, Taken, child, everywhere, member, policy, some_instant};
use crate::{
    Arrival, Delivery, Departures, Dropped, Forwarder, NewChild, Notice, Now, Path, Sent, Settings,
};

/// Datagrams in all, and the time between them.
const DATAGRAMS: (u64, u64) = (40, 40);
/// Time in which disturbances fall.
const DISTURBED: u64 = 4000;
const PATH_MTU: usize = 1454;
const UNIX: i64 = 1_800_000_000;

/// What happens beside the traffic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    /// Milliseconds between two rekeyings, at most; 0 for none.
    pub(super) rekey_every: u64,
    /// Both ends may rekey at once.
    pub(super) collisions: bool,
    /// How often the peer's NAT gives it a new mapping, and nothing moves for minutes. Not for
    /// ever: smoltcp waits twice as long after every packet that it sent in vain.
    pub(super) disturbances: u32,
    /// The peer sends what it may not.
    pub(super) hostile: bool,
}

impl Plan {
    pub(super) fn calm(seed: u64) -> Self {
        Self { seed, rekey_every: 0, collisions: false, disturbances: 0, hostile: false }
    }
}

/// What is to come.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Tick,
    Datagram,
    Hostile,
    Rebind,
    Jump,
    Rekey,
    /// The gateway has a successor of a child; whether it may send by it at once.
    GatewayInstalls {
        id: u64,
        replaces: u64,
        at_once: bool,
    },
    GatewayRemoves(u64),
    PeerSendsBy(u64),
    PeerRemoves(u64),
}

pub(super) struct World {
    pub(super) gateway: Forwarder<Notes>,
    departures: Departures,
    client: Host,
    system: Host,
    pub(super) peer: Peer,
    up: Link,
    down: Link,
    pub(super) datagrams: Datagrams,
    pub(super) plan: Plan,
    pub(super) random: Random,
    began: Instant,
    now: u64,
    events: BTreeMap<(u64, u64), Event>,
    serial: u64,
    /// The child in use, and the last that was made.
    pub(super) current: u64,
    pub(super) last: u64,
    /// How long a message of IKE takes, longer than any packet.
    pub(super) delay: u64,
    pub(super) rekeyed: u32,
    pub(super) super_packets: u64,
    /// Fragments that the gateway took from the peer.
    held: u64,
    /// What was not let through, either way.
    refused: u64,
}

impl World {
    /// Lets it all happen until everything is sent and nothing is on its way.
    pub(super) fn run(plan: Plan, weather: Weather) -> Self {
        let mut world = Self::new(plan, weather);
        for round in 0.. {
            assert!(round < 300_000, "{plan:?}, {weather:?}: it does not end");
            world.turn();
            if world.is_done() {
                break;
            }
            world.now = world.next_moment();
        }
        world.finish();
        world
    }

    fn new(plan: Plan, weather: Weather) -> Self {
        let began = some_instant();
        let tally = std::sync::Arc::default();
        let gateway = Forwarder::new(
            began,
            Settings::default(),
            policy(1, |_| {}),
            tally,
            7,
            Notes::default(),
        );
        let (client, system) = match plan.seed % 2 {
            0 => ("10.2.0.1:1000", "192.0.2.10:443"),
            _ => ("[2001:db8:2::1]:1000", "[2001:db8:1::10]:443"),
        };
        let (client, system) = (client.parse().unwrap(), system.parse().unwrap());
        let mut world = Self {
            gateway,
            departures: Departures::new(Batch::new(Batch::LIMIT_IPV4)),
            client: Host::client(client, system, plan.seed),
            system: Host::system(system, plan.seed + 1),
            peer: Peer::at(4500),
            up: Link::new(weather, plan.seed + 2),
            down: Link::new(weather, plan.seed + 3),
            datagrams: Datagrams::new(plan.seed),
            plan,
            random: Random::new(plan.seed ^ 0x0eef),
            began,
            now: 0,
            events: BTreeMap::new(),
            serial: 0,
            current: 1,
            last: 1,
            delay: weather.most_delay + 2,
            rekeyed: 0,
            super_packets: 0,
            held: 0,
            refused: 0,
        };
        let (new, far) = child(1, &member(1, "pc-1"), everywhere());
        world.gateway.install(new);
        world.peer.add(1, far);
        world.peer.send_by(1);
        world.after(1000, Event::Tick);
        for number in 0..DATAGRAMS.0 {
            world.after(1 + number * DATAGRAMS.1, Event::Datagram);
            if plan.hostile {
                world.after(2 + number * DATAGRAMS.1, Event::Hostile);
            }
        }
        world.again(plan.rekey_every, Event::Rekey);
        for _ in 0..plan.disturbances {
            world.again(DISTURBED, Event::Rebind);
            world.again(DISTURBED, Event::Jump);
        }
        world
    }

    pub(super) fn after(&mut self, delay: u64, event: Event) {
        self.serial += 1;
        self.events.insert((self.now + delay, self.serial), event);
    }

    /// Some time within `most` from now, if it happens at all.
    fn again(&mut self, most: u64, event: Event) {
        if most > 0 {
            let delay = 1 + self.random.below(most);
            self.after(delay, event);
        }
    }

    fn moment(&self) -> Now {
        let instant = self.began + Duration::from_millis(self.now);
        Now { instant, unix: UNIX + (self.now / 1000) as i64 }
    }

    /// All that happens at one moment.
    fn turn(&mut self) {
        while let Some(entry) = self.events.first_entry()
            && entry.key().0 <= self.now
        {
            let event = entry.remove();
            self.happen(event);
        }
        while let Some((path, packet)) = self.up.receive(self.now) {
            self.reach_gateway(path, packet);
        }
        while let Some((path, packet)) = self.down.receive(self.now) {
            self.reach_peer(path, packet);
        }
        self.client.poll(self.now);
        self.system.poll(self.now);
        while let Some(packet) = self.client.wire.from_host.pop_front() {
            self.send_up(&packet);
        }
        self.send_train();
    }

    fn next_moment(&mut self) -> u64 {
        let event = self.events.first_key_value().map(|((at, _), _)| *at);
        let moments = [
            event,
            self.up.next_arrival(),
            self.down.next_arrival(),
            self.client.next_poll(self.now),
            self.system.next_poll(self.now),
        ];
        moments.into_iter().flatten().min().unwrap_or_default().max(self.now + 1)
    }

    fn is_done(&self) -> bool {
        self.client.is_done()
            && self.system.is_done()
            && self.now > DATAGRAMS.0 * DATAGRAMS.1
            && self.up.next_arrival().is_none()
            && self.down.next_arrival().is_none()
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Tick => {
                self.tick();
                self.after(1000, Event::Tick);
            }
            Event::Datagram => {
                for piece in self.datagrams.next() {
                    self.send_up(&piece);
                }
            }
            Event::Hostile => {
                let packet = self.datagrams.hostile();
                self.send_up(&packet);
            }
            Event::Rebind => self.peer.port += 1,
            Event::Jump => self.now += self.random.below(400_000),
            Event::Rekey => self.rekey(),
            Event::GatewayInstalls { id, replaces, at_once } => {
                let (new, _) = child(id, &member(1, "pc-1"), everywhere());
                let way = crate::Way { path: self.known_path(), ..new.way };
                let new = NewChild { replaces: Some(replaces), send_at_once: at_once, way, ..new };
                self.gateway.install(new);
            }
            Event::GatewayRemoves(id) => assert!(self.gateway.remove(id).is_some()),
            Event::PeerSendsBy(id) => self.peer.send_by(id),
            Event::PeerRemoves(id) => self.peer.remove(id),
        }
    }

    /// Where the gateway believes the peer to be.
    fn known_path(&self) -> Path {
        self.gateway.table.iter().next().expect("there is an SA").way.path
    }

    fn tick(&mut self) {
        self.gateway.handle_timeout(self.moment(), |_| {});
        while let Some(notice) = self.gateway.poll_notice() {
            assert!(matches!(notice, Notice::Alive(1) | Notice::Moved(1, _)), "{notice:?}");
        }
    }

    fn send_up(&mut self, inner: &[u8]) {
        let (path, packet) = (self.peer.path(), self.peer.seal(inner));
        self.up.send(self.now, path, &packet);
    }

    fn reach_gateway(&mut self, path: Path, mut packet: Vec<u8>) {
        let arrival = Arrival { path, encapsulated: true, ecn: 0 };
        let came = match self.gateway.handle_esp(self.moment(), &arrival, &mut packet) {
            Ok(Delivery::Packet(packet, headers)) => {
                assert_eq!(Headers::parse(packet), Ok(headers));
                packet.to_vec()
            }
            Ok(Delivery::Reassembled) => {
                self.held += 1;
                let mut whole = Vec::new();
                self.gateway.reassembled(|packet| whole.extend(packet));
                whole
            }
            Ok(Delivery::Held) => {
                self.held += 1;
                return;
            }
            Err(_) => {
                self.refused += 1;
                return;
            }
        };
        match self.datagrams.reach(&came) {
            Some(answer) => {
                for piece in answer {
                    self.send_down(VnetHeader::default(), piece);
                }
            }
            None => self.system.wire.to_host.push_back(came),
        }
    }

    /// What the system sends at once, gathered as a kernel does.
    fn send_train(&mut self) {
        let packets: Vec<_> = self.system.wire.from_host.drain(..).collect();
        let mut train = Vec::new();
        let mut write = |slices: &[IoSlice<'_>]| {
            train.push(slices.iter().flat_map(|slice| slice.to_vec()).collect::<Vec<u8>>());
        };
        let mut merger = Merger::new(Offload { uso: false });
        for packet in &packets {
            merger.push(packet, &Headers::parse(packet).expect("of smoltcp"), &mut write);
        }
        merger.finish(&mut write);
        for one in train {
            let (vnet, packet) = one.split_first_chunk().expect("a header for the device");
            self.send_down(VnetHeader::parse(vnet), packet.to_vec());
        }
    }

    fn send_down(&mut self, vnet: VnetHeader, mut packet: Vec<u8>) {
        let (now, mut taken) = (self.moment(), Taken::default());
        let Self { gateway, departures, .. } = self;
        let sent = gateway.handle_inner(now, vnet, &mut packet, departures, &mut taken);
        departures.flush(&mut taken);
        match sent {
            Ok(Sent::Sealed | Sent::Held) => {}
            Ok(other) => panic!("no other worker, nobody on an IP-VPN: {other:?}"),
            Err(_) => self.refused += 1,
        }
        assert!(taken.answers.is_empty(), "TCP knows of the tunnel, UDP is fragmented");
        self.super_packets += u64::from(vnet.gso_size > 0);
        for (departure, packet) in taken.sent {
            assert!(packet.len() + 28 <= PATH_MTU, "{} octets", packet.len());
            self.down.send(self.now, departure.path, &packet);
        }
    }

    fn reach_peer(&mut self, path: Path, packet: Vec<u8>) {
        // Its NAT knows the last mapping only.
        if path.remote.port() != self.peer.port {
            return;
        }
        let Some(inner) = self.peer.open(packet) else { return };
        let headers = Headers::parse(&inner).expect("a packet");
        let udp = !matches!(headers.transport, Transport::Tcp(_));
        if udp || headers.fragment.is_some() {
            let ours = self.datagrams.come_back(self.moment().instant, &inner);
            assert!(ours, "TCP is not fragmented");
        } else {
            self.client.wire.to_host.push_back(inner);
        }
    }

    /// Every packet that came is delivered, held, or counted once.
    fn finish(&mut self) {
        let before: u64 = self.tally_sum();
        assert_eq!(before, self.refused + self.lost_fragments());
        self.now += 60_000;
        self.tick();
        let used = self.datagrams.pieces_to_system;
        // Those of the systems all arrive.
        assert_eq!(self.held, used + self.lost_fragments(), "every fragment is accounted for");
    }

    fn tally_sum(&self) -> u64 {
        let tally = self.gateway.tally();
        let denied: u64 = tally.denied.iter().map(|(_, count)| count).sum();
        denied + tally.dropped.iter().map(|(_, count)| count).sum::<u64>()
    }

    fn lost_fragments(&self) -> u64 {
        let lost = [Dropped::FragmentTimeout, Dropped::FragmentLimit];
        let dropped = self.dropped().into_iter().filter(|(dropped, _)| lost.contains(dropped));
        dropped.map(|(_, count)| count).sum()
    }

    /// What was dropped, and how often.
    pub(super) fn dropped(&self) -> Vec<(Dropped, u64)> {
        let all = self.gateway.tally().dropped.iter();
        all.filter(|(_, count)| *count > 0).collect()
    }
}
