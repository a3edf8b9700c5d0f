//! The thread `ike-udp`: receives, tells IKE from ESP, and hands both on.

use std::io::{self, IoSliceMut};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use ike::Path;
use quinn_udp::RecvMeta;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};

use crate::datagram::{self, Datagram};
use crate::sockets::{Port, Sockets};
use crate::tally::Tally;
use crate::{Discarded, EspSink};

/// Buffers filled by one system call; with GRO each may hold several datagrams.
const BATCH: usize = 8;
/// The largest datagram, and the most that GRO puts into one buffer.
const BUFFER: usize = 65_536;
/// After a failure that might repeat at once.
const PAUSE: Duration = Duration::from_millis(200);

/// An IKE message on its way to the IKE thread.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) path: Path,
    pub(crate) message: Vec<u8>,
}

/// Where received datagrams go.
#[derive(Clone)]
pub(crate) struct Inlet {
    pub(crate) messages: mpsc::Sender<Received>,
    pub(crate) esp: Arc<dyn EspSink>,
    pub(crate) tally: Arc<Tally>,
}

/// Starts the thread. It ends when the sender of `stop` is dropped.
pub(crate) fn start(
    sockets: &Sockets,
    inlet: &Inlet,
    stop: oneshot::Receiver<()>,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut tasks = Vec::with_capacity(sockets.ports.len());
    for port in &sockets.ports {
        let context = runtime.enter();
        let socket = UdpSocket::from_std(port.socket.try_clone()?)?;
        drop(context);
        tasks.push(receive(socket, port.clone(), inlet.clone()));
    }
    std::thread::Builder::new().name("ike-udp".to_owned()).spawn(move || {
        runtime.block_on(async {
            for task in tasks {
                tokio::spawn(task);
            }
            // Nothing is ever sent: the sender's end is the sign.
            let _ = stop.await;
        });
    })
}

async fn receive(socket: UdpSocket, port: Port, inlet: Inlet) {
    let mut buffers = vec![0; BATCH * BUFFER];
    let mut metas = [RecvMeta::default(); BATCH];
    let mut failed = false;
    loop {
        let received = socket.async_io(Interest::READABLE, || {
            let mut slices: Vec<_> =
                buffers.chunks_exact_mut(BUFFER).map(IoSliceMut::new).collect();
            port.receive(&mut slices, &mut metas)
        });
        match received.await {
            Ok(count) => {
                failed = false;
                let filled = buffers.chunks_exact(BUFFER).zip(&metas).take(count);
                for (buffer, meta) in filled {
                    inlet.take(&port, meta, buffer.get(..meta.len).unwrap_or_default());
                }
            }
            // What ICMP says of something sent is told once, in place of what was received.
            Err(_) if !std::mem::replace(&mut failed, true) => {}
            Err(error) => {
                tracing::warn!(%error, "receiving IKE failed");
                inlet.tally.discarded(Discarded::ReceiveFailed);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

impl Inlet {
    /// Takes a buffer apart: the kernel joins datagrams of equal size from one source (GRO).
    fn take(&self, port: &Port, meta: &RecvMeta, buffer: &[u8]) {
        let path = port.path(meta);
        if buffer.is_empty() {
            return self.tally.discarded(Discarded::Empty);
        }
        for octets in buffer.chunks(meta.stride.max(1)) {
            if let Err(discarded) = self.hand_on(path, octets, port.with_esp) {
                self.tally.discarded(discarded);
            }
        }
    }

    fn hand_on(&self, path: Path, octets: &[u8], with_esp: bool) -> Result<(), Discarded> {
        match datagram::read(octets, with_esp)? {
            Datagram::Ike(message) => {
                let received = Received { path, message: message.to_vec() };
                self.messages.try_send(received).map_err(|_| Discarded::QueueFull)
            }
            Datagram::Esp(packet) => {
                self.esp.receive(path, packet);
                Ok(())
            }
        }
    }
}
