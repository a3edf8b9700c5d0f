//! Round trips: the client sends a small datagram every two milliseconds, the system answers.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::road::{CLIENT, Road, SYSTEM, system};

/// Of the round trips of a series.
pub(crate) struct RoundTrips {
    pub(crate) median: Duration,
    /// 99 of a hundred are not longer.
    pub(crate) p99: Duration,
}

const PORT: u16 = 7;
const INTERVAL: Duration = Duration::from_millis(2);
/// What takes longer is lost.
const PATIENCE: Duration = Duration::from_millis(250);
/// Octets of payload: an inner packet of 64.
const SIZE: usize = 36;

/// Measures for a while.
///
/// # Panics
///
/// When less than half of the answers come.
pub(crate) fn measure(road: &Road, length: Duration) -> RoundTrips {
    let bind = |address, port| UdpSocket::bind((address, port)).unwrap();
    let echo = road.system.within(|| bind(SYSTEM, PORT));
    let client = road.client.within(|| bind(CLIENT, 0));
    client.connect(system(PORT)).unwrap();
    for socket in [&echo, &client] {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| answer(&echo, &over));
        let asking = scope.spawn(|| ask(&client, length)).join();
        // Whatever became of it: the answers would go on for ever.
        over.store(true, Ordering::Relaxed);
        let mut times = asking.unwrap();
        times.sort_unstable();
        let quantile = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
        RoundTrips { median: quantile(50), p99: quantile(99) }
    })
}

fn answer(socket: &UdpSocket, over: &AtomicBool) {
    let mut datagram = [0; SIZE];
    while !over.load(Ordering::Relaxed) {
        if let Ok((length, from)) = socket.recv_from(&mut datagram) {
            socket.send_to(&datagram[..length], from).unwrap();
        }
    }
}

fn ask(socket: &UdpSocket, length: Duration) -> Vec<Duration> {
    let begin = Instant::now();
    let (mut times, mut asked) = (Vec::new(), 0_u64);
    while begin.elapsed() < length {
        let mut datagram = [0; SIZE];
        datagram[..8].copy_from_slice(&asked.to_be_bytes());
        asked += 1;
        let sent = Instant::now();
        socket.send(&datagram).unwrap();
        if answered(socket, &datagram) {
            times.push(sent.elapsed());
        }
        thread::sleep(INTERVAL.saturating_sub(sent.elapsed()));
    }
    assert!(times.len() as u64 * 2 > asked, "{} of {asked} echoes were answered", times.len());
    times
}

/// Whether this very datagram comes back in time.
fn answered(socket: &UdpSocket, sent: &[u8; SIZE]) -> bool {
    let mut datagram = [0; SIZE];
    loop {
        match socket.recv(&mut datagram) {
            Ok(_) if datagram == *sent => return true,
            // A late one.
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(error) => panic!("{error}"),
        }
    }
}
