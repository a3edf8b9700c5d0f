//! What leads the IP-VPN and the systems through the gateway's devices: real packets between two
//! hosts with this machine between them.
//!
//! | host | device here | its addresses |
//! |---|---|---|
//! | `hospital`, a router with its prefixes | `vpn0` | 172.16.0.2, 10.50.0.1, fd00:50::1 |
//! | `system` | `lan0` | 10.20.1.10, fd00:20::10 |

use std::io::IoSlice;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ipnet::IpNet;

use super::{in_namespace, ip};
use crate::{
    Device, IpVpn, LinkConfig, Prefixes, Queue, Routes, Steering, VNET_HEADER_LEN, configure,
};

const HOSPITAL: [&str; 2] = ["10.50.0.1", "fd00:50::1"];
const SYSTEM: [&str; 2] = ["10.20.1.10", "fd00:20::10"];

fn prefixes(text: &str) -> &'static [IpNet] {
    let prefixes: Vec<_> = text.split_whitespace().map(|text| text.parse().unwrap()).collect();
    prefixes.leak()
}

fn registered() -> Prefixes<'static> {
    Prefixes {
        tunnels: prefixes("10.1.0.0/16"),
        ip_vpn: prefixes("10.50.0.0/16 fd00:50::/32 10.60.0.0/16"),
    }
}

fn steering() -> Steering {
    Steering {
        device: "sekisho0".to_owned(),
        ip_vpn: Some(IpVpn {
            device: "sekisho-vpn".to_owned(),
            interfaces: vec!["vpn0".to_owned(), "vpn1".to_owned()],
        }),
        table: 4711,
        priority: 100,
    }
}

/// A namespace, until dropped.
struct Host(String);

impl Host {
    /// Joined by `device` here, which has the first of each pair of addresses.
    fn joined(label: &str, device: &str, addresses: [[&str; 2]; 2]) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let host = Self(format!("sekisho-net-{}-{number}-{label}", std::process::id()));
        let name = &host.0;
        ip(&format!("netns add {name}"));
        // Otherwise a second or two pass before a neighbour is solicited.
        let dad = "ipv6/conf/default/accept_dad";
        set(dad, "0");
        ip(&format!("netns exec {name} sysctl -qw net/{dad}=0"));
        ip(&format!("link add {device} type veth peer name eth0 netns {name}"));
        ip(&format!("link set {device} up"));
        ip(&format!("-n {name} link set lo up"));
        ip(&format!("-n {name} link set eth0 up"));
        for [here, there] in addresses {
            ip(&format!("address add {here} dev {device} nodad"));
            ip(&format!("-n {name} address add {there} dev eth0 nodad"));
            let (here, _) = here.split_once('/').unwrap();
            ip(&format!("-n {name} route add default via {here}"));
        }
        host
    }

    /// Whether `target` answers a ping from `source` here within so many seconds.
    fn reaches_within(&self, seconds: &str, source: &str, target: &str) -> bool {
        let mut command = Command::new("ip");
        let ping = ["ping", "-n", "-c1", "-W", seconds, "-I", source, target];
        command.args(["netns", "exec", &self.0]).args(ping).output().unwrap().status.success()
    }
}

impl Host {
    fn reaches(&self, source: &str, target: &str) -> bool {
        self.reaches_within("2", source, target)
    }

    fn is_cut_off(&self, source: &str, target: &str) -> bool {
        !self.reaches_within("0.2", source, target)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        ip(&format!("netns delete {}", self.0));
    }
}

fn hosts() -> [Host; 2] {
    let hospital = [["172.16.0.1/24", "172.16.0.2/24"], ["fd00:16::1/64", "fd00:16::2/64"]];
    let hospital = Host::joined("hospital", "vpn0", hospital);
    for address in HOSPITAL {
        ip(&format!("-n {} address add {address} dev lo", hospital.0));
    }
    ip("route add 10.50.0.0/16 via 172.16.0.2");
    ip("route add fd00:50::/32 via fd00:16::2");
    let system = [["10.20.1.1/24", "10.20.1.10/24"], ["fd00:20::1/64", "fd00:20::10/64"]];
    [hospital, Host::joined("system", "lan0", system)]
}

fn set(variable: &str, value: &str) {
    std::fs::write(format!("/proc/sys/net/{variable}"), value).unwrap();
}

fn forward() {
    set("ipv4/ip_forward", "1");
    set("ipv6/conf/all/forwarding", "1");
}

/// A gateway that lets everything through.
struct Gateway {
    routes: Routes,
    stop: Arc<AtomicBool>,
    /// How many packets came from the IP-VPN, and how many from the systems.
    thread: JoinHandle<[usize; 2]>,
}

impl Gateway {
    fn start(steering: Steering) -> Self {
        let open = |name: &str| {
            let (device, mut queues) = Device::open(name, 1).unwrap();
            let addresses = Vec::new();
            let name = device.name;
            let (gso_max_size, queue_len) = (None, None);
            configure(&LinkConfig { name, mtu: 1500, addresses, gso_max_size, queue_len }).unwrap();
            queues.remove(0)
        };
        let inside = open(&steering.device);
        let outside = open(&steering.ip_vpn.as_ref().unwrap().device);
        let mut routes = Routes::open(steering).unwrap();
        routes.replace(registered()).unwrap();
        let stop = Arc::<AtomicBool>::default();
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut counts = [0, 0];
            while !told.load(Ordering::Relaxed) {
                for (queue, count) in [&outside, &inside].into_iter().zip(&mut counts) {
                    *count += usize::from(pass(queue, &inside));
                }
                thread::sleep(Duration::from_millis(1));
            }
            counts
        });
        Self { routes, stop, thread }
    }

    /// Its devices vanish, as when it is killed; what it has seen.
    fn end(self) -> [usize; 2] {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// Carries an ICMP or ICMPv6 echo, if there is one.
fn pass(from: &Queue, to: &Queue) -> bool {
    let mut buffer = vec![0; VNET_HEADER_LEN + 65_535];
    let Ok(len) = from.read(&mut buffer) else { return false };
    let packet = &buffer[VNET_HEADER_LEN..len];
    let is_echo = match packet[0] >> 4 {
        4 => packet[9] == 1,
        _ => packet[6] == 58 && packet[40] >= 128 && packet[40] <= 129,
    };
    is_echo && to.write(&[IoSlice::new(&buffer[..len])]).unwrap() == len
}

/// All that is ours, as `ip` shows it.
fn state() -> Vec<String> {
    let mut lines = Vec::new();
    for family in ["-4", "-6"] {
        for words in ["rule show", "route show table all proto 83"] {
            let listed = ip(&format!("{family} {words}"));
            let ours = |line: &&str| words.starts_with("route") || line.contains("proto 83");
            lines.extend(listed.lines().filter(ours).map(|line| format!("{family} {line}")));
        }
    }
    lines
}

/// Whatever the tests of source addresses (rp_filter, RFC 3704) on the other interfaces: 0 none,
/// 1 strict, 2 loose.
#[test]
fn the_ip_vpn_and_the_systems_meet_in_the_gateway_alone() {
    in_namespace(|| {
        let [hospital, system] = hosts();
        forward();
        for strictness in ["0", "1", "2"] {
            set("ipv4/conf/all/rp_filter", strictness);
            let gateway = Gateway::start(steering());
            for (from, to) in HOSPITAL.into_iter().zip(SYSTEM) {
                assert!(hospital.reaches(from, to), "{strictness}: {from} to {to}");
                assert!(system.reaches(to, from), "{strictness}: {to} to {from}");
            }
            // Two requests and two answers, by where they came from.
            assert_eq!(gateway.end(), [4, 4], "{strictness}");
            for (from, to) in HOSPITAL.into_iter().zip(SYSTEM) {
                assert!(hospital.is_cut_off(from, to), "{strictness}: {from} to {to}, dead");
                assert!(system.is_cut_off(to, from), "{strictness}: {to} to {from}, dead");
            }
        }
    });
}

/// A strict test would discard what it asks of its neighbours.
#[test]
fn a_hospital_may_share_the_link() {
    in_namespace(|| {
        let [hospital, system] = hosts();
        forward();
        ip("address add 10.60.0.1/24 dev vpn0");
        ip(&format!("-n {} address add 10.60.0.2/24 dev eth0", hospital.0));
        for strictness in ["0", "2"] {
            set("ipv4/conf/all/rp_filter", strictness);
            let gateway = Gateway::start(steering());
            ip("neigh flush all");
            ip(&format!("-n {} neigh flush all", hospital.0));
            assert!(hospital.reaches("10.60.0.2", SYSTEM[0]), "{strictness}");
            assert!(system.reaches(SYSTEM[0], "10.60.0.2"), "{strictness}");
            gateway.end();
        }
    });
}

#[test]
fn whatever_was_left_the_next_gateway_makes_the_same_state() {
    in_namespace(|| {
        let operators = [
            "route add blackhole 10.99.0.0/16 table 4711",
            "rule add priority 9 to 9.9.9.9 lookup 4711",
        ];
        operators.iter().for_each(|words| drop(ip(words)));
        let gateway = Gateway::start(steering());
        let alive = state();
        let count = |word: &str| alive.iter().filter(|line| line.contains(word)).count();
        // Of each family: two interfaces, the second device, all, and all that the first did not
        // bring.
        assert_eq!(count("lookup"), 10, "{alive:#?}");
        assert_eq!(count("blackhole"), count("dev sekisho"), "{alive:#?}");
        assert_eq!(count("dev sekisho-vpn"), 2, "{alive:#?}");
        let Gateway { mut routes, stop, thread } = gateway;
        routes.replace(registered()).unwrap();
        assert_eq!(state(), alive);
        assert_eq!(routes.missing(registered()).unwrap(), [""; 0]);
        let mut barrier = Routes::barrier(steering()).unwrap();
        barrier.replace(registered()).unwrap();
        assert_eq!(state(), alive, "a barrier leaves a running gateway alone");
        Gateway { routes, stop, thread }.end();

        let elsewhere = Steering {
            device: "gate1".to_owned(),
            ip_vpn: Some(IpVpn { device: "gate2".to_owned(), interfaces: vec!["x9".to_owned()] }),
            table: 4712,
            priority: 99,
        };
        Gateway::start(elsewhere.clone()).end();
        assert!(!state().iter().any(|line| line.contains("iif sekisho0")), "{:#?}", state());
        let gateway = Gateway::start(steering());
        assert_eq!(state(), alive);
        gateway.end();

        let dead = state();
        assert!(!Routes::barrier(elsewhere).unwrap().missing(registered()).unwrap().is_empty());
        let mut barrier = Routes::barrier(steering()).unwrap();
        assert_eq!(barrier.missing(registered()).unwrap(), [""; 0]);
        barrier.clear().unwrap();
        assert_eq!(state(), [""; 0]);
        barrier.clear().unwrap();
        barrier.complete(registered()).unwrap();
        barrier.complete(Prefixes::default()).unwrap();
        assert_eq!(sorted(state()), sorted(dead));
        assert!(ip("route show table 4711").contains("10.99.0.0/16"));
        assert!(ip("rule").contains("9.9.9.9"));
    });
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// Prefixes come and go beside one that stays: of that, no packet is lost, and after the death
/// of the gateway none passes.
#[test]
fn a_change_opens_no_gap() {
    in_namespace(|| {
        let [hospital, _system] = hosts();
        forward();
        let gateway = Gateway::start(steering());
        let Gateway { mut routes, stop, thread } = gateway;
        let flood = || {
            let mut ping = Command::new("ip");
            let words = ["ping", "-n", "-q", "-i0.002", "-W1", "-c300", "-I", HOSPITAL[0]];
            let output = ping.args(["netns", "exec", &hospital.0]).args(words).arg(SYSTEM[0]);
            String::from_utf8(output.output().unwrap().stdout).unwrap()
        };
        let few = Prefixes { tunnels: &[], ip_vpn: prefixes("10.50.0.0/16") };
        let flood_while_changing = |routes: &mut Routes| {
            thread::scope(|scope| {
                let flooding = scope.spawn(flood);
                while !flooding.is_finished() {
                    routes.replace(few).unwrap();
                    routes.replace(registered()).unwrap();
                }
                flooding.join().unwrap()
            })
        };
        let heard = flood_while_changing(&mut routes);
        assert!(heard.contains(" 300 received"), "{heard}");
        stop.store(true, Ordering::Relaxed);
        thread.join().unwrap();
        let heard = flood_while_changing(&mut Routes::barrier(steering()).unwrap());
        assert!(heard.contains(" 0 received"), "{heard}");
    });
}
