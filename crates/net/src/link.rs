//! The TUN device's link settings, addresses and sysctls.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, AddressScope};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::netlink::Netlink;

const SYSCTL: &str = "/proc/sys/net";

/// The IPv4 dummy address (RFC 7600, in IANA's registry of special-purpose addresses). Where a device has no
/// IPv4 address at all, Linux takes the loose test of source addresses for the strict one
/// (fib_validate_source), and discards what comes in through it and would be answered elsewhere.
const DUMMY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 0, 8));

/// How a device should be.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// Its name.
    pub name: String,
    /// Octets of the longest inner packet.
    pub mtu: u32,
    /// Addresses of the gateway itself, with their prefix lengths; without an IPv4 one it gets
    /// 192.0.0.8. No route follows from them: [`crate::Routes`] has them all, each with a
    /// blackhole behind it.
    pub addresses: Vec<IpNet>,
    /// Octets of the longest super-packet; `None` leaves the kernel's choice, 65,536.
    pub gso_max_size: Option<u32>,
    /// Packets that wait for a worker; `None` leaves the kernel's choice, 500.
    pub queue_len: Option<u32>,
}

/// Brings a device up as it should be. May be repeated; addresses are only added.
///
/// # Errors
/// The first step that failed.
pub fn configure(config: &LinkConfig) -> Result<(), LinkError> {
    let name = &config.name;
    let mut netlink = Netlink::open().map_err(LinkError::kernel(|| "use rtnetlink"))?;
    let index = netlink.index(name).map_err(LinkError::kernel(|| format!("find {name}")))?;
    sysctls(name)?;
    let mut link = LinkMessage::default();
    link.header.index = index;
    link.header.flags = LinkFlags::Up;
    link.header.change_mask = LinkFlags::Up;
    link.attributes.push(LinkAttribute::Mtu(config.mtu));
    if let Some(size) = config.gso_max_size {
        link.attributes.push(LinkAttribute::GsoMaxSize(size));
    }
    if let Some(len) = config.queue_len {
        link.attributes.push(LinkAttribute::TxQueueLen(len));
    }
    netlink
        .request(RouteNetlinkMessage::SetLink(link), 0)
        .map_err(LinkError::kernel(|| format!("bring up {name} with an MTU of {}", config.mtu)))?;
    let has_v4 = config.addresses.iter().any(|address| matches!(address, IpNet::V4(_)));
    let dummy = (!has_v4).then_some((IpNet::from(DUMMY), AddressScope::Link));
    let addresses = config.addresses.iter().map(|address| (*address, AddressScope::Universe));
    for (address, scope) in addresses.chain(dummy) {
        netlink
            .request(new_address(index, address, scope), NLM_F_CREATE | NLM_F_REPLACE)
            .map_err(LinkError::kernel(|| format!("give {name} the address {address}")))?;
    }
    Ok(())
}

/// Whether there is an interface of this name.
pub fn interface_exists(name: &str) -> bool {
    Netlink::open().is_ok_and(|netlink| netlink.index(name).is_ok())
}

/// The addresses of this machine.
///
/// # Errors
/// When the kernel does not list them.
pub fn own_addresses() -> Result<BTreeSet<IpAddr>, LinkError> {
    let listed = Netlink::open().and_then(|mut netlink| {
        netlink.dump(RouteNetlinkMessage::GetAddress(AddressMessage::default()))
    });
    let listed = listed.map_err(LinkError::kernel(|| "list this machine's addresses"))?;
    Ok(listed.iter().filter_map(address_of).collect())
}

#[allow(clippy::wildcard_enum_match_arm, reason = "other messages have no address")]
fn address_of(message: &RouteNetlinkMessage) -> Option<IpAddr> {
    let RouteNetlinkMessage::NewAddress(message) = message else { return None };
    // Of a point-to-point link ADDRESS is the other end's, and LOCAL its own.
    let local = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    local.or_else(|| {
        message.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    })
}

fn new_address(index: u32, address: IpNet, scope: AddressScope) -> RouteNetlinkMessage {
    let mut message = AddressMessage::default();
    message.header.scope = scope;
    message.header.family = family(address);
    message.header.prefix_len = address.prefix_len();
    message.header.index = index;
    message.attributes = vec![
        AddressAttribute::Local(address.addr()),
        AddressAttribute::Address(address.addr()),
        AddressAttribute::Flags(AddressFlags::Noprefixroute | AddressFlags::Nodad),
    ];
    RouteNetlinkMessage::NewAddress(message)
}

pub(crate) fn family(prefix: IpNet) -> AddressFamily {
    match prefix {
        IpNet::V4(_) => AddressFamily::Inet,
        IpNet::V6(_) => AddressFamily::Inet6,
    }
}

/// Before the link comes up, lest IPv6 give it an address of its own.
fn sysctls(name: &str) -> Result<(), LinkError> {
    set("ipv4/conf", name, "forwarding", "1")?;
    // Loose: what the gateway lets through between the IP-VPN and a system comes in here, and is
    // answered through another interface. The kernel takes the larger of this value and that of
    // "all", and strict there is 1: only 2 is sure not to be strict.
    set("ipv4/conf", name, "rp_filter", "2")?;
    if ipv6_exists() {
        set("ipv6/conf", name, "forwarding", "1")?;
        // IN6_ADDR_GEN_MODE_NONE: no link-local address, so no traffic of its own in the tunnel.
        set("ipv6/conf", name, "addr_gen_mode", "1")?;
    }
    Ok(())
}

/// Writes only what differs: in a sandbox /proc/sys may be read-only, and set by others.
fn set(family: &str, name: &str, key: &str, value: &str) -> Result<(), LinkError> {
    let path = Path::new(SYSCTL).join(family).join(name).join(key);
    if fs::read_to_string(&path).is_ok_and(|now| now.trim() == value) {
        return Ok(());
    }
    let written = fs::write(&path, value);
    written.map_err(|cause| LinkError::Sysctl { path, value: value.to_owned(), cause })
}

pub(crate) fn ipv6_exists() -> bool {
    Path::new(SYSCTL).join("ipv6/conf").exists()
}

/// What the machine as a whole forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarding {
    /// net.ipv4.ip_forward.
    pub ipv4: bool,
    /// net.ipv6.conf.all.forwarding.
    pub ipv6: bool,
}

/// Whether this machine forwards at all; without it no inner packet comes farther than here.
pub fn forwarding() -> Forwarding {
    let on = |key: &str| {
        fs::read_to_string(Path::new(SYSCTL).join(key)).is_ok_and(|value| value.trim() != "0")
    };
    Forwarding { ipv4: on("ipv4/ip_forward"), ipv6: on("ipv6/conf/all/forwarding") }
}

/// The device or its routes cannot be set up.
#[derive(Debug)]
pub enum LinkError {
    /// The kernel refused a request.
    Kernel {
        /// What should have been done.
        attempt: String,
        /// What the kernel says.
        cause: io::Error,
    },
    /// A kernel variable cannot be set.
    Sysctl {
        /// Its file.
        path: PathBuf,
        /// What it should hold.
        value: String,
        /// What the kernel says.
        cause: io::Error,
    },
}

impl LinkError {
    pub(crate) fn kernel<T: Into<String>>(
        attempt: impl FnOnce() -> T,
    ) -> impl FnOnce(io::Error) -> Self {
        |cause| Self::Kernel { attempt: attempt().into(), cause }
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Sysctl { path, value, .. } => format!(
                "let the gateway write {}, or have it set to {value} before",
                path.display()
            ),
            Self::Kernel { cause, .. } => match cause.raw_os_error() {
                Some(libc::EPERM | libc::EACCES) => "grant CAP_NET_ADMIN".to_owned(),
                Some(libc::ENODEV) => {
                    "the interface is gone: see who removed it, and start the gateway again"
                        .to_owned()
                }
                Some(libc::EAFNOSUPPORT | libc::EOPNOTSUPP) => {
                    "the kernel lacks this: IPv6, policy routing (CONFIG_IP_MULTIPLE_TABLES) or \
                     the socket option NETLINK_GET_STRICT_CHK of Linux 4.20"
                        .to_owned()
                }
                Some(libc::EINVAL) => {
                    "see whether the prefix, address or MTU is possible".to_owned()
                }
                _ => "'ip -d link', 'ip rule' and 'ip route show table all' show what there is"
                    .to_owned(),
            },
        }
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel { attempt, cause } => write!(f, "cannot {attempt}: {cause}"),
            Self::Sysctl { path, value, cause } => {
                write!(f, "cannot set {} to {value}: {cause}", path.display())
            }
        }
    }
}

impl std::error::Error for LinkError {}
