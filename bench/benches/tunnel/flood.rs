//! UDP from the client to the system, as many numbered packets as arrive.
//!
//! Client and system are threads of this process, so the sender sees what has arrived. It keeps
//! a window of packets on the way, which grows as long as they arrive and shrinks when they are
//! lost; so it takes no CPU time from the gateways for packets that they would drop. Without a
//! window it sends whatever it can.

mod progress;
mod receiver;
mod sender;

use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant};

use self::progress::{Counts, Progress};
use self::receiver::Receiver;
use self::sender::{Pace, Sender};
use crate::road::{CLIENT, Road, SYSTEM, system};

/// One kind of flood.
#[derive(Clone, Copy)]
pub(crate) struct Flood {
    /// Octets of an inner packet: headers of IPv4 and UDP, and payload.
    pub(crate) packet: usize,
    /// Whether the near gateway gets super-packets (UDP GSO), as from a network card that joins
    /// what it receives, or packet after packet.
    pub(crate) joined: bool,
    /// Whether nothing holds the sender back.
    pub(crate) unlimited: bool,
}

/// What came of it.
pub(crate) struct Arrived {
    /// Packets per second.
    pub(crate) rate: f64,
    /// Share of those sent that never arrived.
    pub(crate) lost: f64,
    /// Share of those that arrived after a later one.
    pub(crate) late: f64,
}

/// Octets of the headers of IPv4 and UDP.
const HEADERS: usize = 28;
const PORT: u16 = 9;
/// Until the window has found its size.
const RAMP: Duration = Duration::from_secs(1);

impl Flood {
    /// Sends for a while.
    pub(crate) fn run(self, road: &Road, length: Duration) -> Arrived {
        road.join_departures(self.joined);
        let bind = |address, port| UdpSocket::bind((address, port)).unwrap();
        let receiver = Receiver::new(road.system.within(|| bind(SYSTEM, PORT)));
        let socket = road.client.within(|| bind(CLIENT, 0));
        let pace = if self.unlimited { Pace::Unlimited } else { Pace::window() };
        let sender = Sender::new(socket, system(PORT), self.packet - HEADERS);
        let progress = Progress::default();
        let arrived = thread::scope(|scope| {
            let sending = scope.spawn(|| sender.send(pace, &progress));
            let to_wake = sending.thread().clone();
            scope.spawn(|| receiver.receive(&progress, to_wake));
            thread::sleep(RAMP);
            let (begin, before) = (Instant::now(), progress.counts());
            thread::sleep(length);
            let (elapsed, after) = (begin.elapsed(), progress.counts());
            progress.stop();
            sending.join().unwrap();
            Arrived::between(before, after, elapsed)
        });
        road.join_departures(true);
        arrived
    }
}

impl Arrived {
    fn between(before: Counts, after: Counts, elapsed: Duration) -> Self {
        let received = after.received - before.received;
        let passed = after.next - before.next;
        let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
        Self {
            rate: received as f64 / elapsed.as_secs_f64(),
            lost: share(passed.saturating_sub(received), passed),
            late: share(after.late - before.late, received),
        }
    }
}
