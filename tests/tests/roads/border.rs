//! The gateway's machine between a hospital on the IP-VPN and a system, both of which send to each
//! other all the time.
//!
//! | host | its addresses | joined to `centre` by |
//! |---|---|---|
//! | `hospital` of `H1` | [`HOSPITAL`] | `vpn0` |
//! | `system`, a `kmix-plus` | [`SYSTEM`] | `lan0` |

use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use demo::systems::Kind;
use sekisho_tests::capture::Capture;
use sekisho_tests::netns::Namespace;
use sekisho_tests::program::{self, Outcome};
use sekisho_tests::road::ip;
use sekisho_tests::setup::Setup;
use sekisho_tests::site::CONFIG;
use sekisho_tests::until;

/// Within the prefixes that are registered for the hospital.
pub(crate) const HOSPITAL: [&str; 2] = ["10.50.0.1", "fd00:50::1"];
/// Where the system is.
pub(crate) const SYSTEM: [&str; 2] = ["10.20.3.10", "fd00:20:3::10"];

const PLACES: &str = "[[system.destination]]\nnetwork = \"10.20.3.0/24\"\nservices = [\"tcp/443\"]\n\
                      [[system.destination]]\nnetwork = \"fd00:20:3::/64\"\nservices = [\"tcp/443\"]\n";

/// The machine and the hosts on both sides. The floods end first.
pub(crate) struct Border {
    floods: [Flood; 2],
    config: PathBuf,
    pub(crate) centre: Namespace,
    pub(crate) hospital: Namespace,
    pub(crate) system: Namespace,
}

/// Without the section, there is no IP-VPN.
pub(crate) const SECTION: &str = "[ip_vpn]\ninterfaces = [\"vpn0\"]\n";

impl Border {
    /// Without links, and without forwarding; and how a gateway there is configured.
    pub(crate) fn apart() -> (Self, Setup) {
        let [centre, hospital, system] = ["centre", "hospital", "system"].map(Namespace::host);
        let setup = Setup::new().ipsec(SECTION).system(Kind::KmixPlus, PLACES);
        let config = setup.site.path(CONFIG);
        fs::write(&config, setup.text()).unwrap();
        let change = "institution change H1 --networks tls,ip-vpn --ip-vpn-prefixes \
                      10.50.0.0/16,fd00:50::/32";
        setup.site.sekisho(change.split(' ')).expect_success();
        let floods = [(&hospital, HOSPITAL, SYSTEM), (&system, SYSTEM, HOSPITAL)];
        let floods = floods.map(|(host, from, to)| Flood::begin(host, from, to));
        (Self { floods, config, centre, hospital, system }, setup)
    }

    /// The interfaces come up, with addresses and routes.
    pub(crate) fn join(&self) {
        for (device, host, number, behind) in
            [("vpn0", &self.hospital, 50, HOSPITAL), ("lan0", &self.system, 20, SYSTEM)]
        {
            self.centre.link(device, host, "eth0");
            for (net, length, behind) in [
                (format!("172.16.{number}."), 24, behind[0]),
                (format!("fd00:16:{number}::"), 64, behind[1]),
            ] {
                self.centre.address(device, &format!("{net}1/{length}"));
                host.address("eth0", &format!("{net}2/{length}"));
                host.ip(&format!("route add default via {net}1"));
                self.centre.ip(&format!("route add {behind} via {net}2"));
            }
        }
    }

    /// As by the sysctls of conf/.
    pub(crate) fn forward(&self) {
        self.centre.set("net.ipv4.ip_forward", "1");
        self.centre.set("net.ipv6.conf.all.forwarding", "1");
    }

    /// A `sekisho` command on this machine.
    pub(crate) fn sekisho(&self, words: &str) -> Outcome {
        let mut command = self.centre.command(program::sekisho());
        command.arg("--config").arg(&self.config).args(words.split(' '));
        program::finish(&mut command, b"")
    }

    /// Runs `nft` on this machine.
    pub(crate) fn nft(&self, words: &str) -> String {
        program::finish(self.centre.command("nft").args(words.split(' ')), b"").expect_success()
    }

    /// Both ends send on, in both versions of IP, and nothing of it comes to the other end.
    pub(crate) fn is_shut(&self, when: &str) {
        // What was under way before may still arrive.
        thread::sleep(Duration::from_millis(50));
        self.stays_shut(when, &self.watch());
    }

    /// The same since a watch began.
    pub(crate) fn stays_shut(&self, when: &str, watch: &[Capture]) {
        self.floods.iter().for_each(Flood::goes_on);
        for capture in watch {
            let packets = capture.packets();
            assert!(packets.is_empty(), "{when}: {} packets, {:?}", packets.len(), packets[0]);
        }
    }

    /// Packets of both versions of IP come to both ends.
    pub(crate) fn is_open(&self) {
        for capture in self.watch() {
            for version in [4, 6] {
                until("a packet crosses", || {
                    capture.packets().iter().any(|packet| packet[0] >> 4 == version).then_some(())
                });
            }
        }
    }

    /// At both ends, what comes from the other.
    pub(crate) fn watch(&self) -> [Capture; 2] {
        [(&self.system, HOSPITAL), (&self.hospital, SYSTEM)].map(|(host, from)| {
            let from = from.map(ip);
            Capture::begin(host, move |packet| source(packet).is_some_and(|s| from.contains(&s)))
        })
    }
}

fn source(packet: &[u8]) -> Option<IpAddr> {
    match packet.first()? >> 4 {
        4 => <[u8; 4]>::try_from(packet.get(12..16)?).ok().map(IpAddr::from),
        6 => <[u8; 16]>::try_from(packet.get(8..24)?).ok().map(IpAddr::from),
        _ => None,
    }
}

/// Datagrams from one host to another, whether there is a way or not; ends when dropped.
struct Flood {
    sent: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Flood {
    fn begin(host: &Namespace, from: [&str; 2], to: [&str; 2]) -> Self {
        for address in from {
            host.ip(&format!("address add {address} dev lo nodad"));
        }
        let sockets =
            from.map(|address| host.within(|| UdpSocket::bind((ip(address), 0)).unwrap()));
        let to = to.map(|address| (ip(address), 9));
        let (sent, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (count, told) = (Arc::clone(&sent), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                for (socket, to) in sockets.iter().zip(to) {
                    // Without interfaces there is no way.
                    let went = socket.send_to(b"through?", to).is_ok();
                    count.fetch_add(usize::from(went), Ordering::Relaxed);
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        Self { sent, stop, thread: Some(thread) }
    }

    /// Waits until more has been sent.
    fn goes_on(&self) {
        let sent = || self.sent.load(Ordering::Relaxed);
        let before = sent();
        until("more is sent", || (sent() > before + 200).then_some(()));
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(thread::panicking() || ended.is_ok(), "the flood panicked");
        }
    }
}
