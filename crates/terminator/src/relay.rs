//! Bytes between the client's TLS stream and the system's TCP stream.
//!
//! Each direction ends on its own (half-close); the relay ends when both have, when
//! nothing has moved for the idle time-out, or when an end breaks. Cancelling
//! [`Relay::run`] loses nothing: all state is in the [`Relay`].

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use connlog::Traffic;
use rustls::ProtocolVersion;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncBufRead as _, AsyncWrite as _};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, Sleep, sleep};
use tokio_rustls::server::TlsStream;

use crate::buffers::Buffer;
use crate::live::Meter;
use crate::reasons::Ending;
use crate::sockets;

/// Chunks one direction may move before the other and the rest of the thread get a turn.
const TURN: usize = 16;
/// How long the system's answer may pause once the client's connection has been cut off.
const CUT_OFF: Duration = Duration::from_secs(10);
/// Records that TLS 1.2 keys may seal, less a margin. rustls stops at 2^24, and what is
/// written after that goes nowhere.
const SEALED_BY_TLS12: u64 = (1 << 24) - (1 << 10);
/// The most that one record holds (RFC 8446 §5.1).
const RECORD: usize = 16 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Open,
    /// The source has ended; the destination is being told.
    Ending,
    Done,
}

/// One permitted connection's two streams.
#[derive(Debug)]
pub(crate) struct Relay {
    client: TlsStream<TcpStream>,
    system: TcpStream,
    inbound: Direction,
    outbound: Direction,
    /// From the system, on the way to the client.
    buffer: Option<Buffer>,
    /// Sealed records wait in the TLS session for the client's socket.
    unflushed: bool,
    /// Records that may still be sealed, where that is bounded.
    seals_left: Option<u64>,
    first_end: Option<Ending>,
    traffic: Traffic,
    /// Where others see it.
    meter: Meter,
    idle: Pin<Box<Sleep>>,
    idle_timeout: Duration,
    last_moved: Instant,
}

impl Relay {
    pub(crate) fn new(
        client: TlsStream<TcpStream>,
        system: TcpStream,
        idle_timeout: Duration,
        meter: Meter,
    ) -> Self {
        meter.connected();
        let tls12 = client.get_ref().1.protocol_version() == Some(ProtocolVersion::TLSv1_2);
        Self {
            seals_left: tls12.then_some(SEALED_BY_TLS12),
            client,
            system,
            inbound: Direction::Open,
            outbound: Direction::Open,
            buffer: None,
            unflushed: false,
            first_end: None,
            traffic: Traffic::default(),
            meter,
            idle: Box::pin(sleep(idle_timeout)),
            idle_timeout,
            last_moved: Instant::now(),
        }
    }

    /// What has gone through so far.
    pub(crate) fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Relays until the connection is over, and says why it is.
    pub(crate) async fn run(&mut self) -> Ending {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// What the client proved itself with, its own certificate first.
    pub(crate) fn client_certificates(&self) -> &[CertificateDer<'static>] {
        self.client.get_ref().1.peer_certificates().unwrap_or_default()
    }

    /// Ends what was not ended in order: resets the system's side, and tells the client as
    /// far as it will listen.
    pub(crate) async fn break_off(mut self, within: Duration) {
        sockets::end_by_reset(&self.system);
        let goodbye = poll_fn(|cx| Pin::new(&mut self.client).poll_shutdown(cx));
        let _ = tokio::time::timeout(within, goodbye).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        let before = (self.traffic, self.inbound, self.outbound);
        let inbound = self.poll_inbound(cx);
        if let Poll::Ready(Err(ending)) = inbound {
            return Poll::Ready(ending);
        }
        // Reading makes answers of TLS's own: no_renegotiation, or a KeyUpdate.
        self.unflushed |= self.client.get_ref().1.wants_write();
        let outbound = self.poll_outbound(cx);
        if let Poll::Ready(Err(ending)) = outbound {
            return Poll::Ready(ending);
        }
        if inbound.is_ready() && outbound.is_ready() {
            return Poll::Ready(self.first_end.unwrap_or(Ending::Client));
        }
        if before != (self.traffic, self.inbound, self.outbound) {
            self.last_moved = Instant::now();
            self.meter.moved(self.last_moved, self.traffic, self.first_end.is_some());
        }
        self.poll_idle(cx)
    }

    /// The timer is set anew only when it fires: a busy connection does not touch it.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        while self.idle.as_mut().poll(cx).is_ready() {
            let due = self.last_moved + self.idle_timeout;
            if due <= Instant::now() {
                let cut_off = self.first_end.filter(|end| *end == Ending::ClientTruncated);
                return Poll::Ready(cut_off.unwrap_or(Ending::Idle));
            }
            self.idle.as_mut().reset(due);
        }
        Poll::Pending
    }

    /// Client to system, straight from the TLS session's buffer: no copy of our own.
    fn poll_inbound(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ending>> {
        for _ in 0..TURN {
            match self.inbound {
                Direction::Done => return Poll::Ready(Ok(())),
                Direction::Ending => {
                    // If the system is gone already, reading from it will say so.
                    let _ = ready!(Pin::new(&mut self.system).poll_shutdown(cx));
                    self.inbound = Direction::Done;
                }
                Direction::Open => {
                    let chunk = match ready!(Pin::new(&mut self.client).poll_fill_buf(cx)) {
                        Ok(chunk) => chunk,
                        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                            self.client_cut_off();
                            continue;
                        }
                        Err(error) => return Poll::Ready(Err(client_fault(&error))),
                    };
                    if chunk.is_empty() {
                        self.inbound = Direction::Ending;
                        self.first_end.get_or_insert(Ending::Client);
                        continue;
                    }
                    match ready!(Pin::new(&mut self.system).poll_write(cx, chunk)) {
                        Ok(written) => {
                            Pin::new(&mut self.client).consume(written);
                            self.traffic.bytes_in += written as u64;
                        }
                        // It may have answered before it closed: that still goes out.
                        Err(_) => {
                            self.inbound = Direction::Done;
                            self.first_end.get_or_insert(Ending::SystemReset);
                        }
                    }
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The client's TCP ended, but not its TLS: the system must not take what it has for
    /// the whole. Its answer, if one is under way, still goes out.
    fn client_cut_off(&mut self) {
        self.inbound = Direction::Done;
        self.first_end.get_or_insert(Ending::ClientTruncated);
        self.idle_timeout = self.idle_timeout.min(CUT_OFF);
        self.last_moved = Instant::now();
        self.idle.as_mut().reset(self.last_moved + self.idle_timeout);
    }

    /// System to client. A buffer is taken when the system's socket is readable and
    /// given back when all of it has gone into the TLS session.
    fn poll_outbound(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ending>> {
        for _ in 0..TURN {
            match self.outbound {
                Direction::Done => return Poll::Ready(Ok(())),
                Direction::Ending => {
                    let told = ready!(Pin::new(&mut self.client).poll_shutdown(cx));
                    self.outbound = Direction::Done;
                    self.unflushed = false;
                    told.map_err(|error| client_fault(&error))?;
                }
                Direction::Open => {
                    ready!(self.poll_pass_on(cx))?;
                    if self.seals_left == Some(0) {
                        return Poll::Ready(Err(Ending::KeyExhausted));
                    }
                    if ready!(self.poll_read_system(cx))? == 0 {
                        self.outbound = Direction::Ending;
                        self.first_end.get_or_insert(Ending::System);
                    }
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Empties the buffer into the TLS session, and the session into the socket.
    fn poll_pass_on(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ending>> {
        if let Some(buffer) = &mut self.buffer {
            while !buffer.rest().is_empty() {
                let written = ready!(Pin::new(&mut self.client).poll_write(cx, buffer.rest()))
                    .map_err(|error| client_fault(&error))?;
                buffer.passed_on(written);
                let records = written.div_ceil(RECORD) as u64 + 1;
                self.seals_left = self.seals_left.map(|left| left.saturating_sub(records));
                self.traffic.bytes_out += written as u64;
                self.unflushed = true;
            }
            if !buffer.was_full() {
                self.buffer = None;
            }
        }
        if self.unflushed && self.buffer.is_none() {
            ready!(Pin::new(&mut self.client).poll_flush(cx))
                .map_err(|error| client_fault(&error))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once from the system; 0 means it has finished.
    fn poll_read_system(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Ending>> {
        loop {
            if self.buffer.is_none() {
                ready!(self.system.poll_read_ready(cx)).map_err(|_| Ending::SystemReset)?;
            }
            let buffer = self.buffer.get_or_insert_with(Buffer::take);
            match self.system.try_read(buffer.space()) {
                Ok(count) => {
                    buffer.filled(count);
                    if count == 0 {
                        self.buffer = None;
                    }
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.buffer = None;
                    if self.unflushed {
                        ready!(self.poll_pass_on(cx))?;
                    }
                }
                Err(_) => return Poll::Ready(Err(Ending::SystemReset)),
            }
        }
    }
}

fn client_fault(error: &io::Error) -> Ending {
    let broke_protocol =
        error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>);
    if broke_protocol { Ending::ClientProtocol } else { Ending::ClientReset }
}
