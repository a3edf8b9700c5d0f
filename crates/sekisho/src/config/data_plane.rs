//! What the roads of layer 3 share, and the IP-VPN, in the configuration.

use std::time::Duration;

use toml::Spanned;

/// How packets are carried.
#[derive(Clone, Debug)]
pub(crate) struct DataPlane {
    /// The TUN device that what systems send is read from, and that everything permitted is
    /// written to.
    pub(crate) device: String,
    /// The first of three routing tables of the kernel.
    pub(crate) routing_table: u32,
    /// The first of three priorities of the rules that lead to them.
    pub(crate) rule_priority: u32,
    /// Threads that carry packets.
    pub(crate) workers: usize,
    /// How long each looks for the next packet before it sleeps.
    pub(crate) busy_poll: Duration,
    /// Whether TCP is told of the tunnel's MTU.
    pub(crate) clamp_mss: bool,
    /// Whether packets too long for the tunnel are fragmented where their sender permits it.
    pub(crate) fragment_inner: bool,
    /// Flows of one worker.
    pub(crate) flows: usize,
    /// Flows of one institution.
    pub(crate) flows_per_institution: u32,
    /// Flows that one institution may begin in a second, of one worker.
    pub(crate) flow_rate: u32,
}

/// The IP-VPN road.
#[derive(Clone, Debug)]
pub(crate) struct IpVpn {
    /// The interfaces to the closed network.
    pub(crate) interfaces: Vec<Spanned<String>>,
    /// The TUN device that what comes from them is read from.
    pub(crate) device: String,
}

impl DataPlane {
    /// What leads packets into its devices.
    pub(crate) fn steering(&self, ip_vpn: Option<&IpVpn>) -> net::Steering {
        net::Steering {
            device: self.device.clone(),
            ip_vpn: ip_vpn.map(IpVpn::steering),
            table: self.routing_table,
            priority: self.rule_priority,
        }
    }
}

impl IpVpn {
    /// Device and interfaces.
    pub(crate) fn steering(&self) -> net::IpVpn {
        net::IpVpn { device: self.device.clone(), interfaces: self.names().collect() }
    }

    /// The interfaces' names.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.interfaces.iter().map(|name| name.as_ref().clone())
    }
}
