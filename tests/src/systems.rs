//! The systems behind the gateway: the demo systems, an echo, and any behaviour a test
//! needs.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::LazyLock;
use std::thread::{self, JoinHandle};

use demo::systems::{Kind, Options, Running};
use socket2::{Domain, Socket, Type};
use tokio::io::AsyncWriteExt as _;
use tokio::runtime::Runtime;

use crate::PATIENCE;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});

/// Starts the threads that serve, so that they live where the test does and not in the
/// namespace in which it first asks for a system.
pub(crate) fn start_threads() {
    LazyLock::force(&RUNTIME);
}

/// A free port of this machine alone.
pub const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The demo system of this kind, shared by all tests.
pub fn demo(kind: Kind) -> SocketAddr {
    static ALL: LazyLock<HashMap<Kind, Running>> =
        LazyLock::new(|| Kind::ALL.map(|kind| (kind, start(kind, Options::default()))).into());
    ALL[&kind].address()
}

/// A demo system of this test's own.
pub fn start(kind: Kind, options: Options) -> Running {
    start_at(kind, LOOPBACK, options)
}

/// The same at an address of the namespace that the caller is in.
pub fn start_at(kind: Kind, address: SocketAddr, options: Options) -> Running {
    RUNTIME.block_on(demo::systems::start(kind, address, options)).unwrap()
}

/// A system that answers with what it is sent.
pub fn echo() -> SocketAddr {
    let listener = RUNTIME.block_on(tokio::net::TcpListener::bind(LOOPBACK)).unwrap();
    let address = listener.local_addr().unwrap();
    RUNTIME.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut reading, mut writing) = stream.split();
                // The tests' clients see how it went.
                let _ = tokio::io::copy(&mut reading, &mut writing).await;
                let _ = writing.shutdown().await;
            });
        }
    });
    address
}

/// A system that behaves as a test says, to one connection.
#[derive(Debug)]
pub struct Scripted<T> {
    /// Where it listens.
    pub address: SocketAddr,
    thread: JoinHandle<T>,
}

impl<T> Scripted<T> {
    /// What the script has seen, when it is through.
    ///
    /// # Panics
    ///
    /// When the script did.
    pub fn finish(self) -> T {
        self.thread.join().expect("the script is through")
    }
}

/// Starts a system that runs `script` on the first connection it gets.
pub fn scripted<T: Send + 'static>(
    script: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> Scripted<T> {
    let listener = TcpListener::bind(LOOPBACK).unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        script(stream)
    });
    Scripted { address, thread }
}

/// An address at which nobody listens.
pub fn nobody() -> SocketAddr {
    TcpListener::bind(LOOPBACK).unwrap().local_addr().unwrap()
}

/// A system that is up but takes no more connections: its backlog is full. Holds until
/// dropped.
#[derive(Debug)]
pub struct Overwhelmed {
    listener: Socket,
    _queued: Vec<Socket>,
}

impl Overwhelmed {
    /// Fills a backlog of one.
    pub fn new() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&LOOPBACK.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let queued = (0..4).map(|_| {
            let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            client.set_nonblocking(true).unwrap();
            // Those that find no room go on trying.
            let _ = client.connect(&address);
            client
        });
        Self { _queued: queued.collect(), listener }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap().as_socket().unwrap()
    }
}

impl Default for Overwhelmed {
    fn default() -> Self {
        Self::new()
    }
}
