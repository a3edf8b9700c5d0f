//! UDP sockets: for every address one of each port.

use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use ike::Path;
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use rustix::net::sockopt::{self, Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
use socket2::{Domain, Protocol, Socket, Type};

use crate::datagram::NON_ESP_MARKER;

/// Room for what comes while a thread is not scheduled, in octets. The kernel may grant less.
const RECEIVE_BUFFER: usize = 4 << 20;

/// A socket cannot be had.
#[derive(Debug)]
pub struct BindError {
    /// Where it should receive.
    pub address: SocketAddr,
    /// What the system says.
    pub cause: io::Error,
}

impl BindError {
    /// What to do about it.
    #[allow(clippy::wildcard_enum_match_arm, reason = "the system's errors are an open list")]
    pub fn remedy(&self) -> &'static str {
        match self.cause.kind() {
            io::ErrorKind::AddrInUse => {
                "another IKE daemon, such as strongSwan's charon, has this port; 'ss -lnup' shows which"
            }
            io::ErrorKind::PermissionDenied => "ports below 1024 need CAP_NET_BIND_SERVICE",
            io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
            _ => "give an address of this machine",
        }
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot receive IKE on {}: {}", self.address, self.cause)
    }
}

impl std::error::Error for BindError {}

/// One bound socket.
#[derive(Clone, Debug)]
pub(crate) struct Port {
    local: SocketAddr,
    /// Whether IKE shares it with ESP.
    pub(crate) with_esp: bool,
    pub(crate) socket: Arc<UdpSocket>,
    state: Arc<UdpSocketState>,
}

/// Whether the port of IKE and ESP is shared with the data plane's sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// It is not.
    None,
    /// It is. Routers may fragment what is sent.
    Shared,
    /// It is, and the data plane needs to hear of packets too long for their path: the kernel
    /// hides that from a socket that lets routers fragment.
    HearingPathMtu,
}

/// Every socket of the road.
#[derive(Debug)]
pub struct Sockets {
    pub(crate) ports: Vec<Port>,
    port: u16,
    nat_port: u16,
}

impl Sockets {
    /// Binds both ports on every address. Port 0 takes a free one, the same on all of them.
    ///
    /// `nat_port` may be shared with sockets that the data plane has bound before: these get the
    /// ESP packets, ours the rest.
    ///
    /// # Errors
    /// The first socket that cannot be had.
    pub fn bind(
        addresses: &[IpAddr],
        port: u16,
        nat_port: u16,
        sharing: Sharing,
    ) -> Result<Self, BindError> {
        let mut sockets = Self { ports: Vec::new(), port, nat_port };
        for &address in addresses {
            sockets.port = sockets.add(address, sockets.port, false, Sharing::None)?;
            sockets.nat_port = sockets.add(address, sockets.nat_port, true, sharing)?;
        }
        Ok(sockets)
    }

    fn add(
        &mut self,
        ip: IpAddr,
        port: u16,
        with_esp: bool,
        sharing: Sharing,
    ) -> Result<u16, BindError> {
        let address = SocketAddr::new(ip, port);
        let bound = Port::bind(address, with_esp, sharing);
        let bound = bound.map_err(|cause| BindError { address, cause })?;
        let port = bound.local.port();
        self.ports.push(bound);
        Ok(port)
    }

    /// UDP port of IKE.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// UDP port of IKE and ESP behind NAT.
    pub fn nat_port(&self) -> u16 {
        self.nat_port
    }

    /// The sockets on the port that ESP shares.
    ///
    /// # Errors
    /// When the process may have no more descriptors.
    pub fn with_esp(&self) -> io::Result<Vec<UdpSocket>> {
        let shared = self.ports.iter().filter(|port| port.with_esp);
        shared.map(|port| port.socket.try_clone()).collect()
    }

    /// Where each socket receives.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.ports.iter().map(|port| port.local)
    }
}

impl Port {
    /// No SO_REUSEADDR: UDP needs none to start again at once, and with it another IKE daemon on
    /// this machine would take our datagrams unnoticed.
    fn bind(address: SocketAddr, with_esp: bool, sharing: Sharing) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        if sharing != Sharing::None {
            socket.set_reuse_port(true)?;
        }
        // What the kernel grants is good enough.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        socket.bind(&address.into())?;
        let socket = UdpSocket::from(socket);
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        permit_fragmentation(&socket, address, sharing)?;
        let local = socket.local_addr()?;
        Ok(Self { local, with_esp, socket: Arc::new(socket), state: Arc::new(state) })
    }

    /// Receives what there is, without waiting.
    pub(crate) fn receive(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> io::Result<usize> {
        self.state.recv(UdpSockRef::from(&*self.socket), buffers, metas)
    }

    /// Between which addresses a received datagram travelled.
    pub(crate) fn path(&self, meta: &RecvMeta) -> Path {
        let ip = meta.dst_ip.unwrap_or(self.local.ip());
        Path { local: SocketAddr::new(ip, self.local.port()), remote: meta.addr }
    }

    /// Whether datagrams from `local` leave here.
    fn serves(&self, local: SocketAddr) -> bool {
        let ip = self.local.ip();
        self.local.port() == local.port()
            && self.local.is_ipv4() == local.is_ipv4()
            && (ip == local.ip() || ip.is_unspecified())
    }
}

/// quinn-udp forbids fragmentation, as QUIC needs it. An IKE message for a peer that does not know
/// RFC 7383 must be fragmented by IP. (Over IPv6 it also sets IPV6_DONTFRAG, which nothing here
/// can take back: there such a message has to fit the interface.)
fn permit_fragmentation(
    socket: &UdpSocket,
    address: SocketAddr,
    sharing: Sharing,
) -> io::Result<()> {
    let hears = sharing == Sharing::HearingPathMtu;
    if address.is_ipv4() {
        // WANT: the kernel fragments itself, by the path MTU that it has learnt.
        let discovery = match hears {
            true => Ipv4PathMtuDiscovery::WANT,
            false => Ipv4PathMtuDiscovery::DONT,
        };
        sockopt::set_ip_mtu_discover(socket, discovery)?;
    } else {
        sockopt::set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::DONT)?;
    }
    Ok(())
}

/// The sending side of the sockets.
#[derive(Debug)]
pub(crate) struct Outlet {
    ports: Vec<Port>,
    marked: Vec<u8>,
}

impl Outlet {
    pub(crate) fn new(sockets: &Sockets) -> Self {
        Self { ports: sockets.ports.clone(), marked: Vec::new() }
    }

    /// Sends an IKE message, with the marker before it where its port has one.
    ///
    /// # Errors
    /// The system's word; also that a socket's buffer is full: IKE repeats what was lost.
    pub(crate) fn send(&mut self, transmit: &ike::Transmit) -> io::Result<()> {
        let Path { local, remote } = transmit.path;
        let port = self.ports.iter().find(|port| port.serves(local));
        let port = port.ok_or(io::ErrorKind::AddrNotAvailable)?;
        let contents = if port.with_esp {
            self.marked.clear();
            self.marked.extend_from_slice(&NON_ESP_MARKER);
            self.marked.extend_from_slice(&transmit.datagram);
            &self.marked
        } else {
            &transmit.datagram
        };
        let sent = Transmit {
            destination: remote,
            ecn: None,
            contents,
            segment_size: None,
            src_ip: Some(local.ip()),
        };
        let send = || port.state.try_send(UdpSockRef::from(&*port.socket), &sent);
        // What ICMP says of something sent before is told once, in place of sending.
        send().or_else(|_| send())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a machine with several addresses the answer must come from the one that was asked, and
    /// a message longer than the MTU must get through.
    #[test]
    fn answers_leave_from_the_address_that_was_asked_with_the_marker() {
        let sockets = Sockets::bind(&["0.0.0.0".parse().unwrap()], 0, 0, Sharing::None).unwrap();
        let [plain, nat] = &sockets.ports[..] else { panic!("{sockets:?}") };
        assert!(!plain.with_esp && nat.with_esp);
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut outlet = Outlet::new(&sockets);
        for port in [plain, nat] {
            let asked = SocketAddr::new("127.0.0.7".parse().unwrap(), port.local.port());
            peer.send_to(b"hello", asked).unwrap();
            let mut octets = [0; 65_536];
            let mut metas = [RecvMeta::default()];
            while port.receive(&mut [IoSliceMut::new(&mut octets)], &mut metas).is_err() {
                std::thread::yield_now();
            }
            let path = port.path(&metas[0]);
            assert_eq!(path, Path { local: asked, remote: peer.local_addr().unwrap() });

            let long = ike::Transmit { path, datagram: vec![7; 60_000] };
            outlet.send(&long).unwrap();
            let (length, from) = peer.recv_from(&mut octets).unwrap();
            assert_eq!(from, asked);
            let marker = if port.with_esp { 4 } else { 0 };
            assert_eq!((length, octets[0]), (60_000 + marker, if marker == 0 { 7 } else { 0 }));
        }
    }

    #[test]
    fn a_taken_port_is_refused_by_name() {
        let any = "127.0.0.1".parse().unwrap();
        let first = Sockets::bind(&[any], 0, 0, Sharing::None).unwrap();
        let error = Sockets::bind(&[any], first.port(), 0, Sharing::None).unwrap_err();
        assert_eq!(error.cause.kind(), io::ErrorKind::AddrInUse);
        assert!(error.remedy().contains("charon"));
    }
}
