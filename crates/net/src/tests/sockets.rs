//! UDP and raw ESP.

use std::io::IoSliceMut;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::num::NonZeroU32;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::{eventually, in_namespace, ip};
use crate::{
    Departure, DontFragment, Events, Interest, Poller, RawPort, Received, SendFailure, UdpPort,
    Waker, bind_raw, bind_udp, pin, steer, usable_cores,
};

const TWO: NonZeroU32 = NonZeroU32::new(2).unwrap();
const ONE: NonZeroU32 = NonZeroU32::MIN;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn to(destination: impl Into<SocketAddr>) -> Departure {
    Departure { destination: destination.into(), source: None, traffic_class: 0 }
}

/// An ESP packet to look at: SPI, sequence number, and as much again as is asked.
fn esp(spi: u32, sequence: u32, len: usize) -> Vec<u8> {
    let mut packet = [spi.to_be_bytes(), sequence.to_be_bytes()].concat();
    packet.resize(len, 7);
    packet
}

/// All that arrives at a port within two seconds, until `count` datagrams have.
fn datagrams(
    count: usize,
    receive: impl Fn(&mut [IoSliceMut<'_>], &mut [Received]) -> std::io::Result<usize>,
) -> (Vec<Vec<u8>>, Received) {
    let mut octets = vec![vec![0; 65_535]; 4];
    let mut received = [Received::default(); 4];
    let mut all = Vec::new();
    while all.len() < count {
        let mut buffers: Vec<_> = octets.iter_mut().map(|b| IoSliceMut::new(b)).collect();
        let filled = eventually(|| receive(&mut buffers, &mut received).ok());
        for (octets, received) in octets.iter().zip(&received).take(filled) {
            let datagrams = octets[..received.len].chunks(received.stride.max(1));
            all.extend(datagrams.map(|datagram| datagram[received.offset..].to_vec()));
        }
    }
    (all, received[0])
}

fn arrived(port: &UdpPort, count: usize) -> Vec<Vec<u8>> {
    datagrams(count, |buffers, received| port.receive(buffers, received)).0
}

fn is_empty(port: &UdpPort) -> bool {
    let mut octets = [0; 100];
    port.receive(&mut [IoSliceMut::new(&mut octets)], &mut [Received::default()]).is_err()
}

#[test]
fn each_spi_comes_to_its_worker_and_ike_to_the_socket_bound_last() {
    for loopback in ["127.0.0.1", "::1"] {
        in_namespace(move || {
            let ports = bind_udp(address(loopback), 0, TWO, DontFragment::Set).unwrap();
            let at = ports[0].local_address();
            steer(&ports[0], TWO).unwrap();
            let ike = Socket::new(Domain::for_address(at), Type::DGRAM, None).unwrap();
            ike.set_reuse_port(true).unwrap();
            ike.bind(&at.into()).unwrap();
            let ike = UdpSocket::from(ike);
            ike.set_read_timeout(Some(Duration::from_secs(2))).unwrap();

            // From many ports: the kernel's own way would spread them by these.
            for spi in 1000..1016_u32 {
                let peer = UdpSocket::bind((address(loopback), 0)).unwrap();
                let packet = esp(spi, 1, 64);
                peer.send_to(&packet, at).unwrap();
                assert_eq!(arrived(&ports[(spi % 2) as usize], 1), [packet]);

                let message = esp(0, spi, 200);
                let mut octets = [0; 300];
                for message in [&message[..], &[0xff], &[0, 0, 1, 7, 7, 7, 7]] {
                    peer.send_to(message, at).unwrap();
                    let len = ike.recv(&mut octets).unwrap();
                    assert_eq!(&octets[..len], message);
                }
            }
            assert!(ports.iter().all(is_empty));
        });
    }
}

#[test]
fn a_batch_arrives_whole_with_ecn_and_addresses() {
    in_namespace(|| {
        ip("address add 2001:db8::7/128 dev lo nodad");
        for (any, ours) in [("0.0.0.0", "127.0.0.7"), ("::", "2001:db8::7")] {
            let one = |any| bind_udp(address(any), 0, ONE, DontFragment::Set).unwrap().remove(0);
            let (from, at) = (one(any), one(any));
            let departure = Departure {
                destination: (address(ours), at.local_address().port()).into(),
                source: Some(address(ours)),
                traffic_class: 0b1011_1001,
            };
            // More than one system call takes, with a shorter last one.
            let octets: Vec<_> = (0..150).flat_map(|n| esp(5, n, 1000)).collect();
            from.send(&departure, &octets[..149_500], 1000).unwrap();
            let (all, received) = datagrams(150, |buffers, received| at.receive(buffers, received));
            assert_eq!(all.concat(), octets[..149_500]);
            assert!(received.stride == 1000 && received.len > 1000, "GRO: {received:?}");
            assert_eq!(received.ecn, 0b01);
            assert_eq!(received.destination, Some(address(ours)));
            let source = SocketAddr::new(address(ours), from.local_address().port());
            assert_eq!(received.source, source);
        }
    });
}

/// With datagrams beyond the MTU the kernel refuses GSO; they must go all the same, in fragments.
#[test]
fn what_gso_cannot_send_goes_singly() {
    in_namespace(|| {
        ip("link set lo mtu 1500");
        for loopback in ["127.0.0.1", "::1"] {
            let one = |df| bind_udp(address(loopback), 0, ONE, df).unwrap().remove(0);
            let (clear, at) = (one(DontFragment::Clear), one(DontFragment::Clear));
            let octets: Vec<_> = (0..100).flat_map(|n| esp(5, n, 2000)).collect();
            for _ in 0..2 {
                clear.send(&to(at.local_address()), &octets, 2000).unwrap();
                assert_eq!(arrived(&at, 100).concat(), octets);
            }

            let set = one(DontFragment::Set);
            let error = set.send(&to(at.local_address()), &octets, 2000).unwrap_err();
            assert!(matches!(error.reason, SendFailure::TooLong), "{error:?}");
            assert_eq!(error.sent, 0);
            let told = set.path_mtu_error().unwrap();
            assert_eq!((told.mtu, told.local), (1500, true));
        }
    });
}

#[test]
fn an_unreachable_peer_hinders_no_other() {
    in_namespace(|| {
        let port = bind_udp(address("127.0.0.1"), 0, ONE, DontFragment::Set).unwrap().remove(0);
        let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let open = UdpSocket::bind("127.0.0.1:0").unwrap();
        open.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        for round in 0..20 {
            port.send(&to(closed), &esp(1, round, 64), 64).unwrap();
            let packet = esp(2, round, 64);
            port.send(&to(open.local_addr().unwrap()), &packet, 64).unwrap();
            let mut octets = [0; 100];
            assert_eq!(open.recv(&mut octets).unwrap(), 64);
            port.send(&to(closed), &esp(1, round, 64), 64).unwrap();
            open.send_to(&packet, port.local_address()).unwrap();
            assert_eq!(arrived(&port, 1), [packet]);
        }
        assert_eq!(port.path_mtu_error(), None);
    });
}

/// ICMP "fragmentation needed", next hop 1300, quoting an IPv4 packet of ours with `payload`.
fn fragmentation_needed(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let total = 20 + payload.len() as u16;
    let mut icmp = vec![3, 4, 0, 0, 0, 0, 0x05, 0x14];
    icmp.extend([0x45, 0]);
    icmp.extend(total.to_be_bytes());
    icmp.extend([0, 1, 0x40, 0, 64, protocol, 0, 0, 127, 0, 0, 1, 127, 0, 0, 2]);
    let sum = checksum(&icmp[8..28]);
    icmp[18..20].copy_from_slice(&sum);
    icmp.extend(payload);
    let sum = checksum(&icmp);
    icmp[2..4].copy_from_slice(&sum);
    icmp
}

/// RFC 1071.
pub(super) fn checksum(octets: &[u8]) -> [u8; 2] {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    let mut sum: u32 = octets.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

#[test]
fn a_router_tells_the_path_mtu_and_of_which_packet() {
    in_namespace(|| {
        let icmp = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).unwrap();
        let here: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let packet = esp(0xdead_beef, 42, 8);

        let port = bind_udp(here.ip(), 0, ONE, DontFragment::Set).unwrap().remove(0);
        let ours = port.local_address().port();
        let mut udp = [ours.to_be_bytes(), 4500_u16.to_be_bytes()].concat();
        udp.extend([0, 16, 0, 0]);
        udp.extend(&packet);
        icmp.send_to(&fragmentation_needed(17, &udp), &here.into()).unwrap();
        let told = eventually(|| port.path_mtu_error());
        assert_eq!(told.destination, "127.0.0.2:4500".parse().unwrap());
        assert_eq!((told.mtu, told.local), (1300, false));
        assert_eq!(told.quoted.as_ref(), packet.first_chunk());

        let port = bind_raw(here.ip(), ONE, DontFragment::Set).unwrap().remove(0);
        icmp.send_to(&fragmentation_needed(50, &packet), &here.into()).unwrap();
        let told = eventually(|| port.path_mtu_error());
        assert_eq!(told.destination, "127.0.0.2:0".parse().unwrap());
        assert_eq!(told.mtu, 1300);
        assert_eq!(told.quoted.as_ref(), packet.first_chunk());
    });
}

#[test]
fn a_taken_port_is_refused_even_by_one_who_would_share() {
    in_namespace(|| {
        let here = address("127.0.0.1");
        let first = bind_udp(here, 0, TWO, DontFragment::Set).unwrap();
        let port = first[0].local_address().port();
        assert!(first.iter().all(|one| one.local_address().port() == port));
        let error = bind_udp(here, port, TWO, DontFragment::Set).unwrap_err();
        assert_eq!(error.cause.kind(), std::io::ErrorKind::AddrInUse);
        assert!(error.remedy().contains("ss -lnup"));
    });
}

#[test]
fn esp_on_ip_comes_to_its_worker_in_batches() {
    in_namespace(|| {
        ip("address add 2001:db8::7/128 dev lo nodad");
        for (here, there) in [("127.0.0.1", "127.0.0.2"), ("::1", "2001:db8::7")] {
            let bind = |at| bind_raw(address(at), TWO, DontFragment::Set).unwrap();
            let (from, at) = (bind(here), bind(there));
            let departure = Departure {
                destination: (address(there), 4500).into(),
                source: Some(address(here)),
                traffic_class: 0b10,
            };
            for spi in [1000, 1001] {
                let octets: Vec<_> = (0..100).flat_map(|n| esp(spi, n, 1400)).collect();
                from[0].send(&departure, &octets[..139_500], 1400).unwrap();
                let port: &RawPort = &at[(spi % 2) as usize];
                let (all, received) =
                    datagrams(100, |buffers, received| port.receive(buffers, received));
                assert_eq!(all.concat(), octets[..139_500]);
                assert_eq!(received.source, (address(here), 0).into());
                assert_eq!(received.destination, Some(address(there)));
                assert_eq!(received.ecn, 0b10);
            }
            let mut octets = [0; 100];
            let nothing = |port: &RawPort| {
                let mut buffers = [IoSliceMut::new(&mut octets)];
                port.receive(&mut buffers, &mut [Received::default()]).is_err()
            };
            assert!(at.iter().chain(&from).all(nothing));
        }
    });
}

#[test]
fn a_worker_is_woken_once_on_its_core() {
    let core = usable_cores().unwrap()[0];
    pin(core).unwrap();
    assert_eq!(usable_cores().unwrap(), [core]);
    assert!(pin(usize::MAX).is_err());

    let (waker, poller) = (Waker::new().unwrap(), Poller::new().unwrap());
    let port = bind_udp(address("127.0.0.1"), 0, ONE, DontFragment::Set).unwrap().remove(0);
    poller.add(&waker, 7, Interest::Read).unwrap();
    poller.add(&port, 8, Interest::Read).unwrap();
    let mut events = Events::with_capacity(8);
    let mut ready = || {
        poller.wait(&mut events, Some(Duration::ZERO)).unwrap();
        events.iter().map(|ready| (ready.token, ready.readable, ready.writable)).collect::<Vec<_>>()
    };
    assert_eq!(ready(), []);
    waker.wake();
    waker.wake();
    assert_eq!(ready(), [(7, true, false)]);
    waker.clear();
    assert_eq!(ready(), []);
    poller.modify(&port, 8, Interest::ReadWrite).unwrap();
    assert_eq!(ready(), [(8, false, true)]);
}
