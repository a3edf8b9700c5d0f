//! What must be had before anything flows: the TUN devices, what leads into them, and the sockets.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use net::{
    BindError, Device, DontFragment, IpVpn, Lack, LinkConfig, LinkError, Offloads, Prefixes, Queue,
    Routes, Steering, TunError,
};

use crate::port::Port;

/// How packets are carried.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The TUN device that what systems send is read from, and that everything let through is
    /// written to.
    pub device: String,
    /// The IP-VPN, if there is one. What came from it is read from a device of its own.
    pub ip_vpn: Option<IpVpn>,
    /// The first of three routing tables of the kernel.
    pub routing_table: u32,
    /// The first of three priorities of the rules that lead to them.
    pub rule_priority: u32,
    /// How many threads.
    pub workers: NonZeroU32,
    /// How long a worker looks for the next packet before it sleeps. Being woken on another core
    /// costs more, both the sender of that packet and in time; see the notes in bench/README.md.
    pub busy_poll: Duration,
    /// Local addresses; none without the IPsec road.
    pub listen: Vec<IpAddr>,
    /// UDP port of ESP in UDP (RFC 3948).
    pub nat_port: u16,
    /// DF of outer packets.
    pub dont_fragment: DontFragment,
    /// How packets are judged.
    pub forwarder: tunnel::Settings,
}

/// What is between the TUN devices and the systems or the IP-VPN.
const INNER_MTU: u32 = 1500;
/// Packets that wait while a worker is busy.
const QUEUE_LEN: u32 = 1000;

/// Devices and sockets.
#[derive(Debug)]
pub struct Opened {
    pub(crate) settings: Settings,
    pub(crate) offloads: Offloads,
    /// Of each worker.
    pub(crate) queues: Vec<Queue>,
    /// The same of the device for the IP-VPN; empty without one.
    pub(crate) vpn_queues: Vec<Queue>,
    /// Those of each worker.
    pub(crate) ports: Vec<Vec<Port>>,
    pub(crate) routes: Routes,
    nat_port: u16,
}

impl Opened {
    /// Makes the devices, leads `prefixes` into them, and binds the sockets. Those of IKE are bound
    /// after it, to share [`Self::nat_port`].
    ///
    /// # Errors
    /// What cannot be had, and why.
    pub fn new(settings: Settings, prefixes: &Prefixes<'_>) -> Result<Self, OpenError> {
        let workers = settings.workers;
        let mut nat_port = settings.nat_port;
        let mut ports: Vec<Vec<Port>> = (0..workers.get()).map(|_| Vec::new()).collect();
        for &address in &settings.listen {
            let udp = net::bind_udp(address, nat_port, workers, settings.dont_fragment)?;
            nat_port = udp.first().map_or(nat_port, |port| port.local_address().port());
            let raw = net::bind_raw(address, workers, settings.dont_fragment)?;
            for (own, (udp, raw)) in ports.iter_mut().zip(udp.into_iter().zip(raw)) {
                own.extend([Port::Udp(udp), Port::Raw(raw)]);
            }
        }
        let (device, queues) = open_device(&settings.device, workers)?;
        let ip_vpn = settings.ip_vpn.as_ref();
        let second = ip_vpn.map(|ip_vpn| open_device(&ip_vpn.device, workers)).transpose()?;
        // One kernel gives both the same offloads.
        let vpn_queues = second.map(|(_, queues)| queues).unwrap_or_default();
        let mut routes = Routes::open(Steering {
            device: settings.device.clone(),
            ip_vpn: settings.ip_vpn.clone(),
            table: settings.routing_table,
            priority: settings.rule_priority,
        })?;
        routes.replace(*prefixes)?;
        let offloads = device.offloads;
        let opened = Self { offloads, queues, vpn_queues, ports, routes, nat_port, settings };
        opened.say_what_lacks(device.lacks());
        Ok(opened)
    }

    /// UDP port of ESP in UDP.
    #[must_use]
    pub fn nat_port(&self) -> u16 {
        self.nat_port
    }

    fn say_what_lacks(&self, device: impl Iterator<Item = Lack>) {
        let sockets = self.ports.iter().flatten().flat_map(|port| match port {
            Port::Udp(port) => port.lacks(),
            Port::Raw(port) => port.lacks(),
        });
        let lacks: BTreeSet<Lack> =
            device.chain(sockets.copied()).chain(self.routes.lacks()).collect();
        for lack in lacks {
            tracing::warn!("{lack}");
        }
        let forwarding = net::forwarding();
        if !forwarding.ipv4 {
            tracing::warn!(
                "the kernel does not forward IPv4, so no packet reaches a system: set the sysctl \
                 net.ipv4.ip_forward to 1"
            );
        }
        let Settings { listen, ip_vpn, .. } = &self.settings;
        let has_v6 = ip_vpn.is_some() || listen.iter().any(IpAddr::is_ipv6);
        if has_v6 && !forwarding.ipv6 {
            tracing::warn!(
                "the kernel does not forward IPv6: if a system has IPv6 addresses, set the sysctl \
                 net.ipv6.conf.all.forwarding to 1"
            );
        }
    }
}

/// A device that is up, with a queue for each worker.
fn open_device(name: &str, workers: NonZeroU32) -> Result<(Device, Vec<Queue>), OpenError> {
    let opened = Device::open(name, workers.get() as usize)?;
    net::configure(&LinkConfig {
        name: name.to_owned(),
        mtu: INNER_MTU,
        addresses: Vec::new(),
        gso_max_size: None,
        queue_len: Some(QUEUE_LEN),
    })?;
    Ok(opened)
}

/// What cannot be had.
#[derive(Debug)]
pub enum OpenError {
    /// A TUN device.
    Tun(TunError),
    /// Its settings, rules or routes.
    Link(LinkError),
    /// A socket.
    Bind(BindError),
}

impl OpenError {
    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Tun(error) => error.remedy(),
            Self::Link(error) => error.remedy(),
            Self::Bind(error) => error.remedy().to_owned(),
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tun(error) => error.fmt(f),
            Self::Link(error) => error.fmt(f),
            Self::Bind(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<TunError> for OpenError {
    fn from(error: TunError) -> Self {
        Self::Tun(error)
    }
}

impl From<LinkError> for OpenError {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

impl From<BindError> for OpenError {
    fn from(error: BindError) -> Self {
        Self::Bind(error)
    }
}
