//! What runs between hospitals and systems: conversations that are answered, and floods that must
//! not be.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sekisho_tests::forge::Forger;
use sekisho_tests::netns::Namespace;
use sekisho_tests::until;
use socket2::{Domain, Socket, Type};

/// An answer that takes longer will not come.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two looks whether to end.
const PAUSE: Duration = Duration::from_millis(20);
/// Between two words of a conversation.
const REST: Duration = Duration::from_millis(5);

/// A thread that takes turns until it is dropped.
#[derive(Debug)]
struct Turns {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Turns {
    /// `turn` says whether there is another.
    fn begin(mut turn: impl FnMut() -> bool + Send + 'static) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || while !told.load(Ordering::Relaxed) && turn() {});
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(thread::panicking() || !matches!(ended, Some(Err(_))), "traffic panicked");
    }
}

/// A service that sends back what it is sent.
#[derive(Debug)]
pub(crate) struct Echo {
    _turns: Turns,
}

impl Echo {
    pub(crate) fn udp(namespace: &Namespace, address: IpAddr, port: u16) -> Self {
        let socket = namespace.within(|| UdpSocket::bind((address, port))).unwrap();
        socket.set_read_timeout(Some(PAUSE)).unwrap();
        let mut datagram = [0; 2048];
        let turns = Turns::begin(move || {
            if let Ok((length, from)) = socket.recv_from(&mut datagram) {
                // Who asked sees whether it comes.
                let _ = socket.send_to(&datagram[..length], from);
            }
            true
        });
        Self { _turns: turns }
    }

    pub(crate) fn tcp(namespace: &Namespace, address: IpAddr, port: u16) -> Self {
        let listener = namespace.within(|| TcpListener::bind((address, port))).unwrap();
        listener.set_nonblocking(true).unwrap();
        let turns = Turns::begin(move || {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).unwrap();
                    stream.set_read_timeout(Some(sekisho_tests::PATIENCE)).unwrap();
                    thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
                }
                Err(_) => thread::sleep(PAUSE),
            }
            true
        });
        Self { _turns: turns }
    }
}

/// What has become of a conversation's words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// How long the answers took.
    pub(crate) trips: Vec<Duration>,
    /// Words that had no answer.
    pub(crate) lost: u64,
}

/// One flow: word and answer in turn, until dropped. TCP ends with the first loss.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) local: SocketAddr,
    told: Arc<Mutex<Told>>,
    _turns: Turns,
}

impl Conversation {
    /// # Panics
    ///
    /// When the first word has no answer.
    pub(crate) fn udp(namespace: &Namespace, from: &str, to: SocketAddr) -> Self {
        let socket = namespace.within(|| UdpSocket::bind((from, 0))).unwrap();
        socket.connect(to).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut number = 0_u64;
        Self::begin(socket.local_addr().unwrap(), true, move || {
            number += 1;
            let mut answer = [0; 8];
            socket.send(&number.to_be_bytes())?;
            // Answers to earlier words may come late.
            while u64::from_be_bytes(answer) != number {
                socket.recv(&mut answer)?;
            }
            Ok(())
        })
    }

    /// # Panics
    ///
    /// When it does not come to be.
    pub(crate) fn tcp(namespace: &Namespace, from: &str, to: SocketAddr) -> Self {
        let stream = namespace.within(|| connect(from, to)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::begin(stream.local_addr().unwrap(), false, move || {
            (&stream).write_all(&[7; 8])?;
            (&stream).read_exact(&mut [0; 8])
        })
    }

    fn begin(
        local: SocketAddr,
        goes_on: bool,
        mut talk: impl FnMut() -> std::io::Result<()> + Send + 'static,
    ) -> Self {
        talk().unwrap_or_else(|error| panic!("{local} has no answer: {error}"));
        let told = Arc::<Mutex<Told>>::default();
        let tell = Arc::clone(&told);
        let turns = Turns::begin(move || {
            let begin = Instant::now();
            let talked = talk();
            let mut told = tell.lock().unwrap();
            match &talked {
                Ok(()) => told.trips.push(begin.elapsed()),
                Err(_) => told.lost += 1,
            }
            drop(told);
            thread::sleep(REST);
            goes_on || talked.is_ok()
        });
        Self { local, told, _turns: turns }
    }

    /// What has become of it so far.
    pub(crate) fn told(&self) -> Told {
        self.told.lock().unwrap().clone()
    }

    /// Waits for some more answers.
    pub(crate) fn goes_on(&self) {
        let before = self.told().trips.len();
        until(&format!("{} goes on", self.local), || {
            (self.told().trips.len() > before + 10).then_some(())
        });
    }
}

fn connect(from: &str, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(from.parse().unwrap(), 0).into())?;
    socket.connect_timeout(&to.into(), PATIENCE)?;
    Ok(socket.into())
}

/// Whether one datagram comes back.
pub(crate) fn echoes(namespace: &Namespace, from: &str, to: SocketAddr) -> bool {
    let ask = || -> std::io::Result<()> {
        let socket = UdpSocket::bind((from, 0))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.send_to(b"once", to)?;
        socket.recv(&mut [0; 8]).map(drop)
    };
    namespace.within(ask).is_ok()
}

/// Whether a TCP connection comes to be.
pub(crate) fn connects(namespace: &Namespace, from: &str, to: SocketAddr) -> bool {
    namespace.within(|| connect(from, to)).is_ok()
}

/// Packets that are sent over and over, whether there is a way or not, until dropped.
#[derive(Debug)]
pub(crate) struct Flood {
    sent: Arc<AtomicU64>,
    _turns: Turns,
}

impl Flood {
    pub(crate) fn begin(namespace: &Namespace, packets: Vec<Vec<u8>>) -> Self {
        let (forger, sent) = (Forger::new(namespace), Arc::<AtomicU64>::default());
        let count = Arc::clone(&sent);
        let turns = Turns::begin(move || {
            let left = packets.iter().filter(|packet| forger.send(packet)).count();
            count.fetch_add(left as u64, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(2));
            true
        });
        Self { sent, _turns: turns }
    }

    /// Waits until more has been sent.
    pub(crate) fn goes_on(&self) {
        let sent = || self.sent.load(Ordering::Relaxed);
        let before = sent();
        until("more is sent", || (sent() > before + 200).then_some(()));
    }
}
