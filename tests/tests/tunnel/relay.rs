//! A bad line: between a peer and the gateway, ESP is lost, doubled and delayed.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sekisho_tests::netns::Namespace;

/// UDP ports of IKE, without and with ESP.
const PORTS: [u16; 2] = [500, 4500];
/// Before IKE on the second (RFC 3948, section 2.2).
const NON_ESP_MARKER: [u8; 4] = [0; 4];

/// Of so many packets one is lost; primes, so that they fall on all kinds.
const LOSE: u64 = 101;
/// One comes twice.
const DOUBLE: u64 = 53;
/// One comes after [`LATE`] others.
const DELAY: u64 = 31;
const LATE: u64 = 5;

/// It runs until dropped.
pub(crate) struct Relay {
    stop: Arc<AtomicBool>,
    lost: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

/// One direction of one port.
struct Lane {
    from: UdpSocket,
    /// `None`: to whom `from` is connected.
    to: UdpSocket,
    /// The peer, where it is met.
    meets: Option<Arc<OnceLock<SocketAddr>>>,
    /// The peer, where it is sent to.
    peer: Option<Arc<OnceLock<SocketAddr>>>,
    lost: Arc<AtomicU64>,
}

impl Relay {
    /// Takes what one peer sends to `own`, and hands it on to `gateway`.
    pub(crate) fn start(namespace: &Namespace, own: IpAddr, gateway: IpAddr) -> Self {
        let (stop, lost) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let lanes = PORTS.into_iter().flat_map(|port| {
            let near = namespace.within(|| UdpSocket::bind((own, port))).unwrap();
            let far = namespace.within(|| UdpSocket::bind((own, 0))).unwrap();
            far.connect((gateway, port)).unwrap();
            let peer = Arc::<OnceLock<SocketAddr>>::default();
            for socket in [&near, &far] {
                socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
            }
            let clone = |socket: &UdpSocket| socket.try_clone().unwrap();
            let (lost, meets) = (Arc::clone(&lost), Some(Arc::clone(&peer)));
            let up = Lane { from: clone(&near), to: clone(&far), meets, peer: None, lost };
            let lost = Arc::clone(&up.lost);
            [up, Lane { from: far, to: near, meets: None, peer: Some(peer), lost }]
        });
        let run = |lane: Lane| {
            let told = Arc::clone(&stop);
            thread::spawn(move || lane.run(&told))
        };
        let threads = lanes.map(run).collect();
        Self { stop, lost, threads }
    }

    /// How many packets it has lost.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Lane {
    fn run(self, stop: &AtomicBool) {
        let (mut octets, mut number, mut late) = ([0; 65_536], 0, None);
        while !stop.load(Ordering::Relaxed) {
            let Ok((length, from)) = self.from.recv_from(&mut octets) else { continue };
            if let Some(meets) = &self.meets {
                let _as_before = meets.set(from);
            }
            let packet = &octets[..length];
            let is_esp = from.port() != PORTS[0] && !packet.starts_with(&NON_ESP_MARKER);
            number += u64::from(is_esp);
            match number {
                _ if !is_esp => self.send(packet),
                _ if number % LOSE == 0 => drop(self.lost.fetch_add(1, Ordering::Relaxed)),
                _ if number % DOUBLE == 0 => {
                    self.send(packet);
                    self.send(packet);
                }
                _ if number % DELAY == 0 && late.is_none() => {
                    late = Some((number + LATE, packet.to_vec()));
                }
                _ => self.send(packet),
            }
            if late.as_ref().is_some_and(|(due, _)| *due <= number)
                && let Some((_, packet)) = late.take()
            {
                self.send(&packet);
            }
        }
    }

    fn send(&self, packet: &[u8]) {
        // What the network does not take is lost, as on any line.
        let _ = match self.peer.as_ref().map(|peer| peer.get()) {
            None => self.to.send(packet),
            Some(Some(peer)) => self.to.send_to(packet, peer),
            Some(None) => Ok(0),
        };
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(thread::panicking() || ended.is_ok(), "the relay panicked");
        }
    }
}
