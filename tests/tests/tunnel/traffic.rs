//! What is sent through the tunnels: octets that neither end can mistake for others.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sekisho_tests::PATIENCE;
use sekisho_tests::netns::Namespace;

/// Where systems take TCP: [`Transfer`]s.
pub(crate) const TCP: u16 = 80;
/// Where they send UDP datagrams back.
pub(crate) const UDP: u16 = 5000;
/// Where they may have UDP otherwise.
pub(crate) const NEWS: u16 = 5002;

/// Between two looks whether a service should end.
const PAUSE: Duration = Duration::from_millis(20);
/// What is refused is not answered: so long is waited for that.
const REFUSED: Duration = Duration::from_millis(400);

/// Octets that repeat at a distance which is no multiple of any packet.
static BLOCK: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let octets = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    });
    octets.take(1_048_573).collect()
});

/// The stream's pieces in turn, each with its number.
fn pieces(mut octets: u64) -> impl Iterator<Item = Vec<u8>> {
    (0_u64..).map_while(move |number| {
        let mut piece = BLOCK.clone();
        piece[..8].copy_from_slice(&number.to_be_bytes());
        piece.truncate(usize::try_from(octets).unwrap_or(usize::MAX));
        octets -= piece.len() as u64;
        (!piece.is_empty()).then_some(piece)
    })
}

fn send(mut to: &TcpStream, octets: u64) -> io::Result<()> {
    pieces(octets).try_for_each(|piece| to.write_all(&piece))
}

fn receive(mut from: &TcpStream, octets: u64) -> io::Result<()> {
    let mut got = vec![0; BLOCK.len()];
    for (number, piece) in pieces(octets).enumerate() {
        let got = &mut got[..piece.len()];
        from.read_exact(got)?;
        if *got != *piece {
            return Err(io::Error::other(format!("piece {number} is not as it was sent")));
        }
    }
    Ok(())
}

/// A TCP connection that carries octets to a system, then others back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transfer {
    /// Octets to the system.
    pub(crate) up: u64,
    /// Octets from it.
    pub(crate) down: u64,
}

impl Transfer {
    /// The same each way.
    pub(crate) const fn both(octets: u64) -> Self {
        Self { up: octets, down: octets }
    }

    /// Does it, from a client in `namespace`.
    ///
    /// # Panics
    ///
    /// When an octet is lost, changed, or too late.
    pub(crate) fn run(self, namespace: &Namespace, from: IpAddr, to: SocketAddr) {
        let outcome = namespace.within(|| {
            let stream = connect(from, to, PATIENCE)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            (&stream).write_all(&self.up.to_be_bytes())?;
            (&stream).write_all(&self.down.to_be_bytes())?;
            send(&stream, self.up)?;
            receive(&stream, self.down)
        });
        outcome.unwrap_or_else(|error| panic!("{from} to {to}, {self:?}: {error}"));
    }

    fn answer(stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let (mut up, mut down) = ([0; 8], [0; 8]);
        (&*stream).read_exact(&mut up)?;
        (&*stream).read_exact(&mut down)?;
        receive(stream, u64::from_be_bytes(up))?;
        send(stream, u64::from_be_bytes(down))
    }
}

/// A connection from an address of the namespace that the caller is in.
fn connect(from: IpAddr, to: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(to),
        socket2::Type::STREAM,
        Some(socket2::Protocol::TCP),
    )?;
    socket.bind(&SocketAddr::new(from, 0).into())?;
    socket.connect_timeout(&to.into(), patience)?;
    Ok(socket.into())
}

/// Whether a TCP connection comes to be.
pub(crate) fn connects(namespace: &Namespace, from: IpAddr, to: SocketAddr) -> bool {
    namespace.within(|| connect(from, to, REFUSED)).is_ok()
}

/// Whether a datagram comes back.
pub(crate) fn echoes(namespace: &Namespace, from: IpAddr, to: SocketAddr, octets: usize) -> bool {
    let outcome = namespace.within(|| -> io::Result<bool> {
        let socket = UdpSocket::bind((from, 0))?;
        socket.set_read_timeout(Some(REFUSED))?;
        socket.send_to(&BLOCK[..octets], to)?;
        let mut got = vec![0; 65_536];
        let (length, by) = socket.recv_from(&mut got)?;
        Ok(by == to && got[..length] == BLOCK[..octets])
    });
    outcome.unwrap_or(false)
}

/// Whether one does in the end: who fragments may first have to learn how small.
pub(crate) fn passes(namespace: &Namespace, from: IpAddr, to: SocketAddr, octets: usize) -> bool {
    (0..3).any(|_| echoes(namespace, from, to, octets))
}

/// Sends numbered datagrams at even distances for some time, and says how many of them did not
/// come back.
pub(crate) fn numbered(
    namespace: &Namespace,
    from: IpAddr,
    to: SocketAddr,
    (distance, time): (Duration, Duration),
) -> (u64, u64) {
    let socket = namespace.within(|| UdpSocket::bind((from, 0))).unwrap();
    socket.connect(to).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let begin = Instant::now();
            let mut datagram = BLOCK[..1000].to_vec();
            let mut number = 0_u64;
            while begin.elapsed() < time {
                datagram[..8].copy_from_slice(&number.to_be_bytes());
                // A refusal that came by ICMP is told here; the count says the same.
                let _ = socket.send(&datagram);
                number += 1;
                let due = distance * u32::try_from(number).unwrap();
                thread::sleep(due.saturating_sub(begin.elapsed()));
            }
            number
        });
        let (mut came, mut datagram) = (std::collections::HashSet::new(), [0; 2048]);
        loop {
            match socket.recv(&mut datagram) {
                Ok(1000) => drop(came.insert(datagram[..8].to_vec())),
                Ok(length) => panic!("{length} octets came back of 1000"),
                Err(_) if sender.is_finished() => break,
                Err(_) => {}
            }
        }
        let sent = sender.join().unwrap();
        (sent, sent - came.len() as u64)
    })
}

/// A service of a system; ends when dropped.
#[derive(Debug)]
pub(crate) struct Service {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    /// Answers [`Transfer`]s.
    pub(crate) fn tcp(namespace: &Namespace, address: IpAddr, port: u16) -> Self {
        let listener = namespace.within(|| TcpListener::bind((address, port))).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self::start(move || {
            if let Ok((stream, _)) = listener.accept() {
                stream.set_nonblocking(false).unwrap();
                // The client tells how it went.
                thread::spawn(move || drop(Transfer::answer(&stream)));
            } else {
                thread::sleep(PAUSE);
            }
        })
    }

    /// Sends datagrams back.
    pub(crate) fn udp(namespace: &Namespace, address: IpAddr, port: u16) -> Self {
        let socket = namespace.within(|| UdpSocket::bind((address, port))).unwrap();
        socket.set_read_timeout(Some(PAUSE)).unwrap();
        Self::start(move || {
            let mut datagram = [0; 65_536];
            if let Ok((length, from)) = socket.recv_from(&mut datagram) {
                // As above.
                let _ = socket.send_to(&datagram[..length], from);
            }
        })
    }

    fn start(mut turn: impl FnMut() + Send + 'static) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                turn();
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(thread::panicking() || !matches!(ended, Some(Err(_))), "a service panicked");
    }
}
