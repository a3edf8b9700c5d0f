//! The data plane of a running gateway: opened and started with it, and kept in step with the
//! policy.

use std::io;
use std::net::UdpSocket;
use std::num::NonZeroU32;
use std::sync::Arc;

use datapath::{Handle, Ike, Opened, Recording};
use ipnet::IpNet;
use policy::Policy;

use super::ike_plane::ToIke;
use crate::Failure;
use crate::config::{Config, DataPlane, Problem};

/// Makes the devices, leads packets into them, and binds the sockets.
pub(super) fn open(config: &Config, policy: &Policy) -> Result<Opened, Failure> {
    let opened = Opened::new(settings(config), &Prefixes::new(config, policy).borrowed());
    opened.map_err(|error| {
        config.problems(vec![Problem::whole(error.to_string(), error.remedy())]).into()
    })
}

/// Brings it to life. `sockets` are those of IKE.
pub(super) fn start(
    opened: Opened,
    policy: &Arc<Policy>,
    ike: &Arc<ToIke>,
    sockets: Vec<UdpSocket>,
    recording: &Recording,
) -> io::Result<(Arc<Handle>, datapath::Threads)> {
    let ike: Arc<dyn Ike> = Arc::<ToIke>::clone(ike);
    let (handle, threads) = Handle::start(opened, policy, &ike, sockets, recording)?;
    handle.look_at_addresses().map_err(io::Error::other)?;
    Ok((Arc::new(handle), threads))
}

fn settings(config: &Config) -> datapath::Settings {
    let (plane, ipsec) = (&config.data_plane, config.ipsec.as_ref());
    let tunnel = ipsec.map(|ipsec| &ipsec.tunnel);
    let defaults = tunnel::Settings::default();
    datapath::Settings {
        device: plane.device.clone(),
        ip_vpn: config.ip_vpn.as_ref().map(crate::config::IpVpn::steering),
        routing_table: plane.routing_table,
        rule_priority: plane.rule_priority,
        workers: workers(plane),
        busy_poll: plane.busy_poll,
        listen: ipsec.map(|ipsec| ipsec.listen.clone()).unwrap_or_default(),
        nat_port: ipsec.map_or(0, |ipsec| ipsec.nat_port),
        dont_fragment: match tunnel.is_some_and(|tunnel| tunnel.dont_fragment) {
            true => net::DontFragment::Set,
            false => net::DontFragment::Clear,
        },
        forwarder: tunnel::Settings {
            path_mtu: tunnel.map_or(defaults.path_mtu, |tunnel| tunnel.path_mtu),
            clamp_mss: plane.clamp_mss,
            fragment_inner: plane.fragment_inner,
            flows: plane.flows,
            flows_per_institution: plane.flows_per_institution,
            flow_rate: plane.flow_rate,
            ..defaults
        },
    }
}

/// How many threads carry packets. All CHILD_SAs of one terminal are one thread's.
pub(super) fn workers(plane: &DataPlane) -> NonZeroU32 {
    let workers = u32::try_from(plane.workers).unwrap_or(u32::MAX);
    NonZeroU32::new(workers).unwrap_or(NonZeroU32::MIN)
}

/// Where peers may be.
#[derive(Debug, Default)]
pub(crate) struct Prefixes {
    tunnels: Vec<IpNet>,
    ip_vpn: Vec<IpNet>,
}

impl Prefixes {
    /// Behind tunnels: whatever is registered, and the pool.
    pub(crate) fn new(config: &Config, policy: &Policy) -> Self {
        let pool = config.ipsec.iter().filter_map(|ipsec| ipsec.pool.as_ref());
        let pool = pool.flat_map(|pool| pool.addresses.iter().copied());
        let tunnels = policy.inner_prefixes().chain(pool).filter(|_| config.ipsec.is_some());
        let ip_vpn = policy.ip_vpn_prefixes().filter(|_| config.ip_vpn.is_some());
        Self { tunnels: tunnels.collect(), ip_vpn: ip_vpn.collect() }
    }

    pub(crate) fn borrowed(&self) -> net::Prefixes<'_> {
        net::Prefixes { tunnels: &self.tunnels, ip_vpn: &self.ip_vpn }
    }
}

/// Keeps it in step.
pub(super) struct Upkeep<'a> {
    config: &'a Config,
    handle: Arc<Handle>,
}

impl<'a> Upkeep<'a> {
    pub(super) fn new(config: &'a Config, handle: Arc<Handle>) -> Self {
        Self { config, handle }
    }

    /// Judges by another policy.
    pub(super) fn take_policy(&self, policy: &Arc<Policy>) {
        let prefixes = Prefixes::new(self.config, policy);
        if let Err(error) = self.handle.set_policy(policy, &prefixes.borrowed()) {
            tracing::error!("{error}; {}", error.remedy());
        }
    }

    /// Looks for new addresses of this machine: no flow may lead to the gateway itself.
    pub(super) fn look_at_addresses(&self) {
        if let Err(error) = self.handle.look_at_addresses() {
            tracing::warn!("{error}; {}", error.remedy());
        }
    }
}
