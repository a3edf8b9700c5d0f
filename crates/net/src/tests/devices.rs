//! The TUN device and its routes.

use std::io::{IoSlice, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use ipnet::IpNet;

use super::sockets::checksum;
use super::{eventually, in_namespace, ip};
use crate::{
    Device, LinkConfig, Prefixes, Queue, Routes, Steering, TunError, VNET_HEADER_LEN, configure,
    forwarding,
};

const TABLE: u32 = 4711;
const PRIORITY: u32 = 100;

fn prefixes(text: &str) -> Vec<IpNet> {
    text.split_whitespace().map(|prefix| prefix.parse().unwrap()).collect()
}

fn tunnels(text: &str) -> Prefixes<'static> {
    Prefixes { tunnels: prefixes(text).leak(), ip_vpn: &[] }
}

/// Without an IP-VPN.
fn steering(priority: u32) -> Steering {
    Steering { device: "sekisho0".to_owned(), ip_vpn: None, table: TABLE, priority }
}

/// A device that is up with the address 10.9.0.1, and routes by which 10.9.0.0/24 leads to it.
fn device(queues: usize) -> (Device, Vec<Queue>, Routes) {
    let (device, queues) = Device::open("sekisho0", queues).unwrap();
    configure(&LinkConfig {
        name: device.name.clone(),
        mtu: 1400,
        addresses: prefixes("10.9.0.1/24 fd00:9::1/64"),
        gso_max_size: Some(60_000),
        queue_len: Some(1000),
    })
    .unwrap();
    let mut routes = Routes::open(steering(PRIORITY)).unwrap();
    routes.replace(tunnels("10.9.0.0/24")).unwrap();
    (device, queues, routes)
}

/// The next TCP segment that the machine sends into the tunnel: vnet header, then the packet.
fn next_tcp(queue: &Queue) -> Vec<u8> {
    eventually(|| {
        let mut buffer = vec![0; VNET_HEADER_LEN + 65_535];
        let len = queue.read(&mut buffer).ok()?;
        buffer.truncate(len);
        let packet = &buffer[VNET_HEADER_LEN..];
        (packet[0] == 0x45 && packet[9] == 6).then_some(buffer)
    })
}

/// What the peer answers to `packet`: flags, and `payload` at sequence number `sequence`, with a
/// checksum left to be completed.
fn answer(packet: &[u8], sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let header_end = 20 + usize::from(packet[32] >> 4) * 4;
    let theirs = u32::from_be_bytes(packet[24..28].try_into().unwrap());
    let syn = u32::from(packet[33] >> 1 & 1);
    let acknowledged = theirs + syn + (packet.len() - header_end) as u32;
    let mut tcp = [&packet[22..24], &packet[20..22]].concat();
    tcp.extend(sequence.to_be_bytes());
    tcp.extend(acknowledged.to_be_bytes());
    tcp.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    let len = (tcp.len() + payload.len()) as u16;
    let pseudo = [&packet[16..20], &packet[12..16], &[0, 6], &len.to_be_bytes()].concat();
    let sum = checksum(&pseudo);
    tcp[16..18].copy_from_slice(&[!sum[0], !sum[1]]);
    let mut ip = vec![0x45, 0];
    ip.extend((20 + len).to_be_bytes());
    ip.extend([0, 1, 0x40, 0, 64, 6, 0, 0]);
    ip.extend(&packet[16..20]);
    ip.extend(&packet[12..16]);
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum);
    [&ip, &tcp[..], payload].concat()
}

/// `struct virtio_net_hdr` for a TCP packet whose checksum is to be completed.
fn vnet_header(gso_size: u16) -> Vec<u8> {
    let mut header = vec![1, u8::from(gso_size != 0)];
    for field in [40, gso_size, 20, 16] {
        header.extend(field.to_ne_bytes());
    }
    header
}

#[test]
fn super_packets_pass_whole_both_ways() {
    in_namespace(|| {
        let (device, queues, _routes) = device(2);
        assert!(device.offloads.tso, "{device:?}");
        assert_eq!(device.lacks().count(), usize::from(!device.offloads.uso));
        let queue = &queues[0];
        let mut stream = thread::scope(|scope| {
            let connecting = scope.spawn(|| TcpStream::connect("10.9.0.2:80").unwrap());
            // The kernel picks a queue by the flow, until one of them has written.
            let syn = eventually(|| {
                let mut buffer = [0; 2000];
                let len = queues.iter().find_map(|queue| queue.read(&mut buffer).ok())?;
                (buffer[VNET_HEADER_LEN + 9] == 6).then(|| buffer[VNET_HEADER_LEN..len].to_vec())
            });
            let packet = answer(&syn, 1000, 0x12, &[]);
            queue.write(&[IoSlice::new(&vnet_header(0)), IoSlice::new(&packet)]).unwrap();
            connecting.join().unwrap()
        });
        // Less than the first congestion window, ten segments.
        stream.write_all(&[5; 5000]).unwrap();
        let mut packet = next_tcp(queue);
        while packet.len() < 1500 {
            packet = next_tcp(queue);
        }
        // NEEDS_CSUM, TCPV4, and the segment size that the peer's lack of an MSS option means.
        assert_eq!(packet[..2], [1, 1]);
        assert_eq!(packet[4..6], 536_u16.to_ne_bytes());
        let payload = &packet[VNET_HEADER_LEN + 40..];
        assert!(payload.len() > 1400 && payload.iter().all(|octet| *octet == 5));

        let data: Vec<u8> = (0..3000_u16).map(|n| n as u8).collect();
        let reply = answer(&packet[VNET_HEADER_LEN..], 1001, 0x18, &data);
        let header = vnet_header(1000);
        let (head, tail) = reply.split_at(40);
        let slices = [&header[..], head, &tail[..1000], &tail[1000..]].map(IoSlice::new);
        assert_eq!(queue.write(&slices).unwrap(), VNET_HEADER_LEN + reply.len());
        let mut heard = vec![0; 3000];
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        stream.read_exact(&mut heard).unwrap();
        assert_eq!(heard, data);
    });
}

#[test]
fn a_device_is_set_up_as_configured() {
    in_namespace(|| {
        let (_device, _queues, _routes) = device(1);
        let link = ip("-d link show sekisho0");
        for part in ["UP", "mtu 1400", "qlen 1000", "addrgenmode none", "gso_max_size 60000"] {
            assert!(link.contains(part), "{part} in {link}");
        }
        let addresses = ip("address show sekisho0");
        assert!(addresses.contains("inet 10.9.0.1/24"), "{addresses}");
        assert!(addresses.contains("inet6 fd00:9::1/64"), "{addresses}");
        assert!(!addresses.contains("fe80:"), "{addresses}");
        assert!(!ip("route show").contains("sekisho0"), "routes only in the table of their own");
        let read = |key: &str| std::fs::read_to_string(format!("/proc/sys/net/{key}")).unwrap();
        assert_eq!(read("ipv4/conf/sekisho0/forwarding").trim(), "1");
        assert_eq!(read("ipv6/conf/sekisho0/forwarding").trim(), "1");
        assert_eq!(read("ipv4/conf/sekisho0/rp_filter").trim(), "2");
        assert!(!forwarding().ipv4 && !forwarding().ipv6);
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
        assert!(forwarding().ipv4);
    });
}

#[test]
fn another_gateways_device_is_left_alone() {
    in_namespace(|| {
        let first = Device::open("sekisho0", 2).unwrap();
        let error = Device::open("sekisho0", 2).unwrap_err();
        assert!(error.remedy().contains("ip link delete sekisho0"), "{error}: {}", error.remedy());
        drop(first);
        Device::open("sekisho0", 1).unwrap();
        for name in ["", "tun%d", "a/b", "sixteen-letters!"] {
            assert!(matches!(Device::open(name, 1), Err(TunError::Name(_))), "{name}");
        }
    });
}

/// The table and the rules that lead to it, as `ip` shows them.
fn table() -> String {
    let rules = |family| {
        let rules = ip(&format!("{family} rule"));
        rules.lines().filter(|line| line.contains("4711")).collect::<Vec<_>>().join("\n")
    };
    let routes = ["-4", "-6"].map(|family| ip(&format!("{family} route show table all")));
    let ours = |line: &&str| line.contains("table 4711");
    let routes: Vec<_> = routes.iter().flat_map(|routes| routes.lines().filter(ours)).collect();
    [rules("-4"), rules("-6"), routes.join("\n")].join("\n")
}

#[test]
fn a_dead_gateway_leaves_blackholes_and_the_next_one_the_same_state() {
    in_namespace(|| {
        let wanted = tunnels("10.1.0.0/16 10.2.3.4/32 2001:db8:1::/48 0.0.0.0/0 ::/0");
        let (_device, queues, mut routes) = device(1);
        routes.replace(wanted).unwrap();
        let alive = table();
        assert_eq!(alive.lines().filter(|line| line.contains("lookup 4711")).count(), 2, "{alive}");
        assert_eq!(
            alive.lines().filter(|line| line.contains("dev sekisho0")).count(),
            5,
            "{alive}"
        );
        assert_eq!(alive.lines().filter(|line| line.contains("blackhole")).count(), 5, "{alive}");
        assert!(ip("route get 10.1.2.3").contains("dev sekisho0"));
        assert!(!alive.contains("10.9.0.0"), "the first prefixes are gone: {alive}");
        routes.replace(wanted).unwrap();
        assert_eq!(table(), alive);

        drop(queues);
        let dead = table();
        assert_eq!(dead.lines().filter(|line| line.contains("blackhole")).count(), 5, "{dead}");
        assert!(!dead.contains("sekisho0"), "{dead}");
        let refused = std::net::UdpSocket::bind("0.0.0.0:0").unwrap().send_to(b"x", "10.1.2.3:9");
        assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);

        // What the operator added is nobody's business.
        ip("route add unreachable 10.77.0.0/16 table 4711");
        ip("rule add priority 50 iif lo lookup 4711");
        let (_device, _queues, mut routes) = device(1);
        routes.replace(wanted).unwrap();
        ip("route del unreachable 10.77.0.0/16 table 4711");
        ip("rule del priority 50");
        assert_eq!(table(), alive);

        let mut moved = Routes::open(steering(PRIORITY + 1)).unwrap();
        moved.replace(Prefixes::default()).unwrap();
        let rules = table();
        assert_eq!(rules.matches("102:").count(), 2, "{rules}");
        assert_eq!(rules.trim().lines().count(), 2, "{rules}");
    });
}

#[test]
fn what_cannot_be_set_up_is_named() {
    in_namespace(|| {
        let error = Routes::open(steering(PRIORITY)).unwrap_err();
        assert!(error.to_string().contains("find sekisho0"), "{error}");
        assert!(error.remedy().contains("interface is gone"), "{}", error.remedy());
        let (_device, queues, mut routes) = device(1);
        drop(queues);
        let error = routes.replace(tunnels("10.1.0.0/16")).unwrap_err();
        assert!(error.to_string().contains("10.1.0.0/16 dev sekisho0"), "{error}");
    });
}
