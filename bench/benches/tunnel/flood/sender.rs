//! The client's side.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};

use super::progress::{Counts, Progress};

pub(super) struct Sender {
    socket: UdpSocket,
    state: UdpSocketState,
    to: SocketAddr,
    /// Octets of payload.
    size: usize,
}

/// How fast it sends.
pub(super) enum Pace {
    /// As fast as it can.
    Unlimited,
    /// So many packets are on the way at most.
    Window(Window),
}

/// How many packets may be on the way.
pub(super) struct Window {
    packets: u64,
    /// Until the first loss it doubles.
    slow_start: bool,
    judged: Instant,
    arrived: Counts,
}

/// Packets of one system call.
const BURST: u64 = 32;
/// The window at first, what it grows by, and how large it becomes at most: more than queues hold.
const FIRST: u64 = 2 * BURST;
const STEP: u64 = 16;
const LARGEST: u64 = 4096;
/// How often the window is judged, and how much of what was sent meanwhile may be lost: one of so
/// many.
const INTERVAL: Duration = Duration::from_millis(20);
const TOLERATED: u64 = 200;
/// After this long without an arrival, whatever was on the way is lost.
const STALL: Duration = Duration::from_millis(50);

impl Sender {
    pub(super) fn new(socket: UdpSocket, to: SocketAddr, size: usize) -> Self {
        let state = UdpSocketState::new(UdpSockRef::from(&socket)).unwrap();
        Self { socket, state, to, size }
    }

    /// Sends until told to stop.
    pub(super) fn send(&self, mut pace: Pace, progress: &Progress) {
        let mut burst = vec![0; self.size * BURST as usize];
        // What is not on the way: it has arrived, or is given up.
        let (mut sent, mut settled) = (0, 0);
        while progress.goes_on() {
            settled = settled.max(progress.next());
            match pace.room(progress) {
                Some(room) if sent - settled + BURST > room => {
                    if wait(progress, sent.saturating_sub(room / 2)) {
                        settled = sent;
                    }
                }
                _ => {
                    self.send_burst(&mut burst, sent);
                    sent += BURST;
                }
            }
        }
    }

    fn send_burst(&self, burst: &mut [u8], first: u64) {
        for (number, packet) in (first..).zip(burst.chunks_exact_mut(self.size)) {
            packet[..8].copy_from_slice(&number.to_be_bytes());
        }
        let transmit = Transmit {
            destination: self.to,
            ecn: None,
            contents: burst,
            segment_size: Some(self.size),
            src_ip: None,
        };
        match self.state.try_send(UdpSockRef::from(&self.socket), &transmit) {
            // Lost as on the way.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock) => thread::yield_now(),
            sent => sent.unwrap(),
        }
    }
}

/// Sleeps until the packet before this one has arrived: that of half a window ago, as to be woken
/// has its price too. Whether nothing arrives any more.
fn wait(progress: &Progress, number: u64) -> bool {
    let (begin, before) = (Instant::now(), progress.next());
    progress.await_next(number);
    // It may have arrived before the receiver knew that it is awaited.
    if !progress.is_awaited() {
        thread::park_timeout(STALL);
    }
    progress.await_next(u64::MAX);
    begin.elapsed() >= STALL && progress.next() == before
}

impl Pace {
    pub(super) fn window() -> Self {
        Self::Window(Window {
            packets: FIRST,
            slow_start: true,
            judged: Instant::now(),
            arrived: Counts::default(),
        })
    }

    /// How many packets may be on the way, unless any number.
    fn room(&mut self, progress: &Progress) -> Option<u64> {
        match self {
            Self::Unlimited => None,
            Self::Window(window) => Some(window.judge(progress)),
        }
    }
}

impl Window {
    /// Grows slowly and shrinks fast, as a TCP's does.
    fn judge(&mut self, progress: &Progress) -> u64 {
        if self.judged.elapsed() >= INTERVAL {
            let arrived = progress.counts();
            let passed = arrived.next - self.arrived.next;
            let lost = passed.saturating_sub(arrived.received - self.arrived.received);
            let loses = lost * TOLERATED > passed;
            self.slow_start &= !loses;
            self.packets = match (loses, self.slow_start) {
                (true, _) => (self.packets / 2).max(FIRST),
                (false, true) => (self.packets * 2).min(LARGEST),
                (false, false) => (self.packets + STEP).min(LARGEST),
            };
            (self.judged, self.arrived) = (Instant::now(), arrived);
        }
        self.packets
    }
}
