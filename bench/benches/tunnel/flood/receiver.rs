//! The system's side.

use std::io::{ErrorKind, IoSliceMut};
use std::net::UdpSocket;
use std::thread::Thread;

use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_socket_recv_buffer_size_force;

use super::progress::{Counts, Progress};

pub(super) struct Receiver {
    socket: UdpSocket,
    state: UdpSocketState,
    buffers: Vec<u8>,
    counts: Counts,
}

/// Datagrams at once, and room for each with all that the kernel joins (GRO).
const BATCH: usize = 32;
const ROOM: usize = 65_536;
/// The system is not what is measured.
const SOCKET_BUFFER: usize = 8 << 20;
/// How long it waits before it looks whether all is over.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

impl Receiver {
    pub(super) fn new(socket: UdpSocket) -> Self {
        set_socket_recv_buffer_size_force(&socket, SOCKET_BUFFER).unwrap();
        let state = UdpSocketState::new(UdpSockRef::from(&socket)).unwrap();
        Self { socket, state, buffers: vec![0; BATCH * ROOM], counts: Counts::default() }
    }

    #[allow(clippy::needless_pass_by_value, reason = "it is the only one that wakes the sender")]
    pub(super) fn receive(mut self, progress: &Progress, sender: Thread) {
        while progress.goes_on() {
            if self.receive_some(progress) {
                if progress.is_awaited() {
                    sender.unpark();
                }
            } else {
                poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&PATIENCE)).unwrap();
            }
        }
    }

    /// Whether there was anything.
    fn receive_some(&mut self, progress: &Progress) -> bool {
        let mut metas = [RecvMeta::default(); BATCH];
        let mut slices: Vec<_> = self.buffers.chunks_exact_mut(ROOM).map(IoSliceMut::new).collect();
        let received = self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut metas);
        let count = match received {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(error) => panic!("{error}"),
        };
        let counts = &mut self.counts;
        for (buffer, meta) in self.buffers.chunks_exact(ROOM).zip(&metas).take(count) {
            for packet in buffer[..meta.len].chunks(meta.stride) {
                let number = u64::from_be_bytes(*packet.first_chunk().unwrap());
                counts.received += 1;
                counts.late += u64::from(number < counts.next);
                counts.next = counts.next.max(number + 1);
            }
        }
        progress.counted(*counts);
        true
    }
}
