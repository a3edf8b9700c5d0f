//! The terminals' sockets: one of each port for all their addresses.

use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use ike::Path;
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// UDP ports of IKE (RFC 7296 §2), the second with a marker before it (RFC 3948 §2.2).
const PORTS: [u16; 2] = [500, 4500];
const MARKER: [u8; 4] = [0; 4];
/// Datagrams at once, and room for each with all that the kernel joins (GRO).
const BATCH: usize = 16;
const ROOM: usize = 65_536;

pub(crate) struct Sockets {
    ports: [Port; 2],
    buffers: Vec<u8>,
}

struct Port {
    socket: UdpSocket,
    state: UdpSocketState,
    number: u16,
}

impl Sockets {
    /// In the namespace of the thread that asks.
    pub(crate) fn bind() -> Self {
        Self { ports: PORTS.map(Port::bind), buffers: vec![0; BATCH * ROOM] }
    }

    /// Until something comes, or it has been long enough.
    pub(crate) fn wait(&self, longest: Duration) {
        let mut all = self.ports.each_ref().map(|port| PollFd::new(&port.socket, PollFlags::IN));
        poll(&mut all, Some(&Timespec::try_from(longest).unwrap())).unwrap();
    }

    /// Hands on what has come.
    pub(crate) fn receive(&mut self, mut hand_on: impl FnMut(Path, &mut [u8])) {
        for port in &self.ports {
            while port.receive(&mut self.buffers, &mut hand_on) {}
        }
    }

    pub(crate) fn send(&self, transmit: &ike::Transmit) {
        let Path { local, remote } = transmit.path;
        let port = self.ports.iter().find(|port| port.number == local.port()).unwrap();
        let contents = [port.marker(), &transmit.datagram].concat();
        let src_ip = Some(local.ip());
        let transmit = Transmit {
            destination: remote,
            ecn: None,
            contents: &contents,
            segment_size: None,
            src_ip,
        };
        port.state.try_send(UdpSockRef::from(&port.socket), &transmit).unwrap();
    }
}

impl Port {
    fn bind(number: u16) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, number)).unwrap();
        let state = UdpSocketState::new(UdpSockRef::from(&socket)).unwrap();
        Self { socket, state, number }
    }

    fn marker(&self) -> &'static [u8] {
        if self.number == PORTS[1] { &MARKER } else { &[] }
    }

    /// Whether there was anything.
    fn receive(&self, buffers: &mut [u8], hand_on: &mut impl FnMut(Path, &mut [u8])) -> bool {
        let mut metas = [RecvMeta::default(); BATCH];
        let mut slices: Vec<_> = buffers.chunks_exact_mut(ROOM).map(IoSliceMut::new).collect();
        let received = self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut metas);
        let count = match received {
            Ok(count) => count,
            Err(nothing) if nothing.kind() == io::ErrorKind::WouldBlock => return false,
            Err(error) => panic!("{error}"),
        };
        for (buffer, meta) in buffers.chunks_exact_mut(ROOM).zip(&metas).take(count) {
            let local = SocketAddr::new(meta.dst_ip.unwrap(), self.number);
            let path = Path { local, remote: meta.addr };
            for datagram in buffer[..meta.len].chunks_mut(meta.stride) {
                hand_on(path, &mut datagram[self.marker().len()..]);
            }
        }
        true
    }
}
